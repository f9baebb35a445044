"""How a draft on a server is filled: in few and full requests, several at once, and what a kill
leaves of that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from httpx import Headers
from qdrant_client.http.exceptions import UnexpectedResponse

from components.errors import Refused, TakenOver
from components.indexes.manifest import Generation
from components.indexes.qdrant.index import QdrantCorpus, QdrantIndex
from components.indexes.qdrant.lease import held
from components.indexes.qdrant.patience import patient
from components.indexes.qdrant.server import connect
from tests.contracts.index import chunks_of, dense, entry, finish, names, sparse, store, wanted


@pytest.fixture
def corpus(server: str) -> QdrantCorpus:
    return QdrantIndex().corpus("own")


def put(writer: Any, document: str, version: str = "v1", count: int = 3) -> None:
    chunks = chunks_of(document, version, count)
    writer.put(chunks, dense(chunks), sparse(chunks))


@contextmanager
def instead(method: str, act: Callable[..., Any]) -> Iterator[None]:
    """The client's method replaced; `act` is given it, and what it is called with."""
    client = connect().client
    real = getattr(client, method)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, method, lambda *given, **options: act(real, *given, **options))
        yield


def answered(code: int) -> None:
    raise UnexpectedResponse(code, "no", b'{"status": {"error": "no such vector"}}', Headers())


def refused(real: object, *given: object, **options: object) -> None:
    answered(422)


def test_small_documents_share_requests(corpus: QdrantCorpus) -> None:
    sizes: list[int] = []

    def upsert(real: Any, name: str, points: Any, **options: Any) -> Any:
        sizes.append(len(points))
        return real(name, points, **options)

    with corpus.write(corpus.draft(wanted(), None)) as writer, instead("upsert", upsert):
        for number in range(100):
            put(writer, f"{number}")
        writer.commit([entry(f"{number}") for number in range(100)])
        assert sorted(sizes) == [44, 100, 256]
        assert writer.count_chunks() == 300


def test_documents_that_are_described_share_requests(corpus: QdrantCorpus) -> None:
    live = published(corpus, *map(str, range(20)))
    draft = corpus.draft(wanted(), live)
    sent: list[str] = []
    client = connect().client
    with corpus.write(draft) as writer, pytest.MonkeyPatch.context() as patch:
        for method in ("upsert", "set_payload"):
            real = getattr(client, method)

            def counted(*given: Any, method: str = method, real: Any = real, **options: Any) -> Any:
                sent.append(method)
                return real(*given, **options)

            patch.setattr(client, method, counted)
        for number in range(20):
            writer.describe(f"{number}", "Better title", {"year": 1999})
        writer.commit([])
        assert sorted(sent) == ["set_payload", "upsert"]
        found = [chunk for number in range(20) for chunk in writer.chunks(f"{number}")]
        assert {each.title for each in found} == {"Better title"}
        assert len(found) == writer.count_chunks() == 60
    with corpus.read(live) as reader:
        assert {each.title for each in reader.chunks("7")} == {"Title of 7"}


def test_what_is_described_twice_in_one_draft(corpus: QdrantCorpus) -> None:
    live = published(corpus, "a", "b")
    draft = corpus.draft(wanted(), live)
    with corpus.write(draft) as writer:
        store(writer, "c")
        put(writer, "a", "v2")
        for title in ("Better title", "Best title"):
            for name in "abc":
                writer.describe(name, title, {})
        writer.commit([entry("a", "v2")], ["a"])
        for name in "abc":
            assert [each.title for each in writer.chunks(name)] == ["Best title"] * 3
        assert writer.count_chunks() == 9
    with corpus.read(live) as reader:
        assert {each.title for each in reader.chunks("a")} == {"Title of a"}
        assert reader.count_chunks() == 6


def test_requests_are_under_way_together(corpus: QdrantCorpus) -> None:
    both = threading.Barrier(2, timeout=20)

    def upsert(real: Any, *given: Any, **options: Any) -> Any:
        both.wait()
        return real(*given, **options)

    with corpus.write(corpus.draft(wanted(), None)) as writer, instead("upsert", upsert):
        put(writer, "a", count=512)
        writer.commit([])
        assert writer.count_chunks() == 512


def test_a_few_requests_at_most_are_under_way(corpus: QdrantCorpus) -> None:
    now, most, guard = [0], [0], threading.Lock()

    def upsert(real: Any, *given: Any, **options: Any) -> Any:
        with guard:
            now[0] += 1
            most[0] = max(most[0], now[0])
        try:
            return real(*given, **options)
        finally:
            with guard:
                now[0] -= 1

    with corpus.write(corpus.draft(wanted(), None)) as writer, instead("upsert", upsert):
        put(writer, "a", count=256 * 9)
        writer.commit([])
        assert writer.count_chunks() == 256 * 9
    assert 1 < most[0] <= 4


@pytest.mark.parametrize("count", [3, 700])
def test_what_a_request_ends_with_is_raised_before_an_entry_is_written(
    corpus: QdrantCorpus, count: int
) -> None:
    with corpus.write(corpus.draft(wanted(), None)) as writer:
        with instead("upsert", refused), pytest.raises(Refused, match="no such vector"):
            store(writer, "a", count=count)
        assert names(writer) == set()


def test_every_request_asks_for_the_right_to_write(corpus: QdrantCorpus) -> None:
    with corpus.lock():
        draft = corpus.draft(wanted(), None)
        mine: Any = held(corpus._key)
        sent: list[object] = []
        with (
            corpus.write(draft) as writer,
            instead("upsert", lambda *given, **_: sent.append(given)),
        ):
            mine._lost = True
            with pytest.raises(TakenOver):
                store(writer, "a", count=700)
        assert sent == []


