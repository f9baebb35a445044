"""What was found, as `--json` prints it and the report shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from components.endpoint.ledger import Totals
from components.outlook import Outlook
from components.values import Usage
from evals.answers.answered import Answered
from evals.answers.gold import gold
from evals.answers.judging import JudgedAnswer
from evals.answers.losses import Loss
from evals.answers.metrics import Mean, Metrics
from evals.datasets.judged import Question
from evals.experiment import outcome
from evals.experiment.namesakes import Namesakes
from evals.experiment.outcome import sentence
from evals.judging.judgement import CLASSES, Verdict
from evals.judging.offline import UNDECIDED, Gold
from evals.judging.repeats import SelfAgreement
from evals.metrics import Interval

OVERALL = "all"
MEASURED: tuple[Verdict, ...] = (*CLASSES, "failed")
"""The verdicts that count, in the order of tables: who gives no answer is not right."""
_LEFT: tuple[Verdict, ...] = ("failed", "unmeasured")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One question to one system."""

    question: Question
    answered: Answered
    judged: JudgedAnswer
    loss: Loss | None
    metrics: Metrics
    """Of ragas; empty where it was not asked."""

    @property
    def verdict(self) -> Verdict:
        return self.judged.judgement.verdict

    @property
    def undecided(self) -> bool:
        """Whether it is beyond the rules that judged it: another run finds no more."""
        judgement = self.judged.judgement
        return judgement.verdict == "unmeasured" and judgement.rule in UNDECIDED

    @property
    def gold(self) -> Gold:
        return gold(self.question)

    def to_json(self) -> dict[str, Any]:
        """Everything but the texts of the passages."""
        opinion = self.judged.opinion
        answered = self.answered
        return {
            "id": self.question.id,
            "type": self.question.type,
            "question": self.question.text,
            "gold": self.gold,
            "answer": answered.text,
            "error": answered.error,
            "verdict": self.verdict,
            "rule": self.judged.judgement.rule,
            "why": self.judged.judgement.why,
            "by_rules": asdict(self.judged.by_rules),
            "repeats": [asdict(each) for each in opinion.repeats] if opinion else [],
            "loss": self.loss,
            "citations": [asdict(each) for each in answered.citations],
            "unsupported_figures": list(answered.unsupported),
            "passages": [
                {name: value for name, value in asdict(each).items() if name != "text"}
                for each in answered.passages
            ],
            "steps": [asdict(each) for each in answered.steps],
            "retrieval": dict(answered.retrieval),
            "metrics": {name: asdict(each) for name, each in self.metrics.items()},
            "usage": asdict(answered.usage),
            "seconds": answered.seconds,
        }


@dataclass(frozen=True, kw_only=True)
class Part:
    """Answers to questions of one type, or to all."""

    questions: int
    counts: Mapping[str, int]
    """By verdict, `unmeasured` included."""
    rates: Mapping[str, Interval]
    """Share of each other verdict, over those that are measured; empty where none is."""
    losses: Mapping[str, int]
    retrieval: Mapping[str, float]
    """Means over the questions that were searched for."""
    metrics: Mapping[str, Mean]
    """Of ragas, over the answers that it was tried on."""

    def to_json(self) -> dict[str, Any]:
        told = asdict(self)
        told["rates"] = {
            name: {"value": each.mean, "low": each.low, "high": each.high}
            for name, each in self.rates.items()
        }
        return told


