"""Documents that have a question's id: the question itself, or another document.

In some data sets the questions are documents of the corpus (ArguAna, Quora): whoever finds the
question again has found nothing, so that document is no hit. In others both are merely numbered,
and the document of a question's number is one like any other. The text tells which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from components.indexes.contract import GenerationReader
from components.normal_form import canonical_forms, normal_form
from components.values import Chunk, Query
from evals.compare.ranking import Namesake
from evals.compare.texts import words
from evals.datasets.judged import Judged

_ALIKE = 0.9
"""Share of the longer one's words above which two texts are one: a data set may have cleaned one of
them. Of fewer than ten words all must be the same.
"""


def namesakes(
    reader: GenerationReader, data: Judged, queries: Sequence[Query]
) -> dict[str, Namesake]:
    """What an index has under the id of each question. What is judged relevant to it is a document
    like any other, whatever its text. Raises IndexFault.
    """
    return {query.id: _namesake(reader, data, query) for query in queries}


def _namesake(reader: GenerationReader, data: Judged, query: Query) -> Namesake:
    if query.id in map(data.document_of, data.relevant(query.id)):
        return ""
    found = (reader.chunks(form) for form in canonical_forms(query.id))
    chunks = next(filter(None, found), [])
    if not chunks:
        return ""
    return "itself" if _is(query.text, chunks[0].title, _text(chunks)) else "another"


def _is(question: str, title: str, text: str) -> bool:
    """Whether a document is the question, with or without a title, or has it as its title."""
    wanted, whole, head = map(_words, (question, text, title))
    first_line = _words(text.partition("\n")[0])
    return any(_alike(wanted, each) for each in (whole, whole - head, head, first_line))


def _alike(some: Counter[str], others: Counter[str]) -> bool:
    return (some & others).total() >= _ALIKE * max(1, some.total(), others.total())


def _words(text: str) -> Counter[str]:
    return Counter(words(normal_form(text)))


def _text(chunks: Sequence[Chunk]) -> str:
    """What a document's chunks, in order, hold of it; what lies between two is a line's end."""
    parts, end = [], 0
    for chunk in chunks:
        if chunk.span.start > end:
            parts.append("\n")
        parts.append(chunk.text[max(0, end - chunk.span.start) :])
        end = max(end, chunk.span.end)
    return "".join(parts)
