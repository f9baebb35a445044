"""A Millrace reranker for LlamaIndex: a node postprocessor.

Importing this module imports LlamaIndex.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from components import registry, spec
from components.bridges import chosen, documents, encoding
from components.bridges.chosen import File, Stage
from components.bridges.retriever import CHUNK_IDS, in_full
from components.corpus.search import Opened, Searcher
from components.encoders.kernel import unit
from components.errors import BadOption, Missing, MissingExtra, Moved
from components.fields import full_name
from components.rerankers import paced
from components.rerankers.paced import Reranked
from components.rerankers.states import fetched
from components.stages import Encoder, Reranker
from components.values import Chunk, Hit, Matrix, Metadata, Query, Ranked, Span, States

try:
    from llama_index.core.bridge.pydantic import Field, PrivateAttr, model_validator
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, QueryBundle
except ModuleNotFoundError as error:
    raise MissingExtra("the postprocessor needs the package 'llama-index-core'").at(
        hint="install millrace[llama-index]"
    ) from error

FIRST_SCORE = "first_score"
"""The metadata field that holds the score which a node came with; shown to no model."""
_log = logging.getLogger(__name__)


class MillracePostprocessor(BaseNodePostprocessor):
    """Puts nodes in the order of a reranker. The nodes stay the objects that they are.

    A reranker that needs vectors takes a node's own; else the one in the live index of `pipeline`;
    else that of its text alone, by `encoder`, or by the live index' encoder where none is given.
    Making one reads the pipeline file, if it is given one, and nothing else. Raises UserError.
    """

    pipeline: File = Field(
        default="", description="The pipeline file with the reranker and the live index."
    )
    overrides: list[str] = Field(
        default_factory=list, description="stage.option=value, for the pipeline file."
    )
    reranker: Stage = Field(
        default_factory=dict,
        description="The reranker instead, as in a pipeline file: {'use': 'feedback', …}.",
    )
    encoder: Stage = Field(
        default_factory=dict,
        description="The encoder of nodes that are from elsewhere: then no index is read.",
    )
    top_n: int | None = Field(default=None, description="Nodes kept; none: all.", ge=1)
    _searcher: Searcher | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _choose(self) -> Self:
        self.reranker = chosen.resolved("reranker", self.reranker, self.pipeline, self.overrides)
        if self.encoder:
            self.encoder = chosen.resolved("encoder", self.encoder, self.pipeline, ())
            chosen.build("encoder", self.encoder, self.pipeline)
        elif self.pipeline:
            self._searcher = Searcher(spec.load(Path(self.pipeline), self.overrides))
        elif self._made.needs_vectors:
            raise BadOption(f"reranker {self.reranker['use']!r} needs vectors").at(
                where="encoder", hint="give the encoder that made the nodes' vectors, or a pipeline"
            )
        return self

    @classmethod
    def class_name(cls) -> str:
        """As LlamaIndex stores it."""
        return "MillracePostprocessor"

    @property
    def _made(self) -> Reranker:
        made: Reranker = chosen.build("reranker", self.reranker, self.pipeline)
        return made

    @retry(retry=retry_if_exception_type(Moved), stop=stop_after_attempt(5), reraise=True)
    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise BadOption("a reranker needs the question").at(
                where="postprocess_nodes", hint="give query_str or query_bundle"
            )
        if not nodes:
            return []
        query = Query(text=query_bundle.query_str)
        ordered = _ordered(nodes)
        hits = [_hit(each.node, float(each.score or 0.0), at) for at, each in enumerate(ordered)]
        with self._source() as source:
            made = self._reranked(query, ordered, hits, source)
        paced.tell(made, _log)
        by_id = {each.node.node_id: each.node for each in ordered}
        return [_scored(by_id[hit.chunk.id], hit) for hit in made.hits[0][: self.top_n]]

    def _reranked(
        self, query: Query, nodes: Sequence[NodeWithScore], hits: list[Hit], source: _Source | None
    ) -> Reranked:
        reranker = self._ready(source)
        ranked, vectors, start = Ranked([hits]), [], time.perf_counter()
        if source is not None and reranker.needs_vectors:
            read = [each.node for each in nodes[: reranker.depth]]
            question, rows = self._vectors(query.text, read, source)
            ranked, vectors = Ranked([hits], question), [rows]
        if source is not None and getattr(reranker, "needs_states", False):
            reranker, ranked = _with_states(reranker, ranked, source)
        return paced.rerank(reranker, [query], ranked, vectors, time.perf_counter() - start)

    @contextmanager
    def _source(self) -> Iterator[_Source | None]:
        """Where vectors are from, as far as a reranker wants to know it. Raises NothingLive."""
        if self._searcher is None:
            yield _Source(self._given) if self.encoder else None
        elif "encoder" in registry.parts_of(type(self._made)) or self._made.needs_vectors:
            with self._searcher.opened() as at:
                yield _Source(at.serving.encoder, at)
        else:
            yield None

    def _ready(self, source: _Source | None) -> Reranker:
        if source is None:
            return self._made
        ready: Reranker = chosen.build(
            "reranker", self.reranker, self.pipeline, encoder=source.encoder
        )
        return ready

    @property
    def _given(self) -> Encoder:
        encoder: Encoder = chosen.build("encoder", self.encoder, self.pipeline)
        return encoder

    def _vectors(
        self, question: str, nodes: Sequence[BaseNode], source: _Source
    ) -> tuple[Matrix, Matrix]:
        """Of the question, (1, width), and of the nodes, (nodes, width)."""
        held = {node.node_id: node.embedding for node in nodes if node.embedding is not None}
        stored = source.stored([node.node_id for node in nodes if node.node_id not in held])
        asked = encoding.of_questions(source.encoder, [question])
        bare = [node for node in nodes if node.node_id not in held and node.node_id not in stored]
        texts = [node.get_content(MetadataMode.NONE) for node in bare]
        made: list[Matrix] = list(encoding.of_texts(source.encoder, texts)) if texts else []
        _check_widths(held, asked.shape[1])
        found: dict[str, Any] = {**held, **stored}
        found |= {node.node_id: row for node, row in zip(bare, made, strict=True)}
        rows = np.array([found[node.node_id] for node in nodes], dtype=np.float32)
        return asked, unit(rows)


@dataclass(frozen=True)
class _Source:
    """The encoder of nodes' vectors, and the index that has them, if any does."""

    encoder: Encoder
    opened: Opened | None = None

    def stored(self, ids: Sequence[str]) -> dict[str, Matrix]:
        """Vectors of those ids that are the index' own: of all, or of none. Raises Moved, Busy."""
        if self.opened is None or not ids:
            return {}
        with self.opened.reading() as reader:
            try:
                return dict(zip(ids, reader.vectors(ids), strict=True))
            except Missing as error:
                # Found before the last refresh, or by another retriever.
                _log.warning("nodes are encoded from their text alone: %s", error)
                return {}

    def states(self, hits: Sequence[Hit]) -> list[States]:
        """Those of the hits' tokens. Raises Missing where one has none; Moved, Busy."""
        if self.opened is None:
            raise Missing("no index keeps states of the nodes' tokens")
        with self.opened.reading() as reader:
            return fetched(reader, hits)


