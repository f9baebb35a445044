"""Numbers that are names: years, dates, pages, notes, list markers."""

from __future__ import annotations

import re

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_NAMED = re.compile(
    rf"(?i)(?:\b(?:pages?|pp?\.|notes?|items?|sections?|forms?|tables?|exhibits?|steps?|figures?|topics?|asu|asc"
    rf"|rules?|part|chapter|article|fy|fiscal(?:\syear)?|flight|no\.|#)\s*|\b{_MONTH}\s+)"
    r"\(?(?:\d+(?:,|\sand|\sto|\sthrough|\s?[-–])\s*)?$"
)
_BEFORE_PLACES = re.compile(r"[\s-](?:decimals?|digits?|significant)\b")
_BEFORE_MONTH = re.compile(rf"\s(?:of\s)?{_MONTH}(?!\w)")
_MARKER = re.compile(r"(?:^|\n)[\s*#>]*\(?$")
_DATE = re.compile(r"\b(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}/\d{1,2}/\d{2,4})\b")
_LONGEST_DATE = 10
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


def named(text: str, match: re.Match[str], bare: bool) -> bool:
    """Whether the number is a name and not an amount.

    `bare`: without currency, percent, scale and unit; a number with one is always an amount.
    """
    if not bare:
        return False
    start, end = match.start("number"), match.end("number")
    number, after = match["number"], text[end : end + 14]
    return (
        _year(number)
        or _marker(text, match, start, end)
        or _in_date(text, start)
        or bool(_NAMED.search(text[max(0, start - 30) : start]))
        or (number.isdigit() and bool(_BEFORE_MONTH.match(after) or _BEFORE_PLACES.match(after)))
    )


def _year(number: str) -> bool:
    return len(number) == 4 and number.isdigit() and _FIRST_YEAR <= int(number) <= _LAST_YEAR


def _in_date(text: str, start: int) -> bool:
    first = max(0, start - _LONGEST_DATE)
    around = text[first : start + _LONGEST_DATE]
    return any(each.start() <= start - first < each.end() for each in _DATE.finditer(around))


def _marker(text: str, match: re.Match[str], start: int, end: int) -> bool:
    """`1.` and `1)` at the head of a line, `(1)` anywhere."""
    number = match["number"]
    if not number.isdigit() or len(number) > 2:
        return False
    if match["open"] and match["close"] and not match["inner"]:
        return bool(re.match(r"\s*[A-Za-z]", text[match.end() : match.end() + 9]))
    follows = text[end : end + 2]
    return bool(_MARKER.search(text[max(0, start - 9) : start])) and bool(
        re.match(r"[.)](?:\s|\*)", follows)
    )
