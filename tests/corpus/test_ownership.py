"""Whose corpus it is, where several machines have one store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.corpus import run
from components.corpus.report import Report
from components.errors import BadOption, ForeignCorpus, GuardStopped
from components.indexes.contract import Shared
from components.indexes.qdrant.server import connect
from components.phases import within
from infra import machine
from infra.settings import settings
from tests.corpora import HASHING, Corpus, counts, prose
from tests.corpus.test_promotion import INTERRUPTED

SERVER = ("index.use=qdrant",)


class Machines:
    """Two machines that call different folders by one path, and share a store."""

    def __init__(self, corpus: Corpus, store: tuple[str, ...], patch: pytest.MonkeyPatch) -> None:
        self.corpus = corpus
        self.store = store
        self._patch = patch

    @contextmanager
    def on(self, name: str) -> Iterator[Path]:
        """The folder, as a machine has it; of no name: as a container has it."""
        own = self.corpus.folder / f"of-{name or 'container'}"
        own.mkdir(exist_ok=True)
        self.corpus.documents.rmdir()
        own.rename(self.corpus.documents)
        self._patch.setattr(machine, "identity", lambda: name)
        try:
            yield self.corpus.documents
        finally:
            self.corpus.documents.rename(own)
            self.corpus.documents.mkdir()

    def refresh(self, **request: Any) -> Report:
        return self.corpus.refresh(self.store, **request)


@pytest.fixture
def machines(corpus: Corpus, server: str, monkeypatch: pytest.MonkeyPatch) -> Machines:
    return Machines(corpus, SERVER, monkeypatch)


def write(folder: Path, *names: str, seed: int = 0) -> None:
    for at, name in enumerate(names):
        (folder / name).write_text(prose(seed + at))


def numbered(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number:02}.txt" for number in range(count)]


def build(machines: Machines) -> Machines:
    """A corpus of ten documents from machine `one`."""
    with machines.on("one") as folder:
        write(folder, *numbered("a", 10))
        machines.refresh()
    return machines


@pytest.fixture
def built(machines: Machines) -> Machines:
    return build(machines)


def test_an_embedded_index_on_a_disk_that_machines_share(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build(Machines(corpus, (), monkeypatch))
    with built.on("two") as folder:
        write(folder, *numbered("b", 8))
        with pytest.raises(ForeignCorpus, match="another machine"):
            built.refresh(max_deletes=1.0)
        assert counts(built.refresh(max_deletes=1.0, adopt=True)) == (8, 0, 0, 10, 0)
        assert counts(built.refresh()) == (0, 0, 8, 0, 0)
    with built.on("one"), pytest.raises(ForeignCorpus):
        built.refresh(max_deletes=1.0)


@pytest.mark.parametrize("other", ["two", ""])
def test_another_machines_documents_are_not_mixed_with_these(built: Machines, other: str) -> None:
    before = built.corpus.stored(built.store)
    with built.on(other) as folder:
        write(folder, *numbered("b", 8), "a00.txt")
        for dry in (True, False):
            with pytest.raises(ForeignCorpus, match="another machine") as caught:
                built.refresh(max_deletes=1.0, dry_run=dry)
        assert "--adopt" in caught.value.hint
        assert "namespace" in caught.value.hint
        assert ("container" in caught.value.hint) == (other == "")
    after = built.corpus.stored(built.store)
    assert (after.chunks, after.entries) == (before.chunks, before.entries)
    with built.on("one"):
        assert counts(built.refresh()) == (0, 0, 10, 0, 0)


def test_adopting_takes_it_over_for_good(built: Machines) -> None:
    with built.on("two") as folder:
        write(folder, *numbered("b", 8))
        assert counts(built.refresh(adopt=True, max_deletes=1.0)) == (8, 0, 0, 10, 0)
        assert counts(built.refresh()) == (0, 0, 8, 0, 0)
    with built.on("one"), pytest.raises(ForeignCorpus):
        built.refresh(max_deletes=1.0)


def test_the_same_documents_from_elsewhere_are_the_same_corpus(built: Machines) -> None:
    """A container that keeps nothing is another machine each time."""
    for number in range(2):
        with built.on("") as folder:
            if not number:
                write(folder, *numbered("a", 10))
            write(folder, f"new{number}.txt", seed=50 + number)
            assert counts(built.refresh())[:2] == (1, 0)


def test_the_same_machine_may_do_as_it_likes(built: Machines) -> None:
    with built.on("one") as folder:
        shutil.rmtree(folder)
        folder.mkdir()
        write(folder, *numbered("b", 30))
        assert counts(built.refresh(max_deletes=1.0)) == (30, 0, 0, 10, 0)


def test_a_corpus_may_grow_to_many_times(built: Machines) -> None:
    with built.on("") as folder:
        write(folder, *numbered("a", 10))
        write(folder, *numbered("b", 40), seed=20)
        assert counts(built.refresh()) == (40, 0, 10, 0, 0)


def test_names_that_everybody_uses_do_not_make_it_the_same(machines: Machines) -> None:
    with machines.on("one") as folder:
        write(folder, "README.md", "index.md")
        machines.refresh()
    with machines.on("two") as folder:
        write(folder, "README.md", "index.md", *numbered("b", 20), seed=40)
        with pytest.raises(ForeignCorpus):
            machines.refresh()


def test_an_empty_folder_is_a_matter_for_the_guard(built: Machines) -> None:
    """The other machine's disk is not mounted."""
    with built.on("two"), pytest.raises(GuardStopped, match="10 of 10"):
        built.refresh()


