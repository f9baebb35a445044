"""Vectors of whole documents, from a refresh to a search."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.corpus import encode
from components.corpus.clock import Clock
from components.corpus.encode import Encoded, Piece, local
from components.corpus.plan import make_plan
from components.encoders.bm25 import Bm25
from components.encoders.hashing import Hashing
from components.indexes.contract import GenerationReader
from components.indexes.manifest import Generation
from components.indexes.points import points_of
from components.values import Block, Document, Filter, Matrix, Span, SparseVector
from tests.contracts.index import chunks_of, dense, sparse, whole_of
from tests.corpora import HASHING, Corpus, prose


class OneByOne(Hashing):
    """Gives every span's vector alone, and blocks without any before and behind."""

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        for block in super().encode_documents(documents, spans):
            end = block.first + len(block.vectors)
            yield Block(block.document, block.first, block.vectors[:0])
            for at in range(len(block.vectors)):
                yield Block(block.document, block.first + at, block.vectors[at : at + 1])
            yield Block(block.document, end, block.vectors[:0])


def terms(*texts: str) -> list[SparseVector]:
    return Bm25().encode_queries(texts)


def mean(reader: GenerationReader, document_id: str) -> Matrix:
    """Of a document's chunks, one row of unit length."""
    rows = reader.vectors([chunk.id for chunk in reader.chunks(document_id)])
    total = rows.sum(axis=0, dtype=np.float64)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)[None]


def live(corpus: Corpus) -> Generation:
    release = corpus.job().corpus.live()
    assert release is not None
    return release.generation


def encoded(corpus: Corpus, encoder: Any = None) -> list[Encoded]:
    """All that is listed, encoded for a new generation."""
    job = corpus.job()
    if encoder:
        vars(job)["encoder"] = encoder
    plan = make_plan(job.source, {}, job.encoder.fields)
    draft = Generation(
        number=1,
        fingerprint="f" * 16,
        stages={},
        width=64,
        average_length=9.0,
        document_length=70.0,
        whole=True,
    )
    return list(local(plan.changes, job, draft, Clock()))


def wholes(pieces: Sequence[Piece]) -> dict[str, tuple[Any, Any, Any]]:
    """By document, what is not an array as one."""
    found = [(piece.document.id, piece.whole) for piece in pieces if piece.whole]
    assert len(dict(found)) == len(found)
    return {
        name: (own.dense.tolist(), own.sparse.indices.tolist(), own.sparse.values.tolist())
        for name, own in found
    }


def test_a_document_is_found_by_its_mean_and_by_words_of_all_its_chunks(corpus: Corpus) -> None:
    corpus.fill(4)
    corpus.add("short.txt", "A single sentence about lighthouses.")
    corpus.refresh()
    with corpus.job().corpus.read(live(corpus)) as reader:
        for name, entry in reader.entries().items():
            (found,) = reader.nearest_documents(mean(reader, name), 1, [{}])
            assert [id for id, _ in found] == [name]
            assert found[0][1] == pytest.approx(1.0, abs=1e-5)
            assert entry.chunks > 1 or name == "short.txt"
        found, other, nowhere = reader.nearest_documents_sparse(
            terms("lighthouses", "turbine", "submarine"), 9, [{}] * 3
        )
        assert [name for name, _ in found] == ["short.txt"]
        assert [name for name, _ in other] != []
        assert nowhere == []


def test_a_rare_word_is_one_of_few_documents(corpus: Corpus) -> None:
    corpus.add(
        "often.txt", "\n\n".join(f"The otter of {n} swims far. {prose(n)}" for n in range(9))
    )
    corpus.add("once.txt", f"One heron. {prose(1)}")
    corpus.add("none.txt", prose(2))
    corpus.refresh()
    generation = live(corpus)
    with corpus.job().corpus.read(generation) as reader:
        (heron,), (otter,) = reader.nearest_documents_sparse(terms("heron", "otter"), 9, [{}, {}])
        texts = {
            name: "".join(c.text for c in reader.chunks(name)) for name in ("often.txt", "once.txt")
        }
    lengths = {name: Bm25().length(text) for name, text in texts.items()}
    assert generation.document_length > 2 * generation.average_length
    for (name, score), count in ((heron, 1), (otter, 9)):
        held = 1 - 0.75 + 0.75 * lengths[name] / generation.document_length
        expected = np.log(1 + (3 - 1 + 0.5) / (1 + 0.5)) * count * 2.2 / (count + 1.2 * held)
        assert score == pytest.approx(expected, rel=1e-3)


def test_without_words_documents_are_found_by_their_mean(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, {**HASHING, "sparse": {"use": "none"}})
    corpus.fill(3)
    corpus.refresh()
    with corpus.job().corpus.read(live(corpus)) as reader:
        (found,) = reader.nearest_documents(mean(reader, "001.txt"), 1, [{}])
        assert found[0][0] == "001.txt"
        assert reader.nearest_documents_sparse(terms("turbine"), 9, [{}]) == [[]]


def test_a_document_of_one_chunk_takes_no_point_more(corpus: Corpus) -> None:
    for number in range(5):
        corpus.add(f"{number}.txt", f"Sentence number {number}.")
    corpus.refresh()
    with corpus.job().corpus.read(live(corpus)) as reader:
        assert reader.count_chunks() == 5
        assert len(list(reader.points.scroll({}))) == 10  # type: ignore[attr-defined]


