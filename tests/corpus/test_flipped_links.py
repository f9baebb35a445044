"""Corpora below links that are flipped to the next checkout: each is what it is called."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components import spec
from components.corpus import run
from components.corpus.report import Report
from components.corpus.request import Job, Request, new_run_id
from components.corpus.search import Searcher
from components.errors import ForeignCorpus, Refused
from components.indexes.contract import CorpusIndex
from components.phases import within
from components.sources.archive import Archive
from components.sources.files import Files
from components.sources.financebench import FinanceBench
from components.sources.jsonl import JsonLines
from components.values import Query
from evals.experiment import live
from tests.cli import Outcome, call
from tests.corpora import counts, prose
from tests.sources.test_archive import packed

TEXTS = {f"{number}.md": prose(number, 2) for number in range(4)}
NEXT = {**TEXTS, "3.md": prose(9, 2)}


def flip(link: Path, to: str) -> None:
    """As git-sync does: the link is replaced at once."""
    aside = link.with_name(".next")
    aside.symlink_to(to)
    aside.replace(link)


def checkout(folder: Path, texts: Mapping[str, str]) -> None:
    """The documents as a source of every kind finds them, all of one time."""
    (folder / "docs").mkdir(parents=True)
    for name, text in texts.items():
        (folder / "docs" / name).write_text(text)
    lines = [json.dumps({"_id": name, "text": text}) for name, text in texts.items()]
    (folder / "corpus.jsonl").write_text("\n".join(lines))
    for kind in ("zip", "tar"):
        packed(folder / f"docs.{kind}", {n: text.encode() for n, text in texts.items()})
    for each in (folder, *folder.rglob("*")):
        os.utime(each, (1_700_000_000, 1_700_000_000))


def written(
    file: Path, source: Mapping[str, Any] | str = "./docs", index: str = "./idx", **more: Any
) -> Path:
    """A pipeline file."""
    if isinstance(source, str):
        source = {"use": "files", "path": source}
    pipeline = {
        "name": "flipped",
        "source": source,
        "encoder": {"use": "hashing", "width": 16},
        "index": {"use": "qdrant_edge", "path": index},
        **more,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(pipeline))
    return file


def job(file: Path, *overrides: str, **more: Any) -> Job:
    return Job(Request(pipeline=str(file), overrides=overrides, run_id=new_run_id(), **more))


def refresh(file: Path, *overrides: str, **more: Any) -> Report:
    return run.run(job(file, *overrides, **more))


def corpus(file: Path, *overrides: str) -> CorpusIndex:
    return job(file, *overrides).corpus


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two checkouts, and a link to the first."""
    checkout(tmp_path / "rev-a", TEXTS)
    checkout(tmp_path / "rev-b", NEXT)
    (tmp_path / "current").symlink_to("rev-a")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ({"use": "files", "path": "./current/docs"}, "current/docs"),
        ({"use": "jsonl", "path": "./current/corpus.jsonl"}, "current/corpus.jsonl"),
        ({"use": "jsonl", "path": "./current"}, "current"),
        ({"use": "archive", "path": "./current/docs.zip"}, "current/docs.zip"),
        ({"use": "archive", "path": "./current/docs.tar"}, "current/docs.tar"),
    ],
)
def test_the_next_checkout_is_the_same_corpus(
    tree: Path, source: Mapping[str, Any], name: str
) -> None:
    file = written(tree / "p.yaml", source)
    assert counts(refresh(file)) == (4, 0, 0, 0, 0)
    flip(tree / "current", "rev-b")
    assert counts(refresh(file)) == (0, 1, 3, 0, 0)
    assert corpus(file).owner() == f"{tree}/{name}"


def test_documents_that_are_mounted_as_a_map(tmp_path: Path) -> None:
    """DOCUMENT -> ..data/DOCUMENT -> ..TIME/DOCUMENT, and `..data` is flipped."""
    for time, texts in (("..1", TEXTS), ("..2", NEXT)):
        (tmp_path / "docs" / time).mkdir(parents=True)
        for name, text in texts.items():
            (tmp_path / "docs" / time / name).write_text(text)
    (tmp_path / "docs" / "..data").symlink_to("..1")
    for name in TEXTS:
        (tmp_path / "docs" / name).symlink_to(f"..data/{name}")
    file = written(tmp_path / "p.yaml")
    assert counts(refresh(file)) == (4, 0, 0, 0, 0)
    flip(tmp_path / "docs" / "..data", "..2")
    report = refresh(file)
    assert (counts(report), report.left_out) == ((0, 1, 3, 0, 0), ())


