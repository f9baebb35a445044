"""Generations on a server that do not stand on each other: where their points lie."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from components.errors import Missing
from components.indexes.manifest import Generation
from components.indexes.qdrant.control import Control
from components.indexes.qdrant.index import QdrantCorpus, QdrantIndex
from components.indexes.qdrant.server import connect
from components.indexes.qdrant.writer import QdrantWriter
from tests import qdrant_http
from tests.contracts.history import begun, bring, state, texts
from tests.contracts.index import finish, names
from tests.qdrant_http.options import NO_SCANS

FINGERPRINT = "f" * 16
OF_ONE = 4
"""Points of a document: two chunks, the whole of it, and an entry."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that takes little at once."""
    strict = {**NO_SCANS, "condition_max_size": 4, "upsert_max_batchsize": 2}
    with qdrant_http.running(strict=strict) as address:
        monkeypatch.setenv("MILLRACE_QDRANT_URL", address)
        monkeypatch.setenv("MILLRACE_LEASE", "3")
        yield


@pytest.fixture
def corpus(server: str) -> QdrantCorpus:
    return QdrantIndex().corpus("own")


def following(corpus: QdrantCorpus, base: Generation | None, *documents: str) -> Generation:
    """Published, with another text of these documents."""
    draft = begun(corpus, base)
    version = "v" * draft.number
    with corpus.write(draft) as writer:
        known = names(writer)
        for name in documents:
            bring(writer, name, version, 2, [name] if name in known else [])
    generation = finish(corpus, draft)
    corpus.publish(generation, "r")
    return generation


def place(corpus: QdrantCorpus, generation: Generation) -> str:
    record = Control(connect(), corpus.name).record(generation.name)
    assert record is not None
    return record.collection


def points(name: str) -> int:
    return int(connect().client.count(name, exact=True).count)


def collections() -> set[str]:
    found = connect().client.get_collections().collections
    return {each.name for each in found if FINGERPRINT in each.name}


def test_the_alias_follows_what_is_live(corpus: QdrantCorpus) -> None:
    first = following(corpus, None, "a", "b")
    second = following(corpus, first, "a")
    corpus.publish(first, "r")
    third = following(corpus, first, "b")
    places = [place(corpus, each) for each in (first, second, third)]
    assert places[0] == places[1] != places[2]
    assert points("own") == points(places[2]) == 2 * OF_ONE + 3, "b's new text"
    for generation, own in zip((first, third, second), (0, 2, 1), strict=True):
        corpus.publish(generation, "r")
        (alias,) = connect().client.get_aliases().aliases
        assert (alias.alias_name, alias.collection_name) == ("own", places[own])


def test_nothing_is_copied_where_nothing_newer_stands(corpus: QdrantCorpus) -> None:
    first = following(corpus, None, "a", "b")
    second = following(corpus, first, "a")
    corpus.publish(first, "r")
    third = following(corpus, second, "b")
    with corpus.lock():
        thrown = begun(corpus, third)
        corpus.discard(thrown)
        following(corpus, third, "b")
    assert len(collections()) == 1


def test_a_draft_that_is_thrown_away_takes_its_copy_along(corpus: QdrantCorpus) -> None:
    first = following(corpus, None, "a", "b")
    following(corpus, first, "a")
    before = collections()
    with corpus.lock():
        draft = begun(corpus, first)
        assert collections() > before
        corpus.discard(draft)
        assert collections() == before
        begun(corpus, first)
        begun(corpus, first)
        assert len(collections()) == 2
    assert points(place(corpus, first)) == 3 * OF_ONE


def test_what_one_between_had_brought_goes_with_the_newer_one(server: str) -> None:
    """And is seen by no draft of the older, whenever the removal is killed."""
    corpus = QdrantIndex(keep=2).corpus("own")
    first = following(corpus, None, "a", "b")
    before = state(corpus, first)
    with corpus.lock():
        second = following(corpus, first, "a", "c")
        corpus.publish(first, "r")
        third = following(corpus, second, "c")
        (found,) = corpus.surplus()
        assert (found.name, found.points) == (second.name, OF_ONE), "c, which is replaced"
        assert corpus.prune() == [second.name]
        assert corpus.surplus() == []
        assert points(place(corpus, third)) == 4 * OF_ONE, "a and b, another a, and c"
        assert set(texts(corpus, third)) == set("abc")
        corpus.publish(first, "r")
        fourth = following(corpus, first, "b")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("components.indexes.qdrant.contents.Contents.delete", _killed)
            with pytest.raises(KeyboardInterrupt):
                corpus.prune()
        corpus.publish(first, "r")
        draft = begun(corpus, first)
        assert state(corpus, draft) == before
        corpus.discard(draft)
        corpus.prune()
    assert state(corpus, first) == before
    assert texts(corpus, fourth).keys() == set("ab")


