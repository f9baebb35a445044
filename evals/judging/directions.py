"""Whether words make a quantity less than nothing, or more: a fall of 5 %, a loss of $3 million.

What something fell *to* is no fall: direction belongs to a difference or a result, not to a level.
"""

from __future__ import annotations

import re
from typing import Literal

Direction = Literal["", "down", "up"]

CHANGES: dict[Direction, str] = {
    "down": (
        r"declin\w+|decreas\w+|drop\w*|fall\w*|fell|shr[aiu]nk\w*|contract(?:ed|ion)|reduc\w+|slid\w*"
        r"|slip\w*|s[aiu]nk|dip\w*|plung\w+|plummet\w+|tumbl\w+|retreat\w+|worse\w*|deteriorat\w+"
        r"|weaken\w*|compress\w*|narrow\w*|down|lower\w*"
    ),
    "up": (
        r"r[io]se[sn]?|rising|gr[eo]w\w*|increas\w+|gain\w*|climb\w*|jump\w*|improv\w+|expan\w+"
        r"|surg\w+|soar\w*|strengthen\w*|widen\w*|up|higher|raised"
    ),
}
"""Words for a change, by its way."""
_RESULTS: dict[Direction, str] = {
    "down": (
        r"negative(?:(?:\s\w+)?\s(?:growth|income|earnings|return|change))?|minus|lost"
        r"|los(?:s|es?|ses|ing)|deficits?|shortfall|outflows?"
    ),
    "up": r"positive|plus|profits?|income|earnings|surplus(?:es)?|inflows?",
}
_THAN: dict[Direction, str] = {"down": "below|less|fewer", "up": "above|more"}
_TURNED = r"(?<!\bnegative\s)(?<!\bin\s)(?<!\bin\snet\s)"
"""No rise: negative growth, and a decline in net income."""
REACH = 120
"""Characters to either side of a quantity that are read."""
_NEARLY = (
    r"(?:\s(?:by|about|around|some|approximately|nearly|roughly|almost|just|only|over|of|an?|the"
    r"|\w+ly|total|estimated|further|another|exactly))*"
)
_IS = (
    r"(?:was|were|is|are|of|at|totall?ed|came\sto|came\sin\sat|amounted\sto|stood\sat|reached|equals"
    r"|being|:|=)"
)
_OF_WHAT = (
    r"(?:\s(?:in|for|from|on|at|during|before|after|attributable|per|as|margin|rate)\b"
    r"(?:(?!\b(?:led|result|caus|and|but|while|which|gave|mean|impl|bring|is|was)\w*\b)"
    r"[^,.;:]|,(?=\s?\d{4}))*?)?"
)
_WAYS: tuple[Direction, ...] = ("up", "down")
_BEFORE = {
    way: re.compile(
        rf"(?i){_TURNED if way == 'up' else ''}\b(?:{CHANGES[way]}|{_RESULTS[way]})"
        rf"(?:{_NEARLY}|{_OF_WHAT}(?:\s|(?=[:=])){_IS}{_NEARLY})\s?[\W_]{{0,3}}$"
    )
    for way in _WAYS
}
_AFTER = {
    way: re.compile(
        r"(?i)^\)?[\s-](?:(?!of|in|to|for|and|from|on|by|or|versus|than|with)[\w-]+\s){0,2}?"
        rf"(?:{CHANGES[way]}|{_RESULTS[way]}|{_THAN[way]})\b(?!\s(?:in|for|of)\s\d)"
    )
    for way in _WAYS
}
_SAME_AGAIN = re.compile(
    rf"(?i)(?:\bor|\bi\.e\.,?|\bthat is,?|[(=]|\ba change of|\brepresenting){_NEARLY}\s*$"
)


def direction(before: str, after: str) -> Direction:
    """Of the quantity between two stretches of one text, by the words nearest to it."""
    said = [(match.start(), way) for way in _WAYS if (match := _BEFORE[way].search(before))]
    said = said or [(0, way) for way in _WAYS if _AFTER[way].search(after)]
    return max(said)[1] if said else ""


def apposed(before: str) -> Direction:
    """Of a share that says again what a sentence told of amounts: fell from $5 to $4, or 20%."""
    if not _SAME_AGAIN.search(before):
        return ""
    told = (
        (way, each) for way in _WAYS for each in re.finditer(rf"\b(?:{CHANGES[way]})\b", before)
    )
    return max(told, key=lambda each: each[1].start(), default=("", None))[0]
