"""Numbers that are names: years, dates, pages, notes, list markers."""

from __future__ import annotations

import re

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_BEFORE, _AFTER = 30, 14
"""Characters around a number that are read."""
_NAMED = re.compile(
    rf"""
      (?:\b(?:pages?|pp?\.|notes?|items?|sections?|forms?|tables?|exhibits?|steps?|figures?|topics?
        |asu|asc|rules?|part|chapter|article|fy|fiscal(?:\syear)?|flight|no\.|\#)\s*|\b{_MONTH}\s+)
        \(?(?:\d+(?:,|\sand|\sto|\sthrough|\s?[-–])\s*)?\0  # page 5, pages 4 and 5, May 5
    | \0(?:19|20)\d\d(?!\d|[.,]\d)                          # 2018
    | \0\d+\s(?:of\s)?{_MONTH}(?!\w)                        # 5 May
    | \0\d+[\s-](?:decimals?|digits?|significant)\b
    | \0\d+[-/]\d\d?[-/]\d|\d[-/]\0\d\d?[-/]\d|\d[-/]\d\d?[-/]\0
    | (?:\A|\n)[\s*\#>]*\(?\0\d\d?[.)][\s*]                 # 1. at the head of a line
    | \(\0\d\d?\)\s*[A-Za-z]                                # (1) anywhere
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A number is at `\\0`."""


def named(text: str, match: re.Match[str], bare: bool) -> bool:
    """Whether the number is a name and not an amount.

    `bare`: without currency, percent, scale and unit; a number with one is always an amount.
    """
    start, end = match.span("number")
    before, after = text[max(0, start - _BEFORE) : start], text[end : end + _AFTER]
    return bare and bool(_NAMED.search(f"{before}\0{match['number']}{after}"))
