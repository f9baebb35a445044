"""A server that allows less than we would ask for: in strict mode, or with small requests."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from components.corpus.search import search
from components.errors import BadOption, Refused
from components.indexes.contract import Index
from components.indexes.filterable import Filterable
from components.indexes.qdrant import uploads
from components.indexes.qdrant.index import QdrantCorpus, QdrantIndex
from components.indexes.qdrant.patience import patient
from components.indexes.qdrant.server import connect
from components.values import Chunk, Query, Scalar
from evals.compare import plan as planning
from evals.compare.request import read
from evals.compare.run import run
from infra.settings import settings
from tests import qdrant_http
from tests.compare.data import beir, held, publish, served, without_corpus
from tests.contracts.history import HistoryContract
from tests.contracts.index import (
    WIDTH,
    IndexContract,
    chunks_of,
    dense,
    entry,
    finish,
    sparse,
    store,
    wanted,
)
from tests.corpora import HASHING, Corpus, counts
from tests.indexes.test_qdrant import Apart
from tests.qdrant_http import proxy

HALF = {
    "enabled": True,
    "max_query_limit": 500,
    "search_max_batchsize": 32,
    "upsert_max_batchsize": 128,
    "filter_max_conditions": 65,
    "condition_max_size": 128,
    "search_max_oversampling": 1.5,
    "search_allow_exact": False,
    "unindexed_filtering_retrieve": False,
    "unindexed_filtering_update": False,
}
"""Half of what we ask for of a server that allows everything."""
TINY = {
    **HALF,
    "max_query_limit": 3,
    "search_max_batchsize": 2,
    "upsert_max_batchsize": 2,
    "filter_max_conditions": 12,
    "condition_max_size": 2,
    "unindexed_filtering_retrieve": True,
}
"""So little that small corpora take several requests for everything."""


@pytest.fixture
def strict(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server in strict mode."""
    with qdrant_http.running(strict=getattr(request, "param", HALF)) as address:
        monkeypatch.setenv("MILLRACE_QDRANT_URL", address)
        monkeypatch.setenv("MILLRACE_LEASE", "3")
        yield


