"""The file in which a person goes through generated questions, and the data set that comes of it.

    - keep: yes                # or no; open questions are not used
      question: Which mill was built first?
      answer: The one at the weir
      evidence:
      - The mill at the weir is older than the others.
      type: generated
      document: mills.md
      page: 3
      start: 1200
      id: g-4be7e9aa81f0
      passage: |-
        …

Question, answer and evidence may be edited, as long as the evidence stands in the passage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from components.errors import BadOption, SpecError
from evals import by_hand
from evals.datasets import folders
from evals.questions.draft import Draft, LeftOut

SPLIT = "test"
_HEAD = """\
# Generated questions. Go through them and write after `keep`:
#   yes   it is a good question, the answer is right and the evidence proves it
#   no    it is not
# Question, answer and evidence may be edited; the evidence has to stand in the passage.
# Document, page, start, id and passage stay as they are. Pages count from 0.

"""
_YES, _NO = ("yes", "true"), ("no", "false")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What became of the questions of a file."""

    kept: int
    refused: int
    open: int
    """Nobody has said yes or no: they are not used."""


def write(drafts: Sequence[Draft], file: Path) -> None:
    """A file for a person, all questions open.

    Raises BadOption where there is one, since it may hold a person's work.
    """
    by_hand.write([_row(each) for each in drafts], _HEAD, file)


def read(file: Path) -> list[tuple[Draft, bool | None]]:
    """Questions with what a person says of each; None: nothing. Raises SpecError."""
    raw = by_hand.read(file, "a review is a list of questions")
    found = [_reviewed(each, f"{file}: question {at}") for at, each in enumerate(raw, start=1)]
    by_hand.check_once([draft.id for draft, _ in found], file)
    return found


def accept(file: Path, folder: Path) -> Accepted:
    """Make a data set of the questions that are kept: `queries.jsonl` with answers and spans of
    evidence, and `qrels/test.tsv`. It has no corpus: it judges an index of the same documents.

    Raises SpecError for what cannot be read and where none is kept, BadOption where the folder is
    there.
    """
    found = read(file)
    chosen = [draft for draft, keep in found if keep]
    if not chosen:
        raise SpecError("no question is kept").at(
            where=str(file), hint="write  keep: yes  where a question is good"
        )
    if folder.exists():
        raise BadOption("there is such a folder already").at(where=str(folder))
    judgements = {each.id: {each.document_id: 1} for each in chosen}
    rows = list(map(_asked, chosen))
    folders.once(folder, lambda made: folders.write(made, SPLIT, None, rows, judgements))
    refused = sum(keep is False for _, keep in found)
    return Accepted(kept=len(chosen), refused=refused, open=len(found) - len(chosen) - refused)


def _asked(draft: Draft) -> dict[str, Any]:
    """A row of `queries.jsonl`."""
    spans = [[span.start, span.end] for span in draft.spans]
    return {
        "_id": draft.id,
        "text": draft.question,
        "answer": draft.answer,
        "type": draft.type,
        "evidence_char_spans": {draft.document_id: spans},
    }


def _row(draft: Draft) -> dict[str, Any]:
    return {
        "keep": None,
        "question": by_hand.shown(draft.question),
        "answer": by_hand.shown(draft.answer),
        "evidence": [by_hand.shown(each) for each in draft.evidence],
        "type": draft.type,
        "document": by_hand.shown(draft.document_id),
        "page": draft.page,
        "start": draft.start,
        "id": draft.id,
        "passage": by_hand.shown(draft.passage),
    }


def _keep(written: object) -> object:
    """What YAML 1.2 takes for a word is yes or no to a person."""
    word = str(written).strip().lower()
    if word in _YES + _NO:
        return word in _YES
    return None if written is None or not word else written


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    keep: Annotated[StrictBool | None, BeforeValidator(_keep)] = None
    question: Annotated[str, Field(min_length=1)]
    answer: str
    evidence: Annotated[list[str], Field(min_length=1)]
    type: str = "generated"
    document: str
    page: int | None = None
    start: int
    id: str
    passage: str


def _reviewed(raw: object, where: str) -> tuple[Draft, bool | None]:
    row = by_hand.checked(_Row, raw, where, {"keep": "yes, no, or nothing yet"})
    draft = Draft(
        question=" ".join(row.question.split()),
        answer=" ".join(row.answer.split()),
        evidence=tuple(row.evidence),
        document_id=row.document,
        start=row.start,
        passage=row.passage,
        page=row.page,
        type=row.type,
    )
    if draft.id != row.id:
        raise SpecError("document, page, start, id or passage was changed").at(
            where=where, hint="put it back, or take the question out"
        )
    if row.keep:
        _check(draft, where)
    return draft, row.keep


def _check(draft: Draft, where: str) -> None:
    try:
        _ = draft.spans
    except LeftOut as error:
        raise SpecError(str(error)).at(
            where=f"{where}: evidence", hint="copy it from the passage"
        ) from None
