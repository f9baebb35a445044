"""A sample of answers for people to label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from components.errors import BadOption
from evals.answers.gold import alternatives
from evals.answers.labels import countable, judged, verdicts, weighted
from evals.answers.outcome import Outcome, Row
from evals.answers.plan import Plan
from evals.judging.corrected import Label, Verdicts
from evals.judging.judgement import CLASSES
from evals.judging.label_file import Answer, Drawn
from evals.judging.strata import FEWEST, allocated

_SURE, _UNSURE = 0.1, 0.5
"""Share of wrong verdicts that is expected where judges agree, and where they do not or none has
judged: it only decides how many labels go where.
"""


def sample(outcome: Outcome, plan: Plan, count: int) -> list[Answer]:
    """Answers for a person to label, `count` of each system, where labels narrow the interval most:
    strata are what the judges say, and get more labels the larger they are and the less sure it is
    what people say, of which the plan's labels tell, if there are some.

    In an order of which every beginning is such a sample, too. Raises BadOption where `count` is
    too small for the strata of a system, and where there is no answer.
    """
    known = [each for each in plan.labels if each.human]
    labels = weighted(known, judged(plan))
    found = []
    for at, system in enumerate(outcome.systems):
        random = np.random.default_rng([outcome.rules.seed, at])
        drawn = _sampled(countable(system.rows), count, labels, random)
        found += [replace(each, system=system.name) for each in drawn]
    if not found:
        raise BadOption("there is no answer to label").at(where="--label-sample")
    return found


def _sampled(
    rows: Sequence[Row],
    count: int,
    labels: Sequence[Label],
    random: np.random.Generator,
) -> list[Answer]:
    groups = defaultdict[Verdicts, list[Row]](list)
    for row in rows:
        groups[verdicts(row)].append(row)
    # In no order: whoever labels sees the number of a stratum, which is not to tell the verdicts.
    kinds = [sorted(groups)[at] for at in random.permutation(len(groups))]
    sizes = [len(groups[kind]) for kind in kinds]
    least = sum(min(FEWEST, size) for size in sizes)
    if count < least:
        raise BadOption(f"{count} labels are too few for {len(sizes)} kinds of verdicts").at(
            where="--label-count", hint=f"{least} or more"
        )
    counts = allocated(sizes, [_expected(kind, labels) for kind in kinds], count)
    placed = []
    for stratum, (kind, size) in enumerate(zip(kinds, counts, strict=True), start=1):
        drawn = Drawn(stratum=stratum, labels=size, answers=len(groups[kind]))
        chosen = random.permutation(len(groups[kind]))[:size]
        placed += [
            ((place + random.random()) / size, _to_label(groups[kind][at], drawn))
            for place, at in enumerate(chosen)
        ]
    return [answer for _, answer in sorted(placed, key=lambda each: each[0])]


def _expected(kind: Verdicts, labels: Sequence[Label]) -> float:
    """The share of answers with these verdicts that people call correct."""
    said = {each for each in kind if each in CLASSES}
    sure = 1 - _SURE if said == {"correct"} else _SURE
    guess = sure if len(said) == 1 else _UNSURE
    known = [each.human == "correct" for each in labels if each.verdicts == kind]
    return (sum(known) + guess) / (len(known) + 1)


def _to_label(row: Row, drawn: Drawn) -> Answer:
    return Answer(
        question_id=row.question.id,
        question=row.question.text,
        golds=tuple(alternatives(row.question)),
        text=row.answered.text,
        drawn=drawn,
    )
