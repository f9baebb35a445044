"""What ragas says of each answer, beside the verdict, where a person wants to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from components.encoders.naive import Naive
from components.endpoint.conversation import ChatModel
from components.endpoint.ledger import Ledger
from components.errors import GuardStopped
from evals.answers.answered import Answered
from evals.answers.asking import Progress, answers, silent
from evals.answers.gold import gold
from evals.answers.plan import Plan
from evals.compare import kept
from evals.compare.systems import System
from evals.datasets.judged import Question
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
    found, known = answers(plan, system), kept.read(_file(plan, system))
    answered = [each for each in plan.data.questions if each.id in found]
    return [each for each in answered if _is_new(found[each.id], known.get(each.id))]


def measure(plan: Plan, system: System, ledger: Ledger, progress: Progress = silent) -> None:
    """Measure what is not; each answer is kept as it comes. What failed is tried again.

    Raises GuardStopped where the ledger's limit is reached.
    """
    file = _file(plan, system)
    model = judge_file.model(plan.judge, ledger) if plan.judge and plan.judge.ragas else None
    encoder = Naive()
    encoder.encode_queries(["The threads share it."])
    stopped: GuardStopped | None = None
    with kept.adding(file), ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        found = answers(plan, system)
        waiting = {
            pool.submit(_one, names(plan), _sample(each, found[each.id]), model, encoder): each.id
            for each in todo(plan, system)
        }
        progress(len(plan.data.questions) - len(waiting))
        for each in as_completed(waiting):
            try:
                made = each.result()
            except GuardStopped as error:
                stopped = error
                continue
            told = {name: asdict(value) for name, value in made.items()}
            kept.add(file, {waiting[each]: {"of": found[waiting[each]].text, "metrics": told}})
            progress(1)
    if stopped:
        raise stopped


def measured(plan: Plan, system: System) -> dict[str, Metrics]:
    """By question id; nothing is measured anew."""
    return {
        id: {name: Measured(**each) for name, each in row["metrics"].items()}
        for id, row in kept.read(_file(plan, system)).items()
    }


def means(rows: Sequence[Metrics], names: Iterable[str]) -> dict[str, Mean]:
    """Of each metric over the answers that it was tried on."""
    found = {name: [each[name].value for each in rows if name in each] for name in names}
    return {name: _mean(values) for name, values in found.items() if values}


def _mean(values: Sequence[float | None]) -> Mean:
    known = [each for each in values if each is not None]
    return Mean(fmean(known) if known else None, len(known), len(values) - len(known))


def _file(plan: Plan, system: System) -> Path:
    told = "-".join((plan.opinions(system).stem, *names(plan)))
    return plan.home / "metrics" / f"{told}.jsonl"


def _is_new(answered: Answered, known: Mapping[str, object] | None) -> bool:
    if answered.error:
        return False
    return known is None or known["of"] != answered.text


def _sample(question: Question, answered: Answered) -> Sample:
    return Sample(
        question=question.text,
        gold=str(gold(question)),
        answer=answered.text,
        contexts=tuple(each.text for each in answered.passages),
    )


def _one(
    names: Sequence[str], sample: Sample, model: ChatModel | None, encoder: Naive
) -> dict[str, Measured]:
    return ragas_adapter.measure(names, sample, model=model, encoder=encoder)
