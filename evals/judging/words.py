"""Words that carry meaning, cut to their stems."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Za-z][A-Za-z&'’]*[A-Za-z]|[A-Za-z]")
_LISTED = """
about above after all also am among an and any are as at based be because been before being below
between both but by can company could did do does doing due during each etc few for from fy had
has have having he her here hers him his how however if in including into is it its itself may me
might more most much my no nor not of off on once only or other our out over own per provided said
same she should since so some such than that the their them then there these they this those
through to too under until up upon usd us very was we were what when where which while who whom
why will with within would yes you your year years quarter fiscal million billion thousand percent
therefore thus information primarily mainly both
"""
_EMPTY = frozenset(_LISTED.split())
_ENDINGS = (
    ("ies", "y"),
    ("sses", "ss"),
    ("ations", "at"),
    ("ation", "at"),
    ("ments", ""),
    ("ment", ""),
    ("ings", ""),
    ("ing", ""),
    ("ically", "ic"),
    ("ality", "al"),
    ("ity", ""),
    ("edly", ""),
    ("ed", ""),
    ("es", ""),
    ("ly", ""),
    ("s", ""),
    ("e", ""),
)
_SHORTEST = 3


def stems(text: str) -> list[str]:
    """In order, without those that carry no meaning."""
    found = (each.lower().replace("’", "'").removesuffix("'s") for each in _WORD.findall(text))
    return [_stem(each) for each in found if each not in _EMPTY and len(each) > 1]


def _stem(word: str) -> str:
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            return word[: len(word) - len(ending)] + instead
    return word
