"""Years and quarters, as questions and column headings name them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4}
_PERIOD = re.compile(
    r"""
    \b(?P<y6>(?:19|20)\d\d)[\s,]*Q(?P<q6>[1-4])\b
    |\bQ(?P<q1>[1-4])[\s,]*(?:of\s+)?(?:FY\s?)?(?P<y1>(?:19|20)\d\d)\b
    |\b(?P<q2>[1-4])Q\s?(?:FY\s?)?(?P<y2>(?:19|20)?\d\d)\b
    |\b(?P<q3>first|second|third|fourth)\s+quarter\s+(?:of\s+)?(?:fiscal\s+)?(?P<y3>(?:19|20)\d\d)\b
    |\bFY\s?['’]?(?P<y4>(?:19|20)?\d\d)\b
    |(?<![\d.,$€£#])(?P<y5>(?:19|20)\d\d)(?![\d%]|[.,]\d)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_MONTHS = [
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
]
_MONTH = f"(?:{'|'.join(_MONTHS)})"
_DAY = re.compile(rf"\b{_MONTH}\s+\d{{1,2}}\b,?|\b\d{{1,2}}\s+{_MONTH}\b", re.IGNORECASE)
_DATE = re.compile(
    rf"\b(?P<month>{_MONTH})\s+\d{{1,2}},?\s+(?P<year>(?:19|20)\d\d)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Period:
    """A year, or a quarter of it."""

    year: int
    quarter: int | None = None

    @property
    def before(self) -> Period:
        """The same a year earlier."""
        return Period(self.year - 1, self.quarter)

    def earlier(self, months: int) -> Period:
        """The quarter that ended so many months before this one did, which is one, too."""
        at = self.year * 4 + (self.quarter or 4) - 1 - round(months / 3)
        return Period(at // 4, at % 4 + 1)

    def __str__(self) -> str:
        return f"Q{self.quarter} {self.year}" if self.quarter else str(self.year)


def periods(text: str) -> list[Period]:
    """Those that the text names, in its order, each once."""
    return list(dict.fromkeys(_read(each) for each in _PERIOD.finditer(text)))


def dated(text: str) -> list[tuple[int, int]]:
    """The years that the text names, each with its offset, in its order, as often as it does."""
    return [(each.start(), _read(each).year) for each in _PERIOD.finditer(text)]


def months(text: str) -> list[int]:
    """Of the dates that the text names, in its order, each month counted from the year 0."""
    return [
        int(each["year"]) * 12 + _MONTHS.index(each["month"].lower())
        for each in _DATE.finditer(text)
    ]


def without_periods(text: str) -> str:
    """The text with a blank for each period and each day."""
    return _DAY.sub(" ", _PERIOD.sub(" ", text))


def is_year(text: str) -> bool:
    """Whether the text is a year and nothing else."""
    return bool(re.fullmatch(r"(?:19|20)\d\d", text))


def _read(match: re.Match[str]) -> Period:
    found = {name: each for name, each in match.groupdict().items() if each}
    year = next(int(each) for name, each in found.items() if name.startswith("y"))
    quarter = next((each.lower() for name, each in found.items() if name.startswith("q")), "")
    return Period(
        year if year > 99 else 2000 + year,
        _ORDINALS.get(quarter) or (int(quarter) if quarter else None),
    )
