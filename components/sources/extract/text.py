"""reStructuredText and plain text, in whatever encoding they were written."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from components.errors import BadDocument
from components.sources.extract import embedded, rst
from components.sources.extract.headings import sections, title
from components.sources.storable import storable
from components.values import Document

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 32_768
"""Bytes shown to the detector, whose time grows with them."""
_TOLERATED = 10
"""Characters beyond ASCII for each one that is broken, at least, where an encoding was declared."""
_ASCII = bytes(range(128))
_SHIFTS = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$B", "iso2022_jp_ext"), (b"\x1b$@", "iso2022_jp_ext"))
"""What begins other characters in text that looks like ASCII."""
_SURE = 2
"""Characters beyond ASCII that are UTF-8 by no accident."""
_WESTERN = re.compile(
    "Danish|Dutch|English|Finnish|French|German|Indonesian|Italian|Norwegian|Portuguese|Spanish"
    "|Swedish"
)
"""What is written in Windows-1252."""


def document(id: str, data: bytes) -> Document:
    r"""The text with line ends as `\n`; `encoding` in the metadata where it is not UTF-8.

    Sections: those of reStructuredText's headings, the first of which is the title; without one,
    the file's name is.
    """
    text, encoding = decode(data)
    text = embedded.dropped(text)
    if not text.strip():
        raise BadDocument("empty")
    found = rst.headings(text) if PurePosixPath(id).suffix.lower() == ".rst" else []
    return Document(
        id=id,
        text=text,
        title=title(found[0].text if found else "", id),
        metadata=noted(encoding),
        sections=sections(found),
    )


def noted(encoding: str) -> dict[str, str]:
    """Metadata that says how a text was encoded, where that is worth saying."""
    return {} if encoding == "utf-8" else {"encoding": encoding}


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    r"""The text, with line ends as `\n`, and the name of its encoding. Raises BadDocument.

    In order: a byte order mark, the `declared` encoding if it fits but for a few bytes, which
    become U+FFFD, and if the text is not UTF-8 without any doubt, UTF-8, the likeliest one.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            data, guesses = data[len(mark) :], iter((encoding,))
            break
    else:
        if b"\0" in data:
            raise BadDocument("not text: it holds NUL bytes")
        guesses = _guesses(data, declared)
    for encoding in guesses:
        claimed = encoding == declared
        try:
            text = data.decode(encoding, "replace" if claimed else "strict")
        except (UnicodeError, LookupError):
            continue
        if not claimed or _fits(text):
            return _clean(text), codecs.lookup(encoding).name
    raise BadDocument("not text in any encoding that could be recognised")


def _fits(text: str) -> bool:
    """Whether most of the characters that say anything about the encoding could be read."""
    broken = text.count("\ufffd")
    return not broken or _TOLERATED * broken <= len(text) - len(text.encode("ascii", "ignore"))


def _clean(text: str) -> str:
    if "\0" in text:
        raise BadDocument("not text: it holds NUL characters")
    return storable(text.replace("\r\n", "\n").replace("\r", "\n"))


def _guesses(data: bytes, declared: str) -> Iterator[str]:
    if declared and not _is_utf_8(data):
        yield declared
    yield from (encoding for shift, encoding in _SHIFTS if shift in data)
    yield "utf-8"
    if likely := _detect(_sample(data)):
        yield from (likely, "cp1252", "latin-1")


def _is_utf_8(data: bytes) -> bool:
    """Whether it is nothing else: pages are converted, and what they claim stays."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return len(text) - len(text.encode("ascii", "ignore")) >= _SURE


def _sample(data: bytes) -> bytes:
    """The neighbourhood of the first byte that says anything about the encoding."""
    first = re.search(rb"[\x80-\xff]", data)
    start = max(0, first.start() - _SAMPLE // 2) if first else 0
    sample = data[start : start + _SAMPLE]
    if start + _SAMPLE >= len(data):
        return sample
    # A character cut in two would rule out its encoding; no encoding has blanks inside characters.
    return sample[: max(sample.rfind(b"\n"), sample.rfind(b" ")) + 1] or sample


def _detect(sample: bytes) -> str:
    """The likeliest encoding, empty where none fits."""
    from charset_normalizer import from_bytes

    found = from_bytes(sample)
    best = found.best()
    if best is None:
        return ""
    # Western text with a few accents or curly quotes fits many alphabets equally well, and the
    # detector takes any of them: it must see another language to be believed.
    if best.languages:
        fits = any("cp1252" in each.could_be_from_charset for each in found)
        western = fits and bool(_WESTERN.fullmatch(best.languages[0]))
    else:
        western = len(sample.translate(None, delete=_ASCII)) < len(sample) / 4
    return "cp1252" if western else best.encoding
