"""Quantities in English prose: amounts, shares and counts, each with sign, unit, scale and place.

Numbers that name or count off something are no quantities: years, dates, quarters, forms (10-K),
pages, notes, list markers, and numbers inside of words (FY2018, Q2, 3M).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from evals import extras
from evals.judging.directions import REACH, Direction, apposed, direction
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
    "CHF": r"CHF|(?:Swiss\s)?francs?\b",
}
_SCALES = {"t": 1e3, "k": 1e3, "m": 1e6, "b": 1e9, "tr": 1e12, "tn": 1e12, "ba": 1e-4, "bp": 1e-4}
_WORDS = r"thousands?\b|millions?\b|billions?\b|trillions?\b"
_SCALE = rf"{_WORDS}|m(?:n|m|ln|il|io)s?\b|bl?ns?\b|tn\b|[kKmMbB]\b"
_CURRENCY = "|".join(reversed(CURRENCIES.values()))
_NUMBER = r"\d{1,3}(?:[, \u00a0\u2009\u202f]\d{3})+(?:\.\d+)?|\d{1,30}(?:\.\d{1,30})?|\.\d{1,30}"
COUNTED = (
    r"shares?|days?|weeks?|months?|years?|hours?|minutes?|employees?|people|persons?|customers?|stores?"
    r"|units?|tons?|tonnes?|barrels?|locations?|countries|segments?|plants?|miles?|sites?|square\sfeet"
)
_QUANTITY = re.compile(
    rf"""
    (?<![\w.,]) (?P<sign>[-−–+](?=[$€£¥₹\d(.]|US\$|USD))?
    (?:(?P<currency>{_CURRENCY})\s?)?
    (?P<open>\()? (?P<inner>(?<!\s)[-−–](?=[\d.$€£]))? (?:(?P<inside>{_CURRENCY})\s?)?
    (?P<number>{_NUMBER}) (?![\d]|,\d|\.\d)
    (?P<percent>\s?%)? (?P<scale1>\s?(?:{_SCALE}))? (?P<close>\))?
    (?P<after>\s?(?:{_CURRENCY})(?!\w))?
    (?P<scale2>-(?:{_WORDS})|\s?(?:{_SCALE}))?
    (?P<stated>,?\s\(?in\s(?:thousand|million|billion)s?\b\)?)?
    (?P<unit>\s?%|[\s-](?:percentage\spoints?|percent\b|per\scent\b|pct\b|basis\spoints?)
      |\s?(?:ppt?s?|bps?)\b|x(?!\w)|\stimes\b(?!\s(?:the\s)?\d)|\s?(?:¢|cents?\b|pence\b)
      |\s(?:{COUNTED})(?![\w-]))?
    (?P<each>(?:\s(?:per|a)\s|/)(?:\w+\s)?share\b)?
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
    rf"(?i)\b{_FIRST}(?:[\s-](?:and\s)?(?:{_FIRST[3:-1]}|hundred|thousand|million|billion)){{0,20}}"
    rf"(?:\spoint(?:\s{_FIRST}){{1,9}})?\b"
)
_FRACTIONS = {"half": 50.0, "third": 100 / 3, "quarter": 25.0, "fifth": 20.0}
_FRACTION = re.compile(
    rf"(?i)\b(?:(an?|one|two|three|four)[\s-])?\b({'|'.join(_FRACTIONS)})s?(?=\sof\s(?!\d)|\W*$)"
)
_AND_A_HALF = re.compile(rf"(?i)\b({_FIRST})\sand\sa\shalf\b")
_TO_ONE = re.compile(
    r"(?<!from )(?<![\d.,:])(\d+(?:\.\d+)?)(?:\s?:\s?|\sto\s)1(?:\.0+)?(?![\w%]|[.,]\d)"
)
_ASIDE = re.compile(r"(?<!\bis)(?<!\bwas)(?<!\bwere)(?<!\bof)(?<=[\w%])\s*$")
_ALONE = re.compile(r"(?i)one$")
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
    per_share: bool = False
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
        read = _read(text, match, found[-1] if found else None)
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
    """The text with its numbers in words (twelve point five, one hundred and two) as digits, its
    fractions (a third of it) as percentages, and its ratios (1.5 to 1) as multiples.

    Raises MissingExtra.
    """
    text = _FRACTION.sub(_percent, _AND_A_HALF.sub(r"\1 point five", text))
    return _IN_WORDS.sub(_digits, _TO_ONE.sub(r"\1x", text))