@dataclass(frozen=True, kw_only=True)
class Rate:
    """The share of correct answers, as judges have it and as people would."""

    by: str
    """`rules`, `model`, `rules and model`, or `people`."""
    judged: int
    """Answers with a verdict, of both judges the same one, and those that failed; by people, the
    labels of just these answers."""
    raw: float | None
    """Over these; None where there are none, and by people."""
    corrected: Interval | None
    """Over all answers, those that nobody has judged included, with an interval of 95 %; None
    without labels.
    """
    labels: int
    """That it was corrected by."""
    why: str = ""
    """What the labels lack."""

    def to_json(self) -> dict[str, Any]:
        told = asdict(self)
        found = self.corrected
        if found:
            told["corrected"] = {"value": found.mean, "low": found.low, "high": found.high}
        return told


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One system."""

    name: str
    stages: Mapping[str, Any]
    answerer: Mapping[str, Any]
    """Component and options, with what its answers depend on besides."""
    fingerprint: str
    rows: Sequence[Row] = field(repr=False)
    parts: Mapping[str, Part]
    """OVERALL, then by type."""
    stopped: str
    """Why not every question was asked; empty where all were."""
    agreement: float | None
    """Share of answers to which a model's verdict is that of the rules."""
    repeats: SelfAgreement | None
    correct: Sequence[Rate]
    """By the rules, a model, both and people; empty where rules alone judge, and without labels."""

    @property
    def disagreements(self) -> Mapping[tuple[Verdict, Verdict], list[str]]:
        """Ids of questions to whose answers rules and model give two verdicts, by these."""
        found: dict[tuple[Verdict, Verdict], list[str]] = {}
        for each in self.rows:
            opinion = each.judged.opinion
            if opinion:
                both = each.judged.by_rules.verdict, opinion.judgement.verdict
                if both[0] != both[1] and {*both} <= {*CLASSES}:
                    found.setdefault(both, []).append(each.question.id)
        return dict(sorted(found.items()))

    @property
    def whole(self) -> Part:
        return self.parts[OVERALL]

    @property
    def usage(self) -> Usage:
        """Of all answers that there are."""
        return sum((each.answered.usage for each in self.rows), Usage())

    @property
    def seconds(self) -> Mapping[str, float]:
        """Percentiles of an answer's time, searching not included."""
        spent = [each.answered.seconds for each in self.rows if not each.answered.error]
        if not spent:
            return {}
        found = np.percentile(spent, [50, 95])
        return {"p50": float(found[0]), "p95": float(found[1])}

    @property
    def namesakes(self) -> Namesakes:
        """Questions whose id a document of the index has."""
        return Namesakes.of({each.question.id: each.answered.namesake or "" for each in self.rows})

    @property
    def undecided(self) -> int:
        """Answers that are beyond the rules that judge."""
        return sum(each.undecided for each in self.rows)

    @property
    def unsupported(self) -> int:
        """Answers with figures that stand in nothing that they cite."""
        return sum(bool(each.answered.unsupported) for each in self.rows)

    def to_json(self) -> dict[str, Any]:
        return {
            "answerer": _plain(self.answerer),
            "fingerprint": self.fingerprint,
            "stages": _plain(self.stages),
            "parts": {name: each.to_json() for name, each in self.parts.items()},
            "stopped": self.stopped,
            "usage": asdict(self.usage),
            "seconds": self.seconds,
            "answers_beyond_the_rules": self.undecided,
            "answers_with_unsupported_figures": self.unsupported,
            **self.namesakes.to_json(),
            "model_agrees_with_rules": self.agreement,
            "repeats": self.repeats.to_json() if self.repeats else None,
            "correct": [each.to_json() for each in self.correct],
            "disagreements": [
                {"rules": rules, "model": model, "questions": ids}
                for (rules, model), ids in self.disagreements.items()
            ],
            "questions": [each.to_json() for each in self.rows],
        }


@dataclass(frozen=True, kw_only=True)
class Outcome(outcome.Outcome[Measured]):
    """All of it."""

    setting: str
    hits: int
    judge: Mapping[str, Any]
    """Of a model that judged: its facts; empty where the rules did."""
    ledger: Totals
    max_cost: float | None
    guarded: str
    """How the limit of money has stopped it; empty where it has not."""
    lacking: Mapping[str, str]
    """Metrics that were not measured, with how to get them."""
    rest: Outlook | None
    """What all the other questions will take, where these are a part that tells."""

    @property
    def incomplete(self) -> bool:
        """Whether something has failed or could not be measured: the next run tries it again."""
        rows = [each for system in self.systems for each in system.rows if not each.undecided]
        return bool(self.excluded) or any(each.verdict in _LEFT for each in rows)

    @property
    def verdict(self) -> str:
        """One sentence."""
        told = [f"{each.name} {_correct(each.whole)}" for each in self.systems]
        told += [
            sentence(each, f"p {each.p_corrected:.3g} corrected") for each in self.of("correct")
        ]
        over = f"over {self.data.part}: " if self.data.part else ""
        return f"{over}{'; '.join(told)}."

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": 2,
            "data": {
                "name": self.data.name,
                "split": self.data.split,
                "checksum": self.data.checksum,
                "questions": len(self.data.questions),
                "part": asdict(self.data.part) if self.data.part else None,
                "left_out": {name: each.count for name, each in self.data.left_out.items()},
            },
            "setting": self.setting,
            "hits": self.hits,
            "judge": _plain(self.judge),
            "systems": {each.name: each.to_json() for each in self.systems},
            "excluded": dict(self.excluded),
            "comparisons": [each.to_json() for each in self.comparisons],
            "ledger": {"known": asdict(self.ledger.known), "unsure": asdict(self.ledger.unsure)},
            "max_cost": self.max_cost,
            "stopped_by_max_cost": bool(self.guarded),
            "lacking": dict(self.lacking),
            "rest": asdict(self.rest) if self.rest else None,
            "seed": self.rules.seed,
            "verdict": self.verdict,
        }


def _correct(part: Part) -> str:
    told = f"{part.counts['correct']} of {sum(part.counts[each] for each in MEASURED)} correct"
    return f"{told}, {part.counts['failed']} failed" if part.counts["failed"] else told


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | None) else str(value)