def test_what_is_put_twice_is_stored_as_it_was_put_last(corpus: QdrantCorpus) -> None:
    chunks = chunks_of("a")
    with corpus.write(corpus.draft(wanted(), None)) as writer:
        for title in ("First", "Second"):
            own = [replace(chunk, title=title) for chunk in chunks]
            writer.put(own, dense(own), sparse(own))
        writer.commit([])
        assert {chunk.title for chunk in writer.chunks("a")} == {"Second"}


def test_what_was_put_is_forgotten_with_its_document(corpus: QdrantCorpus) -> None:
    with corpus.write(corpus.draft(wanted(), None)) as writer:
        put(writer, "a")
        writer.forget(["a"])
        assert writer.count_chunks() == 0


def test_nothing_is_sent_once_the_writer_is_closed(corpus: QdrantCorpus) -> None:
    draft = corpus.draft(wanted(), None)
    sent: list[object] = []
    first = threading.Event()

    def upsert(real: object, *given: object, **options: object) -> None:
        sent.append(given)
        first.set()
        assert writer._uploads._stopped.wait(20)
        answered(503)

    writing = corpus.write(draft)
    writer = writing.__enter__()
    with instead("upsert", upsert):
        put(writer, "a", count=257)
        assert first.wait(20)
        assert not writing.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert len(sent) == 1


def test_a_server_that_was_given_up_is_not_said_to_answer_again(
    corpus: QdrantCorpus, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    draft = corpus.draft(wanted(), None)
    waiting = threading.Event()

    def sleep(seconds: float) -> None:
        waiting.set()
        assert writer._uploads._stopped.wait(20)

    def upsert(*_: object, **__: object) -> None:
        raise UnexpectedResponse(503, "no", b"", Headers({"retry-after": "2"}))

    with suppress(KeyboardInterrupt), patient(), corpus.write(draft) as writer:
        monkeypatch.setattr("tenacity.nap.time.sleep", sleep)
        with instead("upsert", upsert):
            put(writer, "a", count=257)
            assert waiting.wait(20)
            raise KeyboardInterrupt
    (told,) = [each.getMessage() for each in caplog.records]
    assert told.startswith("waiting for ")


def published(corpus: QdrantCorpus, *documents: str) -> Generation:
    draft = corpus.draft(wanted(), None)
    with corpus.write(draft) as writer:
        for name in documents:
            store(writer, name)
    done = finish(corpus, draft)
    corpus.publish(done, "r")
    return done


def versions(corpus: QdrantCorpus, generation: Generation) -> dict[str, list[str]]:
    with corpus.read(generation) as reader:
        found = {name: [c.version for c in reader.chunks(name)] for name in reader.entries()}
        assert reader.count_chunks() == sum(map(len, found.values()))
        return found


def test_after_a_kill_only_what_the_run_wrote_is_looked_at(corpus: QdrantCorpus) -> None:
    live = published(corpus, *"abcdefghij")
    draft = corpus.draft(wanted(), live)
    with corpus.write(draft) as writer:
        put(writer, "a", "v2")
        writer.forget(["b"])
    read: list[str] = []

    def scroll(real: Any, *given: Any, **options: Any) -> Any:
        points, offset = real(*given, **options)
        read.extend(str((point.payload or {}).get("document_id")) for point in points)
        return points, offset

    with instead("scroll", scroll):
        corpus.recover(draft)
    assert {each for each in read if each in "abcdefghij"} == {"b"}, "no entry names a's chunks"
    left = {name: ["v1"] * 3 for name in "acdefghij"}
    assert versions(corpus, draft) == left
    assert versions(corpus, live) == left | {"b": ["v1"] * 3}


def killed(real: object, *given: object, **options: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("written", [0, 1])
def test_a_document_that_was_forgotten_and_came_back_before_the_kill(
    corpus: QdrantCorpus, written: int
) -> None:
    """Killed before its chunks were written, or before its entry."""
    live = published(corpus, "a", "b")
    draft = corpus.draft(wanted(), live)
    done: list[object] = []

    def upsert(real: Any, *given: Any, **options: Any) -> Any:
        if len(done) == written:
            raise KeyboardInterrupt
        done.append(given)
        return real(*given, **options)

    with corpus.write(draft) as writer:
        writer.forget(["a"])
        with instead("upsert", upsert), pytest.raises(KeyboardInterrupt):
            store(writer, "a")
    assert len(done) == written
    corpus.recover(draft)
    assert versions(corpus, draft) == {"b": ["v1"] * 3}
    assert versions(corpus, live) == {"a": ["v1"] * 3, "b": ["v1"] * 3}


def test_chunks_that_were_replaced_by_half_are_replaced_after_the_kill(
    corpus: QdrantCorpus,
) -> None:
    live = published(corpus, "a", "b")
    draft = corpus.draft(wanted(), live)
    with corpus.write(draft) as writer:
        put(writer, "a", "v2")
        writer.commit([])
        with instead("set_payload", killed), pytest.raises(KeyboardInterrupt):
            writer.commit([entry("a", "v2")], ["a"])
    corpus.recover(draft)
    assert versions(corpus, draft) == {"a": ["v2"] * 3, "b": ["v1"] * 3}
    assert versions(corpus, live) == {"a": ["v1"] * 3, "b": ["v1"] * 3}
