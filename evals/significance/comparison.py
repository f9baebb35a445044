"""What is known of two systems after a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from evals.significance.rules import Rules
from evals.significance.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What was found. Differences are b minus a, in the metric's unit; higher is better.

    `ci_low` and `ci_high` bound the difference with confidence 1 - alpha, for this comparison
    alone; they exclude 0 exactly when `p` is below alpha. Ends are infinite where too few questions
    differ to bound it. `verdict` goes by the whole family: by `p_corrected`, and by `holm_low` and
    `holm_high`.
    """

    a: str
    b: str
    metric: str
    difference: float
    ci_low: float
    ci_high: float
    holm_low: float
    """The lower end at the level that Holm leaves to this comparison among those with a loss of the
    margin: above -margin exactly where that is refuted after correction. Alone it is `ci_low`.
    """
    holm_high: float
    """The upper end at the level that Holm leaves to it among those with no difference: below 0
    exactly where `p_corrected` is below alpha and the difference below 0. Alone it is `ci_high`.
    """
    p: float
    p_corrected: float
    comparisons: int
    """How many p was corrected for."""
    effect_size: float | None
    """Cohen's d of paired values: difference / deviation. None where no deviation was seen."""
    minimal_detectable_difference: float | None
    """At alpha / comparisons, with chance `power`. None where no deviation was seen."""
    questions_needed: int | None
    """For the margin to be the minimal detectable difference, if the deviation stays."""
    wins: int
    """Questions where b is better."""
    losses: int
    ties: int
    verdict: Verdict
    rules: Rules
    per_query: Mapping[str, tuple[float, float]]
    """Question to the values of a and b, ordered by id."""

    @property
    def questions(self) -> int:
        return self.wins + self.losses + self.ties

    @property
    def sure(self) -> bool:
        """Whether that there is a difference is sure after correction, however small it may be."""
        return self.p_corrected < self.rules.alpha

    @property
    def sure_loss(self) -> bool:
        """Whether `no_worse` is said of a loss that is sure: it is smaller than the margin."""
        return self.verdict == "no_worse" and self.sure and self.difference < 0

    @property
    def caveat(self) -> str:
        """What a sentence with the verdict has to add; empty where there is nothing."""
        lost = f", with a sure loss below the margin of {self.rules.margin:g}"
        return lost if self.sure_loss else ""

    def to_json(self) -> dict[str, Any]:
        """For json.dumps: the rules beside the rest, null for infinite, values by name."""
        told = {"questions": self.questions, "sure_loss": self.sure_loss}
        found = {**asdict(self), **told, **asdict(self.rules)}
        del found["rules"]
        for end in ("ci_low", "ci_high", "holm_low", "holm_high"):
            found[end] = found[end] if isfinite(found[end]) else None
        found["per_query"] = {id: {"a": a, "b": b} for id, (a, b) in self.per_query.items()}
        return found

    def __str__(self) -> str:
        """Two sentences: what was seen, with the verdict, and what could have been seen."""
        family = ""
        if self.comparisons > 1:
            family = f", interval [{self.holm_low:+.3f}, {self.holm_high:+.3f}]"
        confidence = f"{100 * (1 - self.rules.alpha):g} %"
        return (
            f"{self.metric}, {self.b} minus {self.a}: {self.difference:+.3f}, "
            f"{confidence} interval [{self.ci_low:+.3f}, {self.ci_high:+.3f}], p {self.p:.4f}, "
            f"corrected for {self.comparisons}: {self.p_corrected:.4f}{family}; "
            f"{self.wins} wins, {self.losses} losses, {self.ties} ties: "
            f"{self.verdict.replace('_', ' ')}{self.caveat} "
            f"({self.rules.test}, {self.rules.resamples} resamples, seed {self.rules.seed}). "
            f"{self._shown}"
        )

    @property
    def _shown(self) -> str:
        questions = "1 question" if self.questions == 1 else f"{self.questions} questions"
        if self.minimal_detectable_difference is None:
            return f"No spread was seen, so what {questions} could show is not known."
        return (
            f"{questions} find a difference of "
            f"{self.minimal_detectable_difference:.3f} with a chance of "
            f"{100 * self.rules.power:g} %; {self.questions_needed} would find one of "
            f"{self.rules.margin:g}."
        )
