"""Whether a row's label is what is looked for, in whatever words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from components.answerers.extractive.words import Stems, Words

FARTHER = 0.97
"""What a label's score is worth for each line above the row that it needs, for the words above a
column, or without what it says in parentheses.
"""
_OTHERWISE = 0.98
"""What it is worth where the name is another way of saying the same."""
_LIGHT = 0.3
"""What a word counts that both a label and a question often leave out."""
_LESS = re.compile(r",?\s*\bnet of\b.*", re.IGNORECASE | re.DOTALL)
"""What a label says was taken off: no name of what is left."""
_OF = re.compile(r"\b(?:of|for|on|to|from|in|by|net)\b", re.IGNORECASE)
_OWNERS = re.compile(
    r"\battributable to (?!.*\b(?:non-?controlling|minority|redeemable|discontinued)\b).*",
    re.IGNORECASE | re.DOTALL,
)
"""Whose it is, where these are the owners."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way of saying what is looked for."""

    stems: Stems
    turns: frozenset[str]
    """Words that turn what it means: a label has the same."""
    worth: float = 1.0


def ways(name: str, known: Words, apart: Stems) -> list[Way]:
    """The words that a label should have, in every way of saying it. Those `apart` do not count."""
    name = _OWNERS.sub("", name)
    turns = known.turns(name)
    whole, own = (known.stems(text) - known.asking - apart for text in (name, known.alone(name)))
    found = [Way(each, turns) for each in {whole, own}]
    for group in known.same:
        stems = {each: known.stems(each) for each in group}
        said = [each for each in group if stems[each] and stems[each] <= own]
        said = [each for each in said if known.turns(each) <= turns]
        if said:
            longest = max(said, key=lambda each: len(stems[each]))
            left, turning = own - stems[longest], turns - known.turns(longest)
            found += [
                Way(left | stems[each], turning | known.turns(each), _OTHERWISE)
                for each in group
                if each != longest
            ]
    return [each for each in found if each.stems or each.turns]


def alike(label: str, wanted: Sequence[Way], known: Words, apart: Stems) -> float:
    """0 to 1: the harmonic mean of how much of what is wanted the label has, and the other way
    round.
    """
    label = _OWNERS.sub("", _LESS.sub("", label))
    short, turns = known.alone(label), known.turns(label)
    said = [(known.stems(label) - apart, 1.0)]
    if short != label:
        said.append((known.stems(short) - apart, FARTHER))
    fitting = [each for each in wanted if each.turns == turns]
    return max(
        (
            worth * way.worth * _shared(has, way.stems, known)
            for way in fitting
            for has, worth in said
        ),
        default=0.0,
    )


def outflow(label: str, known: Words) -> bool:
    """Whether the label's noun says that money goes out: the word before its first preposition."""
    told = _OF.split(known.alone(label))[0].split()
    return bool(told and known.stems(told[-1]) & known.outflow)


def _shared(label: Stems, wanted: Stems, known: Words) -> float:
    if (label ^ wanted) & known.worked_out:
        return 0.0
    if not label | wanted:  # what turns a label is all of it: "Other"
        return 1.0
    both = _weight(label & wanted, known)
    return 2 * both / max(_weight(label, known) + _weight(wanted, known), 1e-9)


def _weight(stems: Stems, known: Words) -> float:
    return sum(_LIGHT if each in known.light | known.asking else 1.0 for each in stems)
