"""Which stretch of a document the model reads for which spans. Pure functions of the document.

Late chunking (arXiv 2409.04701): a span's vector is pooled from a pass over the text around it.
A document of at most `window` tokens is read whole. Of a longer one, every span that fits lies
wholly inside one window, with at least `context` tokens on each side where the document has them.

A span of more than `window - 2 * context` tokens (near an edge of the document, where less context
is there, of more than what is left) is cut into pieces that fit. Each piece has its `context` on
both sides in a window of its own, and the vector is the mean over the tokens of all pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from components.encoders.pieces import NOBODY, Window
from components.encoders.tokenizers import TokenArrays
from components.errors import EmptySpan
from components.stages import Tokens
from components.values import Integers, Span


@dataclass(frozen=True, slots=True)
class Stretch:
    """Tokens `start` to `end` are read, of which `own_start` to `own_end` are pooled."""

    start: int
    end: int
    own_start: int
    own_end: int


def token_ranges(tokens: Tokens, spans: Sequence[Span]) -> tuple[Integers, Integers]:
    """First and past-the-last token of each span, each of shape (spans,). Raises EmptySpan."""
    starts = np.fromiter((span.start for span in spans), np.int64, len(spans))
    ends = np.fromiter((span.end for span in spans), np.int64, len(spans))
    first = np.searchsorted(tokens.last, starts, side="left")
    past = np.searchsorted(tokens.last, ends, side="left")
    empty = np.nonzero(past <= first)[0]
    if len(empty):
        span = spans[int(empty[0])]
        raise EmptySpan(f"span {span.start}..{span.end} holds no token").at(
            hint="splitters join text without tokens to the span before it"
        )
    return first, past


def plan(first: Integers, past: Integers, total: int, window: int, context: int) -> list[Stretch]:
    """Stretches of at most `window` tokens that cover spans [first, past) of a text of `total`.

    `2 * context` is less than `window`.
    """
    if total <= window and len(first):
        return [Stretch(0, total, int(first[0]), int(past[-1]))]
    stretches: list[Stretch] = []
    at = 0
    while at < len(first):
        begin = int(first[at])
        reach = _reach(begin, total, window, context)
        until = int(np.searchsorted(past, reach, side="right"))
        if until > at:
            stretches.append(_stretch(begin, int(past[until - 1]), total, context))
        else:
            stretches.extend(_pieces(begin, int(past[at]), total, window, context))
            until = at + 1
        at = until
    return stretches


def _reach(begin: int, total: int, window: int, context: int) -> int:
    """Where the pooled part of a stretch that begins at `begin` must end at the latest."""
    start = max(0, begin - context)
    return total if start + window >= total else start + window - context


def _stretch(begin: int, end: int, total: int, context: int) -> Stretch:
    return Stretch(max(0, begin - context), min(total, end + context), begin, end)


def _pieces(begin: int, end: int, total: int, window: int, context: int) -> Iterator[Stretch]:
    while begin < end:
        piece = min(end, _reach(begin, total, window, context))
        yield _stretch(begin, piece, total, context)
        begin = piece


def windows(
    tokens: TokenArrays,
    spans: Sequence[Span],
    row: int,
    *,
    window: int,
    context: int,
    before: Sequence[int],
    after: Sequence[int],
) -> Iterator[Window]:
    """A document's windows. Its spans are the rows `row`, `row + 1`, …

    `before` and `after` are the ids (prompt, header, special tokens) read around every window and
    never pooled. Raises EmptySpan.
    """
    first, past = token_ranges(tokens, spans)
    owners = np.full(len(tokens), NOBODY, dtype=np.int64)
    lengths = past - first
    positions = np.repeat(first - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    owners[positions] = np.repeat(np.arange(row, row + len(spans)), lengths)
    head, tail = np.asarray(before, np.int64), np.asarray(after, np.int64)
    for each in plan(first, past, len(tokens), window, context):
        own = np.full(len(head) + each.end - each.start + len(tail), NOBODY, dtype=np.int64)
        offset = len(head) - each.start
        own[each.own_start + offset : each.own_end + offset] = owners[each.own_start : each.own_end]
        ids = np.concatenate([head, tokens.ids[each.start : each.end], tail])
        yield Window(ids, own, int(owners[each.own_start]))
