"""Scripts that put no blanks between words: their characters, two by two, stand for the words."""

from __future__ import annotations

from itertools import pairwise

import regex

_SHORT = r"\p{Han}\p{Hangul}"
"""A single character is often a word."""
_RUN = regex.compile(rf"[{_SHORT}\p{{Hiragana}}\p{{Katakana}}\p{{Bopomofo}}ー\p{{Line_Break=SA}}]+")
"""Line break class SA: Thai, Lao, Khmer, Myanmar and others of South-East Asia."""
_WORD = regex.compile(rf"[{_SHORT}]")


def apart(text: str) -> str:
    """The text with each run of such characters replaced by their pairs, with blanks between them;
    those that may be words of their own stand there as well.
    """
    return text if text.isascii() else _RUN.sub(_pairs, text)


def _pairs(run: regex.Match[str]) -> str:
    found = run.group()
    if len(found) == 1:
        return f" {found} "
    pairs = map("".join, pairwise(found))
    return f" {' '.join([*pairs, *_WORD.findall(found)])} "
