"""Which of a field's values a text names, word for word."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from components.values import Scalar

_WORD = re.compile(r"[^\W_]+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_ENGLISH = ("inc", "incorporated", "corp", "corporation", "co", "ltd", "limited", "llc", "plc")
_LEGAL_FORMS = frozenset((*_ENGLISH, "ag", "gmbh", "nv", "sa", "se"))
"""Words that a name may be said without, where they end it."""


class _Word(NamedTuple):
    letters: str
    """Without case, accents and punctuation."""
    capital: bool
    """Whether it begins with a capital."""


class Names:
    """Values, ready to be looked for.

    Case, accents and punctuation do not count, nor do spaces between words: `Coca-Cola` is
    `Coca Cola` and `CocaCola`, `3M` is in `3M's`, `&` is `and`. A value that begins with a capital
    does so in the text too, or `Target` would be named by every target, unless the text has no
    capitals at all. A year also goes by its fiscal year, quarters and halves: `FY18`, `2Q18`. True
    and false have no name.
    """

    def __init__(self, values: Iterable[Scalar]) -> None:
        self._called: dict[str, list[tuple[Scalar, bool]]] = defaultdict(list)
        for value in values:
            words = _words(_said(value))
            for name in _names(words):
                self._called[name].append((value, words[0].capital))
        self._longest = max(map(len, self._called), default=0)

    def of(self, text: str) -> list[Scalar]:
        """Those that the text names, in its order. Of two names one inside the other, the longer
        one counts.
        """
        words = _words(text)
        plain = text == text.lower()
        found: dict[tuple[type, Scalar], Scalar] = {}
        covered = 0
        for start, word in enumerate(words):
            end, values = self._longest_at(words, start, any_case=plain or word.capital)
            if end > covered:
                covered = end
                found |= {(type(value), value): value for value in values}
        return list(found.values())

    def _longest_at(
        self, words: list[_Word], start: int, *, any_case: bool
    ) -> tuple[int, list[Scalar]]:
        """The longest name that begins with a word: where it ends, and whose it is."""
        best: tuple[int, list[Scalar]] = (0, [])
        name = ""
        for end, word in enumerate(words[start:], start=start + 1):
            name = _joined(name, word.letters)
            if len(name) > self._longest:
                break
            called = self._called.get(name, ())
            if values := [value for value, capital in called if any_case or not capital]:
                best = end, values
        return best


def _words(text: str) -> list[_Word]:
    apart = unicodedata.normalize("NFKD", text.replace("&", " and "))
    bare = "".join(each for each in apart if not unicodedata.combining(each))
    return [_Word(word.casefold(), word[0].isupper()) for word in _WORD.findall(bare)]


def _joined(name: str, letters: str) -> str:
    """Digits stay apart, or `2,018` would be a year."""
    gap = " " if name[-1:].isdigit() and letters[0].isdigit() else ""
    return f"{name}{gap}{letters}"


def _said(value: Scalar) -> str:
    if isinstance(value, bool):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _names(words: list[_Word]) -> Iterator[str]:
    """What a value is called by, each name once; none where it has no letters and no digits."""
    name = _all(words)
    if not name:
        return
    yield name
    if _YEAR.fullmatch(name):
        yield from _year(name)
    if words[-1].letters in _LEGAL_FORMS and len(short := _all(words[:-1])) > 1:
        yield short


def _all(words: list[_Word]) -> str:
    name = ""
    for word in words:
        name = _joined(name, word.letters)
    return name


def _year(year: str) -> Iterator[str]:
    """Names of a year that do not have it as a word of its own."""
    short = year[2:]
    for said in ("fy", "fye", "fiscal", "fiscalyear"):
        yield from (said + year, said + short)
    for number, part in ("1q", "2q", "3q", "4q", "1h", "2h"):
        yield from (f"{number}{part}{year}", f"{number}{part}{short}")
        yield from (f"{part}{number}{year}", f"{part}{number} {short}", f"{year}{part}{number}")
