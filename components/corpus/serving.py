"""The stages that answer questions to a release."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from components import registry
from components.corpus.clock import Clock
from components.errors import BadOption
from components.fields import Fields
from components.indexes.manifest import Release
from components.indexes.payload import in_every_form
from components.rerankers import paced, states
from components.rerankers.paced import Reranked
from components.spec import Pipeline
from components.stages import Encoder, Reader, Reranker, Retriever, Vocabulary
from components.values import Filter, Matrix, Query, Ranked, Scalar


@dataclass(frozen=True)
class Candidates:
    """What a retriever found, with what the reranker needs to know of it."""

    queries: Sequence[Query]
    ranked: Ranked
    vectors: Sequence[Matrix]
    """Of the hits that the reranker reads, (hits, width) for each query; empty if not needed."""
    seconds: float
    """What fetching vectors and states took, per query."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Of the filters, the names of fields that no chunk has, each with what to tell of it."""


class Serving:
    """The stages that answer questions from a release, ready for use by any number of threads.

    Models are asked by one thread at a time: neither they nor other people's components promise
    more. Raises BadOption where the retriever needs what the release lacks.
    """

    def __init__(self, pipeline: Pipeline, release: Release) -> None:
        stages = release.generation.stages
        _check_sparse(pipeline, stages["sparse"].use)
        self._pipeline = pipeline
        self._turn = threading.RLock()
        self._encoder: Any = _Ahead(registry.build("encoder", stages["encoder"]), self._turn)
        self._sparse = registry.build(
            "sparse", stages["sparse"], languages=tuple(release.generation.totals.languages)
        )
        self._reranker: Reranker = pipeline.build("reranker", encoder=self._encoder)
        # Asked now: it may have to look at a model first.
        self._needs_vectors = self._reranker.needs_vectors
        self._needs_states: bool = getattr(self._reranker, "needs_states", False)
        self._last: tuple[Reader, Retriever] | None = None

    @property
    def encoder(self) -> Encoder:
        """That of the release."""
        found: Encoder = self._encoder
        return found

    def forget(self) -> None:
        """What this thread has asked and what the stages have read: the next question is as the
        first. Models stay loaded. A stage that remembers texts has a method `forget`, too.
        """
        retriever = self._last[1] if self._last else None
        for each in (self._encoder, self._sparse, retriever, self._reranker):
            getattr(each, "forget", lambda: None)()

    def encode(self, queries: Sequence[Query]) -> None:
        """Encode the questions that will be asked next."""
        self._encoder.encode_queries([query.text for query in queries])

    def retrieve(
        self, reader: Reader, queries: Sequence[Query], k: int, clock: Clock | None = None
    ) -> Candidates:
        """What `rerank` needs to answer. The clock counts `encode`, `retrieve` and `rerank`, of
        which fetching vectors and states is a part. Raises BadOption for a name in a filter that
        may be either of two fields.
        """
        clock = clock or Clock()
        queries, absent = by_fields(queries, reader)
        retriever = self._retriever(reader)
        with clock.of("encode"):
            self.encode(queries)
        with clock.of("retrieve"):
            depth = min(retriever.depth, self._reranker.depth)
            ranked = retriever.retrieve(queries, max(k, depth))
        start = time.perf_counter()
        vectors: list[Matrix] = []
        with clock.of("rerank"):
            heads = [hits[: self._reranker.depth] for hits in ranked.hits]
            if self._needs_vectors:
                if ranked.query_vectors is None:  # the retriever had none
                    asked = self._encoder.encode_queries([query.text for query in queries])
                    ranked = replace(ranked, query_vectors=asked)
                vectors = [reader.vectors([hit.chunk.id for hit in head]) for head in heads]
            if self._needs_states:
                ranked = replace(ranked, states=[states.fetched(reader, head) for head in heads])
        spent = time.perf_counter() - start
        return Candidates(queries, ranked, vectors, spent / max(1, len(queries)), absent)

    def rerank(self, found: Candidates, k: int, clock: Clock | None = None) -> Reranked:
        """The k best hits for each query. The index need not be open any more."""
        with (clock or Clock()).of("rerank"), self._turn:
            made = paced.rerank(
                self._reranker, found.queries, found.ranked, found.vectors, found.seconds
            )
        return replace(made, hits=[hits[:k] for hits in made.hits])

    def answer(
        self, reader: Reader, queries: Sequence[Query], k: int, clock: Clock | None = None
    ) -> Reranked:
        """`retrieve`, then `rerank`."""
        return self.rerank(self.retrieve(reader, queries, k, clock), k, clock)

    def _retriever(self, reader: Reader) -> Retriever:
        """One for as long as the same index is open: checking its options takes a millisecond."""
        last = self._last
        if last is None or last[0] is not reader:
            made = self._pipeline.build(
                "retriever", encoder=self._encoder, sparse=self._sparse, reader=reader
            )
            self._last = last = reader, made
        return last[1]


def by_fields(queries: Sequence[Query], index: Vocabulary) -> tuple[list[Query], dict[str, str]]:
    """The queries with filters by the fields that are meant and by every form of their values; and
    what to tell of each name that no chunk has. Raises BadOption.
    """
    if not any(query.filter for query in queries):
        return list(queries), {}
    fields = index.fields
    names = dict.fromkeys(name for query in queries for name in query.filter)
    absent = {name: fields.lacks(name) for name in names if not fields.has(fields.find(name))}
    return [replace(each, filter=_meant(each.filter, fields)) for each in queries], absent


def _meant(wanted: Filter, fields: Fields) -> Filter:
    meant: dict[str, Sequence[Scalar]] = {}
    called: dict[str, str] = {}
    for name, values in wanted.items():
        if isinstance(values, Scalar):  # the letters of a word would be taken for values
            raise BadOption(f"the values of {name!r} are no list").at(
                where="filter", hint=f"write [{values!r}]"
            )
        found = fields.find(name)
        if found in meant:
            raise BadOption(f"{called[found]!r} and {name!r} are the same field").at(
                where="filter", hint="name it once, with all values that are accepted"
            )
        meant[found], called[found] = values, name
    return in_every_form(meant)


def _check_sparse(pipeline: Pipeline, stored: str) -> None:
    choice = pipeline.stages["retriever"]
    if stored == "none" and getattr(registry.load("retriever", choice.use), "needs_sparse", False):
        raise BadOption(f"retriever {choice.use!r} needs sparse vectors, the index has none").at(
            where="retriever.use", hint="set sparse.use=bm25 and refresh, or use: dense"
        )


class _Ahead:
    """An encoder that answers a question which the same thread has asked before from memory."""

    def __init__(self, encoder: Any, turn: threading.RLock) -> None:
        self._encoder = encoder
        self._turn = turn
        self._memory = threading.local()

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        asked = tuple(texts)
        known: tuple[tuple[str, ...], Matrix] | None = getattr(self._memory, "last", None)
        if known is None or known[0] != asked:
            with self._turn:
                known = asked, self._encoder.encode_queries(texts)
            self._memory.last = known
        return known[1]

    def forget(self) -> None:
        self._memory.last = None
        getattr(self._encoder, "forget", lambda: None)()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)
