"""A Millrace corpus for LlamaIndex: its retriever, backed by the live index.

Importing this module imports LlamaIndex; nothing else of Millrace does.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from components import spec
from components.corpus.search import Searcher
from components.errors import MissingExtra
from components.rerankers import paced
from components.values import Filter, Hit, Query

try:
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
except ModuleNotFoundError as error:
    raise MissingExtra("the retriever needs the package 'llama-index-core'").at(
        hint="install millrace[llama-index]"
    ) from error


CHUNK_IDS = "chunk_ids"
"""The metadata field that holds the chunks of a passage that has several; shown to no model."""
_log = logging.getLogger(__name__)


class MillraceRetriever(BaseRetriever):
    """The k best hits of a pipeline, by its own retriever and reranker.

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
        self._searcher = Searcher(spec.load(Path(pipeline), overrides), keep_open=keep_open)
        self._k = k
        self._filter: Filter = filter or {}

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = Query(text=query_bundle.query_str, filter=self._filter)
        found = self._searcher.search([query], self._k)
        paced.tell(found.reranked, _log)
        return [_node(hit) for hit in found.hits[0]]

    def close(self) -> None:
        """Let go of the index."""
        self._searcher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _node(hit: Hit) -> NodeWithScore:
    chunk = hit.chunk
    own: dict[str, Any] = {
        "document_id": chunk.document_id,
        "page": chunk.page,
        "section": chunk.section or None,
        "title": chunk.title,
        CHUNK_IDS: list(hit.chunk_ids) if len(hit.chunk_ids) > 1 else None,
    }
    node = TextNode(
        id_=chunk.id,
        text=chunk.text,
        metadata={**chunk.metadata, **{k: v for k, v in own.items() if v is not None}},
        start_char_idx=chunk.span.start,
        end_char_idx=chunk.span.end,
        excluded_llm_metadata_keys=[CHUNK_IDS],
        excluded_embed_metadata_keys=[CHUNK_IDS],
    )
    return NodeWithScore(node=node, score=hit.score)
