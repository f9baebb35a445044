"""What a judge says of one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Verdict = Literal["correct", "incorrect", "refused", "failed", "unmeasured"]
"""`failed`: no answer came. `unmeasured`: the question was not put, or there is nothing to judge
its answer by, as where the gold answer is empty.
"""
CLASSES: tuple[Verdict, ...] = get_args(Verdict)[:3]
"""The verdicts that a person gives too, in the order of tables."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, the short name of the rule that gave it, and why: one sentence for a person."""

    verdict: Verdict
    rule: str
    why: str
