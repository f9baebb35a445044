"""What a question asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.answerers.extractive.periods import Period, periods, without_periods
from components.answerers.extractive.words import Stems, Words

_SENTENCE = re.compile(r"[^.?!]*(?:[.!](?=\S)[^.?!]*)*[.?!]?\s*")
_ASKS = re.compile(
    r"\b(?:what|how|which|who|when|where|why)\b"
    r"|(?:^\W*|[:,]\s+)(?:is|are|was|were|does|do|did|has|have|had|can|will)\b",
    re.IGNORECASE,
)
_YES_NO = re.compile(
    r"\W*(?:is|are|was|were|does|do|did|has|have|had|can|could|will|would|should|may|must)\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(
    r"\W*(?:(?:how|what) (?:do|does|did|has|have|had)\b.*\b(?:compare|change)"
    r"|what(?:['’]s| is| was| are| were)\b"
    r"|what\b.{0,40}\b(?:amounts?|value|number|rate|percentage|proportion)\b"
    r"|how (?:much|many|high|large)\b)",
    re.IGNORECASE,
)
_DEFINED = re.compile(r"\bdefined\b|\bdefine\b", re.IGNORECASE)
_COUNTED = re.compile(
    r"\bhow (?:much|many)\b|\bamounts?\b|\bnumber of\b"
    r"|\bin (?:usd|eur|thousands|millions|billions)\b",
    re.IGNORECASE,
)
_PICKS = re.compile(r"which\b|what (?:year|period)s?\b", re.IGNORECASE)
_QUARTER = re.compile(r"\bquarter\b|\bQ[1-4]\b", re.IGNORECASE)
_PERCENT = re.compile(r"%|\bper\s?cent(?:s|age)?\b", re.IGNORECASE)
_RANGE = re.compile(
    r"\b(?:FY\s?)?\d{2,4}\s*(?:[-–]|to|through)\s*(?:FY\s?)?\d{2,4}\b|\b(?:between|from)\b|\byear\s+average",
    re.IGNORECASE,
)
_EACH = re.compile(r"^\W*what\s+(?:are|were)\b|\brespectively\b|\beach\b", re.IGNORECASE)
_SCALE = re.compile(
    r"\b(?:in|usd|us\$|\$|dollars)\s+(?:usd\s+)?(thousands|millions|billions)\b", re.IGNORECASE
)
_DECIMALS = re.compile(r"\b(no|zero|one|two|three|four|\d)\s+decimal", re.IGNORECASE)
_COUNTS = {"no": 0, "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4}
_SHARE = re.compile(r"%|\bper\s?cent(?:age)?\b|\b(?:ratio|average|proportion)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, taken apart."""

    focus: str
    """The clause that asks, without what is said around it."""
    yes_no: bool
    figure: bool
    """Whether a figure may answer it."""
    counted: bool
    """Whether nothing but a figure can answer it."""
    picks: bool
    """Whether it asks which of several things, such as years."""
    worked_out: bool
    """Whether it says how something is calculated, or asks for a share."""
    percent: bool
    """Whether it asks for percent."""
    range: bool
    """Whether its periods are the ends of a range."""
    several: bool
    """Whether it asks for one figure, or for one of each period."""
    scale: str
    """`thousands`, `millions` or `billions`, where it asks for figures in them."""
    decimals: int | None
    """That it asks for."""
    periods: tuple[Period, ...]
    stems: Stems
    """Of the focus, without periods."""

    @property
    def tabular(self) -> bool:
        """Whether a row of a table may bear on it. Of what year a quarter is must be said."""
        dated = any(each.quarter for each in self.periods) or not _QUARTER.search(self.focus)
        return dated and (self.figure or self.yes_no)

    @property
    def exact(self) -> bool:
        """Whether it is after a figure, or after something of a given period."""
        return self.counted or (self.figure and bool(self.periods))


def question(text: str, known: Words) -> Question:
    """The question, taken apart."""
    focus = _focus(text)
    figure = bool(_FIGURE.match(focus))
    return Question(
        focus=focus,
        yes_no=bool(_YES_NO.match(focus)),
        figure=figure,
        counted=figure and bool(_COUNTED.search(focus)),
        picks=bool(_PICKS.match(focus)),
        worked_out=bool(_DEFINED.search(text) or _SHARE.search(focus)),
        percent=bool(_PERCENT.search(text)),
        range=bool(_RANGE.search(focus)),
        several=len(set(periods(focus))) < 2 or bool(_EACH.search(focus)),
        scale=next((each[1].lower() for each in _SCALE.finditer(text)), ""),
        decimals=_decimals(text),
        periods=tuple(periods(focus) or periods(text)),
        stems=known.stems(without_periods(focus)),
    )


def _decimals(text: str) -> int | None:
    found = _DECIMALS.search(text)
    if not found:
        return None
    return int(found[1]) if found[1].isdigit() else _COUNTS[found[1].lower()]


def _focus(text: str) -> str:
    """The first sentence with a question mark, from its first word that asks."""
    said = [each.group() for each in _SENTENCE.finditer(text) if each.group().strip()]
    asking = next((each for each in said if "?" in each), text)
    first = _ASKS.search(asking)
    return asking[first.start() :].strip(" :,") if first else asking.strip()
