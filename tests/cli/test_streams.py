"""Standard streams that are closed, full, or not read to the end: the work is done all the same."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import TextIO

import pytest

from flows.cli import cli
from flows.commands import register
from flows.failures import guarded
from tests.cli import Outcome, call, clean
from tests.cli.test_errors import raising
from tests.corpora import HASHING, Corpus

FULL = Path("/dev/full")
"""What is written to it finds no space."""
NOISE = """
import os

from components.sources.files import Files

for number in (0, 1, 2):
    os.fstat(number)
for number in (1, 2):
    os.write(number, b"as a library in C would")
with open(__file__) as own:
    assert own.fileno() > 2
"""
"""Beside a pipeline file."""
_SHELL = ("bash", "-o", "pipefail", "-c")
slow = partial(pytest.param, marks=pytest.mark.slow)
needs_full = pytest.mark.skipif(not FULL.exists(), reason="Linux has such a device")


def redirected(how: str, *arguments: str | Path) -> Outcome:
    """A command in a process of its own, behind a shell's redirections."""
    done = subprocess.run(
        [*_SHELL, f'"$@" {how}', "bash", sys.executable, "-m", "flows.cli", *arguments],
        capture_output=True,
        check=False,
        env=clean(),
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def heard(out: TextIO | None, err: TextIO | None, *arguments: str | Path) -> int:
    """The exit code of a command in this process, with these streams."""
    register(cli)
    with redirect_stdout(out), redirect_stderr(err):
        return guarded(cli, [str(each) for each in arguments])


@pytest.fixture
def full() -> Iterator[TextIO]:
    with FULL.open("w") as stream:
        yield stream


@pytest.fixture
def unread() -> Iterator[TextIO]:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        yield stream


@pytest.fixture
def refreshed(corpus: Corpus) -> Corpus:
    corpus.fill(2)
    corpus.refresh()
    return corpus


class TestClosed:
    @pytest.mark.parametrize("how", [slow("2>&-"), slow(">&-"), "<&- >&- 2>&-"])
    def test_the_work_is_done_and_no_file_takes_the_number(self, tmp_path: Path, how: str) -> None:
        (tmp_path / "noise.py").write_text(NOISE)
        source = {"use": "noise:Files", "path": "documents"}
        corpus = Corpus(tmp_path, {**HASHING, "source": source})
        corpus.fill(2)
        done = redirected(how, "refresh", corpus.file, "--engine-only")
        assert done.code == 0
        assert "Traceback" not in done.err
        assert len(corpus.stored().entries) == 2

    def test_nobody_need_give_questions(self, refreshed: Corpus) -> None:
        done = redirected("<&-", "search", refreshed.file, "water", "--json")
        assert (done.code, done.err) == (0, "")
        assert done.json["hits"]

    @pytest.mark.parametrize("more", [(), ("--json",)])
    def test_a_program_without_streams(self, refreshed: Corpus, more: tuple[str, ...]) -> None:
        """As `pythonw` begins one."""
        assert heard(None, None, "status", refreshed.file, *more) == 0
        assert heard(None, None, "status", refreshed.folder / "absent.yaml", *more) == 2

    def test_a_stream_that_somebody_closed_meanwhile(self, refreshed: Corpus) -> None:
        with open(os.devnull, "w") as closed:
            pass
        assert heard(closed, closed, "status", refreshed.file) == 1
        assert heard(None, closed, "status", refreshed.folder / "absent.yaml") == 2


@needs_full
class TestFull:
    @pytest.mark.parametrize(
        "given",
        [
            ("refresh", "--engine-only"),
            ("refresh", "--engine-only", "--json"),
            ("search", "water"),
            ("search", "water", "--json"),
            ("status",),
            ("status", "--json"),
            ("prune",),
        ],
    )
    def test_a_result_that_cannot_be_written_is_one_line(
        self, refreshed: Corpus, full: TextIO, given: tuple[str, ...]
    ) -> None:
        refreshed.fill(3)
        verb, *more = given
        told = call("status", refreshed.folder / "absent.yaml")  # loads what is loaded once
        assert told.code == 2
        done = in_full(full, verb, refreshed.file, *more)
        assert done.code == 1
        assert done.message.startswith("stdout: the result cannot be written: No space left")
        assert len(refreshed.stored().entries) == (3 if verb == "refresh" else 2)

    @pytest.mark.parametrize("given", ["components", "models", "--help", "--version"])
    def test_also_of_what_needs_no_pipeline(self, full: TextIO, given: str) -> None:
        done = in_full(full, given)
        assert done.code == 1
        assert done.message.startswith("stdout: the result cannot be written")

    def test_the_exit_code_is_not_the_interpreters(self, refreshed: Corpus) -> None:
        """Which flushes once more when it ends."""
        done = redirected("> /dev/full", "status", refreshed.file)
        assert done.code == 1
        assert "No space left" in done.message

    @pytest.mark.parametrize("more", [(), ("--json",)])
    def test_nor_does_it_matter_how_python_holds_back(
        self, refreshed: Corpus, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
    ) -> None:
        monkeypatch.setenv("PYTHONUNBUFFERED", "1")
        done = redirected("> /dev/full", "status", refreshed.file, *more)
        assert done.code == 1
        assert "No space left" in done.message

    @pytest.mark.parametrize("unbuffered", ["", "1"])
    def test_a_part_of_a_result_is_none(self, tmp_path: Path, unbuffered: str) -> None:
        listing = (sys.executable, "-m", "flows.cli", "components", "--json")
        done = subprocess.run(
            ["bash", "-c", 'ulimit -f 1; "$@" > "$0"', tmp_path / "result", *listing],
            capture_output=True,
            check=False,
            env={**clean(), "PYTHONUNBUFFERED": unbuffered},
            timeout=120,
        )
        assert done.returncode == 1
        assert b"stdout: the result cannot be written: File too large" in done.stderr
        assert done.stderr.count(b"\n") == 1

    def test_what_is_said_aside_may_be_lost(self, refreshed: Corpus) -> None:
        refreshed.fill(3)
        done = redirected("2> /dev/full", "refresh", refreshed.file, "--engine-only", "--json")
        assert done.code == 0
        assert done.json["added"] == 1

    @pytest.mark.parametrize(
        ("error", "code"),
        [("UserError('any')", 2), ("KeyError('any')", 1), ("KeyboardInterrupt", 130)],
    )
    def test_an_error_that_cannot_be_told_keeps_its_code(
        self, tmp_path: Path, full: TextIO, error: str, code: int
    ) -> None:
        with FULL.open("w") as other:
            given = ("refresh", raising(tmp_path, error), "--engine-only", "--json")
            assert heard(full, other, *given) == code

    def test_a_mistake_is_told_where_it_can_be(self, full: TextIO) -> None:
        done = in_full(full, "no-such-verb", "--json")
        assert done.code == 2
        assert "no-such-verb" in done.message


def in_full(full: TextIO, *arguments: str | Path) -> Outcome:
    """A command whose result finds no space."""
    err = io.StringIO()
    return Outcome(heard(full, err, *arguments), "", err.getvalue())


class TestUnread:
    @pytest.mark.parametrize("how", ["| head -c 5", slow("| head -n 1"), slow("| true")])
    def test_who_has_read_enough_ends_no_command(self, refreshed: Corpus, how: str) -> None:
        done = redirected(how, "search", refreshed.file, "water")
        assert (done.code, done.err) == (0, "")

    def test_the_exit_code_is_the_commands_own(self, refreshed: Corpus, unread: TextIO) -> None:
        assert heard(unread, None, "search", refreshed.file, "water", "--json") == 0

    def test_also_where_something_was_not_well(self, refreshed: Corpus, unread: TextIO) -> None:
        refreshed.add("bad.pdf", "no PDF")
        assert heard(unread, None, "refresh", refreshed.file, "--engine-only") == 3
        assert len(refreshed.stored().entries) == 3

    def test_much_that_nobody_reads(self, unread: TextIO) -> None:
        assert heard(unread, None, "components") == 0

    def test_an_unread_error(self, unread: TextIO, tmp_path: Path) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "w") as other:
            assert heard(unread, other, "status", tmp_path / "absent.yaml", "--json") == 2

    @pytest.mark.parametrize(
        "error", ["BrokenPipeError(32, 'Broken pipe')", "ConnectionResetError(104, 'any')"]
    )
    def test_another_pipe_that_breaks_is_told(self, tmp_path: Path, error: str) -> None:
        """Of a process or of a connection: nothing is known of who reads the output."""
        done = call("refresh", raising(tmp_path, error), "--engine-only", "--json")
        assert done.code == 1
        assert done.json["error"]["kind"] == "Unavailable"
        assert "run it again" in done.message


class TestEncodings:
    ODD = "Größe — 水車 🌾"
    LOCALES = (
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        slow({"PYTHONIOENCODING": "latin-1:strict"}),
        slow({"LC_ALL": "POSIX"}),
        slow({"PYTHONIOENCODING": "ascii:strict"}),
    )

    @pytest.mark.parametrize("locale", LOCALES)
    def test_any_text_is_shown(self, corpus: Corpus, locale: dict[str, str]) -> None:
        corpus.add("größe.txt", f"The wheel {self.ODD} turns.")
        corpus.refresh()
        shown, as_json = (
            subprocess.run(
                [sys.executable, "-m", "flows.cli", "search", str(corpus.file), "wheel", *more],
                capture_output=True,
                check=True,
                env=clean(locale),
                timeout=120,
            ).stdout
            for more in ((), ("--json",))
        )
        assert b"wheel" in shown
        (hit,) = json.loads(as_json)["hits"]
        assert hit["text"] == f"The wheel {self.ODD} turns."
        assert hit["document_id"] == "größe.txt"
