"""Where a text can be cut: between pages, sentences, words and characters' tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from components.stages import Tokens
from components.values import Integers

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]+)*")
_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")
_WIDE_SPACE = re.compile(r"[^\S\x00-\x7f]")
_SPACES = np.array([code for code in range(0x3001) if chr(code).isspace()], dtype=np.uint32)


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
    from sentencex import get_sentence_boundaries

    # The library slices bytes: white space of several bytes after an initial is a panic.
    found = get_sentence_boundaries(language, _WIDE_SPACE.sub(" ", text))
    bodies = ((each["end_index"], each["text"].lstrip()) for each in found)
    starts = [end - len(body) for end, body in bodies if body]
    starts += [blank.end() for blank in _BLANK_LINES.finditer(text)]
    offsets = np.unique(np.asarray(starts, dtype=np.int64))
    return offsets[(offsets >= 0) & (offsets < len(text))]


def word_breaks(text: str, starts: Integers, before: Integers) -> Integers:
    """Which of the tokens that begin at `starts` begin a word; the first always does.

    They follow white space, or hold it in front (byte-level tokens do), or follow text that no
    token holds. `before` has the offset after the token before each.
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    spaces = np.isin(codes[starts], _SPACES) | np.isin(codes[starts - 1], _SPACES)
    spaces[:1] = True
    return np.flatnonzero(spaces | (starts > before))


def page_breaks(page_starts: Sequence[int], ends: Integers) -> tuple[Integers, Integers]:
    """Which of the token groups that end at `ends` begin a page, and the offset of that page.

    Blank pages have no group: the page after them counts, at its own offset.
    """
    offsets = np.asarray(page_starts, dtype=np.int64)
    groups = ends.searchsorted(offsets, "right")
    real = np.diff(groups, append=len(ends)) > 0
    return groups[real], offsets[real]


def token_groups(tokens: Tokens) -> Integers:
    """The first token of each group, and how many tokens there are.

    A token that ends on the same character as the one before is of its group: byte-level
    tokenizers make several tokens of one character.
    """
    return np.append(np.flatnonzero(np.diff(tokens.last, prepend=-1)), len(tokens.last))
