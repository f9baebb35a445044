"""What every index must do. Inherit, give an `index` fixture, get the suite."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.errors import BadDocument, BadOption, BadVectors, Busy, Damaged, Missing, Moved
from components.indexes.contract import CorpusIndex, GenerationReader, Index, Mendable, Writer
from components.indexes.manifest import Entry, Generation, Totals, total
from components.indexes.payload import chunk_id
from components.registry import Choice
from components.values import Chunk, Filter, Matrix, Scalar, Span, SparseVector, States, Whole

WIDTH = 8
STAGES = {"encoder": Choice("hashing", {"width": WIDTH})}


def wanted(fingerprint: str = "f" * 16, *, whole: bool = False) -> Generation:
    return Generation(
        number=0,
        fingerprint=fingerprint,
        stages=STAGES,
        width=WIDTH,
        average_length=4.0,
        whole=whole,
    )


def chunks_of(document_id: str, version: str = "v1", count: int = 3) -> list[Chunk]:
    return [
        Chunk(
            id=chunk_id(document_id, version, Span(10 * n, 10 * n + 10)),
            document_id=document_id,
            version=version,
            ordinal=n,
            span=Span(10 * n, 10 * n + 10),
            text=f"text {n:05}",
            title=f"Title of {document_id}",
            page=n // 2,
            last_page=n // 2,
            metadata={"year": 2000 + n, "kind": "report", "tags": ["a", "b"], "draft": n == 0},
        )
        for n in range(count)
    ]


def dense(chunks: Sequence[Chunk]) -> Matrix:
    """One direction per ordinal."""
    rows = np.eye(WIDTH, dtype=np.float32)[[chunk.ordinal % WIDTH for chunk in chunks]]
    return np.asarray(rows)


def sparse(chunks: Sequence[Chunk]) -> list[SparseVector]:
    return [
        SparseVector(np.array([1, 100 + chunk.ordinal]), np.array([0.5, 1.0], np.float32))
        for chunk in chunks
    ]


COMMON = 1


def whole_of(chunks: Sequence[Chunk], *terms: int, towards: int | None = None) -> Whole:
    """Of a document with these chunks: their mean, or another direction."""
    mean = dense(chunks).sum(axis=0) if towards is None else np.eye(WIDTH)[towards]
    indices = np.array(sorted({COMMON, *terms}))
    row = np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)
    return Whole(row, SparseVector(indices, np.ones(len(indices), np.float32)))


def put_whole(
    writer: Writer,
    document_id: str,
    *terms: int,
    version: str = "v1",
    count: int = 3,
    towards: int | None = None,
    replaced: Sequence[str] = (),
) -> None:
    """A document with vectors of the whole."""
    chunks = chunks_of(document_id, version, count)
    whole = whole_of(chunks, *terms, towards=towards)
    writer.put(chunks, dense(chunks), sparse(chunks), whole=whole)
    writer.commit([entry(document_id, version, count)], replaced)


def asked(*terms: int) -> SparseVector:
    return SparseVector(np.array(terms), np.ones(len(terms), np.float32))


def alike(
    reader: GenerationReader, towards: int, k: int = 10, wanted_filter: Filter | None = None
) -> list[tuple[str, float]]:
    """Whole documents nearest to a direction."""
    query = np.eye(WIDTH, dtype=np.float32)[[towards]]
    (found,) = reader.nearest_documents(query, k, [wanted_filter or {}])
    return found


def told(
    reader: GenerationReader, *terms: int, k: int = 10, wanted_filter: Filter | None = None
) -> list[tuple[str, float]]:
    """Whole documents with these terms."""
    (found,) = reader.nearest_documents_sparse([asked(*terms)], k, [wanted_filter or {}])
    return found


def entry(document_id: str, version: str = "v1", chunks: int = 3) -> Entry:
    return Entry(
        document_id=document_id,
        version="1",
        bytes_hash="b",
        content_hash=version,
        metadata_hash="m",
        chunks=chunks,
        tokens=10 * chunks,
        pages=2,
        run_id="r",
        recorded_at="2026-01-01T00:00:00+00:00",
    )


def store(
    writer: Writer,
    document_id: str,
    version: str = "v1",
    count: int = 3,
    replaced: Sequence[str] = (),
) -> None:
    chunks = chunks_of(document_id, version, count)
    writer.put(chunks, dense(chunks), sparse(chunks))
    writer.commit([entry(document_id, version, count)], replaced)


def finish(corpus: CorpusIndex, draft: Generation) -> Generation:
    with corpus.read(draft) as reader:
        totals = total(reader.entries())
    return corpus.finish(draft, totals)


def names(reader: GenerationReader) -> set[str]:
    return set(reader.entries())


class IndexContract:
    """The suite."""

    @pytest.fixture
    def corpus(self, index: Index) -> CorpusIndex:
        return index.corpus("contract")

    @pytest.fixture
    def live(self, corpus: CorpusIndex) -> Generation:
        """Documents a, b and c, published."""
        with corpus.lock():
            draft = corpus.draft(wanted(), None)
            with corpus.write(draft) as writer:
                for name in "abc":
                    store(writer, name)
            generation = finish(corpus, draft)
            corpus.publish(generation, "r")
        return generation

    def test_an_unused_corpus_is_empty(self, corpus: CorpusIndex) -> None:
        assert corpus.live() is None
        assert corpus.finished("f" * 16) is None
        assert corpus.unfinished("f" * 16, None) is None
        assert corpus.owner() is None

    def test_a_published_generation_is_live_and_knows_its_totals(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        release = corpus.live()
        assert release is not None
        assert release.generation == live
        assert release.run_id == "r"
        assert live.totals.documents == 3
        assert live.totals.chunks == 9

    def test_a_refresh_that_had_nothing_to_publish_is_written_down(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        before = corpus.live()
        assert before is not None
        assert before.refreshed == before.since
        with corpus.lock():
            corpus.confirm()
        after = corpus.live()
        assert after is not None
        assert replace(after, refreshed="") == replace(before, refreshed="")
        assert after.refreshed >= before.refreshed

    def test_chunks_and_entries_come_back_as_they_were(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        with corpus.read(live) as reader:
            assert reader.chunks("b") == chunks_of("b")
            several = reader.chunks("c", "a", "nowhere")
            for id in ("a", "c"):
                assert [each for each in several if each.document_id == id] == chunks_of(id)
            assert len(several) == 6
            assert reader.chunks() == []
            assert reader.entries()["b"] == entry("b")
            assert reader.count_chunks() == 9
            assert reader.count_chunks("b") == 3
            assert total(reader.entries()) == live.totals

    def test_every_point_with_vectors_is_scanned(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        with corpus.lock():
            draft = corpus.draft(wanted("e" * 16, whole=True), None)
            with corpus.write(draft) as writer:
                put_whole(writer, "a")
                put_whole(writer, "b", count=1)
                assert len(list(writer.scan())) == 5
            whole = finish(corpus, draft)
        for generation, documents in ((live, "abc"), (whole, "ab")):
            with corpus.read(generation) as reader:
                found = list(reader.scan())
                chunks = [each for each in found if each.ordinal is not None]
                rows = np.stack([each.dense for each in chunks if each.dense is not None])
                stored = {each.id: each for each in reader.chunks(*documents)}
                assert np.array_equal(rows, reader.vectors([each.id for each in chunks]))
            assert len(chunks) == len(stored)
            for each in chunks:
                own = stored[each.id]
                assert (each.document_id, each.ordinal) == (own.document_id, own.ordinal)
                assert (each.version, each.termed) == ("v1", True)
        wholes = [(each.document_id, each.ordinal) for each in found if each.whole]
        assert set(wholes) == {("a", None), ("b", 0)}

    def test_what_lacks_some_can_be_looked_into_and_mended(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        if not isinstance(corpus, Mendable):
            pytest.skip("it cannot be mended")
        with corpus.lock():
            draft = corpus.mend(replace(live, totals=Totals()), live)
            assert draft.base == live.name
            with corpus.write(draft) as writer:
                writer.forget(["b"])
                assert names(writer) == {"a", "c"}
            with corpus.examine(live) as reader:
                assert len(list(reader.scan())) == 9
            done = finish(corpus, draft)
            corpus.publish(done, "r")
        assert [each.name for each in corpus.generations()] == [live.name, done.name]
        assert corpus.astray() == ""
        with corpus.examine(done) as reader:
            assert names(reader) == {"a", "c"}

    def test_a_held_generation_hinders_nobody(
        self, corpus: CorpusIndex, live: Generation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MILLRACE_CACHE", str(tmp_path / "cache"))
        with corpus.hold(live) as reader, corpus.hold(live) as other:
            with corpus.read(live) as third:
                assert names(reader) == names(other) == names(third) == {"a", "b", "c"}
            with corpus.lock():
                draft = corpus.draft(wanted(), live)
                with corpus.write(draft) as writer:
                    writer.forget(["a"])
                corpus.publish(finish(corpus, draft), "r")
            with ThreadPoolExecutor(2) as threads:
                found = threads.map(lambda _: reader.chunks("a"), range(8))
                assert all(each == chunks_of("a") for each in found)
        now = corpus.live()
        assert now is not None
        with corpus.hold(now.generation) as reader:
            assert names(reader) == {"b", "c"}

    def test_nearest_finds_by_cosine(self, corpus: CorpusIndex, live: Generation) -> None:
        query = np.eye(WIDTH, dtype=np.float32)[[1]]
        with corpus.read(live) as reader:
            (hits,) = reader.nearest(query, 3, [{}])
            assert [hit.chunk.ordinal for hit in hits] == [1, 1, 1]
            assert [hit.score for hit in hits] == pytest.approx([1.0] * 3)
            assert [hit.chunk.id for hit in hits] == sorted(hit.chunk.id for hit in hits)

    def test_nearest_sparse_counts_rare_terms_more(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        query = SparseVector(np.array([1, 102]), np.array([1.0, 1.0], np.float32))
        empty = SparseVector(np.zeros(0, np.int64), np.zeros(0, np.float32))
        with corpus.read(live) as reader:
            hits, none = reader.nearest_sparse([query, empty], 5, [{}, {}])
            assert {hit.chunk.ordinal for hit in hits[:3]} == {2}
            assert none == []

    @pytest.mark.parametrize(
        ("wanted_filter", "found"),
        [
            ({"document_id": ["b"]}, 3),
            ({"document_id": ["a", "c"]}, 6),
            ({"year": [2001]}, 3),
            ({"year": [2001, "2001"]}, 3),
            ({"year": [2001.0]}, 3),
            ({"tags": ["b"]}, 9),
            ({"draft": [True]}, 3),
            ({"page": [0], "document_id": ["a"]}, 2),
            ({"kind": ["report"]}, 9),
            ({"metadata.kind": ["report"]}, 9),
            ({"document_id": ["nobody"]}, 0),
            ({"nothing": ["x"]}, 0),
        ],
    )
    def test_filters(
        self, corpus: CorpusIndex, live: Generation, wanted_filter: dict[str, list[str]], found: int
    ) -> None:
        query = np.eye(WIDTH, dtype=np.float32)[[0]]
        with corpus.read(live) as reader:
            (hits,) = reader.nearest(query, 20, [wanted_filter])
            assert len(hits) == found

    def test_vectors_come_in_the_order_asked(self, corpus: CorpusIndex, live: Generation) -> None:
        ids = [chunk.id for chunk in reversed(chunks_of("a"))]
        with corpus.read(live) as reader:
            rows = reader.vectors([*ids, ids[0]])
            assert np.allclose(rows[:3], dense(chunks_of("a"))[::-1])
            assert np.allclose(rows[3], rows[0])
            for other in ("00000000-0000-0000-0000-000000000000", "somebody else's"):
                with pytest.raises(Missing):
                    reader.vectors([ids[0], other])
                with pytest.raises(Missing):
                    reader.states([other])

    def test_states_come_in_the_order_asked_and_with_nothing_else(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        chunks = chunks_of("d")
        states = [np.full((n + 1, 6), 40 * n + 255 // (n + 1), np.uint8) for n in range(3)]
        states[1] = states[1][:0]  # a chunk all of whose tokens are special
        draft = corpus.draft(wanted(), live)
        with corpus.write(draft) as writer:
            writer.put(chunks, dense(chunks), sparse(chunks), states)
            writer.commit([entry("d")])
            writer.describe("d", "Another title", {"year": 1999})
        ids = [chunk.id for chunk in chunks]
        with corpus.read(finish(corpus, draft)) as reader:
            found = reader.states([ids[2], ids[0], ids[1], ids[2]])
            for own, expected in zip(found, [states[n] for n in (2, 0, 1, 2)], strict=True):
                np.testing.assert_array_equal(own, expected)
            assert [each.text for each in reader.chunks("d")] == [each.text for each in chunks]
            (hits,) = reader.nearest(dense(chunks[:1]), 20, [{"document_id": ["d"]}])
            assert {hit.chunk.title for hit in hits} == {"Another title"}
            with pytest.raises(Missing, match="1 chunks have no states"):
                reader.states([ids[0], chunks_of("a")[0].id])

    @pytest.mark.parametrize(
        "states",
        [
            [np.zeros((1, 6), np.uint8)],
            [np.zeros(6, np.uint8)] * 3,
            [np.zeros((1, 6), np.float32)] * 3,
        ],
    )
    def test_states_that_do_not_fit_are_refused(
        self, corpus: CorpusIndex, live: Generation, states: list[States]
    ) -> None:
        chunks = chunks_of("d")
        draft = corpus.draft(wanted(), live)
        with corpus.write(draft) as writer, pytest.raises(BadVectors, match="malformed states"):
            writer.put(chunks, dense(chunks), sparse(chunks), states)

    def test_neighbours_are_in_order_and_absent_ones_left_out(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        with corpus.read(live) as reader:
            found = reader.neighbours("a", [2, 0, 7])
            assert [chunk.ordinal for chunk in found] == [0, 2]

    @pytest.mark.parametrize(
        ("field", "found"),
        [
            ("document_id", ["a", "b", "c"]),
            ("title", ["Title of a", "Title of b", "Title of c"]),
            ("kind", ["report"]),
            ("metadata.kind", ["report"]),
            ("tags", ["a", "b"]),
            ("draft", [True]),
            ("nothing", []),
        ],
    )
    def test_values_are_those_of_the_documents(
        self, corpus: CorpusIndex, live: Generation, field: str, found: list[Scalar]
    ) -> None:
        with corpus.read(live) as reader:
            assert reader.values(field, 10) == found
            assert len(reader.values(field, 1)) == min(1, len(found))

    def test_values_of_both_types_and_none_of_what_is_gone(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        draft = corpus.draft(wanted(), live)
        with corpus.write(draft) as writer:
            writer.describe("a", "A", {"year": 1999})
            writer.describe("b", "B", {"year": "1999"})
            writer.forget(["c"])
            assert writer.values("year", 10) == [1999, "1999"]
            assert writer.values("document_id", 10) == ["a", "b"]

    @pytest.mark.parametrize("field", ["page", "ordinal", "section", "version"])
    def test_values_of_a_field_of_chunks_are_refused(
        self, corpus: CorpusIndex, live: Generation, field: str
    ) -> None:
        with corpus.read(live) as reader, pytest.raises(BadOption, match=field):
            reader.values(field, 10)

    def test_fields_are_those_that_its_chunks_have(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        draft = corpus.draft(wanted(), live)
        with corpus.write(draft) as writer:
            writer.describe("a", "A", {"year": 1999, "a.b": []})
            writer.describe("b", "B", {"color": "red"})
            writer.forget(["c"])
            held = writer.held_fields()
            assert writer.fields.own == {"year", "color"}
        pages = ("chunk.last_page", "chunk.page")
        assert held == {"a": (*pages, "metadata.year"), "b": (*pages, "metadata.color")}
        with corpus.read(finish(corpus, draft)) as reader:
            assert reader.fields.own == {"year", "color"}
            assert {"page", "title"} <= reader.fields.ours
            assert "section" not in reader.fields.ours
            assert reader.held_fields() == held
        with corpus.read(live) as reader:
            assert reader.fields.own == {"year", "kind", "tags", "draft"}

    def test_an_entry_says_which_fields_its_document_has(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        draft = corpus.draft(wanted(), live)
        own = ("chunk.page", "metadata.größe")
        told = [replace(entry("a"), fields=own), replace(entry("b"), fields=()), entry("c")]
        with corpus.write(draft) as writer:
            writer.commit(told)
        with corpus.read(draft) as reader:
            assert [reader.entries()[name].fields for name in "abc"] == [own, (), None]
        assert finish(corpus, draft).totals.fields is None
        again = corpus.draft(wanted(), live)
        with corpus.write(again) as writer:
            writer.commit([*told[:2], replace(entry("c"), fields=own[:1])])
        done = finish(corpus, again)
        assert done.totals.fields == {"chunk.page": 2, "metadata.größe": 1}
        assert corpus.generation(done.name) == done
        with corpus.read(done) as reader:
            assert reader.fields.own == {"größe"}
            assert "page" in reader.fields.ours

    def test_an_edition_names_what_is_finished(self, corpus: CorpusIndex, live: Generation) -> None:
        draft = corpus.draft(wanted(), live)
        with corpus.write(draft) as writer:
            store(writer, "d")
            assert writer.edition == ""
        done = finish(corpus, draft)
        with corpus.read(done) as reader:
            edition = reader.edition
        with corpus.read(done) as reader:
            assert reader.edition == edition
        with corpus.read(live) as reader:
            assert reader.edition not in ("", edition)

    def test_a_draft_is_invisible_and_the_live_generation_unchanged(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        draft = corpus.draft(wanted(), live)
        with corpus.write(draft) as writer:
            store(writer, "d")
            writer.forget(["a"])
            assert names(writer) == {"b", "c", "d"}
        release = corpus.live()
        assert release is not None
        assert release.generation == live
        with corpus.read(live) as reader:
            assert names(reader) == {"a", "b", "c"}
            assert reader.count_chunks() == 9

    def test_commit_drops_the_older_chunks_of_its_documents_only(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        draft = corpus.draft(wanted(), live)
        with corpus.write(draft) as writer:
            store(writer, "a", "v2", 2, replaced=["a"])
            assert writer.chunks("a") == chunks_of("a", "v2", 2)
            assert writer.count_chunks() == 8
        assert finish(corpus, draft).totals.chunks == 8

    def test_forget_leaves_nothing(self, corpus: CorpusIndex, live: Generation) -> None:
        draft = corpus.draft(wanted(), live)
        with corpus.write(draft) as writer:
            writer.forget(["a", "nobody"])
        done = finish(corpus, draft)
        with corpus.read(done) as reader:
            assert names(reader) == {"b", "c"}
            assert reader.count_chunks("a") == 0

    def test_describe_changes_payloads_and_keeps_vectors(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        draft = corpus.draft(wanted(), live)
        with corpus.write(draft) as writer:
            writer.describe("a", "Better title", {"year": 1999})
            chunks = writer.chunks("a")
            assert {chunk.title for chunk in chunks} == {"Better title"}
            assert all(dict(chunk.metadata) == {"year": 1999} for chunk in chunks)
            assert {chunk.title for chunk in writer.chunks("b")} == {"Title of b"}
            assert np.allclose(writer.vectors([c.id for c in chunks]), dense(chunks))

    def test_a_description_is_seen_with_its_generation(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        draft = corpus.draft(wanted(), live)
        with corpus.write(draft) as writer:
            writer.describe("a", "Better title", {"year": 1999})
        described = finish(corpus, draft)
        with corpus.read(live) as reader:
            assert reader.chunks("a") == chunks_of("a")
            (hits,) = reader.nearest(dense(chunks_of("a")[:1]), 20, [{"year": [1999]}])
            assert hits == []
        with corpus.read(described) as reader:
            assert {chunk.title for chunk in reader.chunks("a")} == {"Better title"}
            assert [chunk.id for chunk in reader.chunks("a")] == [c.id for c in chunks_of("a")]

    def test_recover_drops_what_no_entry_names_and_forgets_what_is_incomplete(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        draft = corpus.draft(wanted(), live)
        with corpus.write(draft) as writer:
            orphans = chunks_of("d")
            writer.put(orphans, dense(orphans), sparse(orphans))
            newer = chunks_of("a", "v2")
            writer.put(newer, dense(newer), sparse(newer))
            writer.commit([entry("b", "v1", 4)])
        corpus.recover(draft)
        with corpus.read(draft) as reader:
            assert names(reader) == {"a", "c"}
            assert reader.chunks("a") == chunks_of("a")
            assert reader.count_chunks() == 6

    def test_an_unfinished_draft_is_found_by_its_base(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        draft = corpus.draft(wanted(), live)
        assert corpus.unfinished(draft.fingerprint, live) == draft
        assert corpus.unfinished(draft.fingerprint, None) is None
        assert corpus.unfinished("0" * 16, live) is None
        corpus.discard(draft)
        assert corpus.unfinished(draft.fingerprint, live) is None

    def test_finish_refuses_a_manifest_that_the_chunks_contradict(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        draft = corpus.draft(wanted(), live)
        with corpus.write(draft) as writer:
            writer.commit([entry("e", "v1", 2)])
        with pytest.raises(Damaged, match="chunks"):
            finish(corpus, draft)

    @pytest.mark.parametrize(
        "bad",
        [
            SparseVector(np.array([1, 2]), np.array([1.0], np.float32)),
            SparseVector(np.array([2, 2]), np.array([1.0, 1.0], np.float32)),
            SparseVector(np.array([-1]), np.array([1.0], np.float32)),
            SparseVector(np.array([2**32]), np.array([1.0], np.float32)),
            SparseVector(np.array([1]), np.array([np.nan], np.float32)),
        ],
        ids=["lengths", "twice", "negative", "too-large", "nan"],
    )
    def test_bad_sparse_vectors_never_reach_the_store(
        self, corpus: CorpusIndex, live: Generation, bad: SparseVector
    ) -> None:
        draft = corpus.draft(wanted(), live)
        chunks = chunks_of("d", count=1)
        with corpus.write(draft) as writer:
            with pytest.raises(BadVectors):
                writer.put(chunks, dense(chunks), [bad])
            store(writer, "e")
        with corpus.read(draft) as reader:
            assert names(reader) == {"a", "b", "c", "e"}

    @pytest.mark.parametrize(
        "rows",
        [
            np.full((1, WIDTH), np.nan, np.float32),
            np.ones((1, WIDTH + 1), np.float32),
            np.ones((2, WIDTH), np.float32),
        ],
        ids=["nan", "width", "rows"],
    )
    def test_bad_dense_vectors_are_refused(
        self, corpus: CorpusIndex, live: Generation, rows: Matrix
    ) -> None:
        draft = corpus.draft(wanted(), live)
        chunks = chunks_of("d", count=1)
        with corpus.write(draft) as writer, pytest.raises(BadVectors):
            writer.put(chunks, rows, sparse(chunks))

    @pytest.mark.parametrize("value", [float("nan"), 2**64, "\ud800", {"deep": 1}])
    def test_metadata_that_could_not_be_read_back_is_refused(
        self, corpus: CorpusIndex, live: Generation, value: object
    ) -> None:
        from dataclasses import replace

        draft = corpus.draft(wanted(), live)
        (chunk,) = chunks_of("d", count=1)
        odd = replace(chunk, metadata={"odd": value})  # type: ignore[dict-item]
        with corpus.write(draft) as writer:
            with pytest.raises(BadDocument, match="odd"):
                writer.put([odd], dense([odd]), sparse([odd]))
            assert writer.count_chunks() == 9

    def test_what_is_kept_no_longer_can_be_removed(
        self, corpus: CorpusIndex, live: Generation
    ) -> None:
        with corpus.lock():
            assert corpus.surplus() == []
            for fingerprint in ("a" * 16, "b" * 16):
                draft = corpus.draft(wanted(fingerprint), None)
                with corpus.write(draft) as writer:
                    store(writer, "a")
                corpus.publish(finish(corpus, draft), "r")
            (found,) = corpus.surplus()
            assert found.reason == "older"
            assert (found.bytes or found.points or 0) > 0
            assert corpus.surplus() == [found], "looking removes nothing"
            assert corpus.prune() == [found.name]
            assert corpus.surplus() == []
            assert corpus.prune() == []
        assert corpus.finished("f" * 16) is None
        with pytest.raises(Moved), corpus.read(live):
            pytest.fail("it is gone")
        release = corpus.live()
        assert release is not None
        with corpus.read(release.generation) as reader:
            assert names(reader) == {"a"}

    def test_one_writer_at_a_time(self, corpus: CorpusIndex, index: Index) -> None:
        with corpus.lock(), pytest.raises(Busy), index.corpus("contract").lock():
            pytest.fail("two writers")
        with index.corpus("contract").lock():
            pass

    def test_owner_is_remembered(self, corpus: CorpusIndex, index: Index) -> None:
        corpus.claim("one")
        assert index.corpus("contract").machine() == ""
        corpus.claim("two", "m")
        assert index.corpus("contract").owner() == "two"
        assert index.corpus("contract").machine() == "m"

    def test_corpora_of_other_names_are_apart(self, index: Index, live: Generation) -> None:
        assert index.corpus("other").live() is None

    @pytest.fixture
    def whole(self, corpus: CorpusIndex) -> Generation:
        """Documents a, b and c of three chunks, s and t of one, with vectors of the whole."""
        with corpus.lock():
            draft = corpus.draft(wanted(whole=True), None)
            with corpus.write(draft) as writer:
                if not hasattr(writer, "nearest_documents"):
                    pytest.skip("it keeps no vectors of whole documents")
                put_whole(writer, "a", 201, 300, towards=4)
                put_whole(writer, "b", 202, 300, towards=5)
                put_whole(writer, "c", 203, towards=5)
                put_whole(writer, "s", 204, 300, count=1)
                put_whole(writer, "t", 205, count=1)
            generation = finish(corpus, draft)
            corpus.publish(generation, "r")
        return generation

    def test_nearest_documents_finds_by_cosine(
        self, corpus: CorpusIndex, whole: Generation
    ) -> None:
        with corpus.read(whole) as reader:
            assert alike(reader, 4, 1) == [("a", 1.0)]
            assert alike(reader, 5)[:2] == [("b", 1.0), ("c", 1.0)]
            assert alike(reader, 0)[:2] == [("s", 1.0), ("t", 1.0)], "of one chunk each"
            assert [score for _, score in alike(reader, 5)] == [1.0, 1.0, 0.0, 0.0, 0.0]
            assert [name for name, _ in alike(reader, 6)] == ["a", "b", "c", "s", "t"]
            both = reader.nearest_documents(np.eye(WIDTH, dtype=np.float32)[[4, 5]], 1, [{}, {}])
            assert both == [[("a", 1.0)], [("b", 1.0)]]
            assert reader.nearest_documents(np.zeros((0, WIDTH), np.float32), 3, []) == []

    def test_nearest_documents_sparse_counts_terms_rare_among_documents(
        self, corpus: CorpusIndex, whole: Generation
    ) -> None:
        with corpus.read(whole) as reader:
            assert [name for name, _ in told(reader, 204)] == ["s"]
            found = told(reader, 300)
            assert [name for name, _ in found] == ["a", "b", "s"]
            assert len({score for _, score in found}) == 1
            (first, *_), (other, *_) = told(reader, 201), told(reader, 300)
            assert first[1] == pytest.approx(np.log(1 + (5 - 1 + 0.5) / (1 + 0.5)), abs=1e-5)
            assert other[1] == pytest.approx(np.log(1 + (5 - 3 + 0.5) / (3 + 0.5)), abs=1e-5)
            assert told(reader, 100) == [], "a term of chunks alone"
            none = SparseVector(np.zeros(0, np.int64), np.zeros(0, np.float32))
            assert reader.nearest_documents_sparse([none, asked(204)], 1, [{}, {}])[0] == []
            assert reader.nearest_documents_sparse([none, asked(204)], 1, [{}, {}])[1]

    def test_document_terms_are_those_that_were_put(
        self, corpus: CorpusIndex, whole: Generation
    ) -> None:
        asked_for = ["t", "nobody", "a", "s", "a", ""]
        with corpus.read(whole) as reader:
            found = reader.document_terms(asked_for)
            assert reader.document_terms([]) == []
        expected = [(205,), (), (201, 300), (204, 300), (201, 300), ()]
        for name, terms, own in zip(asked_for, expected, found, strict=True):
            held = {*own.indices.tolist()} - {COMMON}
            assert held == set(terms), name
            assert len(own.values) == len(own.indices)

    def test_whole_documents_are_filtered_by_what_documents_have(
        self, corpus: CorpusIndex, whole: Generation
    ) -> None:
        filters: list[tuple[Filter, str]] = [
            ({"document_id": ["a", "t"]}, "at"),
            ({"title": ["Title of b"]}, "b"),
            ({"year": [2002]}, "abc"),
            ({"year": [2000]}, "st"),
            ({"metadata.kind": ["whole"]}, ""),
            ({"kind": ["report"], "document_id": ["s"]}, "s"),
            ({"page": [7], "ordinal": [1], "document_id": ["s", "c"]}, "cs"),
            ({"section": ["A"], "last_page": [9], "start": [3], "end": [4]}, "abcst"),
            ({"version": ["v1"], "document_id": ["a"]}, "a"),
            ({"whole": [True]}, ""),
        ]
        only = [wanted_filter for wanted_filter, _ in filters]
        rows = np.eye(WIDTH, dtype=np.float32)[[6] * len(only)]
        with corpus.read(whole) as reader:
            for answers in (
                reader.nearest_documents(rows, 10, only),
                reader.nearest_documents_sparse([asked(COMMON)] * len(only), 10, only),
            ):
                for (wanted_filter, expected), answer in zip(filters, answers, strict=True):
                    assert "".join(sorted(n for n, _ in answer)) == expected, wanted_filter

    def test_chunks_are_as_without_whole_documents(
        self, corpus: CorpusIndex, whole: Generation
    ) -> None:
        assert whole.totals.chunks == 11
        assert whole.sparse == 11
        with corpus.read(whole) as reader:
            assert reader.count_chunks() == 11
            assert [each.ordinal for each in reader.chunks("a")] == [0, 1, 2]
            assert reader.chunks("s") == chunks_of("s", count=1)
            assert reader.held_fields().keys() == set("abcst")
            assert reader.values("document_id", 10) == list("abcst")
            assert [each.ordinal for each in reader.neighbours("a", [0, 1, 2, 3])] == [0, 1, 2]
            (hits,) = reader.nearest(np.eye(WIDTH, dtype=np.float32)[[4]], 11, [{}])
            assert len(hits) == 11, "and no whole document, which would be the first"
            (hits,) = reader.nearest_sparse([asked(100)], 20, [{}])
            score = hits[0].score
            assert score == pytest.approx(np.log(1 + (11 - 5 + 0.5) / (5 + 0.5)), abs=1e-5)
            assert len(reader.nearest_sparse([asked(300)], 20, [{}])[0]) == 0

    def test_a_changed_document_has_its_new_whole_alone(
        self, corpus: CorpusIndex, whole: Generation
    ) -> None:
        with corpus.lock():
            draft = corpus.draft(wanted(whole=True), whole)
            with corpus.write(draft) as writer:
                put_whole(writer, "a", 211, version="v2", towards=7, replaced=["a"])
                put_whole(writer, "b", 212, version="v2", count=1, replaced=["b"])
                put_whole(writer, "s", 213, version="v2", count=2, towards=7, replaced=["s"])
                writer.forget(["c", "t"])
            done = finish(corpus, draft)
            with corpus.read(done) as reader:
                assert sorted(alike(reader, 7)) == [("a", 1.0), ("b", 0.0), ("s", 1.0)]
                assert alike(reader, 0, 1) == [("b", 1.0)]
                assert sorted(name for name, _ in told(reader, COMMON)) == ["a", "b", "s"]
                gone = (201, 202, 203, 204, 205, 300)
                assert [told(reader, each) for each in gone] == [[]] * 6
                assert [told(reader, each)[0][0] for each in (211, 212, 213)] == ["a", "b", "s"]
            with corpus.read(whole) as reader:
                assert [name for name, _ in alike(reader, 6)] == ["a", "b", "c", "s", "t"]
                assert [name for name, _ in told(reader, 201)] == ["a"]

    def test_a_description_is_one_of_the_whole(
        self, corpus: CorpusIndex, whole: Generation
    ) -> None:
        draft = corpus.draft(wanted(whole=True), whole)
        with corpus.write(draft) as writer:
            for name in ("a", "s"):
                writer.describe(name, f"Better {name}", {"year": 1999})
        with corpus.read(finish(corpus, draft)) as reader:
            for answer in (
                alike(reader, 4, wanted_filter={"year": [1999]}),
                told(reader, 300, wanted_filter={"year": [1999]}),
            ):
                assert sorted(name for name, _ in answer) == ["a", "s"]
            assert alike(reader, 4, 1, {"title": ["Better a"]}) == [("a", 1.0)]
            assert alike(reader, 4, wanted_filter={"title": ["Title of a"]}) == []
            assert [name for name, _ in alike(reader, 6)] == ["a", "b", "c", "s", "t"]
        with corpus.read(whole) as reader:
            assert alike(reader, 4, wanted_filter={"year": [1999]}) == []
            assert [name for name, _ in told(reader, 300)] == ["a", "b", "s"]

    def test_recover_forgets_what_has_no_whole(
        self, corpus: CorpusIndex, whole: Generation
    ) -> None:
        draft = corpus.draft(wanted(whole=True), whole)
        with corpus.write(draft) as writer:
            put_whole(writer, "d", 206)
            put_whole(writer, "u", 207, count=1)
            store(writer, "e")
            store(writer, "v", count=1)
            newer = chunks_of("a", "v2")
            writer.put(newer, dense(newer), sparse(newer), whole=whole_of(newer, 208))
        corpus.recover(draft)
        with corpus.read(draft) as reader:
            assert names(reader) == set("abcdstu")
            assert sorted(name for name, _ in told(reader, COMMON)) == sorted("abcdstu")
            assert told(reader, 208) == []
            assert reader.chunks("a") == chunks_of("a")

    def test_finish_refuses_a_document_without_a_whole(
        self, corpus: CorpusIndex, whole: Generation
    ) -> None:
        draft = corpus.draft(wanted(whole=True), whole)
        with corpus.write(draft) as writer:
            store(writer, "e")
        with pytest.raises(Damaged, match="5 whole documents"):
            finish(corpus, draft)

    def test_a_generation_that_keeps_none_finds_none(self, corpus: CorpusIndex) -> None:
        draft = corpus.draft(wanted(), None)
        with corpus.write(draft) as writer:
            put_whole(writer, "a", 201)
            store(writer, "b")
        with corpus.read(finish(corpus, draft)) as reader:
            assert reader.nearest_documents(np.eye(WIDTH, dtype=np.float32), 3, [{}] * WIDTH) == (
                [[]] * WIDTH
            )
            assert reader.nearest_documents_sparse([asked(201)] * 2, 3, [{}, {}]) == [[], []]
            assert reader.count_chunks() == 6

    def test_bad_vectors_of_a_whole_document_are_refused(
        self, corpus: CorpusIndex, whole: Generation
    ) -> None:
        draft = corpus.draft(wanted(whole=True), whole)
        chunks = chunks_of("d")
        with corpus.write(draft) as writer:
            for bad in (
                Whole(np.full(WIDTH, np.nan, np.float32), asked(1)),
                Whole(np.ones(WIDTH + 1, np.float32), asked(1)),
                Whole(np.ones(WIDTH, np.float32), asked(2, 2)),
            ):
                with pytest.raises(BadVectors, match="whole"):
                    writer.put(chunks, dense(chunks), sparse(chunks), whole=bad)
            with pytest.raises(BadVectors, match="without a chunk"):
                writer.put([], dense([]), [], whole=whole_of(chunks, 1))
            assert writer.count_chunks() == 11