def _percent(match: re.Match[str]) -> str:
    """`third` alone counts something: the third of May."""
    count, part = (match[1] or "").lower(), match[2].lower()
    if not count and part != "half":
        return match[0]
    times = {"two": 2, "three": 3, "four": 4}.get(count, 1)
    return f"{times * _FRACTIONS[part]:.4g}%"


def _digits(match: re.Match[str]) -> str:
    words = match[0].lower()
    if words == "zero":
        return "0"
    if _ALONE.match(words):
        return match[0]
    with extras.needed("numbers in words need"):
        from text_to_num import alpha2digit
    return str(alpha2digit(words, "en"))


def _read(text: str, match: re.Match[str], previous: Quantity | None) -> Quantity | None:
    part = {name: (each or "").strip() for name, each in match.groupdict().items()}
    currency = part["currency"] or part["inside"] or part["after"]
    bare = not (currency or part["percent"] or part["unit"] or part["stated"] or part["each"])
    scale = part["scale1"] or part["scale2"]
    if named(text, match, bare and not scale) or _attached(text, match, scale, bare):
        return None
    unit, hundredths = _unit(currency, part["percent"] or part["unit"])
    digits = re.sub(r"[,\s]", "", part["number"])
    start, end = _place(match)
    far = max(0, start - REACH)
    way = direction(
        text[max(far, previous.end if previous else 0) : start], text[end : end + REACH]
    )
    if not way and unit == "%" and previous and previous.unit not in ("", *SHARES):
        way = apposed(text[far:start])
    return Quantity(
        number=float(digits) / (100 if hundredths else 1),
        decimals=len(digits.partition(".")[2]) + (2 if hundredths else 0),
        sign=_sign(text, match, part),
        scale=scale_of(scale or part["stated"].rpartition(" ")[2]),
        unit=unit,
        per_share=bool(part["each"]),
        direction=way,
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
    """A dash that opens a line of words is a list marker. Parentheses after a word or a number are
    an aside where the amount has its unit inside, or the number its own.
    """
    if part["inner"]:
        return "-"
    before = text[max(0, match.start() - REACH) : match.start()]
    if part["sign"]:
        after = text[match.end() : match.end() + REACH].partition("\n")[0]
        line = before.rpartition("\n")[2]
        if match.start() == 0 or line.strip() or not re.search(r"[A-Za-z]{4}", after):
            return "+" if part["sign"] == "+" else "-"
    if not (part["open"] and part["close"]):
        return ""
    inside = part["percent"] or part["scale1"] or part["inside"]
    aside = _ASIDE.search(before) if inside else re.search(r"[\d%]\s$|illion\s$", before)
    return "" if aside and not part["currency"] and not part["scale2"] else "()"


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


def counted(word: str) -> str:
    """The unit that counts what a word names."""
    word = word.lower()
    if word in ("people", "person", "persons", "employee", "employees"):
        return "people"
    return word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")


def currency_of(word: str) -> str:
    """The key of CURRENCIES that a word or sign stands for; empty for no word."""
    known = (each for each, ways in CURRENCIES.items() if re.fullmatch(ways, word))
    return next(known, "")


def _unit(currency: str, word: str) -> tuple[str, bool]:
    """The unit, and whether the number counts hundredths of it."""
    word = word.lower().strip(" -")
    if word.startswith(("basis", "bp")):
        return "points", True
    if word.startswith(("percentage", "pp")):
        return "points", False
    if word.startswith(("%", "percent", "per", "pct")):
        return "%", False
    if word.startswith(("cent", "¢", "pence")):
        return "£" if word == "pence" else currency_of(currency) or "$", True
    if word in ("x", "times"):
        return "times", False
    return (currency_of(currency) if currency else counted(word)), False
