"""Quantised vectors: found through fewer bits, scored in full, and a matter of each generation."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qdrant_client import QdrantClient

from components.errors import BadOption
from components.indexes.contract import CorpusIndex
from components.indexes.edge.index import EdgeIndex
from components.indexes.manifest import Generation, Totals
from components.indexes.qdrant.control import Control, Record
from components.indexes.qdrant.index import QdrantIndex
from components.indexes.qdrant.server import connect
from components.registry import names
from components.values import Hit, Matrix
from tests.contracts.index import chunks_of, entry, finish, sparse, wanted
from tests.corpora import Corpus

COUNT, WIDTH, COPIES = 2560, 1024, 60
"""Just enough for the engine to quantise: 10 MB."""
QUERIES = 50
K = 10
KINDS = ["int8", "binary"]
FOUND = {"int8": 0.99, "binary": 0.95}


def clustered(count: int, width: int) -> Matrix:
    """Unit vectors around 50 centres, the last `COPIES` of them equal."""
    random = np.random.default_rng(7)
    centres = random.standard_normal((50, width))
    rows = centres[random.integers(50, size=count)] + random.standard_normal((count, width))
    rows[-COPIES:] = rows[-1]
    return unit(rows)


def unit(rows: Any) -> Matrix:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def filled(corpus: CorpusIndex, rows: Matrix) -> Generation:
    """A published generation of one document, a chunk per row."""
    chunks = chunks_of("a", count=len(rows))
    with corpus.lock():
        draft = corpus.draft(replace(wanted(), width=rows.shape[1]), None)
        with corpus.write(draft) as writer:
            writer.put(chunks, rows, sparse(chunks))
            writer.commit([entry("a", chunks=len(chunks))])
        generation = finish(corpus, draft)
        corpus.publish(generation, "r")
    return generation


@dataclass(frozen=True)
class Made:
    """A large generation of each kind, and what an exact search finds in it."""

    folder: Path
    rows: Matrix
    queries: Matrix
    exact: Any
    """Cosines (queries, chunks)."""

    def index(self, kind: str, **options: Any) -> EdgeIndex:
        return EdgeIndex(path=self.folder, quantization=kind, **options)  # type: ignore[arg-type]

    def ask(self, kind: str, queries: Matrix, **options: Any) -> list[list[Hit]]:
        """Questions to the generation of a kind, under an index' options."""
        corpus = self.index(kind, **options).corpus(kind)
        release = corpus.live()
        assert release is not None
        with corpus.read(release.generation) as reader:
            return reader.nearest(queries, K, [{}] * len(queries))

    def found(self, hits: list[list[Hit]]) -> float:
        """Share of the exact best that is among the hits."""
        best = np.argsort(-self.exact, axis=1)[:, :K]
        pairs = zip(best, hits, strict=True)
        return sum(len({*row} & {h.chunk.ordinal for h in each}) for row, each in pairs) / best.size

    def off(self, hits: list[list[Hit]]) -> float:
        """Largest difference of a score from the exact cosine."""
        return max(
            abs(hit.score - float(cosines[hit.chunk.ordinal]))
            for cosines, each in zip(self.exact, hits, strict=True)
            for hit in each
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    rows = clustered(COUNT, WIDTH)
    random = np.random.default_rng(8)
    noise = random.standard_normal((QUERIES, WIDTH)) / WIDTH**0.5
    chosen = random.choice(COUNT - COPIES, QUERIES, replace=False)
    queries = unit(rows[chosen] + noise)
    exact = queries.astype(np.float64) @ rows.astype(np.float64).T
    result = Made(tmp_path_factory.mktemp("quantised"), rows, queries, exact)
    for kind in KINDS:
        filled(result.index(kind).corpus(kind), rows)
    return result


@pytest.mark.parametrize("kind", KINDS)
def test_rescored_hits_are_those_of_an_exact_search(made: Made, kind: str) -> None:
    hits = made.ask(kind, made.queries)
    assert made.found(hits) >= FOUND[kind]
    assert made.off(hits) < 1e-5


@pytest.mark.parametrize(("kind", "least"), [("int8", 1e-4), ("binary", 1.0)])
def test_without_rescoring_scores_are_those_of_the_small_vectors(
    made: Made, kind: str, least: float
) -> None:
    hits = made.ask(kind, made.queries, rescore=False)
    assert made.off(hits) > least
    assert made.found(hits) < made.found(made.ask(kind, made.queries))


def test_more_candidates_find_more(made: Made) -> None:
    few = made.found(made.ask("binary", made.queries, oversampling=1.0))
    assert few < made.found(made.ask("binary", made.queries, oversampling=4.0)) - 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_equals_come_in_order_of_id(made: Made, kind: str) -> None:
    copies = sorted(chunk.id for chunk in chunks_of("a", count=COUNT)[-COPIES:])
    (hits,) = made.ask(kind, made.rows[-1:])
    assert [hit.chunk.id for hit in hits] == copies[:K]


@pytest.mark.parametrize("kind", KINDS)
def test_the_full_vectors_come_back(made: Made, kind: str) -> None:
    corpus = made.index(kind).corpus(kind)
    release = corpus.live()
    assert release is not None
    ids = [chunk.id for chunk in chunks_of("a", count=COUNT)]
    with corpus.read(release.generation) as reader:
        assert np.abs(reader.vectors(ids) - made.rows).max() < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_a_generation_is_searched_as_it_was_made_whatever_the_file_says_now(
    made: Made, kind: str
) -> None:
    corpus = made.index("none").corpus(kind)
    release = corpus.live()
    assert release is not None
    assert release.generation.quantization == kind
    with corpus.read(release.generation) as reader:
        hits = reader.nearest(made.queries, K, [{}] * QUERIES)
    assert hits == made.ask(kind, made.queries)


def test_a_generation_from_before_there_was_a_choice_still_opens(tmp_path: Path) -> None:
    rows = clustered(200, 64)
    generation = filled(EdgeIndex(path=tmp_path).corpus("old"), rows)
    file = tmp_path / "old" / generation.name / "generation.json"
    facts = json.loads(file.read_text())
    assert facts.pop("quantization") == "none"
    file.write_text(json.dumps(facts))
    corpus = EdgeIndex(path=tmp_path, quantization="int8").corpus("old")
    release = corpus.live()
    assert release is not None
    assert release.generation == generation
    with corpus.read(generation) as reader:
        (hits,) = reader.nearest(rows[:1], 1, [{}])
    assert hits[0].chunk.ordinal == 0


@pytest.mark.parametrize("kind", KINDS)
def test_few_vectors_are_searched_exactly(tmp_path: Path, kind: str) -> None:
    rows = clustered(300, 64)
    index = EdgeIndex(path=tmp_path, quantization=kind, rescore=False)  # type: ignore[arg-type]
    corpus = index.corpus("few")
    queries = rows[:20]
    with corpus.read(filled(corpus, rows)) as reader:
        hits = reader.nearest(queries, K, [{}] * 20)
    exact = queries @ rows.T
    for cosines, each in zip(exact, hits, strict=True):
        scores = [hit.score for hit in each]
        assert scores == pytest.approx(np.sort(cosines)[::-1][:K], abs=1e-5)
        assert scores == pytest.approx([cosines[hit.chunk.ordinal] for hit in each], abs=1e-5)


def test_another_quantisation_is_another_generation(corpus: Corpus, store: tuple[str, ...]) -> None:
    corpus.fill(5)
    changed = (*store, "index.quantization=int8")
    plain = corpus.refresh(store)
    dry = corpus.refresh(changed, dry_run=True)
    assert dry.added == 5
    quantised = corpus.refresh(changed)
    assert quantised.promoted
    assert quantised.fingerprint == plain.fingerprint
    assert quantised.generation != plain.generation
    assert quantised.totals == plain.totals
    again = corpus.refresh(changed)
    assert (again.added, again.unchanged, again.promoted) == (0, 5, False)
    release = corpus.job(changed).corpus.live()
    assert release is not None
    assert release.generation.quantization == "int8"
    # Back: nothing is encoded twice.
    (corpus.documents / "004.txt").unlink()
    back = corpus.refresh(store)
    assert (back.tokens, back.unchanged, back.deleted, back.promoted) == (0, 4, 1, True)
    release = corpus.job(changed).corpus.live()
    assert release is not None
    assert release.generation.quantization == "none"


@pytest.mark.parametrize("option", ["rescore=false", "oversampling=20"])
def test_how_it_is_searched_changes_nothing_stored(
    corpus: Corpus, store: tuple[str, ...], option: str
) -> None:
    corpus.fill(3)
    chosen = (*store, "index.quantization=binary")
    first = corpus.refresh(chosen)
    second = corpus.refresh((*chosen, f"index.{option}"))
    assert second.generation == first.generation
    assert (second.release, second.tokens) == (2, 0), "other answers are a release, all the same"


@pytest.mark.parametrize("use", sorted(names("index")))
@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("oversampling=0.5", "greater than or equal to 1"),
        ("oversampling=101", "less than or equal to 100"),
        ("oversampling=.nan", "finite number"),
        ("oversampling=many", "valid number"),
        ("quantization=int4", "'none', 'int8' or 'binary'"),
        ("rescore=perhaps", "boolean"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    corpus: Corpus, use: str, option: str, said: str
) -> None:
    with pytest.raises(BadOption, match=said) as caught:
        corpus.load([f"index.use={use}", f"index.{option}"])
    assert caught.value.where == f"index.{option.partition('=')[0]}"


def test_a_server_takes_the_questions(server: str) -> None:
    rows = clustered(200, 64)
    corpus = QdrantIndex(quantization="int8").corpus("own")
    generation = filled(corpus, rows)
    for totals in (generation.totals, Totals(chunks=10**6)):
        control = Control(connect(), "own")
        record = control.record(generation.name)
        assert record is not None
        control.save(Record(replace(generation, totals=totals), record.collection))
        with corpus.read(generation) as reader:
            (hits,) = reader.nearest(rows[:1], K, [{}])
            assert hits[0].chunk.ordinal == 0
            assert np.allclose(reader.vectors([hits[0].chunk.id]), rows[:1], atol=1e-6)


@pytest.mark.live
@pytest.mark.skipif(
    not os.environ.get("MILLRACE_QDRANT_URL"), reason="MILLRACE_QDRANT_URL names no server"
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_real_server_rescores(kind: str) -> None:
    check_rescored(kind)


def test_a_server_rescores(server: str) -> None:
    check_rescored("binary")  # of which scores without the vectors are counts of bits


def check_rescored(kind: str) -> None:
    name = f"test-{uuid.uuid4().hex[:8]}"
    rows = clustered(COUNT, WIDTH)
    try:
        corpus = QdrantIndex(quantization=kind).corpus(name)  # type: ignore[arg-type]
        with corpus.read(filled(corpus, rows)) as reader:
            found = reader.nearest(rows[:20], K, [{}] * 20)
        exact = rows[:20] @ rows.T
        for cosines, hits in zip(exact, found, strict=True):
            assert hits[0].score == pytest.approx(1.0, abs=1e-5)
            assert all(abs(h.score - cosines[h.chunk.ordinal]) < 1e-5 for h in hits)
    finally:
        connect().ask("cleaning up", lambda client: removed(client, name))


def removed(client: QdrantClient, prefix: str) -> None:
    for each in client.get_collections().collections:
        if each.name.startswith(prefix):
            client.delete_collection(each.name)
