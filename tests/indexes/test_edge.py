"""The embedded index: the contract, and what is its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from components.errors import Busy, Damaged, DiskFull, Missing
from components.indexes.contract import Index
from components.indexes.edge.files import copy_tree, write_json
from components.indexes.edge.index import EdgeIndex
from components.indexes.filterable import Filterable
from components.indexes.manifest import Generation
from infra.settings import settings
from tests.contracts.history import HistoryContract
from tests.contracts.index import WIDTH, IndexContract, finish, store, wanted


class TestEdge(IndexContract, HistoryContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Index:
        return EdgeIndex(path=tmp_path / "store")


class TestTypedEdge(IndexContract):
    """Indexes of their own kind find what no index finds."""

    @pytest.fixture
    def index(self, tmp_path: Path) -> Index:
        kinds: Filterable = {"year": "integer", "tags": "keyword", "draft": "bool"}
        return EdgeIndex(path=tmp_path / "store", filterable=kinds)


def test_a_field_is_indexed_as_another_kind_in_the_next_generation(tmp_path: Path) -> None:
    before = publish(EdgeIndex(path=tmp_path, filterable=("year",)), "a")
    corpus = EdgeIndex(path=tmp_path, filterable={"year": "integer"}).corpus("own")
    draft = corpus.draft(wanted(), before)
    with corpus.write(draft):
        pass
    for generation, kind in ((before, "Keyword"), (draft, "Integer")):
        with corpus.read(generation) as reader:
            schema = reader.points.shard.info().payload_schema
            assert str(schema["metadata.year"].data_type).endswith(kind)


def publish(index: EdgeIndex, *documents: str) -> Generation:
    corpus = index.corpus("own")
    draft = corpus.draft(wanted(), None)
    with corpus.write(draft) as writer:
        for name in documents:
            store(writer, name)
    generation = finish(corpus, draft)
    corpus.publish(generation, "r")
    return generation


@pytest.fixture
def index(tmp_path: Path) -> EdgeIndex:
    return EdgeIndex(path=tmp_path)


def test_reading_waits_its_turn_and_then_says_busy(
    index: EdgeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = publish(index, "a")
    monkeypatch.setenv("MILLRACE_READER_WAIT", "0.2")
    settings.cache_clear()
    corpus = index.corpus("own")
    with (
        FileLock(corpus.folder / generation.name / "open.lock"),
        pytest.raises(Busy, match="in use"),
        corpus.read(generation),
    ):
        pytest.fail("two readers")
    with corpus.read(generation) as reader:
        assert set(reader.entries()) == {"a"}


def test_too_little_space_is_said_before_the_engine_is_killed_by_it(
    index: EdgeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = publish(index, "a")
    monkeypatch.setenv("MILLRACE_SPARE_BYTES", str(2**60))
    settings.cache_clear()
    with pytest.raises(DiskFull, match="needed"), index.corpus("own").read(generation):
        pytest.fail("opened on a full disk")


def test_a_live_generation_that_is_gone_is_a_clear_fault(index: EdgeIndex) -> None:
    generation = publish(index, "a")
    corpus = index.corpus("own")
    corpus.discard(generation)
    release = corpus.live()
    assert release is not None
    with pytest.raises(Damaged, match="it is gone"), corpus.read(release.generation):
        pytest.fail("opened what is gone")
    pointer = corpus.folder / "live.json"
    told = json.loads(pointer.read_text())
    pointer.write_text(json.dumps({name: told[name] for name in told.keys() - {"facts"}}))
    with pytest.raises(Missing, match="is gone"):  # an index of before
        corpus.live()


def test_a_damaged_shard_is_a_clear_fault(index: EdgeIndex) -> None:
    generation = publish(index, "a")
    corpus = index.corpus("own")
    (corpus.folder / generation.name / "shard" / "edge_config.json").write_text("{")
    with pytest.raises(Damaged, match="could not be opened"), corpus.read(generation):
        pytest.fail("opened a damaged shard")


def test_opening_a_published_shard_changes_no_content(index: EdgeIndex) -> None:
    generation = publish(index, "a", "b")
    corpus = index.corpus("own")
    shard = corpus.folder / generation.name / "shard"

    def contents() -> dict[Path, object]:
        return {file: held(file) for file in shard.rglob("*") if file.is_file()}

    def held(file: Path) -> object:  # the engine writes keys in any order
        return json.loads(file.read_bytes()) if file.suffix == ".json" else file.read_bytes()

    before = contents()
    with corpus.read(generation) as reader:
        reader.nearest(np.eye(WIDTH, dtype=np.float32)[[0]], 2, [{}])
    assert contents() == before


def test_a_point_survives_a_kill_after_commit(index: EdgeIndex) -> None:
    corpus = index.corpus("own")
    draft = corpus.draft(wanted(), None)
    script = (
        "import os, sys, signal\n"
        "from pathlib import Path\n"
        "from components.indexes.edge.index import EdgeIndex\n"
        "from tests.contracts.index import store\n"
        "corpus = EdgeIndex(path=Path(sys.argv[1])).corpus('own')\n"
        "draft = corpus.unfinished('f' * 16, None)\n"
        "with corpus.write(draft) as writer:\n"
        "    store(writer, 'a')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(index.path)], check=False)
    assert done.returncode == -9
    corpus.recover(draft)
    with corpus.read(draft) as reader:
        assert set(reader.entries()) == {"a"}
        assert reader.count_chunks() == 3


def test_copies_keep_holes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with (source / "sparse").open("wb") as file:
        file.seek(8 * 2**20)
        file.write(b"end")
        file.truncate(64 * 2**20)
    (source / "empty").touch()
    copy_tree(source, tmp_path / "copy")
    copied = tmp_path / "copy" / "sparse"
    assert copied.read_bytes() == (source / "sparse").read_bytes()
    assert copied.stat().st_blocks * 512 < 2**20
    assert (tmp_path / "copy" / "empty").stat().st_size == 0


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "pointer.json"
    write_json(file, {"a": 1})
    write_json(file, {"a": 2})
    assert json.loads(file.read_text()) == {"a": 2}
    assert [each.name for each in tmp_path.iterdir()] == ["pointer.json"]
