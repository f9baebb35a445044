"""What speaks for each hit: words and meaning, of the chunk itself and of its whole document.

Every kind is 0 where nothing speaks and 1 for the best of its list, whatever an encoder's cosines
are like: scores by words as shares of the best one's, cosines between those of the list's last and
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from components.stages import Reader, SparseEncoder
from components.values import Filter, Hit, Matrix, SparseVector

KINDS = ("words", "meaning", "document_words", "document_meaning")
"""The columns of `Evidence.kinds`."""
_DOCUMENTS = 50
"""Whole documents found by words, and as many by meaning; no more than chunks that count."""
_REPRESENTED = 10
"""Of those, how many are given a hit where none of their chunks was found."""
_CLOSER = 20
"""Chunks looked at for that, by words and by meaning."""
_ENOUGH = 0.8
"""Of a question's words in one chunk: no document can have many more."""
_ROUNDING = 1e-5
"""Between cosines of equal vectors, which lie at other places."""
_OF_DOCUMENTS = ("nearest_documents", "nearest_documents_sparse", "document_terms")
"""What a reader of a stranger's store may lack, see `Reader`."""

Documents = Sequence[tuple[str, float]]
"""Ids and scores, best first."""


class Asked(NamedTuple):
    """Questions to a reader."""

    dense: Matrix
    sparse: Sequence[SparseVector]
    filters: Sequence[Filter]

    def some(self, at: Sequence[int], filters: Sequence[Filter]) -> Asked:
        """Those at some places, under other filters."""
        return Asked(self.dense[list(at)], [self.sparse[each] for each in at], filters)


@dataclass(frozen=True)
class Lists:
    """What was found for a question, best first."""

    by_words: Sequence[Hit]
    by_meaning: Sequence[Hit]
    documents_by_words: Documents = ()
    documents_by_meaning: Documents = ()
    others: Sequence[Hit] = ()
    """Chunks of documents that have none in the lists of chunks, each document's best ones."""


@dataclass(frozen=True)
class Evidence:
    """Of one question's hits."""

    hits: Sequence[Hit]
    """Each chunk once."""
    kinds: Matrix
    """(hits, kinds), 0 to 1, in the order of `KINDS`."""
    deeper: Sequence[Sequence[Hit]]
    """Lists of chunks that lie deeper than what counts, by words and by meaning."""
    whole: bool
    """Whether anything is known of whole documents."""
    spread: float = 1.0
    """How many of the question's words the best chunk has, of those that the best document has,
    both by words: a share. It is small where only a document as a whole tells what is asked.
    """


def chunks(reader: Reader, asked: Asked, depth: int) -> list[Lists]:
    """The lists of chunks, `depth` long."""
    by_meaning = reader.nearest(asked.dense, depth, asked.filters)
    by_words = reader.nearest_sparse(asked.sparse, depth, asked.filters)
    return [Lists(*each) for each in zip(by_words, by_meaning, strict=True)]


def with_documents(reader: Reader, asked: Asked, depth: int, counted: int) -> list[Lists]:
    """Those, and those of whole documents where the index has vectors of them. `counted`: how many
    of a list of chunks count, however many are wanted.
    """
    found = chunks(reader, asked, depth)
    if not all(hasattr(reader, each) for each in _OF_DOCUMENTS):
        return found
    most = min(_DOCUMENTS, counted)
    by_meaning = reader.nearest_documents(asked.dense, most, asked.filters)
    by_words = reader.nearest_documents_sparse(asked.sparse, most, asked.filters)
    found = [
        replace(own, documents_by_words=words, documents_by_meaning=meaning)
        for own, words, meaning in zip(found, by_words, by_meaning, strict=True)
    ]
    return _represented(reader, asked, found, counted)


