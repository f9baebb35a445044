"""The laws of splitting, and the one way to make spans that obey them.

1. Spans ascend, are disjoint and lie inside the text. A token belongs to the span that holds its
   last character: every token to one (`whole` may truncate), and every span has at least one.
2. Spans tile: the first begins at 0, each begins where the one before ended, the last ends with
   the text. So text without tokens joins the span before it, and leading white space the first.
   Only exception: a span has at most `CHARACTERS_PER_TOKEN` characters per allowed token, or one
   token where that is longer (`LONGEST_TOKEN`); text without tokens beyond that is in no span.
3. Spans break exactly at page starts, unless pages may be crossed. A page without tokens joins the
   span before.
4. No cut falls among the tokens of one character; such a group may exceed `max_tokens`.
5. A text without tokens has no spans.
6. The same document, tokenizer and options give the same spans. The cost is linear in the tokens,
   in numpy; Python loops run over spans only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.splitters.boundaries import page_breaks, token_groups, word_breaks
from components.stages import Tokenizer
from components.values import Document, Integers, Span

CHARACTERS_PER_TOKEN = 16
"""A span has at most this many characters per token that it may hold."""
NONE: Integers = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A document's tokens in groups: a cut is possible before each group and nowhere else."""

    first: Integers
    """(groups + 1,) How many tokens come before each group, and in all."""
    ends: Integers
    """(groups,) Offset after each group's last character."""
    cuts: Integers
    """(groups + 1,) Offset of the cut before each group, and the length of the text."""
    begins: Integers
    """(groups,) The cuts again, past white space that is too long to be kept."""
    pages: Integers
    """Groups that begin a page."""
    words: Integers
    """Groups that begin a word, and the first one."""
    limit: int
    """Tokens of a span, at most."""
    cap: int
    """Characters of a span, at most."""

    def at(self, offsets: Integers) -> Integers:
        """The group that holds each offset, or comes next after it."""
        return np.asarray(self.ends.searchsorted(offsets, "right"))

    def reach(self, group: int) -> int:
        """The group after the longest span that begins with `group`."""
        by_tokens = self.first.searchsorted(self.first[group] + self.limit, "right") - 1
        by_characters = self.ends.searchsorted(self.begins[group] + self.cap, "right")
        return max(group + 1, min(int(by_tokens), int(by_characters)))

    def span(self, group: int, until: int) -> Span:
        """The characters of groups `group` (included) to `until` (excluded)."""
        start = int(self.begins[group])
        end = min(int(self.cuts[until]), start + self.cap)
        return Span(start, max(end, int(self.ends[until - 1])))


def lay_out(
    document: Document, tokenizer: Tokenizer, max_tokens: int | None, *, across_pages: bool = False
) -> Layout:
    """The document's layout for spans of at most `max_tokens`; None: of any length."""
    text, tokens = document.text, tokenizer.tokens(document.text)
    first = token_groups(tokens)
    ends = tokens.last[first[1:] - 1] + 1
    before = np.append(0, ends)[:-1]
    own = np.minimum(np.maximum(tokens.starts[first[:-1]], before), ends - 1)
    pages, offsets = page_breaks(() if across_pages else document.page_starts, ends)
    cuts = np.append(own, len(text))
    cuts[pages], cuts[0] = offsets, 0
    limit = len(tokens.last) if max_tokens is None else max_tokens
    cap = len(text) if max_tokens is None else CHARACTERS_PER_TOKEN * max_tokens
    begins = np.where(ends - cuts[:-1] > cap, np.maximum(cuts[:-1], own), cuts[:-1])
    words = word_breaks(text, own, before)
    return Layout(first, ends, cuts, begins, pages, words, limit, cap)


def pack(layout: Layout, *, walls: Integers = NONE, seams: Integers = NONE) -> list[Span]:
    """The longest spans, one after the other.

    `walls` are groups that begin a span, as pages do. Between walls a span ends before the last of
    the `seams` within reach; without one, before a word in its last quarter, or else anywhere.
    """
    size = len(layout.ends)
    all_walls = np.unique(np.concatenate([layout.pages, walls, [size]]))
    seams = np.append(0, seams)
    spans, group = [], 0
    while group < size:
        wall = int(all_walls[all_walls.searchsorted(group, "right")])
        until = min(layout.reach(group), wall)
        if until < wall:
            until = _seam(layout, group, until, seams)
        spans.append(layout.span(group, until))
        group = until
    return spans


def _seam(layout: Layout, group: int, until: int, seams: Integers) -> int:
    seam = seams[seams.searchsorted(until, "right") - 1]
    if seam > group:
        return int(seam)
    word = int(layout.words[layout.words.searchsorted(until, "right") - 1])
    start, at_word, end = layout.first[[group, word, until]]
    return word if 4 * (end - at_word) <= end - start else until
