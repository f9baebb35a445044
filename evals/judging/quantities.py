"""Quantities in English prose: amounts, shares and ratios, each with its place.

Numbers that name or count off something are no quantities: years, dates, quarters, forms (10-K),
pages, notes, list markers, and numbers inside of words (FY2018, Q2, 3M).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from evals.judging.naming import named

Unit = Literal["", "percent", "points", "ratio"]
"""`points` are percentage points; basis points are counted as hundredths of them."""

_SCALES = {"t": 1e3, "k": 1e3, "m": 1e6, "b": 1e9, "tr": 1e12}
_WORDS = r"thousands?\b|millions?\b|billions?\b|trillions?\b"
_SCALE = rf"{_WORDS}|mns?\b|mm\b|bns?\b|mln\b|bln\b|tn\b|[kKmMbB]\b"
_CURRENCY = r"US\$|C\$|A\$|HK\$|USD|EUR|GBP|JPY|INR|CAD|AUD|CHF|CNY|RMB|Rs\.?|[$€£¥₹]"
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_QUANTITY = re.compile(
    rf"""
    (?<![\w.,/]) (?P<sign>[-−–](?=[$€£¥₹\d(.]|US\$|USD))?
    (?:(?P<currency>{_CURRENCY})\s?)?
    (?P<open>\()? (?P<inner>(?<!\s)[-−–](?=[\d.$€£]))? (?:(?P<inside>{_CURRENCY})\s?)?
    (?P<number>{_NUMBER}) (?![\d]|,\d|\.\d)
    (?P<percent1>\s?%)? (?P<scale1>\s?(?:{_SCALE}))? (?P<close>\))?
    (?P<after>\s?(?:{_CURRENCY})(?!\w))?
    (?P<scale2>-(?:{_WORDS})|\s?(?:{_SCALE}))?
    (?P<stated>,?\s\(?in\s(?:thousand|million|billion)s?\b\)?)?
    (?P<unit>\s?%|[\s-](?:percentage\spoints?|percent\b|per\scent\b|pct\b|ppts?\b|pp\b|basis\spoints?|bps\b)
      |x(?!\w)|\stimes\b(?!\s(?:the\s)?\d))?
    """,
    re.VERBOSE,
)
_FALLING = re.compile(
    r"\b(?:declin\w+|decreas\w+|loss(?:es)?|losing|lost|drop\w*|f[ae]ll\w*|fell|reduc\w+|negative|minus"
    r"|down|lower|contract\w+|outflows?|shr[aiu]nk\w*|deficit)\b[^.;]{0,30}$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity; its characters are `start` (included) to `end` (excluded) of the text."""

    number: float
    """As written, with its sign, before scale and percent."""
    decimals: int
    """Digits after the point as written."""
    scale: float = 1.0
    """1e6 for million; 1 where none is stated."""
    unit: Unit = ""
    falling: bool = False
    """The words before it or its parentheses may mean less than nothing; the number does not."""
    start: int = 0
    end: int = 0

    @property
    def value(self) -> float:
        """With its scale applied, a percentage as a fraction."""
        scaled = self.number * self.scale
        return scaled / 100 if self.unit in ("percent", "points") else scaled


def quantities(text: str) -> list[Quantity]:
    """In the order of the text."""
    found = (_read(text, each) for each in _QUANTITY.finditer(text))
    return [each for each in found if each]


def only_quantity(text: str) -> Quantity | None:
    """The quantity that the text consists of, or None."""
    found = quantities(text)
    if len(found) == 1 and not re.search(r"\w", text[: found[0].start] + text[found[0].end :]):
        return found[0]
    return None


def _read(text: str, match: re.Match[str]) -> Quantity | None:
    part = {name: (each or "").strip() for name, each in match.groupdict().items()}
    bare = not any(
        part[each] for each in ("currency", "inside", "after", "percent1", "unit", "stated")
    )
    scale = part["scale1"] or part["scale2"]
    if named(text, match, bare and not scale):
        return None
    if _attached_letter(text, match, scale, bare, part["number"]):
        return None
    wrapped = bool(part["open"] and part["close"])
    apposed = wrapped and bool(part["percent1"] or part["scale1"] or part["inside"])
    digits = part["number"].replace(",", "")
    minus = _minus(text, match, part) or (wrapped and not apposed)
    start, end = _place(match, wrapped)
    unit, hundredths = _unit(part["percent1"] or part["unit"])
    return Quantity(
        number=(-1 if minus else 1) * float(digits) / (100 if hundredths else 1),
        decimals=len(digits.partition(".")[2]) + (2 if hundredths else 0),
        scale=scale_of(scale or part["stated"].rpartition(" ")[2]),
        unit=unit,
        falling=wrapped or bool(_FALLING.search(text[max(0, start - 60) : start])),
        start=start,
        end=end,
    )


def _place(match: re.Match[str], wrapped: bool) -> tuple[int, int]:
    """Without blanks, and without a parenthesis that holds more than the quantity."""
    start, end = match.span()
    whole = match.group()
    start += 0 if wrapped else len(whole) - len(whole.lstrip("("))
    return start, end - (not wrapped and whole.endswith(")") and "(" not in whole.lstrip("("))


def _minus(text: str, match: re.Match[str], part: dict[str, str]) -> bool:
    """A dash that opens a line of words is a list marker."""
    if part["inner"]:
        return True
    if not part["sign"]:
        return False
    before = text[: match.start()].rpartition("\n")[2]
    after = text[match.end() :].partition("\n")[0]
    return bool(match.start() == 0 or before.strip() or not re.search(r"[A-Za-z]{4}", after))


def _attached_letter(text: str, match: re.Match[str], scale: str, bare: bool, number: str) -> bool:
    """A number that runs on into letters is a name, unless these are a scale of an amount."""
    following = text[match.end() : match.end() + 2]
    if re.match(r"[A-Za-z_]|-[A-Za-z]", following) and not match.group().endswith((")", "%")):
        return True
    short = len(scale) == 1 and bool(re.search(r"\d[A-Za-z]\b", match.group()))
    return short and bare and "." not in number


def scale_of(word: str) -> float:
    """What a word such as million or bn multiplies a number by; 1 for no word."""
    word = word.lower().strip("()-")
    if not word:
        return 1.0
    if word.startswith(("tr", "tn")):
        return _SCALES["tr"]
    return _SCALES[word[0]]


def _unit(word: str) -> tuple[Unit, bool]:
    """The unit, and whether the number counts hundredths of it."""
    word = word.lower().strip(" -")
    if word.startswith(("basis", "bps")):
        return "points", True
    if word.startswith(("percentage", "pp")):
        return "points", False
    if word in ("x", "times"):
        return "ratio", False
    return ("percent", False) if word else ("", False)
