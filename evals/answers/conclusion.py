"""What can be said of the answers that there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean

from components import registry
from components.endpoint.ledger import Ledger
from components.errors import GuardStopped, MillraceError, line
from evals import extras
from evals.answers import asking, correction, judging, labels, metrics
from evals.answers.answered import Answered
from evals.answers.estimate import of_the_rest
from evals.answers.judging import JudgedAnswer
from evals.answers.losses import LOSSES, loss
from evals.answers.outcome import MEASURED, OVERALL, Measured, Outcome, Part, Row
from evals.answers.plan import Plan
from evals.datasets.judged import BadData
from evals.experiment.comparisons import comparisons
from evals.experiment.systems import System
from evals.judging import judge_file
from evals.judging.corrected import Verdicts
from evals.judging.judgement import CLASSES, Verdict
from evals.judging.repeats import self_agreement
from evals.metrics import Interval
from evals.significance.rules import Rules

ENDPOINT: Verdict = "correct"
"""What systems are compared by: the only thing that is tested, so that p is corrected for the
number of systems and for nothing else. Of the other verdicts the rates are shown.
"""
_FEWEST = 2
"""Questions that two systems must share to be compared."""


def conclude(
    plan: Plan, excluded: Mapping[str, MillraceError], stopped: Mapping[str, MillraceError]
) -> Outcome:
    """What can be said of the answers that there are. Systems in `excluded` are left out; those in
    `stopped` have not been asked everything.

    Raises MillraceError where no system is left.
    """
    left = [each for each in plan.systems if each.name not in excluded]
    if not left:
        name, error = next(iter(excluded.items()))
        raise MillraceError(f"no system could be asked; {name}: {_reason(error)}")
    said = labels.judged(plan)
    found = [_measured(plan, each, stopped.get(each.name), said) for each in left]
    by_name = {each.name: each for each in found}
    spent = Ledger(plan.ledger, plan.max_cost)
    return Outcome(
        data=plan.data,
        setting=plan.setting,
        hits=plan.hits,
        judge=judge_file.model_judge(plan.judge, spent).facts if plan.judge else {},
        systems=found,
        excluded={name: _reason(error) for name, error in excluded.items()},
        comparisons=comparisons(
            [each.name for each in found],
            [ENDPOINT],
            lambda name, _: _values(by_name[name]),
            plan.baseline,
            plan.rules,
            fewest=_FEWEST,
        ),
        ledger=spent.totals,
        max_cost=plan.max_cost,
        guarded=next((_reason(e) for e in stopped.values() if isinstance(e, GuardStopped)), ""),
        lacking=metrics.lacking(plan),
        rest=of_the_rest(plan, left, spent.totals.cost),
        rules=plan.rules,
    )


def _reason(error: MillraceError) -> str:
    return line(str(error), error.where, error.hint)


def _measured(
    plan: Plan, system: System, stopped: MillraceError | None, said: Mapping[str, Verdicts]
) -> Measured:
    choice = plan.answerer(system)
    rows = _rows(plan, system, _not_asked(stopped))
    types = sorted({each.question.type for each in rows} - {""})
    by_type = {type: [each for each in rows if each.question.type == type] for type in types}
    opinions = [each.judged.opinion for each in rows if each.judged.opinion]
    return Measured(
        name=system.name,
        stages=system.options,
        answerer={
            "use": choice.use,
            **choice.options,
            "facts": dict(registry.build("answerer", choice).facts),
        },
        fingerprint=system.fingerprint if plan.searched else "",
        rows=rows,
        parts={name: _part(some, plan.rules) for name, some in {OVERALL: rows, **by_type}.items()},
        stopped=_reason(stopped) if stopped else "",
        agreement=_agreement([each.judged for each in rows]),
        repeats=self_agreement([each.repeats for each in opinions]) if opinions else None,
        correct=correction.rates(plan, system.name, rows, said),
    )


def _not_asked(stopped: MillraceError | None) -> Answered:
    """What stands for a question that was not asked. A system that was given up, because it answers
    nothing any more, has failed at it; that no money is left is not its doing, nor what the data
    set lacks.
    """
    told = "The question was not asked."
    if stopped is None or isinstance(stopped, GuardStopped | BadData):
        return Answered(error=told, excused=True)
    return Answered(error=f"{told} {_reason(stopped)}")


def _rows(plan: Plan, system: System, otherwise: Answered) -> list[Row]:
    found = asking.answers(plan, system)
    opinions = judging.judged(plan, system, otherwise)
    told = metrics.measured(plan, system)
    return [
        Row(
            question=each,
            answered=found.get(each.id, otherwise),
            judged=opinions[each.id],
            loss=loss(plan.data, each.id, found.get(each.id), opinions[each.id].judgement.verdict),
            metrics=told.get(each.id, {}),
        )
        for each in plan.data.questions
    ]


def _part(rows: Sequence[Row], rules: Rules) -> Part:
    verdicts = Counter(each.verdict for each in rows)
    measured = sum(verdicts[each] for each in MEASURED)
    lost = Counter(each.loss for each in rows)
    retrieval: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.answered.retrieval.items():
            retrieval.setdefault(name, []).append(value)
    told = [each.metrics for each in rows]
    return Part(
        questions=len(rows),
        counts={each: verdicts[each] for each in (*MEASURED, "unmeasured")},
        rates={each: _rate(verdicts[each], measured, rules) for each in MEASURED if measured},
        losses={each: lost[each] for each in LOSSES},
        retrieval={name: fmean(values) for name, values in retrieval.items()},
        metrics=metrics.means(told, dict.fromkeys(name for each in told for name in each)),
    )


def _rate(count: int, of: int, rules: Rules) -> Interval:
    """With Wilson's interval: none of 60 does not mean never. Raises MissingExtra."""
    with extras.needed("intervals of rates need"):
        from statsmodels.stats.proportion import proportion_confint
    low, high = proportion_confint(count, of, alpha=rules.alpha, method="wilson")
    return Interval(count / of, float(low), float(high))


def _agreement(found: Sequence[JudgedAnswer]) -> float | None:
    both = [each for each in found if each.opinion and each.judgement.verdict in CLASSES]
    if not both:
        return None
    same = sum(each.judgement.verdict == each.by_rules.verdict for each in both)
    return same / len(both)


def _values(system: Measured) -> dict[str, float]:
    return {
        each.question.id: float(each.verdict == ENDPOINT)
        for each in system.rows
        if each.verdict in MEASURED
    }
