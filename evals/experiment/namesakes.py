"""Documents that have a question's id: the question itself, or another document.

In some data sets the questions are documents of the corpus (ArguAna, Quora): whoever finds the
question again has found nothing, so that document is no hit. In others both are merely numbered,
and the document of a question's number is one like any other. The text tells which.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from components.indexes.contract import GenerationReader
from components.text.normal_form import canonical, canonical_forms, normal_form
from components.values import Chunk, Hit, Query
from evals.datasets.judged import Judged, LeftOut

Namesake = Literal["", "itself", "another"]
"""What an index has under the id of a question: nothing, or what is judged relevant to it; the
question itself, which is no hit; another document, which is a hit like any other.
"""
_WORD = re.compile(r"\w+")
_ALIKE = 0.9
"""Share of the longer one's words above which two texts are one: a data set may have cleaned one of
them. Of fewer than ten words all must be the same.
"""
_AT_ONCE = 100
"""Questions whose documents are read in one go, and held."""


@dataclass(frozen=True, kw_only=True)
class Namesakes:
    """Questions whose id a document of the index has."""

    itself: LeftOut
    """That document is the question itself, and is not counted as a hit."""
    another: LeftOut
    """That document has another text, and counts as any other does."""

    @classmethod
    def of(cls, found: Mapping[str, Namesake]) -> Namesakes:
        """By question id."""
        itself, another = (
            LeftOut.of(id for id, each in found.items() if each == kind)
            for kind in ("itself", "another")
        )
        return cls(itself=itself, another=another)

    def to_json(self) -> dict[str, Any]:
        return {
            "questions_as_documents": self.itself.to_json(),
            "ids_in_common": self.another.to_json(),
        }


def namesakes(
    reader: GenerationReader, data: Judged, queries: Sequence[Query]
) -> dict[str, Namesake]:
    """What an index has under the id of each question. What is judged relevant to it is a document
    like any other, whatever its text. Raises IndexFault.
    """
    found: dict[str, Namesake] = {query.id: "" for query in queries}
    judged = {id for id in found if id in map(data.document_of, data.relevant(id))}
    asked = [query for query in queries if query.id not in judged]
    for start in range(0, len(asked), _AT_ONCE):
        found |= _namesakes(reader, asked[start : start + _AT_ONCE])
    return found


def counting(query: Query, hits: Sequence[Hit], namesake: Namesake) -> list[Hit]:
    """The hits but for those of the question itself."""
    if namesake != "itself":
        return list(hits)
    return [hit for hit in hits if canonical(hit.chunk.document_id) != query.id]


def _namesakes(
    reader: GenerationReader, queries: Sequence[Query]
) -> Iterator[tuple[str, Namesake]]:
    """Those that there are, read at once: a server is a way off."""
    held = defaultdict[str, list[Chunk]](list)
    for chunk in reader.chunks(*(form for each in queries for form in canonical_forms(each.id))):
        held[chunk.document_id].append(chunk)
    for query in queries:
        own = next((held[form] for form in canonical_forms(query.id) if form in held), None)
        if own:
            itself = _is(query.text, own[0].title, _text(own))
            yield query.id, "itself" if itself else "another"


def _is(question: str, title: str, text: str) -> bool:
    """Whether a document is the question, with or without a title, or has it as its title."""
    wanted, whole, head = map(_words, (question, text, title))
    first_line = _words(text.partition("\n")[0])
    return any(_alike(wanted, each) for each in (whole, whole - head, head, first_line))


def _alike(some: Counter[str], others: Counter[str]) -> bool:
    return (some & others).total() >= _ALIKE * max(1, some.total(), others.total())


def _words(text: str) -> Counter[str]:
    return Counter(words(normal_form(text)))


def words(text: str) -> list[str]:
    """Runs of letters, digits and `_`, whatever their case."""
    return _WORD.findall(text.casefold())


def _text(chunks: Sequence[Chunk]) -> str:
    """What a document's chunks, in order, hold of it; what lies between two is a line's end."""
    parts, end = [], 0
    for chunk in chunks:
        if chunk.span.start > end:
            parts.append("\n")
        parts.append(chunk.text[max(0, end - chunk.span.start) :])
        end = max(end, chunk.span.end)
    return "".join(parts)
