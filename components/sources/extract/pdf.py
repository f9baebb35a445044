"""PDF, page by page, by PDFium."""

from __future__ import annotations

import re
import threading
from contextlib import closing
from itertools import accumulate
from typing import Any

from components.errors import BadDocument
from components.sources.extract import title
from components.values import Document

_PDFIUM = threading.Lock()
"""PDFium is not thread-safe."""
_NO_REASON, _PASSWORD, _SECURITY = 0, 4, 5
"""PDFium's error codes."""
_HYPHENS = str.maketrans("\x02\ufffe", "--")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def document(id: str, data: bytes) -> Document:
    r"""The pages' texts, each followed by `\n`, so that page starts ascend even past empty pages.

    Title: the file's name. What the PDF says about itself is often wrong, and is lost or changed
    when a file is written anew.
    """
    with _PDFIUM:
        pages = _pages(data)
    if not any(page.strip() for page in pages):
        raise BadDocument(f"no text on any of its {len(pages)} pages: scanned?")
    starts = accumulate((len(page) for page in pages[:-1]), initial=0)
    return Document(id=id, text="".join(pages), title=title("", id), page_starts=tuple(starts))


def page_count(data: bytes) -> int | None:
    """Pages of a PDF; None where it is none that can be opened."""
    import pypdfium2

    with _PDFIUM:
        try:
            with closing(pypdfium2.PdfDocument(data)) as pdf:
                return len(pdf)
        except pypdfium2.PdfiumError:
            return None


def _pages(data: bytes) -> list[str]:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise BadDocument(_verdict(error.err_code, data)) from error
    with closing(pdf):
        count = len(pdf)
        if not count:
            raise BadDocument("it has no pages")
        return [_page(pdf, number, count) for number in range(count)]


def _page(pdf: Any, number: int, count: int) -> str:
    import pypdfium2

    try:
        with closing(pdf[number]) as page, closing(page.get_textpage()) as text:
            return _clean(text.get_text_bounded(errors="replace")) + "\n"
    except pypdfium2.PdfiumError as error:
        raise BadDocument(f"damaged: page {number + 1} of {count} cannot be read") from error


def _clean(text: str) -> str:
    """Before any offset is taken: hyphens at line ends come as U+0002, line ends as CRLF."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_HYPHENS)
    return _CONTROLS.sub(" ", text)


def _verdict(code: int | None, data: bytes) -> str:
    # A file without pages is refused as if a password were wrong; an encrypted one always says so.
    if b"/Encrypt" in data and code in (_PASSWORD, _SECURITY):
        return "encrypted: a password is needed to read it"
    if code in (_NO_REASON, _PASSWORD):
        return "it has no pages"
    return "not a PDF, or damaged or cut short"
