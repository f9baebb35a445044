"""Rates of correct answers side by side: as each judge has them, and as people would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from evals.answers import labels
from evals.answers.outcome import Rate, Row
from evals.answers.plan import Plan
from evals.datasets.judged import BadData
from evals.judging import strata
from evals.judging.corrected import Label, Verdicts, corrected
from evals.judging.judgement import CLASSES

_RULES, _MODEL = slice(0, 1), slice(1, 2)


_CHANGED = (
    "the labels are of a sample of other answers than these, which have changed or are a part"
)


def rates(plan: Plan, system: str, rows: Sequence[Row], said: Mapping[str, Verdicts]) -> list[Rate]:
    """By the rules, and by a model and both where a model judges, each corrected by labels of other
    answers; and by people, of labels of these. `said`: of the labels, see `labels.judged`. Nothing
    where there is but one judge, and no labels.
    """
    if not (plan.judge or plan.labels):
        return []
    failed = sum(each.verdict == "failed" for each in rows)
    drawn = labels.own(plan.labels, rows)
    taken = {each.id for each in drawn}
    known = labels.weighted([each for each in plan.labels if each.id not in taken], said)
    told = [labels.verdicts(each) for each in labels.countable(rows)]
    ways = {"rules": _RULES, "model": _MODEL, "rules and model": slice(0, 2)}
    found = [
        _rate(name, of, told, known, failed)
        for name, of in ways.items()
        if plan.judge or of == _RULES
    ]
    if drawn:
        people = strata.share(labels.strata(drawn), failed)
        count = sum(bool(each.human) for each in drawn)
        found.append(Rate(by="people", judged=count, raw=None, corrected=people, labels=count))
    elif any(each.drawn and each.system == system for each in plan.labels):
        none = Rate(by="people", judged=0, raw=None, corrected=None, labels=0, why=_CHANGED)
        found.append(none)
    return found


def _rate(
    by: str, of: slice, told: Sequence[Verdicts], known: Sequence[Label], failed: int
) -> Rate:
    """`of`: the verdicts that count."""
    judges = len(range(*of.indices(2)))
    own = list(_all_of(told, of, judges))
    agreed = [each[0] for each in own if len(set(each)) == 1 and each[0] in CLASSES]
    judged = len(agreed) + failed
    raw = agreed.count("correct") / judged if judged else None
    made = Rate(by=by, judged=judged, raw=raw, corrected=None, labels=0)
    others = [
        replace(each, verdicts=each.verdicts[of])
        for each in known
        if len(each.verdicts[of]) == judges
    ]
    if not others:
        return replace(made, why="no judge of these has judged a labelled answer" if known else "")
    try:
        found = corrected(others, own, failed)
    except BadData as error:
        return replace(made, why=str(error), labels=len(others))
    return replace(made, corrected=found, labels=len(others))


def _all_of(told: Sequence[Verdicts], of: slice, judges: int) -> Iterator[Verdicts]:
    """Of answers that so many judges have judged."""
    return (each[of] for each in told if len(each[of]) == judges)
