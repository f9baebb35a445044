"""`Lines` does what it says, and what every splitter must do."""

from __future__ import annotations

import pytest
from millrace_contracts.splitter import SplitterContract
from millrace_lines import Lines

from components.encoders.tokenizers import WordTokenizer
from components.values import Document


class TestLines(SplitterContract):
    @pytest.fixture(params=[1, 3])
    def splitter(self, request: pytest.FixtureRequest) -> Lines:
        return Lines(lines=request.param, max_tokens=20)


def test_cuts_after_every_second_line() -> None:
    text = "one\ntwo\nthree\nfour\nfive\n"
    spans = Lines(lines=2).split(Document(id="poem", text=text), WordTokenizer())
    cut = [text[span.start : span.end] for span in spans]
    assert cut == ["one\ntwo\n", "three\nfour\n", "five\n"]