@pytest.mark.slow
class TestStrictQdrant(IndexContract, HistoryContract):
    drafts = 4  # a filter names each number that was given up, two in a condition

    @pytest.fixture(scope="class")
    def address(self) -> Iterator[str]:
        with qdrant_http.running(strict=TINY) as address:
            yield address

    @pytest.fixture
    def index(self, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
        monkeypatch.setenv("MILLRACE_QDRANT_URL", address)
        index = Apart(QdrantIndex(filterable={"year": "integer"}), f"test-{uuid.uuid4().hex[:8]}")
        yield index
        index.clear()


@pytest.mark.parametrize(("strict", "queries"), [(HALF, 65), (TINY, 3)], indirect=["strict"])
def test_a_corpus_on_a_server_that_allows_little(
    tmp_path: Path, strict: None, queries: int
) -> None:
    retriever = {"use": "hybrid", "depth": 5}
    corpus = Corpus(tmp_path, {**HASHING, "retriever": retriever})
    stores = [(f"index.use={use}", "index.quantization=int8") for use in ("qdrant", "qdrant_edge")]
    corpus.fill(5)
    assert counts(corpus.refresh(stores[0])) == (5, 0, 0, 0, 0)
    corpus.add("001.txt", "A turbine is no mill wheel.")
    (corpus.documents / "004.txt").unlink()
    assert counts(corpus.refresh(stores[0])) == (0, 1, 3, 1, 0)
    assert corpus.refresh(stores[0]).unchanged == 4
    corpus.refresh(stores[1])
    asked = [Query(text="turbine mill wheel"), Query(text="sluice grain"), Query(text="flour")]
    asked = [asked[at % 3] for at in range(queries)]
    assert _ids(corpus, stores[0], asked) == _ids(corpus, stores[1], asked)
    theirs, ours = map(corpus.stored, stores)
    assert theirs.chunks == ours.chunks
    assert theirs.entries.keys() == ours.entries.keys()


@pytest.mark.parametrize("strict", [{**TINY, "filter_max_conditions": 65}], indirect=True)
def test_a_filter_may_name_more_than_one_condition_takes(tmp_path: Path, strict: None) -> None:
    """A user's, and ours by the documents that are found as a whole without a hit."""
    corpus = Corpus(tmp_path, {**HASHING, "retriever": {"use": "hybrid", "depth": 2}})
    stores = [(f"index.use={use}",) for use in ("qdrant", "qdrant_edge")]
    corpus.fill(9, sentences=5)
    for each in stores:
        corpus.refresh(each)
    names = [f"00{at}.txt" for at in range(7)]
    titles: list[Scalar] = [f"00{at}" for at in range(1, 9)]
    asked = [
        Query(text="turbine mill wheel"),
        Query(text="sluice grain", filter={"document_id": names}),
        Query(text="river", filter={"document_id": names[:3], "title": [*titles, *names, 4, 1.5]}),
        Query(text="flour", filter={"document_id": []}),
        Query(text="flour", filter={"document_id": names, "title": []}),
    ]
    theirs, ours = (_ids(corpus, store, asked) for store in stores)
    assert theirs == ours
    assert [len(each) for each in theirs[-2:]] == [0, 0]
    for fusion in ("rrf", "convex"):
        option = f"retriever.fusion={fusion}"
        assert _ids(corpus, (*stores[0], option), asked) == _ids(
            corpus, (*stores[1], option), asked
        )


def _ids(corpus: Corpus, store: tuple[str, ...], queries: list[Query]) -> list[list[str]]:
    return [
        [each.chunk.id for each in hits] for hits in search(corpus.load(store), queries, 5).hits
    ]


BELOW_DEPTH = {**HALF, "max_query_limit": 58}
"""Half of what a comparison asks for: 100 hits, and 16 more to tell equal ones."""


@pytest.mark.parametrize("strict", [BELOW_DEPTH], indirect=True)
def test_generations_are_compared_on_a_server_that_allows_little(
    tmp_path: Path, strict: None
) -> None:
    data = without_corpus(beir(tmp_path / "data", 6))
    found = {}
    for use in ("qdrant", "qdrant_edge"):
        place = {"path": "store"} if use == "qdrant_edge" else {}
        file = served(tmp_path, index={"use": use, "quantization": "int8", **place})
        first, candidate = publish(file), held(file, ["encoder.width=32"])
        asked = read(
            live=file,
            data=str(data),
            home=tmp_path / use,
            candidates=[candidate],
            overrides=["retriever.use=[hybrid, neighbourhood]"],
        )
        outcome = run(planning.plan(asked), timed=False)
        assert len(outcome.systems) == 4
        found[use] = first, candidate, [each.values for each in outcome.systems]
    assert found["qdrant"] == found["qdrant_edge"]


def corpus_of(filterable: Filterable = (), **options: Any) -> QdrantCorpus:
    return QdrantIndex(filterable=filterable, **options).corpus("own")


def published(corpus: QdrantCorpus, *documents: str) -> None:
    with corpus.lock():
        draft = corpus.draft(wanted(), None)
        with corpus.write(draft) as writer:
            for name in documents:
                store(writer, name)
        corpus.publish(finish(corpus, draft), "r")


@pytest.mark.parametrize("strict", [TINY], indirect=True)
def test_numbers_that_were_given_up_fit_into_conditions(strict: None) -> None:
    corpus = corpus_of({"year": "integer"})
    published(corpus, "a", "b")
    release = corpus.live()
    assert release is not None
    for _ in range(3):
        draft = corpus.draft(wanted(), release.generation)
        with corpus.write(draft) as writer:
            store(writer, "a", "v2", replaced=["a"])
        corpus.discard(draft)
    draft = corpus.draft(wanted(), release.generation)
    with corpus.write(draft) as writer:
        store(writer, "c")
    corpus.recover(draft)
    with corpus.write(draft) as writer:
        store(writer, "a", "v3", replaced=["a"])
        writer.forget(["b"])
    corpus.publish(finish(corpus, draft), "r")
    assert corpus.prune() == []
    assert found(corpus, "year", 2001) == 2


def found(corpus: QdrantCorpus, name: str, *values: Scalar) -> int:
    release = corpus.live()
    assert release is not None
    with corpus.hold(release.generation) as reader:
        query = np.eye(WIDTH, dtype=np.float32)[[0]]
        (hits,) = reader.nearest(query, 20, [{name: list(values)}])
        return len(hits)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("tags", "a", "keyword"),
        ("title", "Title of a", "keyword"),
        ("year", 2001, "integer"),
        ("metadata.year", 2001.0, "float"),
        ("draft", True, "bool"),
    ],
)
def test_a_filter_by_a_field_without_an_index_names_the_option(
    strict: None, name: str, value: Scalar, kind: Any
) -> None:
    published(corpus_of(), "a")
    with pytest.raises(BadOption, match="is not indexed") as caught:
        found(corpus_of(), name, value)
    own = name.removeprefix("metadata.")
    assert caught.value.where == "index.filterable"
    assert f"{{{own}: {kind}}} and refresh" in caught.value.hint
    now = corpus_of({name: kind})
    with now.lock():
        pass  # as a refresh that finds no change
    assert found(now, name, value) > 0


