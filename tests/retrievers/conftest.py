"""A small corpus in the embedded index, as a refresh would have written it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from components.corpus.encode import pages_of
from components.encoders.bm25 import Bm25
from components.encoders.hashing import Hashing
from components.indexes.contract import GenerationReader
from components.indexes.edge.index import EdgeIndex
from components.indexes.manifest import Entry, Generation
from components.indexes.payload import chunk_id
from components.splitters.sentence import Sentence
from components.values import Chunk, Document, Matrix, Query, Span, Whole
from tests.contracts.index import finish
from tests.corpora import prose

ENCODER = Hashing(width=128)
SPARSE = Bm25()
AVERAGE = 9.0
TWINS = "Both twins say this. Then they part."
BIRDS = "A heron fishes. An owl hunts mice. The kingfisher dives. A wren sings. Swallows fly south."


def paged(seed: int) -> Document:
    """Three pages of four sentences; the third page begins in the middle of a sentence."""
    text = prose(seed)
    ends = [at + 1 for at, letter in enumerate(text) if letter == "."]
    return Document(
        id=f"mill-{seed}",
        text=text,
        title=f"Mill {seed}",
        metadata={"source": "guide" if seed % 2 else "web", "tags": ["water", f"n{seed}"]},
        page_starts=(0, ends[3] + 1, ends[7] + 9),
    )


DOCUMENTS: Mapping[str, Document] = {
    each.id: each
    for each in (
        *(paged(seed) for seed in range(4)),
        Document(id="twin-1", text=TWINS, metadata={"source": "web"}),
        Document(id="twin-2", text=TWINS, metadata={"source": "web"}),
        Document(id="birds", text=BIRDS, metadata={"source": "guide"}),
        Document(id="gapped", text="Salmon leap. [figure] Trout rest.\n\nEels wander. Pike wait."),
    )
}


def spans_of(document: Document) -> list[Span]:
    """A span per sentence; in the document called gapped, one piece of text is in no span."""
    if document.id == "gapped":
        return [Span(0, 13), Span(22, 35), Span(35, 48), Span(48, 58)]
    return Sentence(across_pages=True).split(document, ENCODER.tokenizer)


def chunks_of(document: Document) -> list[Chunk]:
    return [
        Chunk(
            id=chunk_id(document.id, f"hash of {document.id}", span),
            document_id=document.id,
            version=f"hash of {document.id}",
            ordinal=ordinal,
            span=span,
            text=document.text[span.start : span.end],
            title=document.title,
            page=pages_of(document, span)[0],
            last_page=pages_of(document, span)[1],
            metadata=document.metadata,
        )
        for ordinal, span in enumerate(spans_of(document))
    ]


def whole_of(document: Document, vectors: Matrix) -> Whole:
    total = vectors.sum(axis=0)
    (terms,) = SPARSE.encode_documents([document.text], 5 * AVERAGE)
    return Whole(dense=total / np.linalg.norm(total), sparse=terms)


@dataclass(frozen=True)
class Library:
    """An opened generation and what it was made of."""

    reader: GenerationReader
    chunks: Mapping[str, Sequence[Chunk]]
    """By document id, in order."""

    def document(self, chunk: Chunk) -> Document:
        return DOCUMENTS[chunk.document_id]

    @property
    def queries(self) -> list[Query]:
        """All find something, by vector and by word; some have filters, of every kind."""
        return [
            Query(id="1", text=self.chunks["mill-2"][5].text),
            Query(id="2", text="both twins say this"),
            Query(id="3", text="river mill wheel", filter={"source": ["guide"]}),
            Query(id="4", text="grain and flour", filter={"document_id": ["mill-0", "mill-3"]}),
            Query(id="5", text="water turbine", filter={"page": [1]}),
            Query(id="6", text="the miller's stone", filter={"tags": ["n1", "n2"], "page": [0, 2]}),
            Query(id="7", text="the kingfisher and the trout"),
            Query(id="8", text="sluice", filter={"title": ["Mill 1"]}),
        ]

    def ids(self, document_id: str, *ordinals: int) -> tuple[str, ...]:
        return tuple(self.chunks[document_id][ordinal].id for ordinal in ordinals)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder: Path = tmp_path_factory.mktemp("library")
    corpus = EdgeIndex(path=folder, filterable=("source",)).corpus("t")
    wanted = Generation(
        number=0,
        fingerprint="0" * 16,
        stages={},
        width=ENCODER.width,
        average_length=AVERAGE,
        document_length=5 * AVERAGE,
        whole=True,
    )
    chunks = {document.id: chunks_of(document) for document in DOCUMENTS.values()}
    with corpus.lock():
        draft = corpus.draft(wanted, None)
        with corpus.write(draft) as writer:
            for document in DOCUMENTS.values():
                own = chunks[document.id]
                (block,) = ENCODER.encode_documents([document], [[each.span for each in own]])
                sparse = SPARSE.encode_documents([each.text for each in own], AVERAGE)
                writer.put(own, block.vectors, sparse, whole=whole_of(document, block.vectors))
            writer.commit(
                [
                    Entry(
                        document_id=name,
                        version="1",
                        content_hash=own[0].version,
                        chunks=len(own),
                    )
                    for name, own in chunks.items()
                ]
            )
        generation = finish(corpus, draft)
        corpus.publish(generation, "test")
    with corpus.read(generation) as reader:
        yield Library(reader, chunks)


@pytest.fixture
def queries(library: Library) -> list[Query]:
    return library.queries
