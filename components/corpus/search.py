"""Questions to the live index."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from components import registry
from components.corpus.clock import Clock
from components.errors import BadOption, MillraceError, Moved, NothingLive
from components.indexes.contract import CorpusIndex, Index
from components.indexes.manifest import Release
from components.rerankers import paced, states
from components.rerankers.paced import Reranked
from components.spec import Pipeline
from components.stages import Reader, Reranker, Retriever
from components.values import Hit, Matrix, Query, Ranked

_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Found:
    """Hits per query, best first, and the release that they are from."""

    reranked: Reranked
    release: Release
    pending: bool
    """Whether the pipeline file has changed in a way that the next refresh will build."""

    @property
    def hits(self) -> list[list[Hit]]:
        """Per query, best first."""
        return self.reranked.hits


def search(pipeline: Pipeline, queries: Sequence[Query], k: int) -> Found:
    """The k best hits for each query. Queries are encoded as the live generation was.

    Raises NothingLive, BadOption, Busy.
    """
    for _ in range(_TRIES):
        try:
            return _search(pipeline, queries, k)
        except Moved as error:  # refreshes came quickly: what is live now is asked
            moved = error
    raise moved


def _search(pipeline: Pipeline, queries: Sequence[Query], k: int) -> Found:
    corpus = corpus_of(pipeline)
    release = live(pipeline, corpus)
    serving = Serving(pipeline, release)
    # The engine serves one process at a time: all thinking is done before it is opened.
    serving.encode(queries)
    with corpus.read(release.generation) as reader:
        found = serving.retrieve(reader, queries, k)
    made = serving.rerank(found, k)
    return Found(reranked=made, release=release, pending=differs(pipeline, release))


@dataclass(frozen=True)
class Candidates:
    """What a retriever found, with what the reranker needs to know of it."""

    queries: Sequence[Query]
    ranked: Ranked
    vectors: Sequence[Matrix]
    """Of the hits that the reranker reads, (hits, width) for each query; empty if not needed."""
    seconds: float
    """What fetching vectors and states took, per query."""


class Serving:
    """The stages that answer questions from a release, ready for use.

    Raises BadOption where the retriever needs what the release lacks.
    """

    def __init__(self, pipeline: Pipeline, release: Release) -> None:
        stages = release.generation.stages
        _check_sparse(pipeline, stages["sparse"].use)
        self._pipeline = pipeline
        self._encoder = _Ahead(registry.build("encoder", stages["encoder"]))
        self._sparse = registry.build("sparse", stages["sparse"])
        self._reranker: Reranker = pipeline.build("reranker", encoder=self._encoder)
        # Asked now: it may have to look at a model first.
        self._needs_vectors = self._reranker.needs_vectors
        self._needs_states: bool = getattr(self._reranker, "needs_states", False)

    def encode(self, queries: Sequence[Query]) -> None:
        """Encode the questions that will be asked next."""
        self._encoder.encode_queries([query.text for query in queries])

    def retrieve(
        self, reader: Reader, queries: Sequence[Query], k: int, clock: Clock | None = None
    ) -> Candidates:
        """What `rerank` needs to answer. The clock counts `encode`, `retrieve` and `rerank`, of
        which fetching vectors and states is a part.
        """
        clock = clock or Clock()
        retriever: Retriever = self._pipeline.build(
            "retriever", encoder=self._encoder, sparse=self._sparse, reader=reader
        )
        with clock.of("encode"):
            self.encode(queries)
        with clock.of("retrieve"):
            depth = min(retriever.depth, self._reranker.depth)
            ranked = retriever.retrieve(queries, max(k, depth))
        start = time.perf_counter()
        vectors: list[Matrix] = []
        with clock.of("rerank"):
            if self._needs_vectors:
                ranked, vectors = self._fetched(reader, queries, ranked)
            if self._needs_states:
                heads = [hits[: self._reranker.depth] for hits in ranked.hits]
                ranked = replace(ranked, states=[states.fetched(reader, head) for head in heads])
        spent = time.perf_counter() - start
        return Candidates(queries, ranked, vectors, spent / max(1, len(queries)))

    def rerank(self, found: Candidates, k: int, clock: Clock | None = None) -> Reranked:
        """The k best hits for each query. The index need not be open any more."""
        with (clock or Clock()).of("rerank"):
            made = paced.rerank(
                self._reranker, found.queries, found.ranked, found.vectors, found.seconds
            )
        return replace(made, hits=[hits[:k] for hits in made.hits])

    def answer(
        self, reader: Reader, queries: Sequence[Query], k: int, clock: Clock | None = None
    ) -> Reranked:
        """Both."""
        return self.rerank(self.retrieve(reader, queries, k, clock), k, clock)

    def _fetched(
        self, reader: Reader, queries: Sequence[Query], ranked: Ranked
    ) -> tuple[Ranked, list[Matrix]]:
        """Query vectors, where the retriever had none, and those of the hits that are reranked."""
        if ranked.query_vectors is None:
            asked = self._encoder.encode_queries([query.text for query in queries])
            ranked = replace(ranked, query_vectors=asked)
        read = [hits[: self._reranker.depth] for hits in ranked.hits]
        return ranked, [reader.vectors([hit.chunk.id for hit in hits]) for hits in read]


def differs(pipeline: Pipeline, release: Release) -> bool:
    """Whether the next refresh will build what is not live. The file's own encoder may be out of
    reach: the live one answers without it.
    """
    wanted = pipeline.stages["index"].options.get("quantization", "none")
    if wanted != release.generation.quantization:
        return True
    try:
        return pipeline.fingerprint() != release.generation.fingerprint
    except MillraceError:
        return True


def corpus_of(pipeline: Pipeline) -> CorpusIndex:
    """Where the pipeline's corpus is stored."""
    index: Index = pipeline.build("index")
    return index.corpus(pipeline.name)


def live(pipeline: Pipeline, corpus: CorpusIndex) -> Release:
    """What is published. Raises NothingLive."""
    release = corpus.live()
    if release is None:
        raise NothingLive(f"the corpus {pipeline.name!r} has no index yet").at(
            where=str(pipeline.stages["index"].options.get("path", "")),
            hint="run millrace refresh first",
        )
    return release


def _check_sparse(pipeline: Pipeline, stored: str) -> None:
    choice = pipeline.stages["retriever"]
    if stored == "none" and getattr(registry.load("retriever", choice.use), "needs_sparse", False):
        raise BadOption(f"retriever {choice.use!r} needs sparse vectors, the index has none").at(
            where="retriever.use", hint="set sparse.use=bm25 and refresh, or use: dense"
        )


class _Ahead:
    """An encoder that answers a question asked before from memory."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self._asked: tuple[str, ...] = ()
        self._answer: Matrix = np.zeros((0, 0), np.float32)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        if tuple(texts) != self._asked:
            self._answer = self._encoder.encode_queries(texts)
            self._asked = tuple(texts)
        return self._answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)
