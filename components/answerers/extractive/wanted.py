"""What a question wants worked out: a formula, and what becomes of its values over periods."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from components.answerers.extractive.formulas import Formula, Operand, Operation, formula
from components.answerers.extractive.periods import Period, without_periods
from components.answerers.extractive.question import Question
from components.answerers.extractive.words import Stems, Words

Over = Literal["each", "average", "total", "change", "growth", "cagr", "direction"]
"""`each`: a value per period. `change`: the last less the first. `growth`: that by the first, and
`cagr` per year. `direction`: whether it went up or down.
"""
Way = Literal["", "down", "apart"]
"""Of a change: signed, what something has fallen by, or a difference, which has no sign."""
_DEFINED = re.compile(
    r"(?:^|(?<=[.?!:,]\s))(?P<name>[^.?!:]{2,80}?)\s+(?:here\s+)?(?:is|are)\s+defined\s+as:?\s*"
    r"(?P<as>.+?)(?=[.;]\s+[A-Z]|[.\s]*$)"
    r"|\b[Dd]efine\s+(?P<name2>.{2,80}?)\s+as:?\s*(?P<as2>.+?)(?=[.;]\s+[A-Z]|[.\s]*$)",
    re.DOTALL,
)
_PARTED = re.compile(
    r"\busing\s+(?P<up>.+?)\s+as\s+the\s+numerator\s+and\s+(?P<down>.+?)\s+as\s+the\s+denominator",
    re.IGNORECASE,
)
_SHARE = r"(?:percentage|percent|per\s+cent|%)"
_BOTH = r"(?:increase|decrease)\s*/\s*\(?\s*(?:increase|decrease)\s*\)?"
_MOVE = rf"(?:{_BOTH}|change|growth|increase|decrease)"
_OVERS: Mapping[Over, re.Pattern[str]] = {
    "cagr": re.compile(
        r"\b(?:cagr|compound(?:ed)?\s+annual\s+growth\s+rate)\b(?:\s+(?:in|of|for))?", re.IGNORECASE
    ),
    "growth": re.compile(
        rf"\b{_SHARE}\s+(?:of\s+)?{_MOVE}(?:\s+rate)?(?:\s+(?:in|of|for|on))?(?=\s|$)"
        rf"|\b(?:year[- ]over[- ]year\s+|annual\s+)?growth(?:\s+rate)?\s+(?:in|of|for)\b"
        rf"|\bgrowth\s+rate\b",
        re.IGNORECASE,
    ),
    "average": re.compile(r"\b(?:\w+[- ]year\s+)?average(?:\s+(?:of|for))?(?=\s)", re.IGNORECASE),
    "change": re.compile(
        rf"\b(?:{_BOTH}|change|increase|decrease|difference)\s+(?:in|of|between|for)\b"
        r"|^how\s+much\s+(?:has|have|did|had)\b(?=.*\b(?:change|grow|increase|decrease)d?\b)",
        re.IGNORECASE,
    ),
    "total": re.compile(
        r"\b(?:sum|combined(?:\s+total)?)\s+(?:of)?|\btotal\b(?=.*\b(?:between|both|and|to)\b)",
        re.IGNORECASE,
    ),
}
"""In the order in which they are looked for."""
_RATIOS = tuple(
    re.compile(each, re.IGNORECASE | re.DOTALL)
    for each in (
        rf"^(?P<up>.+?)\s+as\s+an?\s+(?:{_SHARE}|proportion|share|ratio)\s+of\s+(?P<down>.+)$",
        r"^(?:the\s+)?ratio\s+(?:of|between)\s+(?P<up>.+?)\s+(?:to|and)\s+(?P<down>.+)$",
        r"^(?P<up>.+?)\s+divided\s+by\s+(?P<down>.+)$",
        rf"^(?:the\s+)?{_SHARE}\s+of\s+(?P<down>total\s+.+?)\s+(?:from|that\s+\w+)\s+(?P<up>.+)$",
    )
)
_STATEMENT = re.compile(
    r"\b(?:on|in|from|per)\s+(?:(?:the|its)\s+)?(?:balance\s+sheets?|income\s+statement|P&L"
    r"|(?:statements?\s+of\s+)?cash\s+flows?\s+statements?)\b",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    r"(?:[\s,?;:-]+(?:between|from|for|in|of|to|and|the|vs\.?|by|as|at))+[\s?.]*$", re.I
)
_TWO = re.compile(r"^(?P<one>.+?)\s+(?:and|vs\.?|versus)\s+(?P<other>.+)$", re.IGNORECASE)
_HOW = re.compile(r"\W*(?:how|what)\s+(?:do|does|did|has|have|had)\b", re.IGNORECASE)
_PERCENT = re.compile(
    rf"\b(?:in|as)\s+(?:an?\s+)?(?:units\s+of\s+)?(?:{_SHARE}s?)(?!\s*of\b|\w)", re.IGNORECASE
)
_OPENING = re.compile(
    r"^\W*(?:(?:what|how|which)(?:['’]s)?\s+)?(?:(?:much|many|high|large)\s+)?(?:of\s+)?"
    r"(?:(?:is|are|was|were|does|do|did|has|have|had)\s+)?(?:there\s+)?(?:any\s+)?(?:the\s+)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A formula, and what is made of it."""

    what: Formula
    name: str
    """What the formula is called in the question."""
    over: Over
    periods: tuple[Period, ...]
    """Ascending; empty where the question names none."""
    defined: Mapping[Stems, Formula]
    """The question's own definitions, by the words of their names."""
    way: Way

    @property
    def calculated(self) -> bool:
        """Whether no one figure is what is asked for."""
        return self.over != "each" or isinstance(self.what, Operation)


