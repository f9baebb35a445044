"""The index on a server, against the stand-in of `tests/qdrant_http`; the contract also against
the real server that MILLRACE_QDRANT_URL names.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from httpx import ReadTimeout
from qdrant_client.http.exceptions import ResponseHandlingException

from components.errors import BadOption, Busy, Missing, Moved, Refused, StoreUnavailable, TakenOver
from components.indexes.contract import Index
from components.indexes.manifest import Generation
from components.indexes.payload import NAMESPACE
from components.indexes.qdrant.collection import name_as
from components.indexes.qdrant.control import Control, Record
from components.indexes.qdrant.index import QdrantCorpus, QdrantIndex
from components.indexes.qdrant.server import Server, connect
from infra.settings import settings
from tests import qdrant_http
from tests.contracts.history import HistoryContract
from tests.contracts.index import (
    WIDTH,
    IndexContract,
    chunks_of,
    dense,
    entry,
    finish,
    names,
    sparse,
    store,
    wanted,
)

REAL = os.environ.get("MILLRACE_QDRANT_URL", "")


@dataclass(frozen=True)
class Apart:
    """An index whose corpora have names of this test's own, so that a server can be shared."""

    index: QdrantIndex
    prefix: str

    def corpus(self, name: str) -> QdrantCorpus:
        return self.index.corpus(f"{self.prefix}-{name}")

    def clear(self) -> None:
        def delete(client: object) -> None:
            for each in client.get_collections().collections:  # type: ignore[attr-defined]
                if each.name.startswith(self.prefix):
                    client.delete_collection(each.name)  # type: ignore[attr-defined]

        connect().ask("cleaning up", delete)


@pytest.fixture
def apart() -> Iterator[Index]:
    index = Apart(QdrantIndex(filterable=("year",)), f"test-{uuid.uuid4().hex[:8]}")
    yield index
    index.clear()


class TestQdrant(IndexContract, HistoryContract):
    @pytest.fixture(scope="class")
    def address(self) -> Iterator[str]:
        with qdrant_http.running() as address:
            yield address

    @pytest.fixture
    def index(
        self, address: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
    ) -> Index:
        monkeypatch.setenv("MILLRACE_QDRANT_URL", address)
        apart: Index = request.getfixturevalue("apart")
        return apart


@pytest.mark.live
@pytest.mark.skipif(not REAL, reason="MILLRACE_QDRANT_URL names no server")
class TestRealQdrant(IndexContract, HistoryContract):
    @pytest.fixture
    def index(self, apart: Index) -> Index:
        return apart

    @pytest.mark.parametrize("quantization", ["int8", "binary"])
    def test_quantised_collections_find_the_same_best_hit(
        self, apart: Apart, quantization: str
    ) -> None:
        own = QdrantIndex(quantization=quantization)  # type: ignore[arg-type]
        corpus = own.corpus(f"{apart.prefix}-{quantization}")
        generation = published(corpus, "a")
        with corpus.read(generation) as reader:
            (hits,) = reader.nearest(np.eye(WIDTH, dtype=np.float32)[[1]], 1, [{}])
            assert hits[0].chunk.ordinal == 1


@pytest.fixture
def corpus(server: str) -> QdrantCorpus:
    return QdrantIndex(filterable=("year",)).corpus("own")


def published(corpus: QdrantCorpus, *documents: str) -> Generation:
    with corpus.lock():
        draft = corpus.draft(wanted(), None)
        with corpus.write(draft) as writer:
            for name in documents:
                store(writer, name)
        generation = finish(corpus, draft)
        corpus.publish(generation, "r")
    return generation


def changed(
    corpus: QdrantCorpus, base: Generation, document: str, version: str, *, publish: bool = True
) -> Generation:
    """A generation in which a document has another version."""
    draft = corpus.draft(wanted(), base)
    with corpus.write(draft) as writer:
        store(writer, document, version, replaced=[document])
    generation = finish(corpus, draft)
    if publish:
        corpus.publish(generation, "r")
    return generation


def place_of(corpus: str, fingerprint: str = "f" * 16) -> str:
    """The collection of a fingerprint's generations."""
    found = connect().client.get_collections().collections
    (own,) = [each.name for each in found if each.name.startswith(f"{corpus}__{fingerprint}__")]
    return own


def versions(corpus: QdrantCorpus, generation: Generation) -> dict[str, set[str]]:
    with corpus.read(generation) as reader:
        assert reader.count_chunks() == sum(e.chunks for e in reader.entries().values())
        return {name: {c.version for c in reader.chunks(name)} for name in reader.entries()}


