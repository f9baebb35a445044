"""Labels that people gave: of a system's own answers, and of others, with what judges say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from evals.answers import judging_labels
from evals.answers.gold import alternatives
from evals.answers.judging import by_rules
from evals.answers.outcome import Row
from evals.answers.plan import Plan
from evals.judging.corrected import Label, Verdicts
from evals.judging.label_file import Answer, Drawn
from evals.judging.strata import Stratum


def countable(rows: Sequence[Row]) -> list[Row]:
    """Those whose answers people could label: there is one, and a gold answer."""
    return [each for each in rows if not each.answered.error and alternatives(each.question)]


def verdicts(row: Row) -> Verdicts:
    """Of the rules, and of a model that has judged the answer."""
    opinion = row.judged.opinion
    return (row.judged.by_rules.verdict, *([opinion.judgement.verdict] if opinion else []))


def own(labels: Sequence[Answer], rows: Sequence[Row]) -> list[Answer]:
    """Those that were drawn from just these answers; none where an answer has become another, where
    a stratum is missing, or where nobody has said anything.
    """
    texts = {each.question.id: each.answered.text for each in countable(rows)}
    groups = defaultdict[str, list[Answer]](list)
    for each in labels:
        if each.drawn:
            groups[each.system].append(each)
    for group in groups.values():
        sizes = {each.drawn.stratum: each.drawn.answers for each in group if each.drawn}
        same = all(texts.get(each.question_id) == each.text for each in group)
        if same and sum(sizes.values()) == len(texts) and any(each.human for each in group):
            return group
    return []


def strata(labels: Sequence[Answer]) -> list[Stratum]:
    """Of drawn answers, those without a label included: what a person left out was not drawn."""
    found = defaultdict[Drawn, list[Answer]](list)
    for each in labels:
        if each.drawn:
            found[each.drawn].append(each)
    return [
        Stratum(
            answers=drawn.answers,
            labels=sum(bool(each.human) for each in group),
            correct=sum(each.human == "correct" for each in group),
        )
        for drawn, group in found.items()
    ]


def judged(plan: Plan) -> Mapping[str, Verdicts]:
    """What the rules say of each labelled answer, by its id, and what a model does that has judged
    it.
    """
    opinions = judging_labels.opinions(plan) if plan.judge else {}
    return {
        each.id: (
            by_rules(each.question, each.golds, each.text).verdict,
            *([opinions[each.id].judgement.verdict] if each.id in opinions else []),
        )
        for each in plan.labels
        if each.human
    }


def weighted(labels: Sequence[Answer], said: Mapping[str, Verdicts]) -> list[Label]:
    """Each as so many answers as it stands for: of a stratum of forty with ten labels, four."""
    known = [(each, each.human) for each in labels if each.human]
    of_stratum = Counter((each.system, each.drawn) for each, _ in known)
    return [
        Label(
            question_id=each.question_id,
            human=human,
            verdicts=said[each.id],
            weight=each.drawn.answers / of_stratum[each.system, each.drawn] if each.drawn else 1.0,
        )
        for each, human in known
    ]
