"""BM25 counts what a generation sees, in both stores, however often its documents were replaced."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from components.indexes.contract import CorpusIndex, GenerationReader
from components.indexes.edge.index import EdgeIndex
from components.indexes.manifest import Generation
from components.indexes.qdrant.index import QdrantIndex
from components.indexes.qdrant.server import connect
from components.values import SparseVector
from tests.contracts.index import chunks_of, dense, entry, finish, wanted

DOCUMENTS = 40
COMMON, RARE = 7, 1000


def terms(text: int, count: int = 3) -> list[SparseVector]:
    """Of a document's chunks: one term that all have, one of a tenth, one of their own."""
    own = [[COMMON, 100 + text % 10, RARE + 10 * text + n] for n in range(count)]
    return [SparseVector(np.array(each), np.array([0.5, 1.0, 1.5], np.float32)) for each in own]


class Nights:
    """The same documents in a store, of which one in twenty is another one every night."""

    def __init__(self, corpus: CorpusIndex) -> None:
        self.corpus = corpus
        self.live: Generation | None = None

    def refresh(self, night: int) -> None:
        changed = range(DOCUMENTS) if night == 0 else [2 * night, 2 * night + 1]
        with self.corpus.lock():
            draft = self.corpus.draft(wanted(), self.live)
            with self.corpus.write(draft) as writer:
                names, version = [f"d{each % DOCUMENTS}" for each in changed], f"v{night}"
                chunks = [chunk for name in names for chunk in chunks_of(name, version)]
                sparse = [each for number in changed for each in terms(number + 50 * night)]
                writer.put(chunks, dense(chunks), sparse)
                writer.commit([entry(name, version) for name in names], names if night else [])
            self.live = finish(self.corpus, draft)
            self.corpus.publish(self.live, "r")


def asked(reader: GenerationReader, night: int) -> list[list[tuple[str, float]]]:
    """Hits of questions for common and rarer terms."""
    queries = [
        SparseVector(np.array(each), np.ones(len(each), np.float32))
        for each in ([COMMON], [103], [COMMON, 105], [RARE + 10 * (2 * night + 50 * night)])
    ]
    found = reader.nearest_sparse(queries, 200, [{}, {}, {"page": [0]}, {}])
    return [[(hit.chunk.id, hit.score) for hit in hits] for hits in found]


@pytest.mark.parametrize("nights", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_both_stores_score_alike_after_many_refreshes(
    tmp_path: Path, server: str, nights: int
) -> None:
    stores = [
        Nights(EdgeIndex(path=tmp_path).corpus("own")),
        Nights(QdrantIndex().corpus("own")),
    ]
    for night in range(nights + 1):
        for each in stores:
            each.refresh(night)
    with ExitStack() as opened:
        found = []
        for each in stores:
            assert each.live is not None
            reader = opened.enter_context(each.corpus.read(each.live))
            found.append(asked(reader, nights))
    for embedded, served in zip(*found, strict=True):
        assert embedded
        scores = dict(embedded)
        assert dict(served).keys() == scores.keys()
        for identifier, score in served:
            assert score == pytest.approx(scores[identifier], rel=0, abs=1e-5)


def test_a_filter_does_not_change_what_a_term_is_worth(server: str) -> None:
    nights = Nights(QdrantIndex().corpus("own"))
    nights.refresh(0)
    assert nights.live is not None
    query = SparseVector(np.array([103]), np.ones(1, np.float32))
    with nights.corpus.read(nights.live) as reader:
        every, some = reader.nearest_sparse([query] * 2, 50, [{}, {"document_id": ["d3"]}])
    assert {hit.score for hit in some} <= {hit.score for hit in every}


def test_a_collection_is_vacuumed_as_the_embedded_index_is(server: str) -> None:
    client, made = connect().client, []
    real = client.create_collection

    def noted(name: str, **layout: object) -> object:
        made.append(layout.get("optimizers_config"))
        return real(name, **layout)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "create_collection", noted)
        QdrantIndex().corpus("own").draft(wanted(), None)
    settings = made[-1]
    assert settings.deleted_threshold == 0.05  # type: ignore[attr-defined]
    assert settings.vacuum_min_vector_number == 100  # type: ignore[attr-defined]