def _with_states(reranker: Any, ranked: Ranked, source: _Source) -> tuple[Reranker, Ranked]:
    """The reranker with what it needs; where nodes are from elsewhere, one that reads them.

    Raises Missing where it must not.
    """
    (hits,) = ranked.hits
    try:
        return reranker, replace(ranked, states=[source.states(hits[: reranker.depth])])
    except Missing as error:
        if reranker.states == "stored":
            raise
        _log.warning("nodes are read again: %s", error)
        return replace(reranker, states="read"), ranked


def _ordered(nodes: Sequence[NodeWithScore]) -> list[NodeWithScore]:
    """Best first; as they come where one has no score."""
    if any(each.score is None for each in nodes):
        return [
            NodeWithScore(node=each.node, score=-float(place)) for place, each in enumerate(nodes)
        ]
    return sorted(nodes, key=lambda each: -float(each.score or 0.0))


def _hit(node: BaseNode, score: float, place: int) -> Hit:
    text = node.get_content(MetadataMode.NONE)
    start = getattr(node, "start_char_idx", None) or 0
    metadata = documents.flat(node.metadata)
    chunk = Chunk(
        id=node.node_id,
        document_id=_ours(metadata, "document_id") or node.ref_doc_id or node.node_id,
        version="",
        ordinal=place,
        span=Span(start, start + len(text)),
        text=text,
        title=_ours(metadata, "title"),
        section=_ours(metadata, "section"),
        metadata=metadata,
    )
    return Hit(chunk=chunk, score=score, chunk_ids=_chunk_ids(node))


def _chunk_ids(node: BaseNode) -> tuple[str, ...]:
    """Those that a passage is made of; a field of the document's own may be called so."""
    told = node.metadata.get(in_full(CHUNK_IDS), node.metadata.get(CHUNK_IDS))
    return tuple(told) if isinstance(told, list) and node.node_id in told else (node.node_id,)


def _ours(metadata: Metadata, name: str) -> str:
    """As `MillraceRetriever` names it; in nodes of others there is the name alone."""
    return str(metadata.get(full_name(name), metadata.get(name, "")))


def _scored(node: BaseNode, hit: Hit) -> NodeWithScore:
    if hit.first_score is not None:
        hidden = node.excluded_llm_metadata_keys
        taken = FIRST_SCORE in node.metadata and FIRST_SCORE not in hidden
        name = in_full(FIRST_SCORE) if taken else FIRST_SCORE
        node.metadata[name] = hit.first_score
        for each in (hidden, node.excluded_embed_metadata_keys):
            if name not in each:
                each.append(name)
    return NodeWithScore(node=node, score=hit.score)


def _check_widths(held: dict[str, list[float]], width: int) -> None:
    for id, vector in held.items():
        if len(vector) != width:
            raise BadOption(
                f"node {id} has a vector of {len(vector)} numbers, the question's has {width}"
            ).at(where="encoder", hint="give the encoder that made the nodes' vectors")
