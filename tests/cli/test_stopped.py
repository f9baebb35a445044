"""A command that is told to stop: as Ctrl-C, whatever the signal, and whatever it is at."""

from __future__ import annotations

import itertools
import os
import pty
import signal
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.answering.data import data
from tests.cli import Outcome
from tests.corpora import HASHING, Corpus
from tests.faults.held import NATIVE, STEPS
from tests.faults.stopped import FOREVER, goes_on, held, running
from tests.qdrant_http import wait_until
from tests.qdrant_http.proxy import before

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
SAID = {
    signal.SIGINT: "millrace: interrupted",
    signal.SIGTERM: "millrace: stopped by SIGTERM",
    signal.SIGHUP: "millrace: stopped by SIGHUP",
}
HINT = ": what was committed stays, run it again to go on"


CHEAP = (("write", signal.SIGTERM), ("seal", signal.SIGHUP))
STANDING = """
import time
from pathlib import Path

from components.sources.files import Files

Path(__file__).with_name("held").touch()
time.sleep(600)
"""
"""Beside a pipeline file: its import stands still."""


def last(done: Outcome) -> str:
    assert "Traceback" not in done.err
    return done.err.splitlines()[-1]


def cases() -> list[object]:
    """Every signal at every step; a few of them are not slow."""
    found = itertools.product(STEPS, CODES)
    return [pytest.param(*each, marks=() if each in CHEAP else pytest.mark.slow) for each in found]


@pytest.mark.parametrize(("at", "told"), cases())
def test_a_refresh_leaves_nothing_and_the_next_one_goes_on(
    tmp_path: Path, at: str, told: signal.Signals
) -> None:
    corpus, temporary = held(tmp_path, at), tmp_path / "temporary"
    with running("refresh", corpus.file, "--engine-only", temporary=temporary) as refresh:
        refresh.await_file(tmp_path / "held")
        refresh.tell(told)
        done = refresh.end()
        assert (done.code, done.out) == (CODES[told], "")
        assert done.err.strip() == SAID[told] + HINT
        assert refresh.left() == []
    assert goes_on(corpus, temporary) == []


def test_every_verb_understands_also_while_it_loads(tmp_path: Path) -> None:
    source = {"use": "standing:Files", "path": "documents"}
    corpora, told = {}, signal.SIGTERM
    for verb in ("refresh", "prune", "compare", "answers", "status", "search"):
        corpora[verb] = Corpus(tmp_path / verb, {**HASHING, "source": source})
        (tmp_path / verb / "standing.py").write_text(STANDING)
    judged = ("--data", data(tmp_path / "data"))
    more = {"compare": judged, "answers": judged, "search": ("what",)}
    with ExitStack() as stack:
        started = {
            verb: stack.enter_context(
                running(verb, corpus.file, *more.get(verb, ()), temporary=corpus.folder / "tmp")
            )
            for verb, corpus in corpora.items()
        }
        for verb, each in started.items():
            each.await_file(tmp_path / verb / "held")
            each.tell(told)
        for verb, each in started.items():
            done = each.end()
            hint = "" if verb in ("status", "search") else HINT
            assert (done.code, done.out, last(done)) == (143, "", SAID[told] + hint)
            assert each.left() == []


@pytest.mark.parametrize("group", [False, True], ids=["process", "group"])
def test_what_is_told_again_changes_nothing(tmp_path: Path, group: bool) -> None:
    """A terminal, `timeout` and service managers tell more than once, and whole groups."""
    corpus = held(tmp_path, "write")
    with running(
        "refresh", corpus.file, "--engine-only", temporary=tmp_path / "temporary", group=True
    ) as refresh:
        refresh.await_file(tmp_path / "held")
        for each in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP) * 5:
            with suppress(ProcessLookupError):
                refresh.tell_group(each) if group else refresh.tell(each)
        done = refresh.end()
        assert done.code in CODES.values()
        assert done.err.strip() in [each + HINT for each in SAID.values()]
        assert refresh.left() == []


