"""What a question says of the quantity that it asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from evals.judging.directions import CHANGES, Direction
from evals.judging.quantities import COUNTED, CURRENCIES, counted, currency_of, scale_of

_SCALE = re.compile(
    r"(?i)(?<![\d.])(?<![\d.]\s)\b(thousand|million|billion|trillion|basis point|bp)s?\b"
    r"|(?:[$€£¥₹]|\bUSD |\bEUR |\bGBP )(bn|[kmb])n?\b"
)
_CURRENCY = re.compile("|".join(rf"(?<!\w)(?:{each})" for each in reversed(CURRENCIES.values())))
_SHARE = r"(?:margins?|yields?|(?<!growth )rates?|proportion|share of|portion|return on)"
_PERCENT = re.compile(rf"(?i)%|\bper\s?cent|\bpoints?\b|\b(?:growth|cagr|fraction|{_SHARE})\b")
_POINTS = re.compile(rf"(?i)\bpoints?\b|\b{_SHARE}\b")
_PURE = re.compile(r"(?i)\b(?:ratio|turnover|coverage|multiple|days|cycle|how many|number of)\b")
_COUNT = re.compile(rf"(?i)\b({COUNTED})\b")
_DAYS = re.compile(r"\b(?:D[PIS]O|CCC|cycle)\b")
_PER_SHARE = re.compile(r"(?i)\bEPS\b|\bper\W(?:\w+\s)?share\b")
_OUTFLOW = re.compile(
    r"(?i)\bcapex\b|\bcapital expenditures?|\bpaid\b|\bpayments?\b|\bpurchases?\b|\brepurchases?\b"
    r"|\bdividends?\b|\bexpenses?\b|\bcosts?\b|\bspen[dt]|\bused (?:in|for)\b"
)
_FALL = rf"(?:{CHANGES['down']}|los[est]\w*|deficit|shortfall)"
_DOWN = re.compile(rf"(?i)\b(?:what|how)\b[^?]*\b{_FALL}\b")
_UP = re.compile(rf"(?i)\b(?:{CHANGES['up']}|chang\w+|profit\w*)\b")
_CHANGE = re.compile(
    rf"(?i)\b(?:{CHANGES['up']}|{_FALL}|chang\w+|differ\w+|points?|cagr|yoy|by how|by what)\b"
)
_YEAR = re.compile(
    r"(?i)(?P<early>\b(?:Jan|Feb)[a-z]*\.?\s\d\d?,?\s)?(?:(?:\bFY\s?)?'?((?:19|20)\d\d)|\bFY\s?'?(\d\d))\b"
    r"(?<!report \d{4})(?!\s(?:10-|annual|report|filing|form))"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer may leave unsaid, because the question says it."""

    scale: float = 1.0
    """1e6 for "in USD millions", 1 for none."""
    currency: str = ""
    pure: bool = False
    """Whether it is after a ratio or a count, which is in no currency."""
    percent: bool = False
    """Whether it is after a share of something."""
    change: bool = False
    """Whether it is after a change, and not after a level."""
    points: bool = False
    """Whether it is after a change of such a share, which people give in percent for points."""
    direction: Direction = ""
    """`down` where it is after a fall or a loss: minus and a bare number mean the same then."""
    outflow: bool = False
    """Whether it is after money paid, which accounts put in parentheses."""
    per_share: bool = False
    counts: frozenset[str] = frozenset()
    """What it has counted: days, stores."""
    years: frozenset[str] = frozenset()


def asked(question: str) -> Asked:
    """What the question says of its quantity."""
    scale, currency = _SCALE.search(question), _CURRENCY.search(question)
    percent, change = bool(_PERCENT.search(question)), bool(_CHANGE.search(question))
    counts = {counted(each[1]) for each in _COUNT.finditer(question)}
    counts |= {"day"} if _DAYS.search(question) else set()
    falls = bool(_DOWN.search(question)) and not _UP.search(question)
    return Asked(
        scale=scale_of(scale[1] or scale[2]) if scale else 1.0,
        currency=currency_of(currency[0]) if currency else "",
        pure=bool(_PURE.search(question)) and not (scale or currency),
        percent=percent,
        change=change,
        points=change and bool(_POINTS.search(question)),
        direction="down" if falls else "",
        outflow=bool(_OUTFLOW.search(question)),
        per_share=bool(_PER_SHARE.search(question)),
        counts=frozenset(counts),
        years=years(question),
    )


def years(text: str) -> frozenset[str]:
    """The years that it names, four digits each; those that name a report are not meant. One that
    ends in January or February may be called by the year before.
    """
    found = [(int(each[2] or f"20{each[3]}"), each["early"]) for each in _YEAR.finditer(text)]
    return frozenset(str(year - less) for year, early in found for less in range(1 + bool(early)))
