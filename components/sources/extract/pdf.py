"""PDF, page by page, by PDFium."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from itertools import accumulate
from typing import Any

from components.errors import BadDocument
from components.sources.extract import hyphens
from components.sources.extract.headings import title
from components.sources.storable import storable
from components.values import Document

_PDFIUM = threading.Lock()
"""PDFium is not thread-safe."""
_NO_REASON, _PASSWORD, _SECURITY = 0, 4, 5
"""PDFium's error codes."""
_HYPHENS = str.maketrans({"\ufffe": hyphens.BROKEN})
_CONTROLS = re.compile(r"[\x00\x01\x04-\x08\x0b-\x1f\x7f-\x9f]")
_WORD = re.compile(r"\w")
_MOST_NAMED = 20
"""Stretches of pages that are named one by one."""


def document(id: str, data: bytes) -> Document:
    r"""The pages' texts, each followed by `\n`, so that page starts ascend even past empty pages.

    Words broken at line ends are whole, what was typed into forms and notes is in its page, and
    `incomplete` names pages with text of which the font does not say what it is. Title: the file's
    name. What the PDF says about itself is often wrong, and is lost or changed when a file is
    written anew.
    """
    with _PDFIUM:
        found = _pages(data)
    pages = hyphens.joined([page for page, _ in found])
    lost = [number for number, (_, lost) in enumerate(found, start=1) if lost]
    if lost and not any(map(_WORD.search, pages)):
        raise BadDocument(
            "no text that can be read: its fonts do not say which characters they show"
        )
    if not any(page.strip() for page in pages):
        raise BadDocument(f"no text on any of its {len(pages)} pages: scanned?")
    starts = accumulate((len(page) for page in pages[:-1]), initial=0)
    return Document(
        id=id,
        text="".join(pages),
        title=title("", id),
        page_starts=tuple(starts),
        incomplete=_told(lost),
    )


def page_count(data: bytes) -> int | None:
    """Pages of a PDF; None where it is none that can be opened."""
    import pypdfium2

    with _PDFIUM:
        try:
            with closing(pypdfium2.PdfDocument(data)) as pdf:
                return len(pdf)
        except pypdfium2.PdfiumError:
            return None


def _pages(data: bytes) -> list[tuple[str, bool]]:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise BadDocument(_verdict(error.err_code, data)) from error
    with closing(pdf):
        with suppress(pypdfium2.PdfiumError):
            pdf.init_forms()  # before any page is opened
        count = len(pdf)
        if not count:
            raise BadDocument("it has no pages")
        return [_page(pdf, number, count) for number in range(count)]


def _page(pdf: Any, number: int, count: int) -> tuple[str, bool]:
    """A page's text, and whether words of it are lost."""
    import pypdfium2

    try:
        with closing(pdf[number]) as page, closing(page.get_textpage()) as text:
            shown, lost = _read(page, text)
    except pypdfium2.PdfiumError as error:
        raise BadDocument(f"damaged: page {number + 1} of {count} cannot be read") from error
    return shown + "\n", lost


def _read(page: Any, text: Any) -> tuple[str, bool]:
    from components.sources.extract.pdf_characters import characters, readable, unmapped
    from components.sources.extract.pdf_typed import typed

    flags, found = unmapped(text), typed(page)
    if not found and not any(flags):
        return readable(_clean(text.get_text_bounded(errors="replace")))
    drawn = characters(page, text, flags)
    words = " ".join(drawn.text.split())
    # What is highlighted is often noted once more.
    new = [
        each for each in found if each.kind != "note" or " ".join(each.text.split()) not in words
    ]
    return readable(_clean(drawn.with_typed(new) if new else drawn.text))


def _clean(text: str) -> str:
    """Before any offset is taken: line ends come as CRLF, and a hyphen at one as a control."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_HYPHENS)
    return storable(_CONTROLS.sub(" ", text))


def _told(pages: Sequence[int]) -> str:
    """Which pages have text that cannot be read; nothing for none."""
    if not pages:
        return ""
    first, *others = pages
    runs = [[first, first]]
    for page in others:
        if page == runs[-1][1] + 1:
            runs[-1][1] = page
        else:
            runs.append([page, page])
    named = [f"{a}" if a == b else f"{a}-{b}" for a, b in runs[:_MOST_NAMED]]
    more = ["more"] if len(runs) > _MOST_NAMED else []
    one = "page" if len(pages) == 1 else "pages"
    return f"text on {one} {', '.join(named + more)} cannot be read: no Unicode for its font"


def _verdict(code: int | None, data: bytes) -> str:
    # A file without pages is refused as if a password were wrong; an encrypted one always says so.
    if b"/Encrypt" in data and code in (_PASSWORD, _SECURITY):
        return "encrypted: a password is needed to read it"
    if code in (_NO_REASON, _PASSWORD):
        return "it has no pages"
    return "not a PDF, or damaged or cut short"