def test_computing_is_interrupted_as_soon_as_python_is_back(tmp_path: Path) -> None:
    corpus = held(tmp_path, NATIVE)
    with running(
        "refresh", corpus.file, "--engine-only", temporary=tmp_path / "temporary"
    ) as refresh:
        refresh.await_file(tmp_path / "held")
        refresh.tell(signal.SIGTERM)
        assert refresh.end().code == 143
        assert refresh.left() == []


@pytest.mark.slow
@pytest.mark.parametrize("told", CODES)
def test_a_ray_of_its_own_ends_with_the_refresh(tmp_path: Path, told: signal.Signals) -> None:
    pytest.importorskip("ray")
    corpus = held(tmp_path, "write")
    ray = ("--set", "engine.use=ray", "--set", "engine.actors=1")
    with (
        TemporaryDirectory() as short,  # as the names of sockets must be
        running(
            "refresh", corpus.file, "--engine-only", *ray, temporary=(temporary := Path(short))
        ) as refresh,
    ):
        refresh.await_file(tmp_path / "held")
        assert [each for each in refresh.others if each.name() == "raylet"]
        refresh.tell(told)
        done = refresh.end()
        assert (done.code, last(done)) == (CODES[told], SAID[told] + HINT)
        wait_until(lambda: not refresh.others, FOREVER)
        assert list(temporary.glob("millrace-*")) == []
        assert goes_on(corpus, temporary) == []


def test_who_is_begun_deaf_to_a_signal_stays_so(tmp_path: Path) -> None:
    """As `nohup` begins it."""
    corpus = held(tmp_path, "write")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with running(
            "refresh", corpus.file, "--engine-only", temporary=tmp_path / "temporary"
        ) as refresh:
            refresh.await_file(tmp_path / "held")
            refresh.tell(signal.SIGHUP, signal.SIGTERM)
            assert refresh.end().code == 143
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_has_closed_hears_no_more(tmp_path: Path) -> None:
    corpus = held(tmp_path, "write")
    ours, theirs = pty.openpty()
    with running(
        *("refresh", corpus.file, "--engine-only"),
        temporary=tmp_path / "temporary",
        terminal=theirs,
    ) as refresh:
        os.close(theirs)
        refresh.await_file(tmp_path / "held")
        os.close(ours)
        refresh.tell(signal.SIGHUP)
        assert refresh.end().code == CODES[signal.SIGHUP]
        assert refresh.left() == []


def test_who_is_killed_takes_its_children_along(tmp_path: Path) -> None:
    corpus, temporary = held(tmp_path, "write"), tmp_path / "temporary"
    with running("refresh", corpus.file, "--engine-only", temporary=temporary) as refresh:
        refresh.await_file(tmp_path / "held")
        assert refresh.others
        refresh.process.kill()
        refresh.end()
        wait_until(lambda: not refresh.others)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(temporary))
        assert goes_on(corpus, temporary) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("asked", [pytest.param("again", marks=pytest.mark.slow), "once"])
def test_a_server_that_does_not_answer_is_waited_for_no_longer(
    tmp_path: Path, server: str, asked: str
) -> None:
    """Nor when the right to write is to be given back."""
    corpus = held(tmp_path, "survey")
    with before(server) as proxy:
        known = {
            "MILLRACE_QDRANT_URL": proxy.address,
            "MILLRACE_QDRANT_TIMEOUT": "3600",
            "MILLRACE_PATIENCE": "3600",
            "MILLRACE_LEASE": "7200",
        }
        if asked == "again":
            proxy.cut()
        with running(
            *("refresh", corpus.file, "--engine-only", "--set", "index.use=qdrant"),
            temporary=tmp_path / "temporary",
            environment=known,
        ) as refresh:
            if asked == "again":
                wait_until(lambda: proxy.asked)
            else:
                refresh.await_file(tmp_path / "held")
                proxy.delay(3600)
            refresh.tell(signal.SIGTERM)
            done = refresh.end()
            assert (done.code, last(done)) == (143, SAID[signal.SIGTERM] + HINT)
            assert refresh.left() == []