def test_a_first_build_that_was_killed_goes_on_elsewhere(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_SHARD_CHARACTERS", "1000")
    settings.cache_clear()

    def killed(done: object) -> None:
        raise KeyboardInterrupt

    with machines.on("") as folder:
        write(folder, *numbered("a", 10))
        with pytest.raises(KeyboardInterrupt):
            run.run(machines.corpus.job(machines.store), within(killed))
        report = machines.refresh()
        assert report.resumed
        assert 0 < report.unchanged < 5
        assert report.totals.documents == 10


def test_a_first_build_that_was_killed_is_not_another_machines(machines: Machines) -> None:
    with machines.on("one") as folder:
        write(folder, *numbered("a", 10))
        with pytest.raises(KeyboardInterrupt):
            run.run(machines.corpus.job(machines.store), INTERRUPTED)
    with machines.on("two") as folder:
        write(folder, *numbered("b", 10))
        with pytest.raises(ForeignCorpus):
            machines.refresh()


def test_versions_of_another_machine_are_not_trusted_when_it_is_adopted(built: Machines) -> None:
    with built.on("one") as folder:
        theirs = (folder / "a00.txt").stat()
        text = (folder / "a00.txt").read_text()
    with built.on("two") as folder:
        write(folder, *numbered("b", 8))
        own = folder / "a00.txt"
        own.write_text(text.replace("mill", "reef"))
        os.utime(own, ns=(theirs.st_atime_ns, theirs.st_mtime_ns))
        assert own.stat().st_size == theirs.st_size
        assert built.refresh(adopt=True, max_deletes=1.0).changed == 1


def test_an_index_of_before_does_not_know_its_machine(built: Machines) -> None:
    built.corpus.job(built.store).corpus.claim(str(built.corpus.documents))
    with built.on("one"):
        assert counts(built.refresh()) == (0, 0, 10, 0, 0)
    assert built.corpus.job(built.store).corpus.machine() == "one"


class TestNamespaces:
    @pytest.fixture
    def corpus(self, tmp_path: Path, server: str) -> Corpus:
        return Corpus(tmp_path, {**HASHING, "index": {"use": "qdrant"}})

    def collections(self) -> set[str]:
        found = connect().ask("listing", lambda client: client.get_collections())
        aliases = connect().ask("listing", lambda client: client.get_aliases())
        # A generation's collection ends in a token of its own.
        named = {"__".join(each.name.split("__")[:3]) for each in found.collections}
        return named | {each.alias_name for each in aliases.aliases}

    def test_two_machines_of_one_name_and_path_are_apart(self, corpus: Corpus) -> None:
        one, two = ("index.namespace=one",), ("index.namespace=two",)
        corpus.fill(3)
        corpus.refresh(one)
        for name in numbered("b", 4):
            corpus.add(name, prose(30))
        for number in range(3):
            (corpus.documents / f"{number:03}.txt").unlink()
        assert counts(corpus.refresh(two)) == (4, 0, 0, 0, 0)
        assert set(corpus.stored(one).entries) == {"000.txt", "001.txt", "002.txt"}
        assert set(corpus.stored(two).entries) == set(numbered("b", 4))

    def test_within_one_nobody_asks_what_they_hold(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        space = ("index.namespace=own",)
        corpus.fill(3)
        corpus.refresh(space)
        monkeypatch.setattr(machine, "identity", lambda: "two")
        for number in range(3):
            (corpus.documents / f"{number:03}.txt").unlink()
        corpus.add("news.txt", prose(9))
        assert counts(corpus.refresh(space, max_deletes=1.0)) == (1, 0, 0, 3, 0)

    def test_the_environment_names_it_and_the_file_may_say_otherwise(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MILLRACE_NAMESPACE", "team")
        settings.cache_clear()
        corpus.fill(1)
        corpus.refresh()
        fingerprint = corpus.load().fingerprint()
        own = {"test", "test__control", "test__releases", f"test__{fingerprint}__0001"}
        team = {f"team_{each}" for each in own}
        assert self.collections() == team
        corpus.refresh(["index.namespace=''"])
        assert self.collections() == team | own

    def test_no_two_of_them_meet(self, tmp_path: Path, server: str) -> None:
        for space, name in (("a", "b-c"), ("a-b", "c"), ("", "a-b-c"), ("control", "a")):
            corpus = Corpus(
                tmp_path / f"{space}.{name}",
                {**HASHING, "name": name, "index": {"use": "qdrant", "namespace": space}},
            )
            corpus.add("own.txt", prose(len(space)))
            assert counts(corpus.refresh()) == (1, 0, 0, 0, 0)
        assert len(self.collections()) == 16

    @pytest.mark.usefixtures("server")
    def test_a_node_in_another_one_is_told_so(self, corpus: Corpus) -> None:
        """Nobody has taken the corpus over, and nothing of it is gone."""
        of = corpus.job(["index.use=qdrant", "index.namespace=team"]).corpus
        elsewhere = corpus.job(["index.use=qdrant", "index.namespace=''"]).corpus
        assert isinstance(of, Shared)
        assert isinstance(elsewhere, Shared)
        with of.lock():
            right = of.lend()
            refused = pytest.raises(BadOption, match="'team_test' where the refresh")
            with refused as caught, elsewhere.borrow(right):
                pytest.fail("it would write elsewhere")
        assert caught.value.where == "MILLRACE_NAMESPACE"

    @pytest.mark.parametrize("name", ["A", "a_b", "a/b", "-a", "a" * 42, "ä"])
    def test_a_namespace_is_like_a_name(
        self, corpus: Corpus, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        corpus.fill(1)
        with pytest.raises(BadOption, match="pattern") as caught:
            corpus.refresh([f"index.namespace={name}"])
        assert "namespace" in caught.value.where
        monkeypatch.setenv("MILLRACE_NAMESPACE", name)
        settings.cache_clear()
        with pytest.raises(ValueError, match="MILLRACE_NAMESPACE"):
            settings()


class TestIdentity:
    @pytest.fixture(autouse=True)
    def bare(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A machine without a container in sight."""
        for name in machine._TOLD:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(machine, "_OF_CONTAINERS", (tmp_path / "dockerenv",))
        monkeypatch.setattr(machine, "_MACHINE_ID", tmp_path / "machine-id")
        (tmp_path / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        return tmp_path

    def test_it_is_the_same_every_time_and_says_no_more(self) -> None:
        assert machine.identity() == machine.identity()
        assert len(machine.identity()) == 16
        assert machine.identity() not in "0123456789abcdef0123456789abcdef"

    def test_a_clone_of_another_name_is_another_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = machine.identity()
        monkeypatch.setattr("socket.gethostname", lambda: "clone")
        assert machine.identity() not in ("", before)

    @pytest.mark.parametrize("held", ["", "uninitialized\n", None])
    def test_where_nothing_lasts_there_is_none(self, bare: Path, held: str | None) -> None:
        (bare / "machine-id").unlink()
        if held is not None:
            (bare / "machine-id").write_text(held)
        assert machine.identity() == ""

    def test_a_container_has_none(self, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("container", "podman")
        assert machine.identity() == ""
        monkeypatch.delenv("container")
        (bare / "dockerenv").touch()
        assert machine.identity() == ""


def test_a_corpus_that_serves_nothing_is_anybodys(machines: Machines) -> None:
    with machines.on("one") as folder:
        (folder / "000.txt").write_text("")
        machines.refresh()
    with machines.on("two") as folder:
        write(folder, *numbered("b", 3))
        assert machines.refresh().added == 3
