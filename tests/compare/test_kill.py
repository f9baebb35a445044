"""A comparison that is killed at any moment goes on, and ends as one that nothing disturbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.compare.data import pipeline
from tests.corpora import prose

DOCUMENTS = QUESTIONS = 192
BATCHES = QUESTIONS // 32
_SHARDS = {"MILLRACE_SHARD_CHARACTERS": "6000"}
_PATIENCE = 60.0
"""Seconds until a moment must have come."""


@dataclass(frozen=True)
class Comparison:
    """Three systems, of which two share an index, compared in a folder of their own."""

    root: Path
    """Where the data and the pipelines are."""
    name: str

    @property
    def home(self) -> Path:
        return self.root / self.name / "home"

    @property
    def out(self) -> Path:
        return self.root / self.name / "out"

    def started(self) -> subprocess.Popen[bytes]:
        """As a person starts it, with what it says in a file."""
        files = [str(self.root / f"{name}.yaml") for name in ("words", "both", "fine")]
        data = ["--data", str(self.root / "data"), "--metrics", "nDCG@10,R@10"]
        places = ["--home", str(self.home), "--out", str(self.out)]
        (self.root / self.name).mkdir(exist_ok=True)
        with self._said.open("wb") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "flows.cli", "compare", *files, *data, *places],
                env={**os.environ, **_SHARDS},
                stdout=subprocess.DEVNULL,
                stderr=said,
            )

    def finish(self) -> None:
        """Run it to its end."""
        assert self.started().wait() == 0, self._said.read_text()

    def kill(self, moment: Moment) -> None:
        """Run it until the moment comes."""
        with self.started() as child:
            until = time.monotonic() + _PATIENCE
            while not moment.has_come(self):
                assert child.poll() is None, self._said.read_text()
                assert time.monotonic() < until, "the moment does not come"
                time.sleep(0.001)
            os.kill(child.pid, signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL
        assert not moment.is_over(self)

    def says(self, text: str) -> bool:
        """Whether it has said so since it was started last."""
        return text in self._said.read_text()

    @property
    def built(self) -> list[Path]:
        """The marks of complete indexes."""
        return sorted(self.home.glob("*/built.json"))

    @property
    def answers(self) -> list[Path]:
        return sorted((self.home / "rankings").glob("*.jsonl"))

    @property
    def answered(self) -> list[int]:
        """Whole batches of each system, the most first."""
        return sorted((each.read_bytes().count(b"\n") for each in self.answers), reverse=True)

    @property
    def outcome(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / "outcome.json").read_text())
        return found

    @property
    def _said(self) -> Path:
        return self.root / self.name / "said.txt"


@dataclass(frozen=True)
class Moment:
    """When a comparison is killed. It must not be over when the kill has taken effect."""

    has_come: Callable[[Comparison], bool]
    is_over: Callable[[Comparison], bool]


MOMENTS: Mapping[str, Moment] = {
    "the first index is in the middle": Moment(
        lambda of: of.says("building the index of words"), lambda of: bool(of.built)
    ),
    "it is built, and the first system begins": Moment(
        lambda of: bool(of.built), lambda of: of.answered >= [BATCHES]
    ),
    "one system has answered, and the next one answers": Moment(
        lambda of: of.answered >= [BATCHES, 1], lambda of: of.answered >= [BATCHES, BATCHES]
    ),
    "the second index is in the middle": Moment(
        lambda of: of.says("building the index of fine"), lambda of: len(of.built) == 2
    ),
    "all have answered, and nothing is judged": Moment(
        lambda of: of.answered == [BATCHES] * 3, lambda of: (of.out / "qrels.txt").exists()
    ),
    "the report is being written": Moment(
        lambda of: (of.out / "qrels.txt").exists(), lambda of: (of.out / "report.html").exists()
    ),
}


@pytest.mark.slow
def test_killed_at_every_step_and_the_same_in_the_end(tmp_path: Path) -> None:
    _prepare(tmp_path)
    whole, killed = Comparison(tmp_path, "whole"), Comparison(tmp_path, "killed")
    whole.finish()
    for moment in MOMENTS.values():
        before = _done(killed)
        killed.kill(moment)
        _check_kept(killed, before)
    before = _done(killed)
    killed.finish()
    _check_kept(killed, before)
    assert _told(killed.outcome) == _told(whole.outcome)
    for name in ("qrels.txt", "words.run", "both.run", "fine.run"):
        assert (killed.out / name).read_bytes() == (whole.out / name).read_bytes()
    assert _bytes(killed.answers) == _bytes(whole.answers)
    for name in ("words", "fine"):  # what was committed before the kill was not encoded again
        assert 0 < _encoded(killed, name) < _encoded(whole, name)


def _prepare(folder: Path) -> None:
    """Documents that share their words, so that the systems differ and err."""
    texts = {f"d{number}": prose(number, 3) for number in range(DOCUMENTS)}
    asked = {f"q{number}": prose(number, 3).split(". ")[2] for number in range(QUESTIONS)}
    (folder / "data" / "qrels").mkdir(parents=True)
    for name, rows in (("corpus", texts), ("queries", asked)):
        lines = [json.dumps({"_id": id, "text": text}) for id, text in rows.items()]
        (folder / "data" / f"{name}.jsonl").write_text("\n".join(lines))
    judged = "".join(f"q{number}\td{number}\t1\n" for number in range(QUESTIONS))
    (folder / "data" / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    whole = {"use": "whole", "max_tokens": 64}
    pipeline(folder, "words", splitter=whole, retriever={"use": "sparse"})
    pipeline(folder, "both", splitter=whole, retriever={"use": "hybrid"})
    pipeline(folder, "fine", splitter={"use": "sentences", "max_tokens": 16})


def _done(of: Comparison) -> Mapping[Path, tuple[int, int, bytes]]:
    """What is there, with inode, time of the last change in ns, and contents."""
    found = {}
    for each in [*of.built, *of.answers]:
        stat = each.stat()
        found[each] = stat.st_ino, stat.st_mtime_ns, each.read_bytes()
    return found


def _check_kept(of: Comparison, before: Mapping[Path, tuple[int, int, bytes]]) -> None:
    """Finished files were not touched; whole batches of the others are still there."""
    after = _done(of)
    for file, (inode, changed, data) in before.items():
        whole = data[: data.rfind(b"\n") + 1]
        finished = file in of.built or whole.count(b"\n") == BATCHES
        assert after[file][0] == inode
        assert after[file][2].startswith(whole)
        assert after[file] == before[file] or not finished, (file, changed)


def _told(outcome: dict[str, Any]) -> dict[str, Any]:
    """All but what is measured anew, and where the index lies."""
    for each in outcome["systems"].values():
        del each["cost"], each["stages"]["index"]["path"]
    return outcome


def _bytes(files: list[Path]) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in files}


def _encoded(of: Comparison, name: str) -> int:
    found: int = of.outcome["systems"][name]["cost"]["embedded_tokens"]
    return found
