"""How far phases are, where no bar can be drawn, and where one can."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

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