def wanted(asked: Question, text: str, known: Words) -> Wanted | None:
    """None where no figure is wanted, or what is wanted cannot be made out."""
    if not asked.tabular or (asked.yes_no and not known.stems(asked.focus) & known.moving):
        return None
    defined = _definitions(text, known)
    over, rest = _over(asked, known)
    rest = _OPENING.sub("", without_periods(_PERCENT.sub(" ", _STATEMENT.sub(" ", rest))))
    name = _TRAILING.sub("", " ".join(rest.split())).strip(" ?.,;:-–")
    two = _two(name, asked) if over == "change" else None
    what = two or _defined(name, text, defined, known) or _formula(name)
    if what is None:
        return None
    over = "each" if two else over
    return Wanted(what, name, over, _periods(asked, over), defined, _way(asked, known))


def _way(asked: Question, known: Words) -> Way:
    stems = known.stems(asked.focus)
    if stems & known.down and not stems & known.up:
        return "down"
    return "apart" if "difference" in asked.focus.lower() and not stems & known.moving else ""


def _over(asked: Question, known: Words) -> tuple[Over, str]:
    if asked.yes_no:
        return "direction", known.without(asked.focus, known.moving)
    if _HOW.match(asked.focus) and known.stems(asked.focus) & known.changed:
        return "each", known.without(asked.focus, known.changed)
    for over, pattern in _OVERS.items():
        found = pattern.search(asked.focus)
        if found and not (over == "total" and asked.several):
            rest = f"{asked.focus[: found.start()]} {asked.focus[found.end() :]}"
            return over, known.without(
                rest, known.moving | known.changed
            ) if over == "change" else rest
    return "each", asked.focus


def _definitions(text: str, known: Words) -> dict[Stems, Formula]:
    found: dict[Stems, Formula] = {}
    for each in _DEFINED.finditer(text):
        read = formula(each["as"] or each["as2"])
        if read is not None:
            found[known.stems(each["name"] or each["name2"])] = read
    return found


def _defined(
    name: str, text: str, defined: Mapping[Stems, Formula], known: Words
) -> Formula | None:
    parted = _PARTED.search(text)
    if parted:
        return _ratio(parted["up"], parted["down"])
    stems = known.stems(text)
    first = next((each for each in defined if each and each <= stems), None)
    return defined[first] if first is not None and first & known.stems(name or text) else None


def _formula(name: str) -> Formula | None:
    if not name:
        return None
    parted = next(filter(None, (each.match(name) for each in _RATIOS)), None)
    if parted:
        return _ratio(parted["up"], parted["down"])
    return Operand(name)


def _two(name: str, asked: Question) -> Formula | None:
    """The difference between two things, at one time."""
    between = "difference" in asked.focus.lower() and len(asked.periods) < 2
    two = _TWO.match(name) if between else None
    return Operation("-", Operand(two["one"]), Operand(two["other"])) if two else None


def _ratio(up: str, down: str) -> Operation:
    return Operation("/", Operand(_bare(up)), Operand(_bare(down)))


def _bare(text: str) -> str:
    return " ".join(without_periods(text).split()).strip(" ?.,;:")


def _periods(asked: Question, over: Over) -> tuple[Period, ...]:
    """Those of the question; what compares periods needs two, what averages a range all of it."""
    found = sorted(asked.periods, key=lambda each: (each.year, each.quarter or 0))
    if len(found) == 1 and over in ("average", "change", "growth", "cagr", "direction"):
        found.insert(0, found[0].before)
    if (
        found
        and over in ("average", "total")
        and asked.range
        and not any(each.quarter for each in found)
    ):
        found = [Period(year) for year in range(found[0].year, found[-1].year + 1)]
    return tuple(found)