def test_a_filter_by_a_value_of_another_type_than_the_index(strict: None) -> None:
    corpus = corpus_of({"year": "integer"})
    published(corpus, "a")
    assert found(corpus, "year", 2001) == found(corpus, "year", 2001.0) == 1
    with pytest.raises(BadOption, match="is indexed as integer") as caught:
        found(corpus, "year", 2001, "2001")
    assert "{year: keyword}" in caught.value.hint


@pytest.mark.parametrize("strict", [TINY], indirect=True)
def test_more_hits_than_the_server_gives_are_refused_and_not_left_out(strict: None) -> None:
    corpus = corpus_of()
    published(corpus, *"abcd")
    query = np.eye(WIDTH, dtype=np.float32)[[0]]
    release = corpus.live()
    assert release is not None
    with corpus.hold(release.generation) as reader:
        (hits,) = reader.nearest(query, 11, [{}])
        assert len({hit.chunk.id for hit in hits}) == 11
        with pytest.raises(BadOption, match="no more than 11 hits"):
            reader.nearest(query, 12, [{}])


def test_a_server_that_is_not_strict_takes_any_filter(server: str) -> None:
    published(corpus_of(), "a")
    assert found(corpus_of(), "year", 2001, "2001") == 1


def test_indexes_are_made_where_they_are_missing(server: str) -> None:
    asked: list[tuple[str, str]] = []
    client = connect().client
    real = client.create_payload_index

    def create(name: str, path: str, kind: Any, **options: Any) -> Any:
        asked.append((path, kind.value))
        return real(name, path, kind, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "create_payload_index", create)
        published(corpus_of(("year",)), "a")
        assert ('metadata."year"', "keyword") in asked
        asked.clear()
        release = corpus_of().live()
        assert release is not None
        corpus = corpus_of({"year": "integer", "draft": "bool"})
        with corpus.lock():
            draft = corpus.draft(wanted(), release.generation)
            for _ in range(2):
                with corpus.write(draft):
                    pass
        assert asked == [('metadata."year"', "integer"), ('metadata."draft"', "bool")]


@pytest.mark.parametrize("given", [None, True, False])
def test_where_payloads_lie_is_the_servers_choice_unless_it_is_said(
    server: str, given: bool | None
) -> None:
    made: list[dict[str, Any]] = []
    client = connect().client
    real = client.create_collection

    def create(name: str, **options: Any) -> Any:
        made.append(options)
        return real(name, **options)

    corpus = corpus_of(on_disk=given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "create_collection", create)
        corpus.draft(wanted(), None)
    layout = made[-1]
    assert layout.get("on_disk_payload") is given
    assert ("on_disk_payload" in layout) == (given is not None)
    assert layout["vectors_config"]["dense"].on_disk is given


