"""What ragas says of each answer, beside the verdict, where a person wants to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from components.encoders.naive import Naive
from components.endpoint.ledger import Ledger
from components.errors import EndpointUnavailable, MillraceError
from components.phases import Tell
from evals import kept, pool
from evals.answers import findings
from evals.answers.answered import Answered
from evals.answers.asking import answers
from evals.answers.gold import gold
from evals.answers.plan import Plan
from evals.datasets.judged import Question
from evals.experiment.systems import System
from evals.judging import judge_file, ragas_adapter
from evals.judging.ragas_adapter import Measured, Sample

_AT_ONCE = 4
Metrics = Mapping[str, Measured]


@dataclass(frozen=True, slots=True)
class Mean:
    """Of a metric over answers."""

    value: float | None
    """None where nothing was measured."""
    measured: int
    unmeasured: int


@dataclass(frozen=True)
class _Kept:
    metrics: Metrics


def names(plan: Plan) -> tuple[str, ...]:
    """Those that are wanted."""
    return (*plan.ragas, *(plan.judge.ragas if plan.judge else ()))


def lacking(plan: Plan) -> dict[str, str]:
    """Why none is measured, where some are wanted and that is so."""
    why = ragas_adapter.available() if names(plan) else ""
    return {", ".join(names(plan)): why} if why else {}


def todo(plan: Plan, system: System) -> list[Question]:
    """Questions whose answers are not measured."""
    if not names(plan) or ragas_adapter.available():
        return []
    found = answers(plan, system)
    return findings.waiting(plan, found, _known(plan, system, found), _failure)


def measure(plan: Plan, system: System, ledger: Ledger, tell: Tell) -> None:
    """Measure what is not; each answer is kept as it comes. What failed is tried again by the next
    run.

    Raises GuardStopped where the ledger's limit is reached, Unavailable where nothing succeeds any
    more.
    """
    wanted, file = names(plan), plan.metrics(system, names(plan))
    model = judge_file.model(plan.judge, ledger) if plan.judge and plan.judge.ragas else None
    encoder = Naive()
    encoder.encode_queries(["Loaded once, before the threads need it."])
    with kept.adding(file):
        found = answers(plan, system)
        waiting = todo(plan, system)

        def one(question: Question) -> Metrics:
            sample = _sample(question, found[question.id])
            return ragas_adapter.measure(wanted, sample, model=model, encoder=encoder)

        rows = (
            {question.id: {"of": found[question.id].text, **asdict(_Kept(made))}}
            for question, made in pool.each(waiting, one, _AT_ONCE, _failure)
            if not isinstance(made, MillraceError)
        )
        kept.grow(file, rows, tell, len(plan.data.questions) - len(waiting))


def measured(plan: Plan, system: System) -> dict[str, Metrics]:
    """By question id, of the answers that there are; nothing is measured anew."""
    return _known(plan, system, answers(plan, system))


def _known(plan: Plan, system: System, found: Mapping[str, Answered]) -> dict[str, Metrics]:
    known = findings.known(plan.metrics(system, names(plan)), found, _Kept)
    return {id: each.metrics for id, each in known.items()}


def means(rows: Sequence[Metrics], names: Iterable[str]) -> dict[str, Mean]:
    """Of each metric over the answers that it was tried on."""
    found = {name: [each[name].value for each in rows if name in each] for name in names}
    return {name: _mean(values) for name, values in found.items() if values}


def _mean(values: Sequence[float | None]) -> Mean:
    known = [each for each in values if each is not None]
    return Mean(fmean(known) if known else None, len(known), len(values) - len(known))


def _failure(made: Metrics) -> MillraceError | None:
    return next((EndpointUnavailable(each.why) for each in made.values() if each.again), None)


def _sample(question: Question, answered: Answered) -> Sample:
    return Sample(
        question=question.text,
        gold=str(gold(question)),
        answer=answered.text,
        contexts=tuple(each.text for each in answered.consulted),
    )
