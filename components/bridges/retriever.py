"""A Millrace corpus for LlamaIndex: its retriever, backed by the live index.

Importing this module imports LlamaIndex; nothing else of Millrace does.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Self

from components import spec
from components.bridges.foreign import needed
from components.corpus.search import Searcher
from components.fields import Fields, full_name
from components.rerankers import paced
from components.values import Chunk, Filter, Hit, Query

with needed("the retriever"):
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode


CHUNK_IDS = "chunk_ids"
"""The metadata field that holds the chunks of a passage that has several; shown to no model."""
_log = logging.getLogger(__name__)


class MillraceRetriever(BaseRetriever):
    """The k best hits of a pipeline, by the retriever and reranker of the release that is live; by
    the pipeline file's where `overrides` change it.

    Each question asks what is live then, so a refresh needs no new retriever. The index stays open
    between questions, see `Searcher`: close the retriever when it is not needed any more, or use it
    as a context manager. `keep_open`: False opens an embedded index for each question.
    """

    def __init__(
        self,
        pipeline: str | Path,
        k: int = 10,
        *,
        filter: Filter | None = None,
        overrides: Sequence[str] = (),
        keep_open: bool = True,
    ) -> None:
        """Reads the pipeline file, and nothing else. Raises UserError."""
        super().__init__()
        loaded = spec.load(Path(pipeline), overrides)
        self._searcher = Searcher(loaded, keep_open=keep_open, as_released=not overrides)
        self._k = k
        self._filter: Filter = filter or {}

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = Query(text=query_bundle.query_str, filter=self._filter)
        found = self._searcher.search([query], self._k)
        paced.tell(found.reranked, _log)
        for told in found.absent.values():
            _log.warning("%s; a filter by it finds nothing", told)
        fields = found.release.generation.totals.fields
        own = Fields.of(fields).own if fields is not None else None
        return [_node(hit, own) for hit in found.hits[0]]

    def close(self) -> None:
        """Let go of the index."""
        self._searcher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def in_full(name: str) -> str:
    """What Millrace says of a node, where its document has a field of that name."""
    return f"chunk.{name}"


def _node(hit: Hit, fields: Collection[str] | None) -> NodeWithScore:
    """`fields`: all that the documents have; None where nobody knows."""
    chunk = hit.chunk
    own = chunk.metadata if fields is None else fields
    ours = {_called(name, own): value for name, value in _ours(chunk, own).items()}
    chunk_ids = in_full(CHUNK_IDS) if CHUNK_IDS in own else CHUNK_IDS
    several = {chunk_ids: list(hit.chunk_ids)} if len(hit.chunk_ids) > 1 else {}
    node = TextNode(
        id_=chunk.id,
        text=chunk.text,
        metadata={**chunk.metadata, **ours, **several},
        start_char_idx=chunk.span.start,
        end_char_idx=chunk.span.end,
        excluded_llm_metadata_keys=list(several),
        excluded_embed_metadata_keys=list(several),
    )
    return NodeWithScore(node=node, score=hit.score)


def _ours(chunk: Chunk, own: Collection[str]) -> dict[str, Any]:
    """What Millrace has of a chunk, but for what its document says itself."""
    section = chunk.section if chunk.section or "section" in own else None
    held = {
        "document_id": chunk.document_id,
        "page": chunk.page,
        "section": section,
        "title": chunk.title,
    }
    said = chunk.metadata
    return {k: v for k, v in held.items() if v is not None and (k not in said or said[k] != v)}


def _called(name: str, own: Collection[str]) -> str:
    """In full where the documents have a field of that name."""
    return full_name(name) if name in own else name
