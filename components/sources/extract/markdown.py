"""Markdown: what of it is text, and its headings, which a CommonMark parser finds: it knows code,
quotes and lists apart.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from components.errors import BadDocument
from components.sources.extract import embedded, front_matter, text
from components.sources.extract.headings import Heading, sections, title
from components.values import Document

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_LINE = 1_000
"""Characters of a line that are looked at: what a block is shows at its beginning."""

_DEEPEST = 100
"""Levels of lists and quotes; what follows a deeper one is not looked at."""
_DEEPEST_QUOTE = 6
"""Levels at which quotes are looked into: each level costs another look at every line."""


def document(id: str, data: bytes) -> Document:
    """The text without its front matter, which is title and metadata, and without embedded files.

    Title: that of the front matter, else the first heading, else the file's name. Raises
    BadDocument.
    """
    whole, encoding = text.decode(data)
    if not whole.strip():
        raise BadDocument("empty")
    front = front_matter.split(whole)
    body = embedded.dropped_from_markdown(front.text)
    shown = front.unread + body
    if not shown.strip():
        shown = front.title  # it is all that there is to find
    if not shown:
        raise BadDocument("no text but front matter or embedded files")
    shift = len(front.unread)
    found = [replace(each, start=each.start + shift) for each in headings(body)]
    return Document(
        id=id,
        text=shown,
        title=title(front.title or (found[0].text if found else ""), id),
        metadata={**text.noted(encoding), **front.metadata},
        sections=sections(found),
    )


def headings(source: str) -> list[Heading]:
    """Headings outside code, quotes and lists, in order."""
    lines = source.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    shown = "\n".join(line[:_LINE] for line in lines)
    del lines
    found: list[tuple[int, int, str]] = []
    parser = _parser()
    _gather(parser.block.parse(shown, parser, {"found": found}, []) or [], found)
    return [Heading(starts[line], level, words) for line, level, words in found]


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
