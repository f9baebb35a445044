"""Words that a hyphen breaks at the end of a line: joined, or left with a hyphen that belongs.

No dictionary is asked, which would have to know every language and every name: the document's own
words are.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

BROKEN = "\x02"
"""Stands for a hyphen and the end of its line."""
_PAGE = "\f"
_HYPHENS = "-\u2010\xad"
_LETTER = r"[^\W\d_]"
_OVER_PAGES = re.compile(rf"(?<={_LETTER})[{_HYPHENS}][^\S\f]*\f[^\S\f]*({_LETTER}\S*) ?")
_BREAK = re.compile(
    rf"(?<=\w)(?:{BROKEN}(?=\w)|[{_HYPHENS}][ \t]*\n[ \t]*(?={_LETTER})|\xad(?={_LETTER}))"
)
_WORD = re.compile(rf"{_LETTER}+(?:[-\u2010\u2011]{_LETTER}+)*")
_PARTS = re.compile("[-\u2010\u2011]")
_BEFORE = re.compile(rf"{_LETTER}+\Z")
_AFTER = re.compile(rf"{_LETTER}+")
_LONGEST = 80
"""Characters that are looked at on each side of a hyphen."""
_NUMBER = re.compile(r"(?<![^\W\d_])\d+\Z")
_ADDRESS = re.compile(r"[/@_.]\S*\Z")
_GOES_ON_AS_ADDRESS = re.compile(r"[\w.+-]*(?:[@_]|\.[a-z]{2})")
_CONJUNCTIONS = frozenset((
    "and", "or", "und", "oder", "sowie", "bis", "et", "ou", "och", "eller", "og", "en", "y", "e",
    "o",
))  # fmt: skip
"""What stands between `short-` and `long-term`."""
_SHORTEST = 4
"""Letters of what is taken for a part of a compound where nothing else says so."""
_STEM = 3
"""Letters after a hyphen that other endings of the same word have, too."""
_PREFIX = 3
"""Letters of a first part that other compounds of the document begin with: `non-`."""
_HABIT = 6
"""Compounds at line ends, from which on a document counts as one that breaks no words."""


def joined(pages: Sequence[str]) -> list[str]:
    """The pages, with broken words whole; hyphens at line ends are U+0002 or still have the end.

    A word that goes on on the next page stands on the one that it begins on.
    """
    text = _OVER_PAGES.sub(_on_one_page, _PAGE.join(pages))
    breaks = list(_breaks(text))
    if breaks:
        text = _mended(text, breaks)
    return text.replace(BROKEN, "-").replace("\xad", "-").split(_PAGE)


@dataclass(frozen=True, slots=True)
class _Break:
    """A hyphen at a line's end, and what stands beside it."""

    start: int
    end: int
    left: str
    """Letters before it, none where a digit is. `right` likewise."""
    right: str
    after_hyphen: bool
    """Whether `left` stands behind another hyphen."""
    before_hyphen: bool
    in_address: bool


def _on_one_page(found: re.Match[str]) -> str:
    rest = found[1]
    return f"{BROKEN}{rest}\n{_PAGE}" if rest[0].islower() else found[0]


def _breaks(text: str) -> Iterator[_Break]:
    hyphens = (*_HYPHENS, BROKEN)
    for found in _BREAK.finditer(text):
        start, end = found.span()
        before = _BEFORE.search(text, max(0, start - _LONGEST), start)
        after = _AFTER.match(text, end, end + _LONGEST)
        left, right = (each[0] if each else "" for each in (before, after))
        if not left and found[0] != BROKEN:
            number = _NUMBER.search(text, max(0, start - _LONGEST), start)
            if not (number and right.islower()):
                continue  # `5-` above `Total`, `HER2-` above anything
        first, last = start - len(left), end + len(right)
        yield _Break(
            start=start,
            end=end,
            left=left,
            right=right,
            after_hyphen=text[first - 1 : first] in hyphens,
            before_hyphen=text[last : last + 1] in hyphens,
            in_address=bool(
                _ADDRESS.search(text, max(0, start - _LONGEST), start)
                or _GOES_ON_AS_ADDRESS.match(text, end, end + _LONGEST)
            ),
        )


