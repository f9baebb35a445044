"""A page that is torn in what is served: nothing is published of it, and nothing is lost by it."""

from __future__ import annotations

import errno
import json
import os
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import numpy as np
import pytest
from filelock import FileLock, Timeout

from components.corpus import run
from components.corpus.search import search
from components.errors import Damaged, GuardStopped, IndexFault, MillraceError, StoreUnavailable
from components.indexes.edge import damage, proof
from components.indexes.edge.index import EdgeIndex
from components.values import Query
from tests.cli import call
from tests.contracts.index import chunks_of, entry, finish, sparse, wanted
from tests.corpora import Corpus, before, counts, prose
from tests.corpus.test_promotion import INTERRUPTED

DOCUMENTS = 24
PAGE = 4096
ZEROS = bytes(PAGE)
GARBAGE = b"\xff\x13\x77\x01" * (PAGE // 4)


def tear(generation: Path, page: bytes, place: float, part: str = "payload_storage") -> None:
    """A page of what is stored; `place`: 0 is where it begins, 1 where it ends."""
    files = generation.glob(f"shard/segments/*/{part}/page_0.dat")
    file = max(files, key=_used)
    with file.open("r+b") as opened:
        opened.seek(int(place * _used(file)) // PAGE * PAGE)
        opened.write(page)


def _used(file: Path) -> int:
    return len(file.read_bytes().rstrip(b"\0"))


def served(corpus: Corpus) -> Path:
    """The folder of what is live."""
    release = corpus.job().corpus.live()
    assert release is not None
    return corpus.folder / "store" / "test" / release.generation.name


def check_whole(corpus: Corpus, tmp_path: Path) -> None:
    """It holds what a fresh build of the same documents holds."""
    fresh = Corpus(tmp_path / "fresh")
    for each in corpus.documents.iterdir():
        fresh.add(each.name, each.read_text())
    fresh.refresh()
    expected, stored = fresh.stored(), corpus.stored()
    assert stored.chunks == expected.chunks
    assert stored.worded == expected.worded
    assert stored.entries.keys() == expected.entries.keys()
    for name, vector in expected.vectors.items():
        assert np.allclose(stored.vectors[name], vector, atol=1e-6)


@pytest.mark.parametrize(
    ("page", "place"), [(ZEROS, 0.5), (GARBAGE, 0)], ids=["elsewhere", "in what changes"]
)
def test_what_is_damaged_is_not_published_and_the_next_refresh_builds_it_anew(
    corpus: Corpus, tmp_path: Path, page: bytes, place: float
) -> None:
    corpus.fill(DOCUMENTS)
    corpus.refresh()
    live = served(corpus)
    tear(live, page, place)
    corpus.add("000.txt", prose(99))  # its chunks are stored where the pages begin
    with pytest.raises(Damaged, match="a fresh process cannot either") as caught:
        corpus.refresh()
    assert caught.value.where == str(live)
    assert "run the refresh again" in caught.value.hint
    assert served(corpus) == live
    assert counts(corpus.refresh()) == (DOCUMENTS, 0, 0, 0, 0)
    check_whole(corpus, tmp_path)


def test_a_good_generation_before_it_is_kept_and_gone_on_with(
    corpus: Corpus, tmp_path: Path
) -> None:
    corpus.fill(DOCUMENTS)
    corpus.refresh()
    good = served(corpus)
    corpus.add("000.txt", prose(99))
    corpus.refresh()
    damaged = served(corpus)
    tear(damaged, ZEROS, 0.5)
    corpus.add("001.txt", prose(98))
    with pytest.raises(Damaged):
        corpus.refresh()
    assert corpus.job().corpus.prune() == []
    assert good.is_dir()
    assert counts(corpus.refresh()) == (0, 2, DOCUMENTS - 2, 0, 0)
    check_whole(corpus, tmp_path)
    assert good.is_dir()
    assert not damaged.exists()


def test_what_only_the_damaged_one_holds_is_not_given_up_without_a_word(corpus: Corpus) -> None:
    corpus.fill(DOCUMENTS)
    corpus.refresh()
    live = served(corpus)
    tear(live, ZEROS, 0.5)
    (corpus.documents / "000.txt").write_bytes(b"")  # it fails from now on
    with pytest.raises(Damaged):
        corpus.refresh()
    with pytest.raises(GuardStopped, match="lacks 1 documents"):
        corpus.refresh()
    assert served(corpus) == live
    corpus.refresh(max_missing=1)
    assert served(corpus) != live
    assert len(corpus.stored().chunks) > 0


@pytest.mark.parametrize(
    "changed", [1, 4], ids=["where the optimiser does not look", "where the optimiser fails"]
)
def test_a_draft_that_is_torn_before_it_is_finished_is_begun_again(
    corpus: Corpus, tmp_path: Path, changed: int
) -> None:
    corpus.fill(DOCUMENTS)
    corpus.refresh()
    live = served(corpus)
    for number in range(changed):
        corpus.add(f"{number:03}.txt", prose(90 + number))

    def torn() -> None:
        job = corpus.job()
        draft = job.corpus.unfinished(job.fingerprint, job.corpus.finished(job.fingerprint))
        assert draft is not None
        tear(live.parent / draft.name, ZEROS, 0.5)

    with pytest.raises(Damaged) as caught:
        run.run(corpus.job(), before("check-and-optimise", torn))
    assert caught.value.hint == "nothing was published: run the refresh again"
    assert served(corpus) == live
    assert counts(corpus.refresh()) == (0, changed, DOCUMENTS - changed, 0, 0)
    check_whole(corpus, tmp_path)


def test_a_sparse_vector_that_cannot_be_read_is_damage_too(tmp_path: Path) -> None:
    """Where there is a graph the engine leaves them on the disk until somebody asks for them."""
    corpus = EdgeIndex(path=tmp_path).corpus("own")
    width, count = 2**15, 100
    draft = corpus.draft(replace(wanted(), width=width), None)
    chunks = chunks_of("a", count=count)
    with corpus.write(draft) as writer:
        writer.put(chunks, np.eye(count, width, dtype=np.float32), sparse(chunks))
        writer.commit([entry("a", chunks=count)])
    base = finish(corpus, draft)
    tear(corpus.folder / base.name, GARBAGE, 0, "vector_storage-sparse/store")
    with pytest.raises(Damaged, match="sparse"):
        corpus.recover(base)
    with pytest.raises(Damaged, match="sparse"):
        corpus.draft(replace(wanted(), width=width), base)
    assert corpus.finished(base.fingerprint) is None


def spoil(generation: Path, name: str, page: bytes = ZEROS) -> None:
    """The first page of the file of that name that has the most in it, of all segments."""
    file = max(generation.glob(f"shard/{name}"), key=_used)
    with file.open("r+b") as opened:
        opened.write(page[: min(PAGE, file.stat().st_size)])


TORN = {
    "dense": ("segments/*/vector_storage-dense/vectors/status.dat", ZEROS),
    "dense, some": ("segments/*/vector_storage-dense/deleted/flags_a.dat", GARBAGE),
    "sparse": ("segments/*/vector_storage-sparse/store/tracker.dat", ZEROS),
    "payloads": ("segments/*/payload_storage/tracker.dat", ZEROS),
    "places of payloads": ("segments/*/payload_storage/bitmask.dat", ZEROS),
    "segment": ("segments/*/segment.json", GARBAGE),
    "shard": ("edge_config.json", GARBAGE),
}
torn = pytest.mark.parametrize(("name", "page"), TORN.values(), ids=TORN)


def nights(corpus: Corpus, until: int = 4) -> int:
    """Refreshes, with a change before each, until one succeeds: how many failed as damaged."""
    store = served(corpus).parent
    for night in range(until):
        corpus.add("000.txt", prose(200 + night))
        assert len(list(store.glob("*.damaged-*"))) <= 1
        try:
            corpus.refresh()
        except Damaged as error:
            told = error
        else:
            return night
        assert str(store) in told.where
        assert "run the refresh again" in told.hint
    raise AssertionError("it does not heal")


@torn
def test_whatever_is_torn_it_is_not_published_and_heals_by_itself(
    corpus: Corpus, tmp_path: Path, name: str, page: bytes
) -> None:
    corpus.fill(6)
    corpus.refresh()
    good = served(corpus)
    corpus.add("001.txt", prose(98))
    corpus.refresh()
    spoil(served(corpus), name, page)
    assert nights(corpus) == (2 if "bitmask" in name else 1)  # writing alone shows that
    assert good.is_dir()
    check_whole(corpus, tmp_path)


@pytest.mark.parametrize("part", ["sparse", "document_sparse"])
def test_sparse_vectors_whose_places_are_lost_are_missed(corpus: Corpus, part: str) -> None:
    """After a first build entries, which have none, are the last records: the engine reads no
    sparse vectors then, and raises nothing.
    """
    corpus.fill(2)
    corpus.refresh()
    spoil(served(corpus), f"segments/*/vector_storage-{part}/store/tracker.dat")
    assert nights(corpus) == 1


def test_what_is_not_live_and_damaged_is_passed_over(corpus: Corpus, tmp_path: Path) -> None:
    corpus.fill(3)
    corpus.refresh()
    other = served(corpus)
    corpus.refresh(("encoder.width=32",))
    live = served(corpus)
    spoil(other, "segments/*/segment.json", GARBAGE)
    assert nights(corpus) == 1
    assert not other.exists()
    assert live.is_dir()
    check_whole(corpus, tmp_path)


@pytest.mark.parametrize("before", [2, 0], ids=["one before it", "none before it"])
@pytest.mark.parametrize(
    ("gone", "said"),
    [(True, "10 of 12 documents would be deleted"), (False, "lacks 8 documents")],
    ids=["deleted", "failing"],
)
def test_what_cannot_be_opened_guards_what_it_served(
    corpus: Corpus, before: int, gone: bool, said: str
) -> None:
    corpus.fill(before)
    if before:
        corpus.refresh()
    corpus.fill(12)
    corpus.refresh()
    live = served(corpus)
    spoil(live, "segments/*/segment.json", GARBAGE)
    for number in range(2, 12) if gone else range(4, 12):
        file = corpus.documents / f"{number:03}.txt"
        file.unlink() if gone else file.write_bytes(b"")
    with pytest.raises(Damaged):
        corpus.refresh()
    for _ in range(2):
        with pytest.raises(GuardStopped, match=said):
            corpus.refresh()
        assert served(corpus) == live
    corpus.refresh(max_missing=8, max_deletes=1.0)
    assert len(corpus.stored().entries) == (2 if gone else 12)


@pytest.mark.parametrize(
    "name", ["segments/*/segment.json", "segments/*/payload_storage/page_0.dat"]
)
def test_a_good_copy_in_its_place_is_believed_again(corpus: Corpus, name: str) -> None:
    corpus.fill(4)
    corpus.refresh()
    live = served(corpus)
    backup = live.parent.parent / "backup"
    copytree(live, backup)
    spoil(live, name, GARBAGE)
    corpus.add("000.txt", prose(50))
    with pytest.raises(Damaged):
        corpus.refresh()
    assert call("status", corpus.file, "--json").json["damaged"] == str(live / "damaged.json")
    assert "damaged.json" in call("status", corpus.file).out
    copytree(backup, live, dirs_exist_ok=True)
    assert call("status", corpus.file, "--json").json["damaged"] == ""
    assert counts(corpus.refresh()) == (0, 1, 3, 0, 0)


def test_a_search_where_payloads_are_gone_says_what_to_do(corpus: Corpus) -> None:
    corpus.fill(3)
    corpus.refresh()
    live = served(corpus)
    spoil(live, *TORN["payloads"])
    done = call("search", corpus.file, "miller weir turbine")
    assert done.code == 1
    assert str(live) in done.err
    assert "run the refresh again" in done.err
    assert nights(corpus) == 1


def test_an_index_of_before_sparse_vectors_were_counted(corpus: Corpus) -> None:
    corpus.fill(3)
    corpus.refresh()
    file = served(corpus) / "generation.json"
    facts = json.loads(file.read_text())
    assert facts.pop("sparse") > 0
    file.write_text(json.dumps(facts))
    assert nights(corpus) == 0


@pytest.mark.parametrize("asked", ["pread", "pwrite"])
def test_the_disk_that_fails_is_named(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    corpus.fill(2)
    corpus.refresh()
    live = served(corpus)
    corpus.add("000.txt", prose(50))

    def fails(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, asked, fails)
    with pytest.raises(StoreUnavailable) as caught:
        corpus.refresh()
    assert (str(live) in caught.value.where) == (asked == "pread")


def content(folder: Path) -> dict[str, str]:
    """Of every file below it; the engine writes the keys of JSON in any order."""
    files = (each for each in folder.rglob("*") if each.is_file())
    return {str(each): sha256(_held(each)).hexdigest() for each in files}


def _held(file: Path) -> bytes:
    held = file.read_bytes()
    with suppress(ValueError):  # most are none, and some are torn
        held = json.dumps(json.loads(held), sort_keys=True).encode()
    return held


def test_a_mark_is_not_about_the_order_of_keys(tmp_path: Path) -> None:
    shard = tmp_path / "shard"
    shard.mkdir()
    file = shard / "segment.json"
    for told in ('{"a":{"b":1,"c":2},"d":3}', "{"):
        file.write_text(told)
        (tmp_path / damage.MARK).unlink(missing_ok=True)
        damage.mark(tmp_path, "torn")
        assert damage.found(tmp_path)
        file.write_text(told.replace('"b":1,"c":2', '"c":2,"b":1'))
        assert damage.found(tmp_path)
        file.write_text(told.replace("{", "[").replace("}", "]"))
        assert not damage.found(tmp_path), "it is another file"


def test_who_only_looks_changes_nothing(corpus: Corpus) -> None:
    corpus.fill(3)
    corpus.refresh()
    live = served(corpus)
    spoil(live, *TORN["payloads"])
    call("search", corpus.file, "miller weir turbine")  # leaves a lock
    before = content(live.parent)
    for verb, more in (("search", "miller"), ("refresh", "--dry-run")):
        done = call(verb, corpus.file, more)
        assert done.code == 1
        assert "run the refresh again" in done.err
    assert content(live.parent) == before
    with pytest.raises(Damaged):
        corpus.refresh()
    assert (live / "damaged.json").exists()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO])
def test_a_mark_that_cannot_be_looked_for_is_none(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    corpus.fill(4)
    with pytest.raises(KeyboardInterrupt):
        run.run(corpus.job(), INTERRUPTED)
    store = corpus.folder / "store" / "test"
    drafted = {each.name for each in store.iterdir()}
    real = Path.read_text

    def refused(self: Path, *given: str, **named: str) -> str:
        if self.name == "damaged.json":
            raise OSError(number, os.strerror(number), str(self))
        return real(self, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", refused)
        with pytest.raises(StoreUnavailable):
            corpus.refresh()
    assert {each.name for each in store.iterdir()} == drafted
    assert corpus.refresh().resumed


def test_nobody_opens_it_while_damage_is_proved(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever closes it replaces files, and a file that is gone would be taken for a proof."""
    corpus.fill(2)
    corpus.refresh()
    live = served(corpus)
    release = corpus.job().corpus.live()
    assert release is not None
    explained, free = proof.explained, []

    def watched(*given: Any) -> MillraceError:
        lock = FileLock(live / "open.lock", blocking=False)
        with suppress(Timeout), lock:
            free.append(live)
        return explained(*given)

    monkeypatch.setattr(proof, "explained", watched)
    with pytest.raises(IndexFault), corpus.job().corpus.read(release.generation):
        raise IndexFault("the engine has failed")
    assert not free


LOST = {"torn": ZEROS, "cut short": b"{", "gone": None}
lost = pytest.mark.parametrize("left", LOST.values(), ids=LOST)


def lose(file: Path, left: bytes | None) -> None:
    file.unlink() if left is None else file.write_bytes(left)


@lost
@pytest.mark.parametrize("changed", [True, False])
def test_facts_of_what_is_live_are_put_back(
    corpus: Corpus, caplog: pytest.LogCaptureFixture, left: bytes | None, changed: bool
) -> None:
    corpus.fill(4)
    corpus.refresh()
    facts = served(corpus) / "generation.json"
    before = facts.read_bytes()
    lose(facts, left)
    if changed:
        corpus.add("000.txt", prose(50))
    assert counts(corpus.refresh()) == (0, int(changed), 4 - changed, 0, 0)
    assert json.loads(facts.read_bytes()) == json.loads(before)
    assert f"{facts} is put back" in caplog.text


@lost
def test_what_lost_its_facts_is_searched_meanwhile(corpus: Corpus, left: bytes | None) -> None:
    corpus.fill(4)
    corpus.refresh()
    lose(served(corpus) / "generation.json", left)
    before = content(served(corpus))
    assert len(search(corpus.load(), [Query(text="miller weir")], 3).hits[0]) == 3
    assert call("status", corpus.file).code == 0
    assert content(served(corpus)).items() >= before.items()


def test_what_lost_its_facts_stays_where_they_cannot_be_put_back(
    corpus: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    corpus.fill(4)
    corpus.refresh()
    live = served(corpus)
    lose(live / "generation.json", None)
    (live / f".generation.json.{os.getpid()}").mkdir()  # whatever keeps it from being written
    corpus.add("000.txt", prose(50))
    with pytest.raises(KeyboardInterrupt):
        run.run(corpus.job(), INTERRUPTED)
    assert "has one copy of its facts" in caplog.text
    assert corpus.job().corpus.prune() == []
    assert len(search(corpus.load(), [Query(text="miller weir")], 3).hits[0]) == 3
    assert corpus.refresh().resumed
    assert served(corpus) != live


def test_an_index_of_before_there_were_two_copies_of_the_facts(corpus: Corpus) -> None:
    corpus.fill(2)
    corpus.refresh()
    live = served(corpus)
    pointer = live.parent / "live.json"
    told = json.loads(pointer.read_text())
    del told["facts"]
    pointer.write_text(json.dumps(told))
    lose(live / "generation.json", ZEROS)
    with pytest.raises(Damaged) as caught:
        corpus.refresh()
    assert "restore its folder" in caught.value.hint
    assert "no guard compares" in caught.value.hint


@pytest.mark.parametrize("before", [2, 0], ids=["one before it", "none before it"])
def test_what_is_live_is_gone(corpus: Corpus, tmp_path: Path, before: int) -> None:
    """As in a copy that was made while a refresh ran."""
    corpus.fill(before)
    if before:
        corpus.refresh()
    corpus.fill(6)
    corpus.refresh()
    live = served(corpus)
    rmtree(live)
    done = call("search", corpus.file, "miller weir turbine")
    assert done.code == 1
    assert f"{live}: it is gone" in done.err
    assert "run the refresh again" in done.err
    assert call("status", corpus.file, "--json").json["damaged"] == str(live)
    away = [corpus.documents / f"{number:03}.txt" for number in range(1, 5)]
    texts = [each.read_text() for each in away]
    for each in away:
        each.unlink()
    with pytest.raises(GuardStopped, match="4 of 6 documents would be deleted"):
        corpus.refresh()
    for each, text in zip(away, texts, strict=True):
        each.write_text(text)
    assert counts(corpus.refresh())[0] == 6 - before
    assert served(corpus).name > live.name
    check_whole(corpus, tmp_path)


def test_such_an_index_has_them_after_its_next_refresh(corpus: Corpus) -> None:
    corpus.fill(2)
    corpus.refresh()
    live = served(corpus)
    pointer = live.parent / "live.json"
    before = json.loads(pointer.read_text())
    pointer.write_text(json.dumps({k: v for k, v in before.items() if k != "facts"}))
    corpus.refresh()
    after = json.loads(pointer.read_text())
    assert after | {"refreshed": before["refreshed"]} == before


def test_facts_of_what_is_not_live_are_lost_once(
    corpus: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    corpus.fill(2)
    corpus.refresh()
    other = served(corpus)
    corpus.add("000.txt", prose(50))
    corpus.refresh()
    lose(other / "generation.json", ZEROS)
    corpus.refresh()
    assert not other.exists()
    caplog.clear()
    corpus.refresh()
    assert caplog.text == ""


@pytest.mark.parametrize("name", ["live.json", "corpus.json"])
def test_a_small_file_that_is_torn_says_what_to_do(corpus: Corpus, name: str) -> None:
    corpus.fill(2)
    corpus.refresh()
    (served(corpus).parent / name).write_bytes(ZEROS)
    for verb in (("refresh", "--engine-only"), ("prune",)):
        done = call(verb[0], corpus.file, *verb[1:])
        assert done.code == 1
        assert name in done.err
        assert "delete it" in done.err
