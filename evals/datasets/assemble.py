"""A data set from its rows, checked: what cannot be measured is named, never passed over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.fields import plain
from components.sources import fields
from components.sources.fields import Fields as Row
from evals.datasets import lines
from evals.datasets.evidence import Lengths, evidence_of
from evals.datasets.judged import BadData, Evidence, Judged, Judgements, Question, counted

IDS = ("_id", "id", "qid", "query_id", "query-id")
TEXTS = ("text", "contents", "query", "question")
_TYPES = ("question_type", "type")


@dataclass(frozen=True, slots=True)
class Stored:
    """What has to be known of a document to check judgements."""

    lengths: Lengths = field(default_factory=Lengths)
    scope: object = None
    """Value of the scope's field."""


def asked_in(file: Path) -> dict[str, Row]:
    """The rows of a file of questions, by id. Raises SourceMissing; BadData for two of one id."""
    return dict(lines.identified(file, "question", IDS))


def assemble(
    data: Judged, rows: Mapping[str, Row], documents: Mapping[str, Stored], where: str = ""
) -> Judged:
    """`data`, whose judgements are as the file has them, with its questions and evidence.

    `rows` are those of the questions and `documents` those of the corpus, by id. Judgements of
    others are left out, and so are questions without text or without a relevant document;
    `left_out` names them. Raises BadData for a question out of its scope, and where no question is
    left.
    """
    wanted = {id: row for id, row in rows.items() if id in data.judgements}
    known = {
        id: {unit: grade for unit, grade in data.judgements[id].items() if unit in documents}
        for id in wanted
    }
    kept = {id: grades for id, grades in known.items() if max(grades.values(), default=0) > 0}
    asked = {id: row for id, row in wanted.items() if id in kept and _text(row).strip()}
    for id, row in asked.items():
        _check_scope(data.scope, id, row, (documents[unit] for unit in _relevant(kept[id])), where)
    evidence, outside = _evidence(asked, kept, documents, where)
    left_out = {
        "judgements of unknown documents": [
            f"{id} {unit}" for id in wanted for unit in data.judgements[id] if unit not in documents
        ],
        "judgements of unknown questions": [id for id in data.judgements if id not in rows],
        "questions without a relevant document": [id for id in wanted if id not in kept],
        "questions without text": [id for id in kept if id not in asked],
        "evidence outside of the relevant documents": outside,
    }
    if not asked:
        told = [f"{reason}: {each.count}" for reason, each in counted(left_out).items()]
        raise BadData(f"no question of the split {data.split!r} can be measured").at(
            where=where or data.name, hint="; ".join(told)
        )
    return replace(
        data,
        questions=tuple(_question(id, row) for id, row in asked.items()),
        judgements={id: kept[id] for id in asked},
        evidence=evidence,
        left_out={**data.left_out, **counted(left_out)},
    )


def by_span(data: Judged) -> Judged:
    """With the spans of evidence as units. Raises BadData where there is none."""
    judgements = {
        id: {each.id: each.grade for each in spans} for id, spans in data.evidence.items()
    }
    if not judgements:
        raise BadData("the data set has no spans of evidence").at(where=data.name)
    without = [each.id for each in data.questions if each.id not in judgements]
    return data.asking(judgements, {"questions without evidence": without}, unit="span")


def _relevant(grades: Mapping[str, int]) -> Iterator[str]:
    return (unit for unit, grade in grades.items() if grade > 0)


def _check_scope(scope: str, id: str, row: Row, relevant: Iterable[Stored], where: str) -> None:
    if not scope:
        return
    field = plain(scope)
    if fields.field_of(row, field) is None:
        raise BadData(f"question {id!r} lacks the field {field!r} of the scope").at(where=where)
    if _question(id, row).metadata.get(field, []) == []:
        raise BadData(f"question {id!r} has nothing to filter by in {field!r}").at(
            where=where,
            hint="a scope is a field of one's own with a word, a number, true or false, or a list",
        )
    if any(each.scope != fields.field_of(row, field) for each in relevant):
        raise BadData(f"question {id!r} has a relevant document of another {field}").at(where=where)


def _evidence(
    asked: Mapping[str, Row], kept: Judgements, documents: Mapping[str, Stored], where: str
) -> tuple[dict[str, tuple[Evidence, ...]], list[str]]:
    lengths = {id: each.lengths for id, each in documents.items()}
    found, outside = {}, []
    for id, row in asked.items():
        grades = {unit: kept[id][unit] for unit in _relevant(kept[id])}
        try:
            inside, lost = evidence_of(row, grades, lengths)
        except ValueError as error:
            raise BadData(f"question {id!r}: {error}").at(where=where) from None
        if inside:
            found[id] = inside
        outside += [f"{id} {each}" for each in lost]
    return found, outside


def _question(id: str, row: Row) -> Question:
    roles = ("_id", "text", fields.given(row, IDS), fields.text_name(row, TEXTS))
    metadata = fields.metadata_of(row, *roles)
    kind = next((metadata[name] for name in _TYPES if isinstance(metadata.get(name), str)), "")
    return Question(id=id, text=_text(row), type=str(kind), metadata=metadata)


def _text(row: Row) -> str:
    text = row.get(fields.text_name(row, TEXTS))
    return text if isinstance(text, str) else ""