def put(writer: Any, *documents: str, count: int = 40) -> None:
    for name in documents:
        chunks = chunks_of(name, count=count)
        writer.put(chunks, dense(chunks), sparse(chunks))


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that takes some 16 chunks in a request."""
    with qdrant_http.running(max_body=10_000) as address:
        monkeypatch.setenv("MILLRACE_QDRANT_URL", address)
        yield


def test_requests_that_are_too_large_are_halved(narrow: None) -> None:
    corpus = corpus_of()
    draft = corpus.draft(wanted(), None)
    with corpus.write(draft) as writer:
        put(writer, "a", "b", "c")
        writer.commit([])
        assert writer.count_chunks() == 120


def test_a_document_of_very_many_words_fits_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = Corpus(tmp_path, {**HASHING, "splitter": {"use": "tokens", "max_tokens": 2000}})
    words.add("log.txt", " ".join(f"event{number}" for number in range(60_000)))
    words.add("note.txt", "A note on mills.")
    with qdrant_http.running(max_body=2**20) as address:
        monkeypatch.setenv("MILLRACE_QDRANT_URL", address)
        store = ("index.use=qdrant",)
        assert counts(words.refresh(store)) == (2, 0, 0, 0, 0)
        (found,) = search(words.load(store), [Query(text="event59999")], 3).hits
        assert "event59999" in found[0].chunk.text


@pytest.fixture
def deaf(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that reads no more of what is too large, so that nobody hears its answer."""
    with proxy.before(server) as own:
        own.refuse(3 * 2**20)
        monkeypatch.setenv("MILLRACE_QDRANT_URL", own.address)
        monkeypatch.setenv("MILLRACE_QDRANT_TIMEOUT", "1")
        settings.cache_clear()
        yield
        connect().client.close()


def large(document: str, count: int, size: int) -> list[Chunk]:
    return [replace(each, text="x" * size) for each in chunks_of(document, count=count)]


def test_requests_of_which_the_server_stops_to_read_are_halved(
    deaf: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "_BYTES", 2**30)
    corpus = corpus_of()
    draft = corpus.draft(wanted(), None)
    with patient(), corpus.write(draft) as writer:
        chunks = large("a", 4, 2**21)
        writer.put(chunks, dense(chunks), sparse(chunks))
        writer.commit([])
        assert writer.count_chunks() == 4


def test_a_chunk_of_which_the_server_stops_to_read_is_named(deaf: None) -> None:
    corpus = corpus_of()
    draft = corpus.draft(wanted(), None)
    with patient(), corpus.write(draft) as writer:
        chunks = large("whole", 1, 2**24)
        writer.put(chunks, dense(chunks), sparse(chunks))
        with pytest.raises(Refused, match="a chunk of 'whole'") as caught:
            writer.commit([])
        assert "takes in a request" in caught.value.hint


def test_entries_that_are_too_large_for_one_request_are_halved(narrow: None) -> None:
    corpus = corpus_of()
    draft = corpus.draft(wanted(), None)
    with corpus.write(draft) as writer:
        entries = [replace(entry(f"{number}"), reason="why " * 100) for number in range(60)]
        writer.commit(entries)
        assert writer.entries() == {each.document_id: each for each in entries}


def test_questions_that_are_too_large_for_one_request_are_halved(narrow: None) -> None:
    corpus = corpus_of()
    published(corpus, "a")
    release = corpus.live()
    assert release is not None
    with corpus.hold(release.generation) as reader:
        vectors = np.random.default_rng(1).normal(size=(64, WIDTH)).astype(np.float32)
        alone = [reader.nearest(row[None], 3, [{}])[0] for row in vectors]
        assert reader.nearest(vectors, 3, [{}] * 64) == alone


