"""HTML, however broken: the parser's events are gathered, no tree is built and nothing recurses."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Any

from components.errors import BadDocument
from components.sources.extract import storable, text, title
from components.sources.extract.headings import Heading, sections
from components.values import Document

_DECLARED = re.compile(
    rb"""<meta[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)""",
    re.IGNORECASE,
)
_HEAD = 4_096
"""Bytes in which an encoding may be declared."""
_DROPPED = frozenset(("head", "script", "style", "template"))
_BLOCKS = re.compile(
    "address|article|aside|blockquote|body|br|caption|center|d[dlt]|details|dialog|div|fieldset"
    "|figcaption|figure|footer|form|h[1-6]|header|hr|legend|li|main|menu|nav|[ou]l|option|p"
    "|section|summary|t(body|foot|head)"
)

_LEVELS = {f"h{level}": level for level in range(1, 7)}


def document(id: str, data: bytes) -> Document:
    """One line per block and per table row, cells parted by " | ", `<pre>` as it stands.

    Title: `<title>`, else the first `<h1>`, else the file's name. A heading in a table's row opens
    its section at the row's beginning.
    """
    from lxml import etree

    source, encoding = text.decode(data, _declared(data))
    if not source.strip():
        raise BadDocument("empty")
    page = _Page()
    target: Any = page
    # Decoded above, so that a page with a byte that its encoding lacks is still read to its end.
    parser = etree.HTMLParser(target=target, encoding="utf-8", huge_tree=True, recover=True)
    etree.fromstring(source.encode(), parser)
    if not page.lines:
        raise BadDocument("no text in this HTML")
    return Document(
        id=id,
        text="\n".join(page.lines),
        title=title(page.title or page.first_heading, id),
        metadata=text.noted(encoding),
        sections=sections(page.headings),
    )


def _declared(data: bytes) -> str:
    """The encoding that the page claims, as browsers understand the claim."""
    found = _DECLARED.search(data[:_HEAD])
    try:
        name = codecs.lookup((found[1] or found[2]).decode()).name if found else ""
    except LookupError:
        return ""
    if name.startswith("utf-16"):
        return "utf-8"
    return "cp1252" if name in ("iso8859-1", "ascii") else name


class _Page:
    """A parser target that folds a page into lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.title = ""
        self.headings: list[Heading] = []
        self._length = 0
        """Of the lines, line ends included."""
        self._run: list[str] = []
        self._heard: list[str] | None = None
        self._heading: list[str] | None = None
        self._heading_start = 0
        self._dropped = 0
        self._cells: list[int] = []
        """Cells so far in each open row, the innermost last."""
        self._pre = 0

    @property
    def first_heading(self) -> str:
        """Text of the first `<h1>` that has any."""
        return next((each.text for each in self.headings if each.level == 1), "")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "title" and not self.title:
            self._heard = []
        if self._dropped or tag in _DROPPED:
            self._dropped += 1
        elif tag in ("tr", "table", "pre"):
            self._flush()
            self._cells += [0] * (tag == "tr")
            self._pre += tag == "pre"
        elif tag in ("td", "th") and self._cells:
            self._run.append(" | " if self._cells[-1] else " ")
            self._cells[-1] += 1
        elif _BLOCKS.fullmatch(tag):
            self._break()
            if tag in _LEVELS:
                self._heading, self._heading_start = [], self._length

    def end(self, tag: str) -> None:
        if tag == "title" and self._heard is not None:
            self.title, self._heard = "".join(self._heard).strip(), None
        if self._dropped:
            self._dropped -= 1
        elif tag in ("tr", "table", "pre"):
            self._flush()
            del self._cells[len(self._cells) - (tag == "tr") :]
            self._pre -= tag == "pre"
        elif _BLOCKS.fullmatch(tag):
            if tag in _LEVELS:
                self._end_heading(_LEVELS[tag])
            self._break()

    def data(self, data: str) -> None:
        if self._heard is not None:
            self._heard.append(data)
        elif not self._dropped:
            self._run.append(data)
            if self._heading is not None:
                self._heading.append(data)

    def close(self) -> None:
        self._flush()

    def _end_heading(self, level: int) -> None:
        text = " ".join("".join(self._heading or ()).split())
        if text.strip(" |"):  # otherwise its line is left out
            self.headings.append(Heading(self._heading_start, level, text))
        self._heading = None

    def _break(self) -> None:
        """End the line, or only the word inside a table's row, which is one line."""
        if self._heading is not None:
            self._heading.append(" ")
        if self._cells and not self._pre:
            self._run.append(" ")
        elif self._pre:
            self._run.append("\n")
        else:
            self._flush()

    def _flush(self) -> None:
        run = "".join(self._run)
        line = run.strip("\r\n").rstrip() if self._pre else " ".join(run.split())
        if line.strip(" |"):
            self.lines.append(storable(line))
            self._length += len(self.lines[-1]) + 1
        self._run = []
