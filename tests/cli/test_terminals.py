"""Terminals, and what the environment says of them."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

from flows import consoles
from tests.cli import call, clean
from tests.corpora import Corpus

SIZES = ["0", "00", "1", "2", "-3", "²", "many", "", "9" * 5000]


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    corpus = Corpus(tmp_path_factory.mktemp("terminals"))
    corpus.fill(2)
    corpus.refresh()
    return corpus


@pytest.mark.parametrize("variable", ["COLUMNS", "LINES"])
@pytest.mark.parametrize("size", SIZES)
def test_a_size_that_is_none(
    refreshed: Corpus, monkeypatch: pytest.MonkeyPatch, variable: str, size: str
) -> None:
    monkeypatch.setenv(variable, size)
    for given in (("status", refreshed.file), ("search", refreshed.file, "water"), ("components",)):
        done = call(*given)
        assert (done.code, done.err) == (0, "")
        assert len(done.out) > 100
    assert "pipeline" in call("status", refreshed.file).out


def test_a_size_that_is_one(refreshed: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = {}
    for columns in (40, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        shown = call("search", refreshed.file, "water").out
        lengths[columns] = max(map(len, shown.splitlines()))
        assert lengths[columns] <= columns
    assert lengths[40] < lengths[120]


def in_terminal(corpus: Corpus, **environment: str) -> str:
    """What a refresh shows in a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "refresh", corpus.file, "--engine-only"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=clean(environment),
    ) as refresh:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert refresh.returncode == 0
    return shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


def test_a_dumb_terminal_is_sent_no_controls(corpus: Corpus) -> None:
    corpus.fill(2)
    shown = in_terminal(corpus, TERM="dumb")
    assert "refreshed test" in shown
    assert "\x1b" not in shown


def test_a_terminal_without_a_size_or_colours(corpus: Corpus) -> None:
    corpus.fill(2)
    shown = in_terminal(corpus, TERM="xterm-256color", COLUMNS="0", NO_COLOR="1")
    assert "refreshed test" in shown
    assert not re.search(r"\x1b\[[0-9;]*[34][0-7]m", shown)


def test_who_is_no_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for term, redraws in (("xterm", True), ("dumb", False), ("unknown", False), ("", True)):
        monkeypatch.setenv("TERM", term)
        assert consoles.redraws() is redraws
