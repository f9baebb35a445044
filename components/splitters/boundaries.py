"""Where sentences begin."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator

import numpy as np

from components.text.portions import portions
from components.values import Integers

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]+)*")
_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")
_WIDE_SPACE = re.compile(r"[^\S\x00-\x7f]")
_PARAGRAPHS = re.compile(r"(?<![\r\n])\r?\n\r*\n")
"""Where the library itself parts a text first. It takes a longer break from its beginning, in twos,
so only a break that no other touches is surely one of its own."""
_PIECE = 100_000
"""Characters of a long text whose sentences are found at once."""


def check_language(code: str) -> None:
    """Raises ValueError unless `code` looks like a language code, such as `en` or `pt-br`.

    The library falls back to its general rules for a code that it does not know, silently, and it
    cannot be asked which ones it knows: only the form is checked.
    """
    if not _LANGUAGE.fullmatch(code):
        raise ValueError(f"language must be a code in lower case, such as en or de, not {code!r}")


def sentence_starts(text: str, language: str) -> Integers:
    """Offsets at which sentences begin, ascending, each once. Paragraphs begin sentences.

    White space belongs to the sentence before it.
    """
    starts = array("q")
    for start, end in portions(text, _PIECE, _PARAGRAPHS):
        starts.extend(start + at for at in _sentences(text[start:end], language))
    starts.extend(blank.end() for blank in _BLANK_LINES.finditer(text))
    offsets = np.unique(np.asarray(starts, dtype=np.int64))
    return offsets[(offsets >= 0) & (offsets < len(text))]


def _sentences(text: str, language: str) -> Iterator[int]:
    from sentencex import get_sentence_boundaries

    # The library slices bytes: white space of several bytes after an initial is a panic.
    for each in get_sentence_boundaries(language, _WIDE_SPACE.sub(" ", text)):
        if body := each["text"].lstrip():
            yield each["end_index"] - len(body)
