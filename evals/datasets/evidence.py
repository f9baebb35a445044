"""Spans of evidence in a row of `queries.jsonl`.

    "evidence_char_spans": {"DOCUMENT": [[START, END], …], …}
    "references": [{"start": START, "end": END}, …], "doc": "DOCUMENT"

Offsets are in characters of the document's field `text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.text.normal_form import canonical
from evals.datasets.judged import Evidence


@dataclass(frozen=True, slots=True)
class Lengths:
    """A document's characters: a source leaves out the blank ones at its ends."""

    blank: int = 0
    """In front of the text."""
    text: int = 0
    """Without those at both ends."""
    whole: int = 0

    @classmethod
    def of(cls, text: str) -> Lengths:
        """Of a field as the file has it."""
        return cls(len(text) - len(text.lstrip()), len(text.strip()), len(text))


def has_evidence(row: Mapping[str, Any]) -> bool:
    """Whether a row has spans in a form that is known."""
    return bool(row.get("evidence_char_spans")) or bool(row.get("references") and "doc" in row)


def evidence_of(
    row: Mapping[str, Any], grades: Mapping[str, int], documents: Mapping[str, Lengths]
) -> tuple[tuple[Evidence, ...], list[str]]:
    """Spans in relevant documents, ascending, each once; and ids of those outside of their text.

    A span may end with the line end after the last line. Raises ValueError for what is no span.
    """
    inside, outside = set(), []
    for document, start, end in _spans(row):
        of = documents[document] if document in grades else Lengths()
        first, last = max(start - of.blank, 0), min(end - of.blank, of.text)
        if 0 <= start < end <= of.whole + 1 and first < last:
            inside.add(Evidence(document, first, last, grades[document]))
        else:
            outside.append(Evidence(document, start, end).id)
    return tuple(sorted(inside)), outside


def _spans(row: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    try:
        if "evidence_char_spans" in row:
            for document, spans in row["evidence_char_spans"].items():
                for start, end in spans:
                    yield canonical(document.strip()), int(start), int(end)
        elif has_evidence(row):
            for each in row["references"]:
                yield canonical(row["doc"].strip()), int(each["start"]), int(each["end"])
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError("its evidence is not a list of spans") from None
