"""From a file's bytes to a document: one module per format, chosen by the suffix of the id."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import PurePosixPath

from components.errors import BadDocument
from components.values import Document


def facts() -> Mapping[str, object]:
    """The version of what reads PDFs: their text depends on it."""
    return {"pypdfium2": version("pypdfium2")}


def document(id: str, data: bytes, where: str = "") -> Document:
    """The document. Raises BadDocument with a reason that a person understands, and `where`."""
    try:
        return _document(id, data)
    except BadDocument as error:
        error.at(where=where)
        raise


def _document(id: str, data: bytes) -> Document:
    from components.sources.extract import html, markdown, pdf, text

    if not data:
        raise BadDocument("empty")
    formats = {
        ".pdf": pdf.document,
        ".html": html.document,
        ".htm": html.document,
        ".md": markdown.document,
        ".markdown": markdown.document,
        ".xhtml": html.xhtml,
        ".xht": html.xhtml,
    }
    return formats.get(PurePosixPath(id).suffix.lower(), text.document)(id, data)
