"""Answers with people's labels: a file that a person fills in, or FinanceBench's folder.

    - label: correct           # or incorrect, refused; nothing yet: it does not count
      question: Which mill was built first?
      gold: The one at the weir
      answer: |-
        …
      question_id: q17
      system: hybrid
      stratum: 2
      drawn: 12
      of: 140
      id: l-4be7e9aa81f0

`stratum`, `drawn` and `of` are of an answer that was drawn from a system's own: the number of a
stratum, how many answers were drawn from it, and of how many. Labels of one's own need neither them
nor `id`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt

from components.errors import SpecError
from evals import by_hand
from evals.judging.judgement import CLASSES, Verdict
from evals.judging.labelled import labelled
from evals.judging.offline import Gold

_HEAD = """\
# Answers to label. Compare each answer with the gold one and write after `label`:
#   correct     it says what the gold answer says, also in other words or another unit
#   incorrect   it says something else
#   refused     it says that it cannot tell
# Go from top to bottom and stop where you like: the first so many are a sample, too. The judges'
# verdicts are not shown, so that they sway nobody. All that stands below `label` stays as it is.

"""
_HINT = f"{', '.join(CLASSES)}, or nothing yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Where an answer was drawn from."""

    stratum: int
    labels: int
    """Answers that were drawn from the stratum."""
    answers: int
    """Answers in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer for a person to label, or with a label."""

    question_id: str
    question: str
    golds: tuple[Gold, ...]
    """Answers that are each right."""
    text: str
    human: Verdict | None = None
    """None: nobody has said."""
    system: str = ""
    drawn: Drawn | None = None

    @property
    def id(self) -> str:
        """Of all but the label."""
        of = self.drawn
        drawn = [of.stratum, of.labels, of.answers] if of else []
        told = [self.system, self.question_id, self.question, self.golds, self.text, drawn]
        return f"l-{sha256(json.dumps(told).encode()).hexdigest()[:12]}"


def write(answers: Sequence[Answer], file: Path) -> None:
    """A file for a person, all labels open. Raises BadOption where there is one."""
    by_hand.write([_row(each) for each in answers], _HEAD, file)


def read(path: Path) -> list[Answer]:
    """The answers of a file, with or without a label, or those of FinanceBench's folder.

    Raises SpecError for what cannot be read, was changed or has no label at all; for a folder
    SourceMissing, BadData.
    """
    if path.is_dir():
        return [
            Answer(
                question_id=each.question_id,
                question=each.question,
                golds=(each.gold,),
                text=each.answer,
                human=each.human,
                system=each.run,
            )
            for each in labelled(path)
        ]
    raw = by_hand.read(path, "labels are a list of answers")
    found = [_answer(each, f"{path}: answer {at}") for at, each in enumerate(raw, start=1)]
    by_hand.check_once([each.id for each in found], path)
    if not any(each.human for each in found):
        raise SpecError("no answer has a label").at(
            where=str(path), hint=f"write after  label:  {_HINT}"
        )
    return found


def _row(answer: Answer) -> dict[str, Any]:
    golds = [by_hand.shown(each) if isinstance(each, str) else each for each in answer.golds]
    of = answer.drawn
    return {
        "label": answer.human,
        "question": by_hand.shown(answer.question),
        "gold": golds[0] if len(golds) == 1 else golds,
        "answer": by_hand.shown(answer.text),
        "question_id": by_hand.shown(answer.question_id),
        "system": by_hand.shown(answer.system),
        **({"stratum": of.stratum, "drawn": of.labels, "of": of.answers} if of else {}),
        "id": answer.id,
    }


def _label(written: object) -> object:
    """As a person writes it."""
    word = "" if written is None else str(written).strip().lower()
    return word or None


def _several(written: object) -> object:
    return written if isinstance(written, list) else [written]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Annotated[str | None, BeforeValidator(_label)] = None
    question: str
    gold: Annotated[list[str | int | float], BeforeValidator(_several), Field(min_length=1)]
    answer: str
    question_id: Annotated[str, Field(min_length=1)]
    system: str = ""
    stratum: PositiveInt | None = None
    drawn: PositiveInt | None = None
    of: PositiveInt | None = None
    id: str | None = None


def _answer(raw: object, where: str) -> Answer:
    row = by_hand.checked(_Row, raw, where, {"label": _HINT})
    human = next((each for each in CLASSES if each == row.label), None)
    if row.label and not human:
        raise SpecError(f"{row.label!r} is no label").at(where=f"{where}: label", hint=_HINT)
    drawn = None
    if row.stratum and row.drawn and row.of:
        drawn = Drawn(stratum=row.stratum, labels=row.drawn, answers=row.of)
    found = Answer(
        question_id=row.question_id,
        question=row.question,
        golds=tuple(row.gold),
        text=row.answer,
        human=human,
        system=row.system,
        drawn=drawn,
    )
    if (row.id is not None and row.id != found.id) or (drawn and row.id is None):
        raise SpecError("something below the label was changed").at(
            where=where, hint="put it back, or take the answer out"
        )
    return found
