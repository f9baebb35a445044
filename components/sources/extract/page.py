"""What a page of HTML shows, folded into lines: blocks end lines, a table's row is one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import turbohtml
from turbohtml import Element, Namespace, Node, Text

from components.sources.extract.elements import (
    BLOCKS,
    BOXES,
    KEPT,
    LABELS,
    LEFT_OUT,
    LEVELS,
    NO_TEXT,
)
from components.sources.extract.headings import Heading

_WIDE = (
    r"[\u2e80-\u2fff\u3001-\u312f\u3190-\ua4cf\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff9f"
    r"\U00020000-\U0003fffd]"
)
_WRAPPED = re.compile(rf"(?<={_WIDE})[ \t]*\n\s*(?={_WIDE})")
"""Line ends between characters that are written without spaces: by CSS they are none."""
_FIGURES = re.compile(r"\s*\d+(?:[,;–-]\s*\d+)*\s*", re.ASCII)
_BEFORE_A_NOTE = re.compile(r"(?:[^\W\d_]{3}|\d)\Z")
"""A word or a number, of which raised figures are no part: `notice¹`, `10⁶`."""
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Page:
    """The lines, the title and the headings of a page, gathered in one walk over its tree."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.title = ""
        self.headings: list[Heading] = []
        self._length = 0
        """Of the lines, line ends included."""
        self._run: list[str] = []
        self._blank = True
        """Whether the run holds nothing but bars between cells."""
        self._heading: list[str] | None = None
        self._heading_start = 0
        self._cells: list[int] = []
        """Cells so far in each open row, the innermost last."""
        self._kept = 0
        self._readings: list[list[str]] = []
        """Of each open `<ruby>`, the innermost last."""
        self._reading = False
        self._raised = 0
        """How many `<sup>` are open."""

    @property
    def first_heading(self) -> str:
        """Text of the first `<h1>` that has any."""
        return next((each.text for each in self.headings if each.level == 1), "")

    def read(self, document: Node) -> None:
        """Fold a document in; shadow trees in place, with their slots filled."""
        above: list[tuple[str, Iterator[Node]]] = [("", iter(document.flattened_children))]
        while above:
            for node in above[-1][1]:
                if isinstance(node, Text):
                    self._text(node.data)
                elif isinstance(node, Element):
                    name = _name(node)
                    if name in LEFT_OUT:
                        self._leave_out(name, node)
                    elif not _hidden(node):
                        self._start(name, node)
                        above.append((name, iter(_children(name, node))))
                        break
            else:
                self._end(above.pop()[0])
        self._flush()

    def _leave_out(self, name: str, element: Element) -> None:
        if name == "title" and not self.title:
            self.title = _collapsed(_shown(element.text))
        self._part(name)

    def _start(self, name: str, element: Element) -> None:
        if name in ("tr", "table") or name in KEPT:
            self._flush()
            self._cells += [0] * (name == "tr")
            self._kept += name in KEPT
        elif name in ("td", "th") and self._cells:
            self._run.append(" | " if self._cells[-1] else " ")
            self._cells[-1] += 1
        elif name == "ruby":
            self._readings.append([])
        elif name == "rt":
            self._reading = bool(self._readings)
        elif name == "sup":
            self._raised += 1
        else:
            self._part(name)
            if name in LEVELS:
                self._heading, self._heading_start = [], self._length
            elif name in LABELS and element.attr("type") not in NO_TEXT:
                self._text(element.attr(LABELS[name]) or "")
                self._part(name)

    def _end(self, name: str) -> None:
        if name in ("tr", "table") or name in KEPT:
            self._flush()
            del self._cells[len(self._cells) - (name == "tr") :]
            self._kept -= name in KEPT
        elif name == "ruby":
            if reading := "".join(self._readings.pop()).strip():
                self._text(f"({reading})")
        elif name == "rt":
            self._reading = False
        elif name == "sup":
            self._raised -= 1
        elif name != "br":
            if name in LEVELS:
                self._end_heading(LEVELS[name])
            self._part(name)

    def _text(self, data: str) -> None:
        data = _shown(data)
        if self._raised and _FIGURES.fullmatch(data) and self._beside_a_word():
            data = data.translate(_RAISED)
        if self._reading:
            self._readings[-1].append(data)
            return
        self._run.append(data)
        self._blank = self._blank and not data.strip()
        if self._heading is not None:
            self._heading.append(data)

    def _beside_a_word(self) -> bool:
        """Whether the run ends in what figures, as plain ones, would be read as a part of."""
        return _BEFORE_A_NOTE.search("".join(self._run[-3:])[-3:]) is not None

    def _part(self, name: str) -> None:
        """End the line, or only the word, where an element begins or ends."""
        if name in BLOCKS and not self._cells and not self._kept:
            self._flush()
        elif name in BLOCKS and self._kept:
            if name == "br" or not "".join(self._run[-1:]).endswith("\n"):
                self._run.append("\n")
        elif name in BLOCKS or ((name in BOXES or name.startswith("math ")) and not self._kept):
            self._run.append(" ")
        else:
            return
        if self._heading is not None:
            self._heading.append(" ")

    def _end_heading(self, level: int) -> None:
        text = _collapsed("".join(self._heading or ()))
        if text:  # otherwise its line is left out
            self.headings.append(Heading(self._heading_start, level, text))
        self._heading = None

    def _flush(self) -> None:
        if not self._blank:
            run = "".join(self._run)
            line = run.strip("\r\n").rstrip() if self._kept else _collapsed(run)
            self.lines.append(line)
            self._length += len(line) + 1
        self._run, self._blank = [], True


def _name(element: Element) -> str:
    """The tag, with the kind of foreign content before it: "svg title"."""
    space = element.namespace
    return element.tag if space is Namespace.HTML else f"{space.value} {element.tag}"


def _hidden(element: Element) -> bool:
    """Whether it is not shown, nor meant to be shown to who looks for it or takes its tab."""
    return (
        "hidden" in element.attrs
        and (element.attr("hidden") or "").lower() != "until-found"
        and element.attr("role") != "tabpanel"
    )


def _children(name: str, element: Element) -> Iterable[Node]:
    """What is shown inside of an element: of a frame the page that its attribute holds."""
    if name != "iframe":
        return element.flattened_children
    framed = turbohtml.parse(element.attr("srcdoc") or "", positions=False)
    return framed.find_all("body", limit=1)


def _shown(text: str) -> str:
    """The text without soft hyphens: they are places to break a word, not parts of it."""
    return text.replace("\xad", "")


def _collapsed(run: str) -> str:
    if not run.isascii():
        run = _WRAPPED.sub("", run)
    return " ".join(run.split())
