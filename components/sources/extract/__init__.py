"""From a file's bytes to a document: one module per format, chosen by the suffix of the id."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import PurePosixPath

from components.errors import BadDocument
from components.normal_form import canonical
from components.values import Document

LONGEST_TITLE = 300
"""Characters. A title may stand before every chunk, so a file of one line must not become one."""


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


def title(found: str, id: str) -> str:
    """The title found, on one line and not too long; without one, the name in the id."""
    return one_line(found) or PurePosixPath(id).stem


def one_line(found: str) -> str:
    """A title or heading on one line, not too long."""
    return " ".join(found[: 10 * LONGEST_TITLE].split())[:LONGEST_TITLE].rstrip()


def storable(text: str) -> str:
    """The text with surrogate pairs joined and lone surrogates, which UTF-8 lacks, as U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def document_id(path: str) -> str:
    """The path as an id: storable, and in the one form that accented letters have in ids."""
    return canonical(storable_path(path))


def storable_path(path: str) -> str:
    r"""The path with bytes that are not UTF-8 spelt out (`\udcff`). Two paths stay two.

    The spelling of a folder is the beginning of the spelling of what is in it.
    """
    return "/".join(map(_storable_name, path.split("/")))


def _storable_name(name: str) -> str:
    escaped = name.replace("\\", "\\\\").encode("utf-8", "backslashreplace").decode()
    return escaped if "\\udc" in escaped else name
