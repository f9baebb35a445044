"""Whether words make a quantity less than nothing, or more: a fall of 5 %, a loss of $3 million.

What something fell *to* is no fall: direction belongs to a difference or a result, not to a level.
"""

from __future__ import annotations

import re
from typing import Literal

Direction = Literal["", "down", "up"]

_CHANGES = {
    "down": (
        r"declin(?:es?|ed|ing)|decreas(?:es?|ed|ing)|dropp?(?:s|ed|ing)?|falls?|fell|fallen|falling"
        r"|shr[aiu]nk(?:s|ing)?|contracted|reduc(?:es?|ed|ing)|lost|los(?:es?|ing)|slid|slipped"
        r"|plunged|tumbled|worsened|deteriorated|down|negative|minus|lower(?:ed)?"
        r"|declines?|decreases?|drop|fall|reductions?|contractions?|loss(?:es)?|deficits?|shortfall"
        r"|outflows?"
    ),
    "up": (
        r"r[io]ses?|risen|rising|gr[eo]ws?|grown|growing|increas(?:es?|ed|ing)|gain(?:s|ed|ing)?"
        r"|climb(?:s|ed|ing)?|jump(?:s|ed|ing)?|improv(?:es?|ed|ing)|expand(?:s|ed|ing)?|surged"
        r"|up|positive|plus|higher|raised|growth|increases?|rise|profits?|income|earnings"
        r"|surplus(?:es)?|inflows?|improvements?"
    ),
}
_WAYS: tuple[Direction, ...] = ("up", "down")
_REACH = 120
"""Characters to either side that are read."""
_NEARLY = (
    r"(?:\s(?:by|about|around|some|approximately|nearly|roughly|almost|just|only|over|of|an?|the"
    r"|\w+ly|total|estimated|further|another|exactly))*"
)
_IS = (
    r"(?:was|were|is|are|of|at|totall?ed|came\sto|amounted\sto|stood\sat|reached|equals|being|:|=)"
)
_OF_WHAT = (
    r"(?:\s(?:in|for|from|on|during|before|after|attributable|per|as|margin|rate)\b"
    r"(?:(?!\b(?:led|result|caus|and|but|while|which|gave|mean|impl|bring|is|was)\w*\b)"
    r"[^,.;:]|,(?=\s?\d{4}))*?)?"
)
_BEFORE = {
    way: re.compile(
        rf"\b(?:{words})(?:{_NEARLY}|{_OF_WHAT}(?:\s|(?=[:=])){_IS}{_NEARLY})\s?[\W_]{{0,3}}$", re.I
    )
    for way, words in _CHANGES.items()
}
_AFTER = {
    way: re.compile(
        rf"^\)?[\s-](?:(?!of|in|to|for|and|from|on|by|or|versus|than|with)[\w-]+\s){{0,2}}?(?:{words})\b"
        r"(?!\s(?:in|for|of)\s\d)",
        re.I,
    )
    for way, words in _CHANGES.items()
}


def direction(before: str, after: str) -> Direction:
    """Of the quantity between two stretches of one text, by the words nearest to it."""
    near, behind = before[-_REACH:], after[:_REACH]
    said = [(match.start(), way) for way in _WAYS if (match := _BEFORE[way].search(near))]
    said = said or [(0, way) for way in _WAYS if _AFTER[way].search(behind)]
    return max(said)[1] if said else ""
