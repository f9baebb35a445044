"""Quantities in English prose: amounts, shares and counts, each with sign, unit, scale and place.

Numbers that name or count off something are no quantities: years, dates, quarters, forms (10-K),
pages, notes, list markers, and numbers inside of words (FY2018, Q2, 3M).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from evals import extras
from evals.judging.directions import Direction, direction
from evals.judging.naming import named

Sign = Literal["", "+", "-", "()"]
"""`()`: in parentheses, as accounts write what is less than nothing."""

SHARES = frozenset({"%", "points"})
"""`points` are percentage points; basis points are read as hundredths of them."""
CURRENCIES = {
    "$": r"US\$|USD|U\.S\.\sdollars?|US\sdollars?|\$|dollars?\b",
    "C$": r"C\$|CAD",
    "A$": r"A\$|AUD",
    "HK$": r"HK\$|HKD",
    "€": r"€|EUR|euros?\b",
    "£": r"£|GBP|pounds?\b",
    "¥": r"¥|JPY|yen\b",
    "CN¥": r"CNY|RMB|yuan\b",
    "₹": r"₹|INR|Rs\.?|rupees?\b",
    "CHF": r"CHF|francs?\b",
}
_SCALES = {"t": 1e3, "k": 1e3, "m": 1e6, "b": 1e9, "tr": 1e12, "tn": 1e12}
_WORDS = r"thousands?\b|millions?\b|billions?\b|trillions?\b"
_SCALE = rf"{_WORDS}|mns?\b|mm\b|bns?\b|mln\b|bln\b|tn\b|[kKmMbB]\b"
_CURRENCY = "|".join(reversed(CURRENCIES.values()))
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_COUNTED = (
    r"shares?|days?|weeks?|months?|years?|hours?|minutes?|employees?|people|persons?|customers?|stores?"
    r"|units?|tons?|tonnes?|barrels?|locations?|countries|segments?|plants?|miles?|sites?"
)
_QUANTITY = re.compile(
    rf"""
    (?<![\w.,/]) (?P<sign>[-−–+](?=[$€£¥₹\d(.]|US\$|USD))?
    (?:(?P<currency>{_CURRENCY})\s?)?
    (?P<open>\()? (?P<inner>(?<!\s)[-−–](?=[\d.$€£]))? (?:(?P<inside>{_CURRENCY})\s?)?
    (?P<number>{_NUMBER}) (?![\d]|,\d|\.\d)
    (?P<percent>\s?%)? (?P<scale1>\s?(?:{_SCALE}))? (?P<close>\))?
    (?P<after>\s?(?:{_CURRENCY})(?!\w))?
    (?P<scale2>-(?:{_WORDS})|\s?(?:{_SCALE}))?
    (?P<stated>,?\s\(?in\s(?:thousand|million|billion)s?\b\)?)?
    (?P<unit>\s?%|[\s-](?:percentage\spoints?|percent\b|per\scent\b|pct\b|ppts?\b|pp\b|basis\spoints?
      |bps\b)|x(?!\w)|\stimes\b(?!\s(?:the\s)?\d)|\scents?\b|\s(?:{_COUNTED})(?![\w-]))?
    """,
    re.VERBOSE,
)
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_FIRST = f"(?:{'|'.join(f'{_ONES} {_TENS}'.split())})"
_IN_WORDS = re.compile(
    rf"\b{_FIRST}(?:[\s-](?:and\s|point\s)?(?:{_FIRST[3:-1]}|hundred|thousand|million|billion))*\b",
    re.IGNORECASE,
)
_ALONE = re.compile(r"one$", re.IGNORECASE)
"""`one` by itself is a pronoun more often than a number."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity; its characters are `start` (included) to `end` (excluded) of the text."""

    number: float
    """As written, without sign, scale and percent."""
    decimals: int
    """Digits after the point as written."""
    sign: Sign = ""
    scale: float = 0.0
    """1e6 for million; 0 where none is stated."""
    unit: str = ""
    """A key of CURRENCIES, one of SHARES, `times`, or what is counted; empty where none is stated.
    """
    direction: Direction = ""
    """What the words around it say: less than nothing, more, or neither."""
    start: int = 0
    end: int = 0

    @property
    def value(self) -> float:
        """Signed by what is written, with its scale applied, a percentage as a fraction."""
        scaled = self.number * (self.scale or 1.0) / (100 if self.unit in SHARES else 1)
        return -scaled if self.sign in ("-", "()") else scaled


def quantities(text: str) -> list[Quantity]:
    """In the order of the text. Numbers in words are not read: see `in_digits`."""
    found: list[Quantity] = []
    for match in _QUANTITY.finditer(text):
        read = _read(text, match, found[-1].end if found else 0)
        found += [read] if read else []
    return found


def only_quantity(text: str) -> Quantity | None:
    """The quantity that the text consists of, or None."""
    text = in_digits(text)
    found = quantities(text)
    if len(found) == 1 and not re.search(r"\w", text[: found[0].start] + text[found[0].end :]):
        return found[0]
    return None


def in_digits(text: str) -> str:
    """The text with its numbers in words (twelve point five, one hundred and two) as digits.

    Raises MissingExtra.
    """
    return _IN_WORDS.sub(_digits, text)


def _digits(match: re.Match[str]) -> str:
    words = match[0].lower()
    if words == "zero":
        return "0"
    if _ALONE.match(words):
        return match[0]
    with extras.needed("numbers in words need"):
        from text_to_num import alpha2digit
    return str(alpha2digit(words, "en"))


def _read(text: str, match: re.Match[str], previous: int) -> Quantity | None:
    part = {name: (each or "").strip() for name, each in match.groupdict().items()}
    currency = part["currency"] or part["inside"] or part["after"]
    bare = not (currency or part["percent"] or part["unit"] or part["stated"])
    scale = part["scale1"] or part["scale2"]
    if named(text, match, bare and not scale) or _attached(text, match, scale, bare):
        return None
    unit, hundredths = _unit(currency, part["percent"] or part["unit"])
    digits = part["number"].replace(",", "")
    start, end = _place(match)
    return Quantity(
        number=float(digits) / (100 if hundredths else 1),
        decimals=len(digits.partition(".")[2]) + (2 if hundredths else 0),
        sign=_sign(text, match, part),
        scale=scale_of(scale or part["stated"].rpartition(" ")[2]),
        unit=unit,
        direction=direction(text[previous:start], text[end:]),
        start=start,
        end=end,
    )


def _place(match: re.Match[str]) -> tuple[int, int]:
    """Without blanks, and without a parenthesis that holds more than the quantity."""
    whole, wrapped = match.group(), bool(match["open"] and match["close"])
    start = match.start() + (0 if wrapped else len(whole) - len(whole.lstrip("( ")))
    open_ended = not wrapped and whole.endswith(")") and "(" not in whole.lstrip("(")
    return start, match.end() - open_ended


def _sign(text: str, match: re.Match[str], part: dict[str, str]) -> Sign:
    """Parentheses around an amount that has its unit inside are an aside; a dash that opens a line
    of words is a list marker.
    """
    if part["inner"]:
        return "-"
    if part["sign"]:
        before = text[: match.start()].rpartition("\n")[2]
        after = text[match.end() :].partition("\n")[0]
        if match.start() == 0 or before.strip() or not re.search(r"[A-Za-z]{4}", after):
            return "+" if part["sign"] == "+" else "-"
    aside = part["percent"] or part["scale1"] or part["inside"]
    return "()" if part["open"] and part["close"] and not aside else ""


def _attached(text: str, match: re.Match[str], scale: str, bare: bool) -> bool:
    """A number that runs on into letters is a name, unless these are a scale of an amount."""
    following = text[match.end() : match.end() + 2]
    if re.match(r"[A-Za-z_]|-[A-Za-z]", following) and not match.group().endswith((")", "%")):
        return True
    short = len(scale) == 1 and bool(re.search(r"\d[A-Za-z]\b", match.group()))
    return short and bare and "." not in match["number"]


def scale_of(word: str) -> float:
    """What a word such as million or bn multiplies a number by; 0 for no word."""
    word = word.lower().strip("()-")
    return _SCALES.get(word[:2], _SCALES[word[0]]) if word else 0.0


def currency_of(word: str) -> str:
    """The key of CURRENCIES that a word or sign stands for; empty for no word."""
    known = (each for each, ways in CURRENCIES.items() if re.fullmatch(ways, word))
    return next(known, "")


def _unit(currency: str, word: str) -> tuple[str, bool]:
    """The unit, and whether the number counts hundredths of it."""
    word = word.lower().strip(" -")
    if word.startswith(("basis", "bps")):
        return "points", True
    if word.startswith(("percentage", "pp")):
        return "points", False
    if word.startswith(("%", "percent", "per", "pct")):
        return "%", False
    if word.startswith("cent"):
        return "$", True
    if word in ("x", "times"):
        return "times", False
    return (currency_of(currency) if currency else word.removesuffix("s")), False
