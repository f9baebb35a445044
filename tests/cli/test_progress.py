"""How far phases are, where no bar can be drawn, and where one can."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from components.outlook import Outlook
from components.phases import Done, Phase, Tell
from flows import terminal, wording

WRITING = Phase(name="encode-and-write", work=lambda tell: None, counts="documents", total=1200)
BUILDING = Phase(name="build", of="words", work=lambda tell: None, counts="documents")
ASKING = Phase(name="ask", of="words", work=lambda tell: None, counts="questions", total=1200)
JUDGING = Phase(name="judge", of="words", work=lambda tell: None, counts="judgements", total=9)


@pytest.mark.parametrize(
    ("phase", "done", "told"),
    [
        (WRITING, [1, 2], []),
        (
            WRITING,
            [600, 1100],
            [
                "millrace: 600 of 1,200 documents, 3,000 chunks, 500 tokens/s",
                "millrace: 1,100 of 1,200 documents, 5,500 chunks, 500 tokens/s",
            ],
        ),
        (BUILDING, [1, 2], ["millrace: building the index of words"]),
        (ASKING, [0, 600], []),
        (ASKING, [600, 1200, 1200], ["millrace: words has answered 1,200 questions"]),
        (JUDGING, [8, 9], ["millrace: words: 9 judgements"]),
    ],
)
def test_lines(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    phase: Phase[None],
    done: Sequence[int],
    told: list[str],
) -> None:
    """Of a run that commits fifty documents a second, of ten tokens each."""
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)

    def work(tell: Tell) -> str:
        nonlocal now
        for each in done:
            now = 1000.0 + each / 50
            tell(Done(units=each, chunks=5 * each, tokens=10 * each))
        return "done"

    shown = Phase(name=phase.name, work=work, of=phase.of, counts=phase.counts, total=phase.total)
    with terminal.showing() as by:
        assert by(shown) == "done"
    assert capsys.readouterr().err.splitlines() == told


def test_what_is_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a run that goes on after ten answers, one every half minute, each for a cent."""
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)

    def work(tell: Tell) -> str:
        nonlocal now
        for each in range(10, 33):
            now = 30.0 * each
            tell(Done(units=each, cost=(each - 10) / 100, budget=0.2))
        return "done"

    before = Outlook(units=22, seconds=7000, cost=0.1)
    phase = Phase(name="ask", of="a", work=work, counts="answers", total=32, outlook=before)
    with terminal.showing() as by:
        assert by(phase) == "done"
    assert capsys.readouterr().err.splitlines() == [
        "millrace: a: 22 answers to go, about 1.9 hours, cost about 0.1000 (no limit is set)",
        "millrace: a: 17 answers to go, about 8 minutes, cost about 0.1700 "
        "(the limit leaves 0.2000)",
        "millrace: a: 12 answers to go, about 6 minutes, cost about 0.1200 "
        "(the limit leaves 0.2000)",
        "millrace: a: 2 answers to go, about 60 seconds, cost about 0.0200 "
        "(the limit leaves 0.2000)",
        "millrace: a: 32 answers",
    ]


def test_a_short_rest_that_costs_nothing_is_not_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)

    def work(tell: Tell) -> None:
        nonlocal now
        for each in range(30):
            now = 1.0 * each
            tell(Done(units=each, total=30))

    with terminal.showing() as by:
        by(Phase(name="build", of="a", work=work, counts="documents"))
    assert capsys.readouterr().err.splitlines() == ["millrace: building the index of a"]


def test_more_than_a_limit_leaves() -> None:
    told = str(Outlook(units=9, seconds=200, cost=2.0, budget=0.5))
    assert told == "about 3 minutes, cost about 2.0000 (the limit leaves only 0.5000)"


def test_bars(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")

    def work(tell: Tell) -> int:
        tell(Done(units=600, tokens=5000))
        return 600

    asking = Phase(name="ask", of="words", work=work, counts="questions", total=1200)
    with terminal.showing() as by:
        assert by(asking) == 600
        assert by(Phase(name="judge", work=lambda _: 7)) == 7
    assert "words, questions" in (shown := capsys.readouterr().err)
    assert "600/1200" in shown
    writing = Phase(name="encode-and-write", work=work, counts="documents", total=1200)
    with terminal.showing(rates=True) as by:
        by(writing)
    assert "tokens/s" in (shown := capsys.readouterr().err)
    assert "encoding" in shown


@pytest.mark.parametrize(
    ("phase", "card", "bar"),
    [
        (WRITING, "Documents committed", "encoding"),
        (BUILDING, "Index of words", "index of words, documents"),
        (ASKING, "Questions to words", "words, questions"),
        (JUDGING, "Judgements of words", "words, judgements"),
    ],
)
def test_names(phase: Phase[None], card: str, bar: str) -> None:
    words = wording.of(phase)
    assert (words.card, words.bar) == (card, bar)
