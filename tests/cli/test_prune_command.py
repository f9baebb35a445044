"""`millrace prune`."""

from __future__ import annotations

import pytest
from filelock import FileLock
from qdrant_client.models import DeleteAlias, DeleteAliasOperation

from components.indexes.qdrant.control import Control
from components.indexes.qdrant.server import connect
from tests.cli import call
from tests.corpora import Corpus, prose
from tests.corpus.test_refresh import later

MANY = ("index.keep=9",)
FACTS = {"name", "reason", "bytes", "points"}


@pytest.fixture
def grown(corpus: Corpus, store: tuple[str, ...]) -> Corpus:
    """A corpus with two generations and a fingerprint that are kept no longer."""
    corpus.fill(3)
    for number, width in enumerate((32, 48, 64, 64)):
        later(corpus.add("000.txt", prose(800 + number)))
        corpus.refresh((*store, *MANY, f"encoder.width={width}"))
    return corpus


def chosen(store: tuple[str, ...]) -> list[str]:
    return [part for each in store for part in ("--set", each)]


def test_it_says_what_it_would_free_and_frees_it(grown: Corpus, store: tuple[str, ...]) -> None:
    asked = call("prune", grown.file, *chosen(store), "--dry-run", "--json")
    assert asked.code == 0
    found = asked.json
    assert (found["pipeline"], found["dry_run"], found["in_use"]) == ("test", True, [])
    assert all(set(each) == FACTS for each in found["removed"])
    assert {each["reason"] for each in found["removed"]} == {"older"}
    unit = "points" if store else "bytes"
    assert found[unit] == sum(each[unit] for each in found["removed"]) > 0
    assert found["points" if unit == "bytes" else "bytes"] is None
    assert len(found["removed"]) == 2
    before = grown.stored(store)
    done = call("prune", grown.file, *chosen(store), "--json").json
    assert done == {**found, "dry_run": False}
    empty = {**found, "removed": [], "bytes": None, "points": None}
    assert call("prune", grown.file, *chosen(store), "--json", "--dry-run").json == empty
    assert grown.stored(store).chunks == before.chunks


def test_it_is_told_to_people(grown: Corpus, store: tuple[str, ...]) -> None:
    unit = "points" if store else "MiB"
    asked = call("prune", grown.file, *chosen(store), "--dry-run").out.splitlines()
    assert [line.split()[0] for line in asked] == ["would"] * 3
    assert all(line.endswith(unit) for line in asked)
    done = call("prune", grown.file, *chosen(store)).out.splitlines()
    assert [line.split()[0] for line in done] == ["removed", "removed", "freed"]
    assert call("prune", grown.file, *chosen(store)).out == "nothing to remove\n"


def everything(corpus: Corpus, store: tuple[str, ...]) -> object:
    """All that a store holds, and when it was written."""
    if not store:
        found = {each: each.lstat() for each in (corpus.folder / "store").rglob("*")}
        return {each: (told.st_mtime_ns, told.st_size) for each, told in found.items()}
    client = connect().client
    names = [each.name for each in client.get_collections().collections]
    held = {name: client.scroll(name, limit=1000, with_vectors=True) for name in names}
    return held, client.get_aliases()


def test_a_dry_run_writes_nothing_and_waits_for_nobody(
    grown: Corpus, store: tuple[str, ...]
) -> None:
    """Another refresh is at work, and was killed before it set the alias."""
    if store:
        Control(connect(), "test").change({"holder": "somebody", "beat": 7})
        gone = DeleteAliasOperation(delete_alias=DeleteAlias(alias_name="test"))
        connect().client.update_collection_aliases([gone])
    with FileLock(grown.folder / "store" / "test" / "writer.lock"):
        before = everything(grown, store)
        done = call("prune", grown.file, *chosen(store), "--dry-run", "--json")
        assert done.code == 0
        assert len(done.json["removed"]) == 2
        assert everything(grown, store) == before


def test_a_dry_run_leaves_no_lock_where_there_was_none(corpus: Corpus) -> None:
    corpus.fill(1)
    corpus.refresh()
    (corpus.folder / "store" / "test" / "writer.lock").unlink()
    before = everything(corpus, ())
    assert call("prune", corpus.file, "--dry-run").out == "nothing to remove\n"
    assert everything(corpus, ()) == before


def test_what_is_open_is_named_and_stays(corpus: Corpus) -> None:
    corpus.fill(2)
    first = corpus.refresh(MANY).generation
    for number in range(2):
        later(corpus.add("000.txt", prose(800 + number)))
        corpus.refresh(MANY)
    with FileLock(corpus.folder / "store" / "test" / first / "open.lock"):
        done = call("prune", corpus.file, "--json").json
        assert (done["removed"], done["bytes"]) == ([], None)
        assert [each["name"] for each in done["in_use"]] == [first]
        assert "in use" in call("prune", corpus.file).out
    assert [each["name"] for each in call("prune", corpus.file, "--json").json["removed"]] == [
        first
    ]


def test_it_waits_for_nobody(corpus: Corpus) -> None:
    corpus.fill(1)
    corpus.refresh()
    with FileLock(corpus.folder / "store" / "test" / "writer.lock"):
        done = call("prune", corpus.file, "--json")
    assert done.code == 6
    assert done.json["error"]["kind"] == "Busy"


def test_there_is_nothing_to_remove_before_the_first_refresh(corpus: Corpus) -> None:
    done = call("prune", corpus.file)
    assert done.code == 2
    assert "no index yet" in done.message
    assert not (corpus.folder / "store").exists()