def test_marks_of_one_between_are_cleared_with_those_of_the_newer_one(server: str) -> None:
    corpus = QdrantIndex(keep=2).corpus("own")
    first = following(corpus, None, "a", "b")
    with corpus.lock():
        second = following(corpus, first, "a", "c")
        corpus.publish(first, "r")
        third = following(corpus, second, "c")
        corpus.prune()
        corpus.publish(first, "r")
        following(corpus, first, "b")
        assert third.name in corpus.prune()
        assert points(place(corpus, first)) == 2 * OF_ONE
        corpus.publish(first, "r")
        corpus.prune()
        assert place(corpus, begun(corpus, first)) == place(corpus, first)


def test_one_that_was_never_published_stays_where_a_newer_one_stands_on_it(
    corpus: QdrantCorpus,
) -> None:
    """Or else it would be opened again."""
    first = following(corpus, None, "a", "b")
    draft = begun(corpus, first)
    with corpus.write(draft) as writer:
        bring(writer, "a", "other", 1, ["a"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QdrantCorpus, "live", lambda _: None)
        held = finish(corpus, draft)
        third = following(corpus, held, "b")
    corpus.publish(first, "r")
    before = state(corpus, held), state(corpus, third)
    with corpus.lock():
        again = begun(corpus, held)
        assert (again.base, again.number) == (held.name, third.number + 1)
        assert state(corpus, again) == before[0]
    assert (state(corpus, held), state(corpus, third)) == before


def test_a_copy_is_quantised_as_its_base(corpus: QdrantCorpus) -> None:
    first = following(corpus, None, "a")
    following(corpus, first, "a")
    other = QdrantIndex(quantization="int8").corpus("own")
    draft = begun(other, first)
    assert draft.quantization == "none"
    made = connect().client.get_collection(place(other, draft))
    assert made.config.quantization_config is None


@pytest.mark.usefixtures("small")
def test_a_copy_that_was_killed_between_its_batches_is_gone_on_with() -> None:
    """Without a document that would be encoded again, however often."""
    corpus = QdrantIndex().corpus("own")
    documents = "abcdefghijkl"
    first = following(corpus, None, *documents)
    following(corpus, first, "a")
    before = state(corpus, first)
    send = QdrantWriter._upsert
    left = [0]

    def counted(*arguments: object) -> None:
        send(*arguments)  # type: ignore[arg-type]
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    with corpus.lock():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(QdrantWriter, "_upsert", counted)
            left[0] = 9
            with pytest.raises(KeyboardInterrupt):
                begun(corpus, first)
            draft = corpus.unfinished(FINGERPRINT, first)
            assert draft is not None
            seen: list[int] = []
            for count in (2, 8, 8):
                with corpus.read(draft) as reader:
                    seen.append(len(reader.entries()))
                left[0] = count
                with pytest.raises(KeyboardInterrupt):
                    corpus.recover(draft)
        assert 0 < seen[0] < len(documents)
        assert seen == sorted(seen)
        corpus.recover(draft)
        assert state(corpus, draft) == before
        done = finish(corpus, draft)
        corpus.publish(done, "r")
        assert state(corpus, done) == before
        corpus.prune()
        assert points(place(corpus, done)) == OF_ONE * len(documents)


def _killed(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_what_is_removed_while_somebody_goes_back_to_it_does_not_go_live(
    corpus: QdrantCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = following(corpus, None, "a", "b")
    second = following(corpus, first, "a")
    control = corpus._control
    monkeypatch.setattr(control, "begin", lambda: Control.remove(control, first.name))
    with pytest.raises(Missing, match="is gone"):
        corpus.publish(first, "r")
    release = corpus.live()
    assert release is not None
    assert release.generation == second