def test_a_question_that_is_refused_alone_is_refused(narrow: None) -> None:
    corpus = corpus_of()
    published(corpus, "a")
    release = corpus.live()
    assert release is not None
    words = [f"word-{number}" * 10 for number in range(400)]
    with corpus.hold(release.generation) as reader:
        query = np.eye(WIDTH, dtype=np.float32)[[0] * 3]
        with pytest.raises(Refused, match="larger than allowed"):
            reader.nearest(query, 3, [{}, {"title": words}, {}])


def allow(address: str, collection: str, **limits: Any) -> None:
    """Change what a collection allows, as whoever runs the server may at any time."""
    told = {"strict_mode_config": {"enabled": True, **limits}}
    httpx.patch(f"{address}/collections/{collection}", json=told).raise_for_status()


def place_of(corpus: QdrantCorpus) -> str:
    release = corpus.live()
    assert release is not None
    record = corpus._control.record(release.generation.name)
    assert record is not None
    return record.collection


def test_what_a_server_allows_may_change_while_a_generation_is_open(server: str) -> None:
    corpus = corpus_of()
    published(corpus, *"abcd")
    query = np.eye(WIDTH, dtype=np.float32)[[0] * 3]
    release = corpus.live()
    assert release is not None
    with corpus.hold(release.generation) as reader:
        before = reader.nearest(query, 5, [{}] * 3)
        entries = reader.entries()
        less = {"max_query_limit": 2, "search_max_batchsize": 1, "search_allow_exact": False}
        allow(server, place_of(corpus), **less)
        assert reader.nearest(query, 5, [{}] * 3) == before
        allow(server, place_of(corpus), **{**less, "max_query_limit": 1})
        assert reader.entries() == entries
        assert reader.count_chunks() == 12


def test_a_field_that_is_indexed_meanwhile_can_be_filtered_by(server: str) -> None:
    published(corpus_of(), "a")
    corpus = corpus_of()
    allow(server, place_of(corpus), unindexed_filtering_retrieve=False)
    release = corpus.live()
    assert release is not None
    query = np.eye(WIDTH, dtype=np.float32)[[0]]
    with corpus.hold(release.generation) as reader:
        with pytest.raises(BadOption, match="is not indexed"):
            reader.nearest(query, 5, [{"year": [2001]}])
        with corpus_of({"year": "integer"}).lock():
            pass  # as a refresh that finds no change
        assert len(reader.nearest(query, 5, [{"year": [2001]}])[0]) == 1


@pytest.mark.parametrize("strict", [{"enabled": True, "write_rate_limit": 20}], indirect=True)
def test_no_write_costs_more_than_the_servers_rate_allows(
    strict: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    sizes: list[int] = []
    client = connect().client

    def upsert(name: str, points: Any, **options: Any) -> Any:
        sizes.append(len(points))

    corpus = corpus_of()
    draft = corpus.draft(wanted(), None)
    with corpus.write(draft) as writer, pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "upsert", upsert)
        put(writer, "a", count=50)
        writer.commit([])
    assert sizes == [20, 20, 10]


def test_a_collection_that_takes_no_more_points_is_told_as_that(server: str) -> None:
    corpus = corpus_of()
    draft = corpus.draft(wanted(), None)
    with corpus.write(draft) as writer:
        record = corpus._control.record(draft.name)
        assert record is not None
        allow(server, record.collection, max_points_count=2)
        put(writer, "a", count=5)
        writer.flush()
        put(writer, "b", count=5)
        with pytest.raises(
            Refused, match=r"Max points.* limit of 2 reached.*a chunk of 'b'"
        ) as caught:
            writer.flush()
        assert "max_points_count" in caught.value.hint


def test_a_chunk_that_is_too_large_alone_is_named(narrow: None) -> None:
    corpus = corpus_of()
    draft = corpus.draft(wanted(), None)
    with corpus.write(draft) as writer:
        chunks = chunks_of("whole")
        large = replace(chunks[1], text="long " * 4000)
        own = [chunks[0], large, chunks[2]]
        writer.put(own, dense(own), sparse(own))
        with pytest.raises(Refused, match=r"larger than allowed.*a chunk of 'whole'") as caught:
            writer.commit([])
        assert "takes in a request" in caught.value.hint