def evidence(lists: Lists, counted: int) -> Evidence:
    """Of a question, see `with_documents`."""
    by_words, by_meaning = lists.by_words[:counted], lists.by_meaning[:counted]
    hits: dict[str, Hit] = {}
    for hit in (*by_words, *by_meaning, *lists.others):
        hits.setdefault(hit.chunk.id, hit)
    words = _shares([(hit.chunk.id, hit.score) for hit in by_words])
    meaning = _between([(hit.chunk.id, hit.score) for hit in by_meaning])
    documents = _shares(lists.documents_by_words), _between(lists.documents_by_meaning)
    rows = [
        (
            words.get(chunk_id, 0.0),
            meaning.get(chunk_id, 0.0),
            *(own.get(hit.chunk.document_id, 0.0) for own in documents),
        )
        for chunk_id, hit in hits.items()
    ]
    return Evidence(
        hits=list(hits.values()),
        kinds=np.array(rows, dtype=np.float32).reshape(len(rows), len(KINDS)),
        deeper=(lists.by_words[counted:], lists.by_meaning[counted:]),
        whole=bool(lists.documents_by_words or lists.documents_by_meaning),
    )


def spreads(
    reader: Reader, encoder: SparseEncoder, asked: Sequence[SparseVector], found: Sequence[Lists]
) -> list[float]:
    """`Evidence.spread` of each question. Only where one chunk does not have nearly all of the
    words, the index is asked for a document's.
    """
    known = [1.0] * len(found)
    best_chunks = {
        at: own.by_words[0].chunk.text
        for at, own in enumerate(found)
        if own.by_words and own.documents_by_words
    }
    if not best_chunks:
        return known
    read = encoder.encode_documents(list(best_chunks.values()), 1.0)
    shares = {at: _covered(asked[at], held) for at, held in zip(best_chunks, read, strict=True)}
    unsure = {at: share for at, share in shares.items() if share < _ENOUGH}
    if unsure:
        best = [found[at].documents_by_words[0][0] for at in unsure]
        for (at, share), held in zip(unsure.items(), reader.document_terms(best), strict=True):
            known[at] = min(1.0, share / max(_covered(asked[at], held), share, 1e-9))
    return known


def _covered(terms: SparseVector, held: SparseVector) -> float:
    """The share of a question's terms, by their weights, that a text has."""
    weights = np.abs(terms.values, dtype=np.float64)  # a stranger's may be below 0
    return float(weights[np.isin(terms.indices, held.indices)].sum() / weights.sum())


def _represented(reader: Reader, asked: Asked, found: Sequence[Lists], counted: int) -> list[Lists]:
    """With chunks of the first documents that have none among those that count."""
    lacking = {
        at: missing for at, own in enumerate(found) if (missing := _without_hit(own, counted))
    }
    filters = [{**asked.filters[at], "document_id": own} for at, own in lacking.items()]
    if not lacking:
        return list(found)
    closer = chunks(reader, asked.some(list(lacking), filters), min(_CLOSER, counted))
    made = list(found)
    for at, own in zip(lacking, closer, strict=True):
        others = (*_first_of_each(own.by_words), *_first_of_each(own.by_meaning))
        made[at] = replace(found[at], others=others)
    return made


def _without_hit(lists: Lists, counted: int) -> list[str]:
    """Ids of the first documents of which no chunk was found."""
    counting = (*lists.by_words[:counted], *lists.by_meaning[:counted])
    there = {hit.chunk.document_id for hit in counting}
    first = (
        *lists.documents_by_words[:_REPRESENTED],
        *lists.documents_by_meaning[:_REPRESENTED],
    )
    return [each for each in dict.fromkeys(id for id, _ in first) if each not in there]


def _first_of_each(hits: Sequence[Hit]) -> list[Hit]:
    """The best hit of each document."""
    first: dict[str, Hit] = {}
    for hit in hits:
        first.setdefault(hit.chunk.document_id, hit)
    return list(first.values())


def _shares(scored: Documents) -> dict[str, float]:
    """Of the best score, by id; 0 where it is not above 0."""
    best = max((score for _, score in scored), default=0.0)
    return {id: max(score, 0.0) / best for id, score in scored} if best > 0 else {}


def _between(scored: Documents) -> dict[str, float]:
    """Between the least score and the best; 1 where all are equal but for rounding."""
    if not scored:
        return {}
    scores = [score for _, score in scored]
    low, high = min(scores), max(scores)
    apart = high - low > _ROUNDING
    return {id: (score - low) / (high - low) if apart else 1.0 for id, score in scored}
