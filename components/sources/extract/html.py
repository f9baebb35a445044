"""HTML as browsers read it: the tree of the HTML standard, and of it what a page shows."""

from __future__ import annotations

import re

from components.errors import BadDocument
from components.sources.extract import text, title
from components.sources.extract.headings import sections
from components.values import Document

_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_DECLARED = re.compile(
    rb"""<meta[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)""",
    re.IGNORECASE,
)
_HEAD = 4_096
"""Bytes in which an encoding may be declared."""


def document(id: str, data: bytes) -> Document:
    """One line per block and per table row, cells parted by " | ", `<pre>` as it stands.

    Title: `<title>`, else the first `<h1>`, else the file's name. A heading in a table's row opens
    its section at the row's beginning. Raises BadDocument where nothing is shown.
    """
    import turbohtml

    from components.sources.extract.page import Page

    source, encoding = text.decode(data, _declared(data))
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

    found = _DECLARED.search(_COMMENT.sub(b"", data[:_HEAD]))
    claimed = webencodings.lookup((found[1] or found[2]).decode()) if found else None
    if claimed is None:
        return ""
    # The claim was read as ASCII, so UTF-16 it cannot be.
    return "utf-8" if claimed.name.startswith("utf-16") else str(claimed.codec_info.name)
