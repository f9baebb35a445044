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
   and nothing is kept for each of them: a layout looks at the tokens where a span may end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.options import option
from components.stages import Tokenizer, Tokens
from components.values import Document, Integers, Span

MAX_TOKENS = option(128, help="tokens of a span, at most")
ACROSS_PAGES = option(False, help="whether a span may cross pages")
CHARACTERS_PER_TOKEN = 16
"""A span has at most this many characters per token that it may hold."""
NONE: Integers = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A document's tokens in groups: a cut is possible before each group and nowhere else.

    A group is called by its first token. A token that ends on the same character as the one before
    is of its group: byte-level tokenizers make several tokens of one character.
    """

    text: str
    tokens: Tokens
    pages: Mapping[int, int]
    """Groups that begin a page, ascending, and the offset of that page."""
    limit: int
    """Tokens of a span, at most."""
    cap: int
    """Characters of a span, at most."""

    def __len__(self) -> int:
        return len(self.tokens.last)

    def at(self, offsets: npt.ArrayLike) -> Integers:
        """The group that holds each offset, or comes next after it; `len(self)` after the last."""
        return np.asarray(self.tokens.last.searchsorted(offsets, "left"))

    def end(self, group: int) -> int:
        """Offset after the group's last character."""
        return int(self.tokens.last[group]) + 1

    def cut(self, group: int) -> int:
        """Offset of the cut before a group; of `len(self)`, the length of the text."""
        if group == 0:
            return 0
        if group == len(self):
            return len(self.text)
        return self.pages.get(group, self._own(group))

    def begin(self, group: int) -> int:
        """The cut again, past white space that is too long to be kept."""
        cut = self.cut(group)
        return max(cut, self._own(group)) if self.end(group) - cut > self.cap else cut

    def begins_word(self, group: int) -> bool:
        """Whether it follows white space, or holds it in front, or follows text of no token."""
        own = self._own(group)
        around = self.text[max(own - 1, 0) : own + 1]
        return own > self._before(group) or any(map(str.isspace, around))

    def reach(self, group: int) -> int:
        """The group after the longest span that begins with `group`."""
        offset = self.begin(group) + self.cap
        if group + self.limit < len(self):
            offset = min(offset, int(self.tokens.last[group + self.limit]))
        return int(self.at(max(offset, self.end(group))))

    def span(self, group: int, until: int) -> Span:
        """The characters of groups `group` (included) to `until` (excluded)."""
        start = self.begin(group)
        end = min(self.cut(until), start + self.cap)
        return Span(start, max(end, self.end(until - 1)))

    def _own(self, group: int) -> int:
        start = max(int(self.tokens.starts[group]), self._before(group))
        return min(start, self.end(group) - 1)

    def _before(self, group: int) -> int:
        return self.end(group - 1) if group else 0


def lay_out(
    document: Document, tokenizer: Tokenizer, max_tokens: int | None, *, across_pages: bool = False
) -> Layout:
    """The document's layout for spans of at most `max_tokens`; None: of any length."""
    text, tokens = document.text, tokenizer.tokens(document.text)
    limit = len(tokens.last) if max_tokens is None else max_tokens
    cap = len(text) if max_tokens is None else CHARACTERS_PER_TOKEN * max_tokens
    pages = {} if across_pages else _pages(document.page_starts, tokens)
    return Layout(text, tokens, pages, limit, cap)


def _pages(page_starts: Sequence[int], tokens: Tokens) -> dict[int, int]:
    """Blank pages have no group: the page after them counts, at its own offset."""
    offsets = np.asarray(page_starts, dtype=np.int64)
    groups = tokens.last.searchsorted(offsets, "left")
    real = np.diff(groups, append=len(tokens.last)) > 0
    return dict(zip(groups[real].tolist(), offsets[real].tolist(), strict=True))


def pack(layout: Layout, *, walls: Integers = NONE, seams: Integers = NONE) -> list[Span]:
    """The longest spans, one after the other.

    `walls` are groups that begin a span, as pages do. Between walls a span ends before the last of
    the `seams` within reach; without one, before a word in its last quarter, or else anywhere.
    """
    size = len(layout)
    pages = np.fromiter(layout.pages, np.int64, len(layout.pages))
    all_walls = np.unique(np.concatenate([pages, walls, [size]]))
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
    seam = int(seams[seams.searchsorted(until, "right") - 1])
    return seam if seam > group else _word(layout, group, until)


def _word(layout: Layout, group: int, until: int) -> int:
    at = until
    while 4 * (until - at) <= until - group:
        if layout.begins_word(at):
            return at
        at = int(layout.at(layout.tokens.last[at - 1]))
    return until