def test_a_reader_of_the_generation_before_sees_all_of_it(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a", "b")
    query = np.eye(WIDTH, dtype=np.float32)[[1]]
    with corpus.read(first) as reader:
        second = changed(corpus, first, "a", "v2")
        assert {chunk.version for chunk in reader.chunks("a")} == {"v1"}
        assert reader.entries()["a"] == entry("a")
        (hits,) = reader.nearest(query, 10, [{}])
        assert {hit.chunk.version for hit in hits} == {"v1"}
        assert reader.count_chunks() == 6
    assert versions(corpus, second) == {"a": {"v2"}, "b": {"v1"}}


def test_a_reader_that_slept_through_two_refreshes_is_told(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a")
    opened = corpus.read(first)
    reader = opened.__enter__()
    second = changed(corpus, first, "a", "v2")
    assert {chunk.version for chunk in reader.chunks("a")} == {"v1"}
    changed(corpus, second, "a", "v3")
    assert corpus.prune() == [first.name]
    with pytest.raises(Moved):
        opened.__exit__(None, None, None)
    with pytest.raises(Moved), corpus.read(first):
        pytest.fail("it was replaced twice")


def test_a_reader_is_told_although_the_refresh_was_killed(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a")
    opened = corpus.read(first)
    opened.__enter__()
    second = changed(corpus, first, "a", "v2")
    changed(corpus, second, "a", "v3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("components.indexes.qdrant.contents.Contents.delete", _killed)
        with pytest.raises(KeyboardInterrupt):
            corpus.prune()
    with pytest.raises(Moved):
        opened.__exit__(None, None, None)


@pytest.mark.parametrize("keep", [1, 3])
def test_the_last_generations_stay_whole(server: str, keep: int) -> None:
    """Texts that come back among them, and titles and metadata."""
    corpus = QdrantIndex(keep=keep).corpus("own")
    generation = published(corpus, "a", "b")
    states = [state(corpus, generation)]
    for number, version in enumerate(("v2", "v1", "v2", "v1")):
        draft = corpus.draft(wanted(), generation)
        with corpus.write(draft) as writer:
            store(writer, "a", version, replaced=["a"])
            writer.describe("b", f"Title {number}", {"year": 1990 + number})
        generation = finish(corpus, draft)
        corpus.publish(generation, "r")
        corpus.prune()
        states.append(state(corpus, generation))
    assert len({repr(each) for each in states}) == len(states)
    left = control().records()
    assert [each.generation.number for each in left] == [1, 2, 3, 4, 5][-keep:]
    assert [state(corpus, each.generation) for each in left] == states[-keep:]
    points = connect().client.count(place_of("own"), exact=True).count
    assert points == 8 + 7 * (keep - 1), "a's chunks and entry and b's chunks of each older one"


def state(corpus: QdrantCorpus, generation: Generation) -> tuple[object, ...]:
    """All that a generation holds."""
    with corpus.read(generation) as reader:
        chunks = [chunk for name in sorted(reader.entries()) for chunk in reader.chunks(name)]
        rows = reader.vectors([chunk.id for chunk in chunks])
        hits = reader.nearest_sparse(sparse(chunks[:1]), 20, [{}])
        assert len(chunks) == reader.count_chunks() == len(hits[0])
        return chunks, rows.tolist(), reader.entries(), hits


def test_a_description_is_taken_back_with_its_draft(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a", "b")
    before = state(corpus, first)
    draft = corpus.draft(wanted(), first)
    with corpus.write(draft) as writer:
        writer.commit([replace(entry("a"), metadata_hash="n")])
        for title in ("Better title", "Best title"):
            writer.describe("a", title, {})
            assert {chunk.title for chunk in writer.chunks("a")} == {title}
            assert [chunk.id for chunk in writer.chunks("a")] == [c.id for c in chunks_of("a")]
    assert state(corpus, first) == before
    corpus.discard(draft)
    assert state(corpus, first) == before
    assert connect().client.count(place_of("own"), exact=True).count == 8


@pytest.mark.parametrize("announced", [False, True])
def test_a_description_that_was_killed_halfway_loses_no_chunk(
    corpus: QdrantCorpus, announced: bool
) -> None:
    """What no entry announced is as if it had not been; what one did is gone on with."""
    first = published(corpus, "a")
    draft = corpus.draft(wanted(), first)
    unsettled = replace(entry("a"), metadata_hash="")
    with corpus.write(draft) as writer, pytest.MonkeyPatch.context() as patch:
        if announced:
            writer.commit([unsettled])
        patch.setattr(writer, "_supersede", _killed)
        writer.describe("a", "Better title", {})
        with pytest.raises(KeyboardInterrupt):
            writer.flush()
    corpus.recover(draft)
    with corpus.read(draft) as reader:
        assert reader.entries() == {"a": unsettled if announced else entry("a")}
        title = "Better title" if announced else "Title of a"
        assert {chunk.title for chunk in reader.chunks("a")} == {title}
        assert reader.count_chunks() == 3


def test_a_description_of_a_new_text_brings_the_old_one_not_back(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a", "b")
    draft = corpus.draft(wanted(), first)
    with corpus.write(draft) as writer:
        store(writer, "a", "v2", replaced=["a"])
        writer.describe("a", "Better title", {})
        assert {(each.version, each.title) for each in writer.chunks("a")} == {
            ("v2", "Better title")
        }
    assert versions(corpus, finish(corpus, draft)) == {"a": {"v2"}, "b": {"v1"}}


def test_what_no_generation_sees_is_deleted(corpus: QdrantCorpus) -> None:
    generation = published(corpus, "a", "b")
    for number in range(2, 6):
        generation = changed(corpus, generation, "a", f"v{number}")
        corpus.prune()
    place = place_of("own")
    stored = connect().ask("counting", lambda client: client.count(place, exact=True)).count
    # The live one, 6 chunks and 2 entries, and what only the one before it sees: 3 and 1.
    assert stored == 12


def test_a_document_that_goes_back_to_what_it_was(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a", "b")
    second = changed(corpus, first, "a", "v2")
    draft = corpus.draft(wanted(), second)
    with corpus.write(draft) as writer:
        store(writer, "a", "v1", replaced=["a"])
    assert versions(corpus, second) == {"a": {"v2"}, "b": {"v1"}}
    third = finish(corpus, draft)
    corpus.publish(third, "r")
    assert versions(corpus, third) == {"a": {"v1"}, "b": {"v1"}}
    assert versions(corpus, second) == {"a": {"v2"}, "b": {"v1"}}


def test_chunks_that_are_written_again_stay_live(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a", "b")
    draft = corpus.draft(wanted(), first)
    with corpus.write(draft) as writer:
        writer.forget(["b"])
        store(writer, "a", "v1", replaced=["a"])
        store(writer, "b", "v1")
        assert versions(corpus, first) == {"a": {"v1"}, "b": {"v1"}}
    second = finish(corpus, draft)
    corpus.publish(second, "r")
    for generation in (first, second):
        assert versions(corpus, generation) == {"a": {"v1"}, "b": {"v1"}}


def test_a_draft_is_taken_back_without_a_trace(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a", "b")
    draft = corpus.draft(wanted(), first)
    with corpus.write(draft) as writer:
        store(writer, "a", "v2", replaced=["a"])
        writer.forget(["b"])
    corpus.discard(draft)
    assert versions(corpus, first) == {"a": {"v1"}, "b": {"v1"}}
    assert versions(corpus, changed(corpus, first, "c", "v1")) == {
        "a": {"v1"},
        "b": {"v1"},
        "c": {"v1"},
    }


def test_a_generation_that_was_never_published_is_opened_again(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a", "b")
    held = changed(corpus, first, "a", "v2", publish=False)
    assert corpus.finished("f" * 16) == held
    draft = corpus.draft(wanted(), held)
    assert corpus.unfinished("f" * 16, first) == draft
    with corpus.write(draft) as writer:
        store(writer, "a", "v1", replaced=["a"])
        store(writer, "c")
    assert versions(corpus, first) == {"a": {"v1"}, "b": {"v1"}}
    assert set(versions(corpus, finish(corpus, draft))) == {"a", "b", "c"}
    assert versions(corpus, first) == {"a": {"v1"}, "b": {"v1"}}


def test_entries_that_were_doubled_by_a_kill_are_recovered(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a")
    draft = corpus.draft(wanted(), first)
    with corpus.write(draft) as writer, pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "_replace_entries", _killed)
        with pytest.raises(KeyboardInterrupt):
            store(writer, "a", "v2", replaced=["a"])
    corpus.recover(draft)
    done = finish(corpus, draft)
    corpus.publish(done, "r")
    assert versions(corpus, done) == {"a": {"v2"}}
    following = corpus.draft(wanted(), done)
    with corpus.write(following) as writer:
        writer.forget(["a"])
        assert names(writer) == set()


def waiting(corpus: QdrantCorpus) -> tuple[Generation, Generation]:
    """A generation that was live before, and one upon it that waits no longer: another does."""
    first = published(corpus, "a", "b")
    for fingerprint, publish in (("a" * 16, True), ("b" * 16, False)):
        draft = corpus.draft(wanted(fingerprint), None)
        with corpus.write(draft) as writer:
            store(writer, "a")
        done = finish(corpus, draft)
        if publish:
            corpus.publish(done, "r")
            held = changed(corpus, first, "a", "v2", publish=False)
    return first, held


def test_one_that_waits_no_longer_is_taken_back(corpus: QdrantCorpus) -> None:
    first, held = waiting(corpus)
    (found,) = corpus.surplus()
    assert (found.name, found.points) == (held.name, 4)
    assert corpus.prune() == [held.name]
    assert versions(corpus, first) == {"a": {"v1"}, "b": {"v1"}}
    assert corpus.finished("f" * 16) == first
    place = place_of("own")
    assert connect().ask("counting", lambda client: client.count(place, exact=True)).count == 8


def test_who_looks_while_a_draft_begins_takes_it_for_nobodys_never(corpus: QdrantCorpus) -> None:
    published(corpus, "a")
    real = Control.records
    begun: list[object] = []

    def meanwhile(own: Control) -> list[Record]:
        found = real(own)
        if not begun:
            begun.append(found)
            QdrantIndex().corpus("own").draft(wanted("a" * 16), None)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Control, "records", meanwhile)
        assert corpus.surplus() == []
    assert begun


def test_half_taken_back_it_is_not_taken_for_finished(corpus: QdrantCorpus) -> None:
    first, _ = waiting(corpus)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("components.indexes.qdrant.contents.Contents.delete", _killed)
        with pytest.raises(KeyboardInterrupt):
            corpus.prune()
    assert corpus.finished("f" * 16) == first
    assert versions(corpus, first) == {"a": {"v1"}, "b": {"v1"}}
    assert corpus.prune() == []
    assert versions(corpus, first) == {"a": {"v1"}, "b": {"v1"}}
    place = place_of("own")
    assert connect().ask("counting", lambda client: client.count(place, exact=True)).count == 8


def test_other_users_find_the_live_collection_by_the_corpus_name(corpus: QdrantCorpus) -> None:
    published(corpus, "a")
    found = connect().ask("counting", lambda client: client.count("own", exact=True)).count
    assert found == 4


def test_a_collection_with_the_corpus_name_is_left_alone(corpus: QdrantCorpus) -> None:
    connect().ask("making", lambda client: client.create_collection("own", vectors_config={}))
    with pytest.raises(Refused, match="'own', which is to be an alias"), corpus.lock():
        pytest.fail("it would be replaced")


def test_an_alias_of_somebody_else_is_left_alone(corpus: QdrantCorpus) -> None:
    connect().ask("making", lambda client: client.create_collection("theirs", vectors_config={}))
    name_as(connect(), "own", "theirs")
    with pytest.raises(Refused, match="'theirs', which is not ours"), corpus.lock():
        pytest.fail("it would be replaced")


def test_a_draft_whose_fields_were_not_indexed_is_indexed_when_it_is_resumed(
    corpus: QdrantCorpus,
) -> None:
    draft = corpus.draft(wanted(), None)
    with corpus.write(draft) as writer:
        writer.forget(["nobody"])  # the stand-in refuses conditions on fields without an index


def test_two_that_make_a_corpus_at_once(corpus: QdrantCorpus) -> None:
    client = connect().client
    exists, asked = client.collection_exists, []

    def late(name: str) -> bool:
        asked.append(name)
        if len(asked) == 1:
            client.create_collection(name, vectors_config={})  # the other's, in between
            return False
        return bool(exists(name))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "collection_exists", late)
        control().begin()
    assert control().corpus() is not None


def test_a_collection_that_was_deleted(corpus: QdrantCorpus) -> None:
    generation = published(corpus, "a")
    place = place_of("own")
    connect().ask("deleting", lambda client: client.delete_collection(place))
    with pytest.raises(Missing, match="Not found: Collection") as caught:
        versions(corpus, generation)
    assert "delete own__control too" in caught.value.hint


def test_a_live_generation_whose_record_is_gone(server: str) -> None:
    """Its points may be what a snapshot of the records brings back: nobody throws them away."""
    corpus = QdrantIndex(namespace="team").corpus("own")
    live = published(corpus, "a", "b")
    place, client = place_of("team_own"), connect().client
    Control(connect(), "team_own").change({"generations": []})
    with pytest.raises(Missing, match=f"record of .*{live.name}' is gone") as reading:
        corpus.live()
    with pytest.raises(Missing) as refreshing, corpus.lock():
        pytest.fail("nobody can say what is live")
    with pytest.raises(Missing) as pruning:
        corpus.prune()
    hints = {each.value.hint for each in (reading, refreshing, pruning)}
    with corpus.mending():
        assert corpus.forget_live() is not None
    assert hints == {
        "restore team_own__control from a snapshot; or delete team_own__control and refresh, which "
        f"encodes all documents and drops {place}"
    }
    assert client.count(place, exact=True).count == 8
    client.delete_collection("team_own__control")
    assert versions(corpus, published(corpus, "a")) == {"a": {"v1"}}


def test_records_that_were_deleted(corpus: QdrantCorpus) -> None:
    published(corpus, "a", "b")
    connect().ask("deleting", lambda client: client.delete_collection("own__control"))
    assert versions(corpus, published(corpus, "a")) == {"a": {"v1"}}


def control() -> Control:
    return Control(connect(), "own")


def test_a_writer_that_shows_life_is_left_alone(corpus: QdrantCorpus) -> None:
    control().begin()
    control().change({"holder": "somebody", "beat": 1})
    stop = threading.Event()

    def live() -> None:
        beat = 1
        while not stop.wait(0.05):
            beat += 1
            control().change({"beat": beat})

    other = threading.Thread(target=live)
    other.start()
    try:
        with pytest.raises(Busy, match="running"), corpus.lock():
            pytest.fail("two writers")
    finally:
        stop.set()
        other.join()


def test_a_writer_that_was_killed_is_replaced_after_its_lease(corpus: QdrantCorpus) -> None:
    control().begin()
    control().change({"holder": "somebody", "beat": 1})
    start = time.monotonic()
    with corpus.lock():
        assert time.monotonic() - start >= settings().lease
        record = control().corpus()
        assert record is not None
        assert record["holder"] not in ("", "somebody")
    record = control().corpus()
    assert record is not None
    assert record["holder"] == ""


def test_a_writer_that_lost_its_lease_writes_and_publishes_nothing(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a")
    with corpus.lock():
        draft = corpus.draft(wanted(), first)
        control().change({"holder": "another"})
        with pytest.raises(TakenOver, match="taken"):
            corpus.publish(draft, "r")
        with corpus.write(draft) as writer:
            qdrant_http.wait_until(lambda: _refused(writer))
        with pytest.raises(TakenOver, match="taken"):
            corpus.discard(draft)
    live = corpus.live()
    assert live is not None
    assert live.generation == first


def test_a_write_is_not_tried_again_once_the_lease_is_lost(corpus: QdrantCorpus) -> None:
    client, tries = connect().client, []

    def failing(*arguments: object, **options: object) -> None:
        tries.append(arguments)
        control().change({"holder": "another"})
        time.sleep(settings().lease)
        raise _status(503)

    with corpus.lock():
        draft = corpus.draft(wanted(), None)
        with corpus.write(draft) as writer, pytest.MonkeyPatch.context() as patch:
            patch.setattr(client, "upsert", failing)
            with pytest.raises(TakenOver, match="taken"):
                store(writer, "a")
    assert len(tries) == 1


def late(
    patch: pytest.MonkeyPatch, name: str, error: BaseException, place: str = ""
) -> list[Callable[[], object]]:
    """The writer's next request of that name, to a collection whose name begins with `place`, does
    not arrive, and ends in the error: what it lacks is for later. Those that follow arrive.
    """
    client, waiting = connect().client, list[Callable[[], object]]()
    real = getattr(client, name)

    def sent(*arguments: Any, **options: Any) -> Any:
        other = arguments and not str(arguments[0]).startswith(place)
        if waiting or other or threading.current_thread() is not threading.main_thread():
            return real(*arguments, **options)
        waiting.append(lambda: real(*arguments, **options))
        raise error

    patch.setattr(client, name, sent)
    return waiting


def test_a_deletion_whose_first_try_lands_late_meets_nothing_that_is_in_use(
    corpus: QdrantCorpus,
) -> None:
    draft = corpus.draft(wanted(), None)
    with pytest.MonkeyPatch.context() as patch:
        found = late(patch, "delete_collection", _status(503))
        corpus.discard(draft)
    live = published(corpus, "a")
    found[0]()
    assert versions(corpus, live) == {"a": {"v1"}}


def test_a_deletion_of_a_dead_writer_meets_no_draft_that_another_goes_on_with(
    corpus: QdrantCorpus,
) -> None:
    draft = corpus.draft(wanted(), None)
    with pytest.MonkeyPatch.context() as patch:
        found = late(patch, "delete_collection", KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            corpus.discard(draft)
    resumed = corpus.unfinished("f" * 16, None)
    live = published(corpus, "a")
    found[0]()
    assert resumed is None
    assert versions(corpus, live) == {"a": {"v1"}}


def test_a_release_of_a_dead_writer_does_not_undo_anothers(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a")
    with pytest.MonkeyPatch.context() as patch, corpus.lock():
        second = changed(corpus, first, "a", "v2", publish=False)
        found = late(patch, "set_payload", KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            corpus.publish(first, "late")
    with corpus.lock():
        corpus.publish(second, "r")
    found[0]()
    live = corpus.live()
    assert live is not None
    assert (live.generation, live.run_id) == (second, "r")


_ACTS: dict[str, tuple[str, Callable[[Any], None]]] = {
    "a new text": ("upsert", lambda writer: store(writer, "a", "v2", replaced=["a"])),
    "a deletion": ("set_payload", lambda writer: writer.forget(["b"])),
    "a deletion of its own": ("set_payload", lambda writer: writer.forget(["c"])),
    "a description": ("set_payload", lambda writer: writer.describe("c", "Other title", {})),
}


@pytest.mark.parametrize("resumed", [True, False])
@pytest.mark.parametrize("act", _ACTS)
def test_a_write_to_a_draft_that_lands_late_is_seen_by_nobody(
    corpus: QdrantCorpus, act: str, resumed: bool
) -> None:
    """Its writer is dead; another has gone on with the draft, or begun it again."""
    first = published(corpus, "a", "b")
    draft = corpus.draft(wanted(), first)
    name, do = _ACTS[act]
    with corpus.write(draft) as writer, pytest.MonkeyPatch.context() as patch:
        store(writer, "c")
        found = late(patch, name, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            do(writer)
    if resumed:
        corpus.recover(draft)
    else:
        corpus.discard(draft)
        draft = corpus.draft(wanted(), first)
    with corpus.write(draft) as writer:
        assert ("c" in names(writer)) == resumed
        if not resumed:
            store(writer, "c")
        store(writer, "d")
    second = finish(corpus, draft)
    corpus.publish(second, "r")
    meant = state(corpus, second)
    assert versions(corpus, second) == {name: {"v1"} for name in "abcd"}
    found[0]()
    assert state(corpus, second) == meant
    corpus.prune()
    third = changed(corpus, second, "d", "v2")
    found[0]()
    corpus.prune()
    assert state(corpus, second) == meant
    assert versions(corpus, third) == {"a": {"v1"}, "b": {"v1"}, "c": {"v1"}, "d": {"v2"}}
    stored = connect().client.count(place_of("own"), exact=True).count
    assert stored == 20, "four documents, and the older version of one"


def test_recovering_that_is_killed_again_and_again_loses_nothing_that_was_committed(
    corpus: QdrantCorpus,
) -> None:
    """Until one of its requests is the last."""
    first = published(corpus, "a", "b", "c")
    draft = corpus.draft(wanted(), first)
    with corpus.write(draft) as writer:
        store(writer, "a", "v2", replaced=["a"])
        writer.commit([replace(entry("c"), version="2")])
        store(writer, "d")
        writer.forget(["b"])
    for count in itertools.count():
        left = iter(range(count))
        with pytest.MonkeyPatch.context() as patch:
            client = connect().client
            real = client.set_payload

            def killed(*arguments: Any, real: Any = real, left: Any = left, **options: Any) -> Any:
                if next(left, None) is None:
                    raise KeyboardInterrupt
                return real(*arguments, **options)

            patch.setattr(client, "set_payload", killed)
            try:
                corpus.recover(draft)
                break
            except KeyboardInterrupt:
                pass
    assert count > 5
    assert versions(corpus, draft) == {"a": {"v2"}, "c": {"v1"}, "d": {"v1"}}
    with corpus.read(draft) as reader:
        assert reader.entries()["c"].version == "2"
    corpus.discard(draft)
    assert versions(corpus, first) == {name: {"v1"} for name in "abc"}
    corpus.prune()
    assert connect().client.count(place_of("own"), exact=True).count == 12


def test_what_recovering_asked_twice_takes_nothing_away_that_is_written_later(
    corpus: QdrantCorpus,
) -> None:
    first = published(corpus, "a", "b")
    draft = corpus.draft(wanted(), first)
    with corpus.write(draft) as writer:
        writer.commit([entry("b", "v1", 4)])  # not whole: it is done again
    with pytest.MonkeyPatch.context() as patch:
        found = late(patch, "set_payload", _status(503), place_of("own"))
        corpus.recover(draft)
    with corpus.write(draft) as writer:
        assert names(writer) == {"a"}
        store(writer, "b", "v1", replaced=["b"])
        found[0]()
    assert versions(corpus, finish(corpus, draft)) == {"a": {"v1"}, "b": {"v1"}}


def test_a_late_write_to_a_candidate_that_was_opened_again_is_seen_by_nobody(
    corpus: QdrantCorpus,
) -> None:
    first = published(corpus, "a", "b")
    draft = corpus.draft(wanted(), first)
    with corpus.write(draft) as writer, pytest.MonkeyPatch.context() as patch:
        found = late(patch, "upsert", _status(503))
        store(writer, "a", "v2", replaced=["a"])
        writer.forget(["b"])
    held = finish(corpus, draft)
    again = corpus.draft(wanted(), held)
    assert versions(corpus, again) == {"a": {"v2"}}
    with corpus.write(again) as writer:
        store(writer, "a", "v3", replaced=["a"])
    done = finish(corpus, again)
    corpus.publish(done, "r")
    found[0]()
    assert versions(corpus, done) == {"a": {"v3"}}
    assert versions(corpus, first) == {"a": {"v1"}, "b": {"v1"}}


def test_a_reader_of_a_candidate_is_told_that_it_was_opened_again(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a", "b")
    held = changed(corpus, first, "a", "v2", publish=False)
    opened = corpus.read(held)
    opened.__enter__()
    corpus.draft(wanted(), held)
    with pytest.raises(Moved):
        opened.__exit__(None, None, None)
    with pytest.raises(Moved), corpus.read(held):
        pytest.fail("it is a draft")


def test_of_two_tries_the_first_may_land_last(corpus: QdrantCorpus) -> None:
    with pytest.MonkeyPatch.context() as patch, corpus.lock():
        found = late(patch, "set_payload", _status(503))
        control().save(Record(wanted(), "nowhere"))
        control().remove(wanted().name)
    found[0]()
    assert control().records() == []


def test_a_request_begins_while_most_of_the_lease_is_left(
    corpus: QdrantCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_LEASE", "45")
    settings.cache_clear()
    corpus.draft(wanted(), None)
    now = [0.0]
    monkeypatch.setattr("components.indexes.qdrant.lease._clock", lambda: now[0])
    with corpus.lock():
        for passed, asks in ((14.0, False), (16.0, True), (30.0, False)):
            before, now[0] = beat(), passed
            assert corpus.finished("f" * 16) is None
            assert (beat() > before) == asks


def beat() -> int:
    return int((control().corpus() or {})["beat"])


def test_a_number_that_was_given_up_is_not_used_again(corpus: QdrantCorpus) -> None:
    first = published(corpus, "a")
    for number in (2, 3):
        draft = corpus.draft(wanted(), first)
        assert draft.number == number
        corpus.discard(draft)
    assert changed(corpus, first, "a", "v2").number == 4


def test_points_are_deleted_by_their_ids(corpus: QdrantCorpus) -> None:
    """A server before 1.19 may bring those back that a filter had chosen, after a crash."""
    client, asked = connect().client, []
    real = client.delete

    def noted(collection: str, chosen: Any, **options: Any) -> Any:
        asked.append(chosen)
        return real(collection, chosen, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "delete", noted)
        generation = published(corpus, "a", "b")
        for version in ("v2", "v3"):
            generation = changed(corpus, generation, "a", version)
        corpus.prune()
        draft = corpus.draft(wanted(), generation)
        with corpus.write(draft) as writer:
            store(writer, "c")
            writer.forget(["c", "b"])
            store(writer, "c")
        corpus.recover(draft)
        corpus.discard(draft)
    assert versions(corpus, generation) == {"a": {"v3"}, "b": {"v1"}}
    assert len(asked) == 2, "the oldest generation, the draft"
    assert all(hasattr(each, "points") for each in asked)


@pytest.mark.parametrize("error", ["timeout", "status"])
def test_what_takes_longer_to_count_than_a_request_may_is_counted_in_pages(
    corpus: QdrantCorpus, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    """Asked again it would take as long again."""
    monkeypatch.setenv("MILLRACE_PATIENCE", "0")
    settings.cache_clear()
    raised = ResponseHandlingException(ReadTimeout("slow")) if error == "timeout" else _status(408)

    def slow(*arguments: object, **options: object) -> None:
        raise raised

    monkeypatch.setattr(connect().client, "count", slow)
    first = published(corpus, "a", "b")
    assert first.totals.chunks == 6
    with corpus.read(first) as reader:
        assert reader.count_chunks("a") == 3


def older(name: str, record: Record) -> None:
    """Make the corpus' records what an older version made of them: a point for each generation."""
    from qdrant_client.models import PointStruct

    client, place = connect().client, f"{name}__control"
    facts = json.dumps(record.generation.to_json())
    payload = {
        "kind": "generation",
        "name": record.generation.name,
        "collection": record.collection,
        "facts": facts,
    }
    older_points(record.collection)
    point = str(uuid.uuid5(NAMESPACE, f"{place}\0{record.generation.name}"))
    client.upsert(place, [PointStruct(id=point, vector={}, payload=payload)])
    points, _ = client.scroll(place)
    corpus = [each.id for each in points if (each.payload or {})["kind"] == "corpus"]
    client.delete_payload(place, ["generations", "numbered", "revision"], points=corpus)


def older_points(place: str) -> None:
    """Chunks whose points have their ids."""
    from qdrant_client.models import PointStruct

    client = connect().client
    points, _ = client.scroll(place, limit=100, with_vectors=True)
    for point in points:
        payload = dict(point.payload or {})
        if identifier := payload.pop("chunk", None):
            vector: Any = point.vector
            client.delete(place, [point.id])
            client.upsert(place, [PointStruct(id=identifier, vector=vector, payload=payload)])


def test_what_an_older_version_made_is_read_gone_on_with_and_pruned(server: str) -> None:
    corpus = QdrantIndex(filterable=("year",)).corpus("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "components.indexes.qdrant.leftovers.place_of",
            lambda name, draft: f"{name}__{draft.fingerprint}__{draft.number:04d}",
        )
        first = published(corpus, "a", "b")
    before = state(corpus, first)
    (record,) = control().records()
    older("own", record)
    assert control().records() == [record]
    assert corpus.live() is not None
    assert state(corpus, first) == before
    with corpus.lock():
        draft = corpus.draft(wanted(), first)
        with corpus.write(draft) as writer:
            store(writer, "a", "v1", replaced=["a"])
            writer.describe("b", "Better title", {})
        second = finish(corpus, draft)
        corpus.publish(second, "r")
        third = changed(corpus, second, "a", "v2")
    assert state(corpus, first) == before
    assert versions(corpus, second) == {"a": {"v1"}, "b": {"v1"}}
    assert versions(corpus, third) == {"a": {"v2"}, "b": {"v1"}}
    assert {each.collection for each in control().records()} == {f"own__{'f' * 16}__0001"}
    with corpus.lock():
        for fingerprint in ("a" * 16, "b" * 16):
            other = corpus.draft(wanted(fingerprint), None)
            with corpus.write(other) as writer:
                store(writer, "a")
            corpus.publish(finish(corpus, other), "r")
        assert corpus.prune() == [f"own__{'f' * 16}__0001"]


def _status(code: int) -> Exception:
    from httpx import Headers
    from qdrant_client.http.exceptions import UnexpectedResponse

    return UnexpectedResponse(code, "no", b'{"status": {"error": "no\\nroom"}}', Headers())


def _refused(writer: object) -> bool:
    chunks = chunks_of("z")
    try:
        writer.put(chunks, dense(chunks), sparse(chunks))  # type: ignore[attr-defined]
    except TakenOver:
        return True
    return False


def test_without_an_address_the_user_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLRACE_QDRANT_URL", raising=False)
    with pytest.raises(BadOption, match="no Qdrant server") as caught:
        QdrantIndex().corpus("own")
    assert caught.value.where == "MILLRACE_QDRANT_URL"


@pytest.mark.parametrize(
    "address",
    [
        "qdrant:6333",
        "ftp://host",
        "http://user:secret@host:6333",
        "http://[::1",
        "http://host:65536",
        "http://host:port",
    ],
)
def test_addresses_that_are_none_or_hold_a_password(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_QDRANT_URL", address)
    with pytest.raises(BadOption) as caught:
        QdrantIndex().corpus("own")
    assert "secret" not in f"{caught.value}{caught.value.where}{caught.value.hint}"


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_certificates_that_cannot_be_read(
    text: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    if text:
        file.write_text(text)
    monkeypatch.setenv("MILLRACE_QDRANT_URL", "https://127.0.0.1:9")
    monkeypatch.setenv("MILLRACE_QDRANT_CA", str(file))
    with pytest.raises(BadOption, match="certificates") as caught:
        QdrantIndex().corpus("own")
    assert caught.value.where == "MILLRACE_QDRANT_CA"


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_QDRANT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreUnavailable, match="does not answer") as caught:
        QdrantIndex().corpus("own").live()
    assert caught.value.where == "127.0.0.1:9"


def test_keys(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with qdrant_http.running("s3cret") as address:
        monkeypatch.setenv("MILLRACE_QDRANT_URL", address)
        with pytest.raises(BadOption, match="API key"):
            QdrantIndex().corpus("own").live()
        monkeypatch.setenv("MILLRACE_QDRANT_API_KEY", "s3cret")
        settings.cache_clear()
        assert QdrantIndex().corpus("own").live() is None
        assert "s3cret" not in caplog.text + repr(settings())
        assert "unencrypted" in caplog.text


@pytest.mark.parametrize("code", [408, 500, 503])
def test_a_server_that_is_busy_for_a_moment_is_asked_again(server: str, code: int) -> None:
    tries = []

    def request(client: object) -> str:
        tries.append(client)
        if len(tries) < 3:
            raise _status(code)
        return "answer"

    own: Server = connect()
    assert own.ask("asking", request) == "answer"
    assert len(tries) == 3


def test_what_the_server_says_is_told_on_one_line(server: str) -> None:
    def request(client: object) -> None:
        raise _status(400)

    with pytest.raises(Refused, match=r"^asking: no room$"):
        connect().ask("asking", request)


def _killed(*arguments: object) -> None:
    raise KeyboardInterrupt
