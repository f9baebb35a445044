"""Temporary folders, and those that killed processes left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.machine import temporary

_KILLED = """
import os, signal, sys
from pathlib import Path
from components.machine import temporary
with temporary.folder("own-", Path(sys.argv[1])) as folder:
    (folder / "deep").mkdir()
    (folder / "deep" / "plan").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A folder that a killed process left."""
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert done.returncode == -9
    (found,) = tmp_path.iterdir()
    assert (found / "deep" / "plan").exists()
    return found


def test_it_is_there_and_then_it_is_not(tmp_path: Path) -> None:
    with temporary.folder("own-", tmp_path) as folder:
        (folder / "file").write_text("x")
        assert folder.parent == tmp_path
        assert folder.name.startswith("own-")
        assert folder.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path, left: Path) -> None:
    with temporary.folder("own-", tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_what_was_killed_before_it_had_its_name_goes_when_it_is_old(tmp_path: Path) -> None:
    """Before that it may be another process' that is about to take its lock."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "rename", _killed)
        with pytest.raises(KeyboardInterrupt), temporary.folder("own-", tmp_path):
            pytest.fail("it has no name")
    (made,) = tmp_path.iterdir()
    empty, notes = tmp_path / ".own-empty", tmp_path / ".own-notes"
    for each in (empty, notes):
        each.mkdir()
    (notes / "notes.txt").write_text("mine")
    for left in ({made, empty, notes}, {notes}):
        with temporary.folder("own-", tmp_path):
            pass
        assert set(tmp_path.iterdir()) == left
        for each in left:
            os.utime(each, (1_000_000_000, 1_000_000_000))


def _killed(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    with temporary.folder("own-", tmp_path) as first, temporary.folder("own-", tmp_path) as second:
        assert {first, second} == set(tmp_path.iterdir())


def test_what_is_not_ours_stays(tmp_path: Path, left: Path) -> None:
    theirs = tmp_path / "own-notes"
    theirs.mkdir()
    (theirs / "notes.txt").write_text("mine")
    (tmp_path / "own-link").symlink_to(left)
    left.rename(tmp_path / "other")
    (tmp_path / "own-file").write_text("x")
    before = set(tmp_path.rglob("*"))
    with temporary.folder("own-", tmp_path):
        pass
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_strangers_stays(tmp_path: Path, left: Path) -> None:
    os.chown(left, 12345, 12345)
    with temporary.folder("own-", tmp_path):
        assert (left / "deep" / "plan").exists()
