"""Hits made of the documents themselves, for settings without a search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

from components.errors import BadDocument
from components.stages import Source
from components.values import Chunk, Document, DocumentRef, Hit, Query, Span
from evals.answers.plan import Setting
from evals.datasets.judged import BadData, Judged

_FEW = 4


class Documents:
    """A data set's documents, read when they are asked for; the last few are kept."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._kept = lru_cache(_FEW)(self._read)

    def get(self, id: str) -> Document:
        """Raises BadData where there is none, or it cannot be read."""
        return self._kept(id)

    def _read(self, id: str) -> Document:
        if id not in self._refs:
            raise BadData("no such document in the source").at(where=id)
        try:
            return self._source.read(self._refs[id])
        except BadDocument as error:
            raise BadData(f"the document cannot be read: {error}").at(where=id) from error

    @cached_property
    def _refs(self) -> dict[str, DocumentRef]:
        return {each.id: each for each in self._source.scan() if isinstance(each, DocumentRef)}


def hits(
    setting: Setting, data: Judged, query: Query, documents: Documents, characters: int
) -> list[Hit]:
    """What the question is answered from in a setting without a search; at most so many characters
    of a long context. Raises BadData.
    """
    if setting == "closed_book":
        return []
    if setting == "oracle":
        return evidence(data, query.id, documents)
    found = dict.fromkeys(data.document_of(unit) for unit in data.relevant(query.id))
    return _hits(list(_whole([documents.get(id) for id in found], characters)))


def evidence(data: Judged, question: str, documents: Documents) -> list[Hit]:
    """What is judged to be it, in order of document and place. Raises BadData."""
    spans = [_evidence(data, question, unit, documents) for unit in data.relevant(question)]
    return _hits([_chunk(*each) for each in sorted(spans, key=_place)])


def _evidence(
    data: Judged, question: str, unit: str, documents: Documents
) -> tuple[Document, Span]:
    document = documents.get(data.document_of(unit))
    if data.unit == "page":
        return document, _page(document, int(unit.rpartition("#")[2]))
    if data.unit == "span":
        spans = {each.id: Span(each.start, each.end) for each in data.evidence[question]}
        return document, spans[unit]
    return document, Span(0, len(document.text))


def _page(document: Document, page: int) -> Span:
    starts = [*document.page_starts, len(document.text)]
    if page >= len(starts) - 1:
        raise BadData(f"the document has no page {page}").at(where=document.id)
    return Span(starts[page], starts[page + 1])


def _place(each: tuple[Document, Span]) -> tuple[str, Span]:
    return each[0].id, each[1]


def _whole(documents: Sequence[Document], characters: int) -> Iterator[Chunk]:
    left = characters
    for document in documents:
        if left > 0:
            yield _chunk(document, Span(0, min(len(document.text), left)))
        left -= len(document.text)


def _chunk(document: Document, span: Span) -> Chunk:
    return Chunk(
        id=f"{document.id}:{span.start}-{span.end}",
        document_id=document.id,
        version="",
        ordinal=0,
        span=span,
        text=document.text[span.start : span.end],
        title=document.title,
        page=_page_of(document, span.start),
        last_page=_page_of(document, max(span.start, span.end - 1)),
        metadata=document.metadata,
    )


def _page_of(document: Document, place: int) -> int | None:
    if not document.page_starts:
        return None
    return max(sum(start <= place for start in document.page_starts) - 1, 0)


def _hits(chunks: Sequence[Chunk]) -> list[Hit]:
    return [
        Hit(chunk=each, score=1.0 / rank, chunk_ids=(each.id,))
        for rank, each in enumerate(chunks, start=1)
    ]
