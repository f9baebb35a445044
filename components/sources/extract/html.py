"""HTML as browsers read it: the tree of the HTML standard, and of it what a page shows."""

from __future__ import annotations

import html
import re

from components.errors import BadDocument
from components.sources.extract import text
from components.sources.extract.headings import sections, title
from components.values import Document

_TAG = re.compile(
    rb"""<meta\b((?:"[^"]{0,999}"|'[^']{0,999}'|[^'">]){0,999})|<\?xml([^>]{0,999})""",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(rb"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_EMPTY = re.compile(r"""<([A-Za-z][\w:.-]*)((?:\s(?:"[^"]*"|'[^']*'|[^<>"'])*?)?)/>""")
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr")
)
"""Elements that have no end in HTML either."""
_HEAD = 2**17
"""Bytes in which an encoding may be declared."""


def document(id: str, data: bytes) -> Document:
    """One line per block and per table row, cells parted by " | ", `<pre>` as it stands.

    Title: `<title>`, else the first `<h1>`, else the file's name. A heading in a table's row opens
    its section at the row's beginning. Raises BadDocument where nothing is shown.
    """
    source, encoding = text.decode(data, _declared(data))
    return _document(id, source, encoding)


def xhtml(id: str, data: bytes) -> Document:
    """The same of XHTML, which browsers read as XML: `<title/>` is empty, and CDATA is text."""
    source, encoding = text.decode(data, _declared(data))
    source = _CDATA.sub(lambda found: html.escape(found[1]), source)
    return _document(id, _EMPTY.sub(_closed, source), encoding)


def _document(id: str, source: str, encoding: str) -> Document:
    import turbohtml

    from components.sources.extract.page import Page

    if not source.strip():
        raise BadDocument("empty")
    page = Page()
    page.read(turbohtml.parse(source, positions=False))
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
    """The encoding that the page claims, as browsers understand the claim; empty without one."""
    import webencodings

    tags = _TAG.finditer(_without_comments(data[:_HEAD]))
    named = (webencodings.lookup(_claim(each).decode("ascii", "replace")) for each in tags)
    claimed = next(filter(None, named), None)
    if claimed is None:
        return ""
    # The claim was read as ASCII, so UTF-16 it cannot be.
    return "utf-8" if claimed.name.startswith("utf-16") else str(claimed.codec_info.name)


def _without_comments(data: bytes) -> bytes:
    first, *others = data.split(b"<!--")
    return first + b"".join(_behind_comment(each) for each in others)


def _behind_comment(data: bytes) -> bytes:
    return data[1:] if data.startswith(b">") else data.partition(b"-->")[2]


def _claim(tag: re.Match[bytes]) -> bytes:
    """The encoding that a tag names; a description that speaks of one names none."""
    found: dict[bytes, bytes] = {
        name.lower(): double or single or plain
        for name, double, single, plain in _ATTRIBUTE.findall(tag[1] or tag[2] or b"")
    }
    if tag[1] is None:
        return found.get(b"encoding", b"").strip()
    if b"charset" in found:
        return found[b"charset"].strip(b" /\t\r\n")
    if found.get(b"http-equiv", b"").strip().lower() != b"content-type":
        return b""
    content = _CHARSET.search(found.get(b"content", b""))
    return content[1] if content else b""


def _closed(tag: re.Match[str]) -> str:
    """An empty element with an end of its own."""
    return tag[0] if tag[1] in _VOID else f"<{tag[1]}{tag[2]}></{tag[1]}>"