def _mended(text: str, breaks: Sequence[_Break]) -> str:
    words = _Vocabulary(_without(text, breaks))
    told = [words.has_whole(each) for each in breaks]
    hyphenates = _hyphenates(breaks, told)
    pieces, at = [], 0
    for each, whole in zip(breaks, told, strict=True):
        pieces += [text[at : each.start], _between(each, words, whole, hyphenates)]
        at = each.end
    return "".join([*pieces, text[at:]])


def _hyphenates(breaks: Sequence[_Break], told: Sequence[bool | None]) -> bool:
    """Whether a document breaks words, not only compounds at their hyphens."""
    seen = {
        (each.left.casefold(), each.right.casefold()): whole
        for each, whole in zip(breaks, told, strict=True)
    }
    known = list(seen.values())
    return known.count(False) < max(_HABIT, 2 * known.count(True))


def _without(text: str, breaks: Sequence[_Break]) -> str:
    """The text without what is left of broken words."""
    pieces, at = [], 0
    for each in breaks:
        pieces.append(text[at : max(at, each.start - len(each.left))])
        at = each.end + len(each.right)
    return " ".join([*pieces, text[at:]])


def _between(each: _Break, words: _Vocabulary, whole: bool | None, hyphenates: bool) -> str:
    """What stands between the parts of a broken word."""
    if whole is not None:
        return "" if whole else "-"
    if words.suspends(each):
        return "- "
    return "" if hyphenates and not words.may_be_compound(each) else "-"


class _Vocabulary:
    """A text's words, whatever their case, and how often each occurs."""

    def __init__(self, text: str) -> None:
        self._words: Counter[str] = Counter()
        self._pairs: Counter[str] = Counter()
        """Neighbours in a compound, with their hyphen."""
        for word, count in Counter(_WORD.findall(text.casefold())).items():
            parts = _PARTS.split(word)
            for part in parts:
                self._words[part] += count
            for pair in pairwise(parts):
                self._pairs["-".join(pair)] += count
        self._words_in_order, self._pairs_in_order = sorted(self._words), sorted(self._pairs)

    def has_whole(self, each: _Break) -> bool | None:
        """Whether the word occurs as one word, or as a compound; None where it does as neither, nor
        with another ending.
        """
        left, right = each.left.casefold(), each.right.casefold()
        if min(len(left), len(right)) < 2:
            return None  # `S-T`; no word is broken there
        one, two = self._words[left + right], self._pairs[f"{left}-{right}"]
        if one == two and len(right) >= _STEM:
            one = _begins(self._words_in_order, left + right[:_STEM])
            two = _begins(self._pairs_in_order, f"{left}-{right[:_STEM]}")
        return None if one == two else one > two

    def suspends(self, each: _Break) -> bool:
        """Whether the hyphen stands for the end of a later word: `short- and long-term`."""
        if each.right not in _CONJUNCTIONS or each.before_hyphen:
            return False
        return len(each.right) > 2 or self._has(each.left)

    def may_be_compound(self, each: _Break) -> bool:
        """Whether the parts look like words of their own."""
        left, right = each.left, each.right
        if each.in_address or min(len(left), len(right)) < 2 or _differ_in_case(left, right):
            return True
        if each.before_hyphen and self._has(left):
            return True
        if not (self._has(left) and self._has(right)):
            return False
        prefix = len(left) >= _PREFIX and _begins(self._pairs_in_order, f"{left.casefold()}-")
        return prefix or each.after_hyphen or min(len(left), len(right)) >= _SHORTEST

    def _has(self, word: str) -> bool:
        return word.casefold() in self._words


def _differ_in_case(left: str, right: str) -> bool:
    """Whether one word would change its case here: `EUR-denominated`, `post-Keynesian`."""
    if right[0].isupper():
        return not (left.isupper() and right.isupper())
    return left.isupper()


def _begins(known: Sequence[str], stem: str) -> bool:
    """Whether any of the words, in order, begins so."""
    at = bisect_left(known, stem)
    return at < len(known) and known[at].startswith(stem)
