"""Markdown's headings, found by a CommonMark parser: it knows code, quotes and lists apart."""

from __future__ import annotations

from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from components.sources.extract.headings import Heading

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_LINE = 1_000
"""Characters of a line that are looked at: what a block is shows at its beginning."""

_DEEPEST = 100
"""Levels of lists and quotes; what follows a deeper one is not looked at."""
_DEEPEST_QUOTE = 6
"""Levels at which quotes are looked into: each level costs another look at every line."""


def headings(text: str) -> list[Heading]:
    """Headings outside front matter, code, quotes and lists, in order."""
    lines = text.split("\n")
    first = _after_front_matter(lines)
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    shown = "\n".join(line[:_LINE] for line in lines[first:])
    del lines
    found: list[tuple[int, int, str]] = []
    parser = _parser()
    _gather(parser.block.parse(shown, parser, {"found": found}, []) or [], found)
    return [Heading(starts[first + line], level, title) for line, level, title in found]


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST})
    parser.block.ruler.before("code", "gather", _gather_before)
    return parser


def _gather_before(state: Any, start: int, end: int, silent: bool) -> bool:
    """A rule that matches nothing but what deep quotes hold. Tokens of the blocks before are let go
    of: a list of a million items would take gigabytes.
    """
    _gather(state.tokens, state.env["found"])
    state.tokens.clear()
    if state.parentType != "blockquote" or state.level < _DEEPEST_QUOTE:
        return False
    state.line = end
    return True


def _gather(tokens: list[Any], found: list[tuple[int, int, str]]) -> None:
    for at, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0:
            found.append((token.map[0], int(token.tag[1:]), tokens[at + 1].content))


def _after_front_matter(lines: list[str]) -> int:
    """The first line after a block of fields between `---` and `---`, or the very first."""
    if lines[0].rstrip() != "---":
        return 0
    ends = (at for at, line in enumerate(lines) if at and line.rstrip() in ("---", "..."))
    return next(ends, -1) + 1
