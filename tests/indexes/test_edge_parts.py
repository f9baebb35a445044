"""A shard that is sealed in parts, as it grows: it answers as if it were one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from components.indexes.edge import shards
from components.indexes.edge.index import EdgeCorpus, EdgeIndex
from components.indexes.manifest import Generation
from components.values import Chunk, Hit, Matrix, SparseVector
from tests.contracts.index import chunks_of, entry, finish, sparse, wanted

PART_BYTES = 10 * 2**20
"""The least for which the engine builds a graph."""
WIDTH = 2048
COUNT = 600
DOCUMENTS = ["a", "b", "c", "d", "e", "f"]
"""Two parts, and some more."""
K = 10


def rows_of(document_id: str) -> Matrix:
    """Unit vectors around eight directions, the same ones in every document."""
    centres = np.random.default_rng(0).standard_normal((8, WIDTH), dtype=np.float32)
    random = np.random.default_rng(ord(document_id))
    rows = centres[np.arange(COUNT) % 8] + random.standard_normal((COUNT, WIDTH), dtype=np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def filled(corpus: EdgeCorpus, width: int) -> Generation:
    """The documents with the first components of their vectors; one changes, one goes."""
    draft = corpus.draft(replace(wanted(), width=width), None)
    with corpus.write(draft) as writer:
        for name in DOCUMENTS:
            chunks = chunks_of(name, count=COUNT)
            writer.put(chunks, rows_of(name)[:, :width], sparse(chunks))
            writer.commit([entry(name, chunks=COUNT)])
        newer = chunks_of("a", "v2", 3)
        writer.put(newer, rows_of("a")[:3, :width], sparse(newer))
        writer.commit([entry("a", "v2")], ["a"])
        writer.forget(["b"])
    return finish(corpus, draft)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> tuple[EdgeCorpus, EdgeCorpus]:
    """Of wide vectors, in parts, and of narrow ones, in one."""
    index = EdgeIndex(path=tmp_path_factory.mktemp("parts"))
    return index.corpus("wide"), index.corpus("narrow")


@pytest.fixture(scope="module")
def generations(
    corpora: tuple[EdgeCorpus, EdgeCorpus],
) -> Iterator[tuple[Generation, Generation]]:
    wide, narrow = corpora
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "PART_BYTES", PART_BYTES)
        yield filled(wide, WIDTH), filled(narrow, 8)


def test_there_are_parts(
    corpora: tuple[EdgeCorpus, EdgeCorpus], generations: tuple[Generation, Generation]
) -> None:
    segments = [
        len(list((corpus.folder / generation.name / "shard" / "segments").iterdir()))
        for corpus, generation in zip(corpora, generations, strict=True)
    ]
    assert segments[0] > segments[1]


def test_nearest_are_nearest_of_all(
    corpora: tuple[EdgeCorpus, EdgeCorpus], generations: tuple[Generation, Generation]
) -> None:
    kept = DOCUMENTS[2:]
    everything = np.concatenate([rows_of(name) for name in kept] + [rows_of("a")[:3]])
    ids = [chunk.id for name in kept for chunk in chunks_of(name, count=COUNT)]
    ids += [chunk.id for chunk in chunks_of("a", "v2", 3)]
    queries = everything[:: len(everything) // 20]
    with corpora[0].read(generations[0]) as reader:
        found = reader.nearest(queries, K, [{}] * len(queries))
        assert np.allclose(reader.vectors(ids[:2]), everything[:2], atol=1e-6)
    exact = [{ids[at] for at in np.argsort(-scores)[:K]} for scores in queries @ everything.T]
    recall = [len(own & names(hits)) / K for own, hits in zip(exact, found, strict=True)]
    assert np.mean(recall) > 0.95


def names(hits: Sequence[Hit]) -> set[str]:
    return {hit.chunk.id for hit in hits}


def test_terms_weigh_what_they_weigh_in_the_whole(
    corpora: tuple[EdgeCorpus, EdgeCorpus], generations: tuple[Generation, Generation]
) -> None:
    queries = [
        SparseVector(np.array([1, 100 + ordinal]), np.array([1.0, 1.0], np.float32))
        for ordinal in (0, 2, 3, 500)
    ]
    answers: list[list[list[tuple[Chunk, float]]]] = []
    for corpus, generation in zip(corpora, generations, strict=True):
        with corpus.read(generation) as reader:
            found = reader.nearest_sparse(queries, K, [{}] * len(queries))
        answers.append([[(hit.chunk, round(hit.score, 4)) for hit in hits] for hits in found])
    assert answers[0] == answers[1]


def test_the_manifest_and_the_counts_are_whole(
    corpora: tuple[EdgeCorpus, EdgeCorpus], generations: tuple[Generation, Generation]
) -> None:
    with corpora[0].read(generations[0]) as reader:
        held = {name: found.chunks for name, found in reader.entries().items()}
        assert held == {"a": 3, **dict.fromkeys(DOCUMENTS[2:], COUNT)}
        assert {name: reader.count_chunks(name) for name in held} == held
        assert reader.count_chunks("b") == 0