def test_a_change_a_new_title_and_a_deletion_reach_the_whole(corpus: Corpus) -> None:
    corpus.fill(4)
    corpus.add("page.md", f"---\nyear: 1901\n---\n# Page\n\n{prose(7)}")
    corpus.refresh()
    corpus.add("page.md", f"---\nyear: 1902\n---\n# Page\n\n{prose(7)}")
    corpus.add("000.txt", f"Everything about cormorants. {prose(9)}")
    (corpus.documents / "001.txt").unlink()
    corpus.refresh()
    with corpus.job().corpus.read(live(corpus)) as reader:
        queries = mean(reader, "page.md").repeat(3, axis=0)
        filters: list[Filter] = [{"year": [1901]}, {"year": [1902]}, {"document_id": ["001.txt"]}]
        found = reader.nearest_documents(queries, 9, filters)
        assert [[name for name, _ in each] for each in found] == [[], ["page.md"], []]
        (found,) = [reader.nearest_documents_sparse(terms("cormorants"), 9, [{}])]
        assert [name for name, _ in found[0]] == ["000.txt"]
        assert len(reader.nearest_documents(queries[:1], 99, [{}])[0]) == 4


def test_a_generation_of_before_is_searched_as_it_was(corpus: Corpus) -> None:
    corpus.fill(3, sentences=1)  # of one chunk each: no point that it had not before
    corpus.refresh()
    own = corpus.job().corpus
    folder = corpus.folder / "store" / "test"
    for file in (folder / live(corpus).name / "generation.json", folder / "live.json"):
        facts = json.loads(file.read_text())
        held = facts.get("facts", facts)
        assert held.pop("whole") is True
        assert held.pop("document_length") > 1
        file.write_text(json.dumps(facts))
    with own.read(live(corpus)) as reader:
        query = mean(reader, "000.txt")
        assert reader.nearest_documents(query, 3, [{}]) == [[]]
        assert reader.nearest_documents_sparse(terms("turbine"), 3, [{}]) == [[]]
        assert reader.nearest(query, 3, [{}])[0]


def test_it_makes_no_difference_in_which_blocks_vectors_come(corpus: Corpus) -> None:
    corpus.fill(3, sentences=40)
    together = [piece for each in encoded(corpus) for piece in each.pieces]
    apart = [piece for each in encoded(corpus, OneByOne(width=64)) for piece in each.pieces]
    assert len(apart) > len(together)
    assert wholes(apart) == wholes(together)
    assert wholes(apart).keys() == {"000.txt", "001.txt", "002.txt"}
    assert all(
        (piece.whole is None) == (piece.first + len(piece.spans) < len(others))
        for piece in apart
        for others in [[s for p in apart if p.document == piece.document for s in p.spans]]
    )


def test_vectors_of_whole_documents_survive_the_way_between_processes(corpus: Corpus) -> None:
    corpus.fill(3)
    here = [piece for each in encoded(corpus) for piece in each.pieces]
    assert wholes(pickle.loads(pickle.dumps(here))) == wholes(here)


def test_vectors_without_a_mean_have_no_direction(corpus: Corpus) -> None:
    class Opposite(Hashing):
        def encode_documents(
            self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
        ) -> Iterator[Block]:
            for block in super().encode_documents(documents, spans):
                block.vectors[:] = block.vectors[0] * np.resize([1, -1], (len(block.vectors), 1))
                yield block

    corpus.add("a.txt", "The mill turns slowly. " * 8)
    ((found,),) = [[p.whole for e in encoded(corpus, Opposite(width=64)) for p in e.pieces]]
    assert found is not None
    assert np.isfinite(found.dense).all()


def test_of_very_many_terms_the_heaviest_are_kept(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log or a table has more of them than a request to a server may be large."""
    monkeypatch.setattr(encode, "MOST_TERMS", 5)
    corpus.add("many.txt", "heron heron heron owl owl wren kingfisher swallow otter pike eel.")
    corpus.add("none.txt", "…")
    corpus.add("all.txt", "salmon trout eel pike otter")
    corpus.add("few.txt", "salmon trout salmon")
    found = wholes([piece for each in encoded(corpus) for piece in each.pieces])
    kept = {name: indices for name, (_, indices, _) in found.items()}
    (heavy, five, two) = terms("heron owl", "salmon trout eel pike otter", "salmon trout")
    assert len(kept["many.txt"]) == 5
    assert kept["many.txt"] == sorted(kept["many.txt"])
    assert set(heavy.indices.tolist()) < set(kept["many.txt"])
    assert set(kept["all.txt"]) == set(five.indices.tolist())
    assert set(kept["few.txt"]) == set(two.indices.tolist())


def test_a_store_that_keeps_none_need_not_take_them(corpus: Corpus) -> None:
    corpus.fill(2)
    taken = []

    class Plain:
        def put(self, chunks: Any, dense: Any, sparse: Any, states: Any = ()) -> None:
            taken.append(len(chunks))

    class Taking(Plain):
        def put(
            self, chunks: Any, dense: Any, sparse: Any, states: Any = (), whole: Any = None
        ) -> None:
            taken.append(whole.dense.shape)

    writers: Any = (Plain(), Taking())
    for writer in writers:
        for each in encoded(corpus):
            for piece in each.pieces:
                piece.put(writer)
    assert taken == [6, 6, (64,), (64,)]


def test_a_whole_comes_before_its_last_chunk_or_with_it() -> None:
    for count, kinds in ((3, ["chunk", "chunk", "whole", "chunk"]), (1, ["chunk"])):
        chunks = chunks_of("a", count=count)
        whole = whole_of(chunks, 201)
        points = list(points_of(chunks, dense(chunks), sparse(chunks), [None] * count, whole))
        assert [each.payload["kind"] for each in points] == kinds
        assert ["whole" in each.payload for each in points].count(True) == 1
        assert [each.terms for each in points if "document_sparse" in each.terms] != []