def test_up_from_a_link_leads_where_the_system_goes(tmp_path: Path) -> None:
    for site in ("one", "two"):
        checkout(tmp_path / site, TEXTS if site == "one" else NEXT)
        (tmp_path / site / "conf").mkdir()
    (tmp_path / "docs").mkdir()  # beside the link, and never meant
    (tmp_path / "conf").symlink_to("one/conf")
    file = written(tmp_path / "p.yaml", "./conf/../docs")
    assert counts(refresh(file)) == (4, 0, 0, 0, 0)
    flip(tmp_path / "conf", "two/conf")
    assert counts(refresh(file)) == (0, 1, 3, 0, 0)
    assert corpus(file).owner() == f"{tmp_path}/conf/../docs"


def test_however_it_is_written(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative, absolute, with a slash at its end, from the home, up and down, as an override."""
    monkeypatch.setenv("HOME", str(tree))
    monkeypatch.chdir(tree)
    file = written(tree / "p.yaml", "./current/docs")
    first = refresh(file)
    for path in (
        "current/docs/",
        f"{tree}/current/docs",
        "~/current/docs",
        "./rev-a/../current//docs/./",
        "current/docs/../docs",
    ):
        for found in (
            refresh(written(tree / "p.yaml", path)),
            refresh(file, f"source.path={path}"),
        ):
            assert (found.generation, counts(found)) == (first.generation, (0, 0, 4, 0, 0))
        assert corpus(file).owner() == f"{tree}/current/docs"


class TestVerbs:
    """Each takes the files that the path names, relative to its folder as it is given."""

    @pytest.fixture
    def linked(self, tmp_path: Path) -> Path:
        """As GNU stow has it: the file is a link, the rest is not."""
        checkout(tmp_path / "etc", {"a.md": "Notice is four weeks, by the folder of the link."})
        checkout(tmp_path / "real", {"a.md": "Notice is nine weeks, by the folder of the target."})
        written(tmp_path / "real" / "p.yaml")
        (tmp_path / "etc" / "p.yaml").symlink_to("../real/p.yaml")
        return tmp_path / "etc" / "p.yaml"

    def test_a_pipeline_file_that_is_a_link(self, linked: Path) -> None:
        assert call("refresh", linked, "--engine-only").code == 0
        self._check(linked)
        assert not (linked.parent.parent / "real" / "idx").exists()

    def test_a_mounted_map_of_files(self, tmp_path: Path) -> None:
        """FILE -> ..data/FILE -> ..TIME/FILE, and `..data` is flipped."""
        home = tmp_path / "cm"
        checkout(home, {"a.md": "Notice is four weeks."})
        for time in ("..1", "..2"):
            written(home / time / "p.yaml", retriever={"use": "dense", "depth": 50 + len(time)})
        (home / "..data").symlink_to("..1")
        (home / "p.yaml").symlink_to("..data/p.yaml")
        assert call("refresh", home / "p.yaml", "--engine-only").code == 0
        self._check(home / "p.yaml")
        flip(home / "..data", "..2")
        self._check(home / "p.yaml")

    def test_a_project_below_a_link(self, tmp_path: Path) -> None:
        checkout(tmp_path / "1", {"a.md": "Notice is four weeks."})
        written(tmp_path / "1" / "p.yaml")
        (tmp_path / "current").symlink_to("1")
        assert call("refresh", tmp_path / "current" / "p.yaml", "--engine-only").code == 0
        self._check(tmp_path / "current" / "p.yaml")
        assert corpus(tmp_path / "current" / "p.yaml").owner() == f"{tmp_path}/current/docs"

    def _check(self, file: Path) -> None:
        again = call("refresh", file, "--engine-only", "--json")
        assert (again.json["unchanged"], again.json["promoted"]) == (1, False)
        (hit,) = call("search", file, "notice", "--json").json["hits"]
        assert "four weeks" in hit["text"]
        assert call("status", file, "--json").json["documents"] == 1
        assert "nothing to remove" in call("prune", file).out
        (system,) = live.served(file)
        assert system.folder
        assert system.folder.parent == file.parent / "idx" / "flipped"
        assert corpus(file).owner() == str(file.parent / "docs")

    def test_a_project_below_a_link_that_is_flipped_keeps_an_index_outside(
        self, tree: Path
    ) -> None:
        for rev in ("rev-a", "rev-b"):
            written(tree / rev / "p.yaml", index=str(tree / "store"))
        file = tree / "current" / "p.yaml"
        assert call("refresh", file, "--engine-only", "--json").json["added"] == 4
        flip(tree / "current", "rev-b")
        assert call("search", file, "mill", "--json").json["pending"] is False
        told = call("refresh", file, "--engine-only", "--json").json
        assert (told["changed"], told["unchanged"]) == (1, 3)

    def test_an_index_inside_of_it_is_left_with_the_checkout(self, tree: Path) -> None:
        for rev in ("rev-a", "rev-b"):
            written(tree / rev / "p.yaml")
        file = tree / "current" / "p.yaml"
        refresh(file)
        flip(tree / "current", "rev-b")
        told: Outcome = call("search", file, "mill")
        assert (told.code, f"{tree}/current/idx" in told.message) == (2, True)
        assert counts(refresh(file)) == (4, 0, 0, 0, 0)
        flip(tree / "current", "rev-a")
        assert counts(refresh(file)) == (0, 0, 4, 0, 0)

    def test_a_searcher_follows_the_link(self, tree: Path) -> None:
        for rev in ("rev-b", "rev-a"):
            flip(tree / "current", rev)
            written(tree / rev / "p.yaml")
            refresh(tree / "current" / "p.yaml")
        question = [Query(text="river", filter={"document_id": ["3.md"]})]
        found = []
        with Searcher(spec.load(tree / "current" / "p.yaml")) as searcher:
            for rev in ("rev-a", "rev-b", "rev-a"):
                flip(tree / "current", rev)
                ((hit,),) = searcher.search(question, 1).hits
                found.append(hit.chunk.text)
        assert found == [TEXTS["3.md"], NEXT["3.md"], TEXTS["3.md"]]

    def test_a_refresh_ends_where_it_began(self, tree: Path) -> None:
        """The link is flipped while it encodes; the other checkout has an index of its own."""
        for rev in ("rev-b", "rev-a"):
            flip(tree / "current", rev)
            refresh(written(tree / rev / "p.yaml"))
            refresh(tree / "current" / "p.yaml")
        (tree / "rev-a" / "docs" / "0.md").write_text(prose(21, 2))
        before = corpus(tree / "rev-b" / "p.yaml").live()
        run.run(job(tree / "current" / "p.yaml"), within(lambda _: flip(tree / "current", "rev-b")))
        assert os.path.realpath(tree / "current") == os.path.realpath(tree / "rev-b")
        assert corpus(tree / "rev-b" / "p.yaml").live() == before
        after = corpus(tree / "rev-a" / "p.yaml").live()
        assert after
        assert after.generation.number == 2

    def test_from_within_a_folder_that_was_entered_by_a_link(
        self, tree: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written(tree / "rev-a" / "p.yaml", index=str(tree / "store"))
        monkeypatch.chdir(tree / "current")
        monkeypatch.setenv("PWD", str(tree / "current"))
        assert call("refresh", "p.yaml", "--engine-only").code == 0
        assert corpus(Path("p.yaml")).owner() == f"{tree}/current/docs"

    def test_modules_beside_the_link(self, linked: Path) -> None:
        name = f"beside_{os.getpid()}"
        (linked.parent / f"{name}.py").write_text(
            "from dataclasses import dataclass\n"
            "from components.splitters.whole import Whole\n"
            "@dataclass(frozen=True, kw_only=True)\nclass Own(Whole):\n    pass\n"
        )
        assert spec.load(linked, [f"splitter.use={name}:Own"]).build("splitter")


class TestCorporaOfBefore:
    """Links were followed then: a corpus belongs to what its source's name led to."""

    def test_is_the_same_where_the_name_leads_there_still(
        self, tree: Path, store: tuple[str, ...]
    ) -> None:
        file = written(tree / "p.yaml", "./current/docs")
        first = refresh(file, *store)
        corpus(file, *store).claim(f"{tree}/rev-a/docs", "")
        found = refresh(file, *store)
        assert (found.generation, counts(found)) == (first.generation, (0, 0, 4, 0, 0))
        assert corpus(file, *store).owner() == f"{tree}/current/docs"
        flip(tree / "current", "rev-b")
        assert counts(refresh(file, *store)) == (0, 1, 3, 0, 0)

    def test_is_another_one_where_it_does_not(self, tree: Path) -> None:
        file = written(tree / "p.yaml", "./current/docs")
        refresh(file)
        corpus(file).claim(f"{tree}/rev-a/docs", "")
        flip(tree / "current", "rev-b")
        with pytest.raises(ForeignCorpus, match=r"rev-a/docs, not from .*current/docs"):
            refresh(file)
        assert counts(refresh(file, adopt=True)) == (0, 1, 3, 0, 0)

    def test_two_names_of_one_place(self, tree: Path) -> None:
        by_link = written(tree / "p.yaml", "./current/docs")
        first = refresh(by_link)
        by_place = written(tree / "q.yaml", "./rev-a/docs")
        for each in (by_place, by_link):
            assert refresh(each).generation == first.generation

    def test_a_name_that_is_not_utf_8(self, tree: Path) -> None:
        odd = os.fsdecode(b"caf\xe9")
        (tree / "rev-a").rename(tree / odd)
        flip(tree / "current", odd)
        file = written(tree / "p.yaml", "./current/docs")
        refresh(file)
        owner = Files(path=Path(os.path.realpath(tree / "current/docs"))).identity
        corpus(file).claim(owner, "")
        assert counts(refresh(file)) == (0, 0, 4, 0, 0)

    def test_a_path_that_is_stored_builds_nothing_anew(
        self, tree: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of a component whose author did not say that it changes nothing."""
        name = f"stored_{os.getpid()}"
        (tree / f"{name}.py").write_text(
            "from dataclasses import dataclass\nfrom pathlib import Path\n"
            "from components.options import option\n"
            "from components.sources.files import Files\n"
            "@dataclass(frozen=True, kw_only=True)\nclass Own(Files):\n"
            "    path: Path = option(help='the folder')\n"
        )
        source = {"use": f"{name}:Own", "path": "./rev-a/docs"}
        before = refresh(written(tree / "p.yaml", source))
        file = written(tree / "p.yaml", {**source, "path": "./current/docs"})
        after = refresh(file)
        assert (after.generation, counts(after)) == (before.generation, (0, 0, 4, 0, 0))
        assert call("status", file, "--json").json["pending"] is False
        (tree / "rev-a" / "docs" / "3.md").write_text(prose(11, 2))
        assert counts(refresh(file)) == (0, 1, 3, 0, 0)


@pytest.mark.parametrize("kind", [Files, JsonLines, Archive, FinanceBench])
def test_what_a_source_is_called(tree: Path, kind: type[Any]) -> None:
    for path in ("current/docs", "current/../docs"):
        assert kind(path=tree / path).identity == f"{tree}/{path}"


def test_a_model_is_the_one_that_the_index_was_built_by(tree: Path) -> None:
    """A link may lead to the next model before the next refresh."""
    file = written(tree / "p.yaml", encoder={"use": "naive", "model": "./current"})
    assert spec.load(file).stages["encoder"].options["model"] == os.path.realpath(tree / "rev-a")


def test_an_index_behind_a_link_to_a_disk_that_is_away(tree: Path) -> None:
    (tree / "idx").symlink_to(tree / "disk" / "idx")
    file = written(tree / "p.yaml", "./current/docs")
    with pytest.raises(Refused, match="a link to one that is not there") as caught:
        refresh(file)
    assert caught.value.where == f"{tree}/idx"
    (tree / "disk" / "idx").mkdir(parents=True)
    assert counts(refresh(file)) == (4, 0, 0, 0, 0)


def test_links_that_lead_in_a_circle(tree: Path) -> None:
    (tree / "round").symlink_to("round")
    told = call("refresh", written(tree / "p.yaml", "./round"), "--engine-only")
    assert (told.code, f"{tree}/round" in told.message) == (2, True)
    told = call("refresh", written(tree / "p.yaml", "./current/docs", "./round"), "--engine-only")
    assert (told.code, f"{tree}/round" in told.message) == (1, True)
