"""Which quantities an answer commits to; the others are on the way there, or beside the point."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from evals.judging.asked import Asked, years
from evals.judging.directions import CHANGES
from evals.judging.equality import of_kind
from evals.judging.quantities import Quantity, quantities
from evals.judging.sentences import spans
from evals.judging.terms import terms

Place = tuple[int, int]

_CONCLUDES = re.compile(
    r"(?i)\b(?:therefore|thus|hence|consequently|in conclusion|in summary|to summarize|as a result"
    r"|(?:final|correct) answer|the answer(?: to the question)? is|rounded to|rounding)\b|^so\b"
    r"|, so\b|^\W*(?:actually|correction)\b|(?<!not )\\boxed"
)
_RETRACTED = re.compile(
    r"(?i)(?<!\S)(?:that|this|it)\s(?:is|was|would be)\s"
    r"(?:(?:not|in)\s?(?:correct|right|true)|wrong|false)\b\W*"
)
_DENIED = re.compile(
    r"(?i)(?:\b(?:not(?! only\b)|no(?=\s\w)|never|neither|nor|cannot|hardly|doubt\w*"
    r"|rather than|instead of|other than|far from|anything but|false|incorrect|wrong|untrue)\b"
    r"|n['’]t\b)(?![^;]*(?:\bbut\b|\bhowever\b))[^,;:]*$"
)
_DENIED_AFTER = re.compile(
    r"(?i)^\W*(?:\w+\s)?(?:is|was|are|were|would be)(?:n['’]t"
    r"|\s+(?:(?:\w+ly )?not(?! only)|(?:the )?wrong|incorrect|false|untrue))\b"
)
_BOUND = re.compile(
    r"(?i)\b(?:(?:more|less|fewer|greater|higher|lower|larger|smaller) than|at (?:least|most)|over"
    r"|above|below|under|up to|exceed\w*|beyond|as (?:much|high|low) as|twice|double|triple|half)"
    r"\s(?:\w+\s)?\W*$|%\sof\s(?:\w+\s)?\W*$"
)
_CHANGED = re.compile(
    rf"(?i)\b(?:{'|'.join(CHANGES.values())})(?:\s(?:by|of))?"
    r"(?:\s(?:about|some|a further|\w+ly))*\s\W*$"
)
_REACHED = re.compile(
    r"(?i)(?<!equal)(?<!amounted)(?<!came)(?<!comes)(?<!rounded)\sto\s(?:\w+ly\s)?\W*$"
)
_DETAILS = re.compile(
    r"(?i)^[^,;.]*:\s|\b(?:consisting|comprising|composed|of wh\w+|made up|includ\w+)\b"
)
_BESIDE = re.compile(
    r"(?i)\b(?:from|than|versus|vs\.?|compared (?:to|with)|against|relative to)\s"
    r"(?:the |an? |its |about )*(?:(?:\w+ ){1,3}of )?\W*$"
)
_FACTOR = re.compile(r"(?i)(?:\b(?:divid\w+|multipl\w+) by\s|[*/×÷])\s*[($€£]*$")
_OPERATED = re.compile(
    r"(?i)\b(?:times|per|over|minus|plus|less|subtract\w*|adding|dividing)\s"
    r"(?:the |an? |its |about )*\W*$|[-−–+x]\s*[($€£]*$"
)
_RANGE = re.compile(r"(?i)\b(?:rang\w+|anywhere|somewhere) (?:from|between)\b")
_OPERAND = re.compile(
    r"(?i)^\)?\s*[-−–+*/×÷](?!\w)|^\s(?:divided|multiplied|minus|plus|less|times)\b"
)
_PREDICATE = re.compile(
    r"(?i)(?:\b(?:is|was|are|were|equals?|be|being|totall?(?:ed|ing)|reached|at|to|by|of)|[=≈:])"
    r"\s*(?:\b(?:by|to|a|an|the|about|approximately|around|roughly|nearly|almost|only|just|exactly"
    r"|equal|also|now|either|between|\w+ly|negative|minus|total of)\b\s*)*[\W_]*$"
)
_JOINS = re.compile(
    r"(?i)^[\s,;/*\-–]*(?:\((?=or|alt|maybe|perh|poss))?"
    r"(?:(?:and|or|to|either|maybe|perhaps|possibly|alternatively|even)\b[\s,]*)*$"
)
_FILLERS = (
    "approximately about around roughly million billion thousand usd dollars total amount figure"
    " value number result answer company year fiscal quarter fy final also alternatively another"
    " possibly perhaps maybe might could either respectively therefore thus hence exactly equal"
    " option guess first second b give percent percentage negative or and"
)
_ELSEWHERE = re.compile(
    r"(?i)[,;]|\((?=[^)]*$)|\b(?:and|than|from|compared|versus|over|relative)\b"
)
_ADVERBIAL = re.compile(r"(?i)\W*(?:at|to|by|of)\b\W*$")
_BREAK = re.compile(r"(?i)[,;:]|\b(?:and|but|while|whereas)\b")
_MARKERS = " *"
_OPENS = " :=≈$€£¥*(\"'"
_NAMED, _PREDICATED, _PLAIN, _LEVEL, _ASIDE, _NEVER = 5, 4, 3, 2, 1, 0
_REACH = 300
"""Characters before a quantity that are read for what they say of it."""


def claims(question: str, asked: Asked, gold: Quantity, answer: str) -> list[Quantity]:
    """The quantities of the gold one's kind that the answer commits to, in its order; empty where
    it commits to none. Several that differ are a list, a range or a contradiction.

    Those of the last clause that concludes. Without one, what is said outright of what was asked
    for, and the result of the last formula; without either the first sentence's. Whatever says
    another quantity of the same thing elsewhere is claimed, too.
    """
    since = max((each.end() for each in _RETRACTED.finditer(answer)), default=0)
    kind = [
        each for each in quantities(answer) if each.start >= since and of_kind(each, gold, asked)
    ]
    return _Answer(answer, kind, asked, terms(question)).claims()


@dataclass(frozen=True, slots=True)
class _Answer:
    text: str
    kind: Sequence[Quantity]
    """The quantities of the kind that was asked for."""
    asked: Asked
    known: frozenset[int]
    """The terms of the question."""

    def claims(self) -> list[Quantity]:
        places = [each for each in spans(self.text) if self._within(each)]
        clauses = [
            (start + each.start(), end)
            for start, end in places
            for each in _CONCLUDES.finditer(self.text[start:end])
        ]
        final = [each for each in clauses if self._within(each)][-1:]
        found = self._said(final[0])[1] if final else self._direct(places)
        later = [each for each in places if not final or each[0] >= final[0][1]]
        again = [self._said(each) for each in later if self._bare(each)]
        more = [each for rank, said in again if rank > _ASIDE for each in said]
        return list(dict.fromkeys(found + more))

    def _direct(self, places: Sequence[Place]) -> list[Quantity]:
        """The result of the last formula, else what is said most directly."""
        formulas = [each for each in places if self._result(each) > each[0]]
        found = [self._said(each) for each in formulas[-1:] or places]
        best, said = max(found, key=lambda each: each[0], default=(_NEVER, []))
        return said if best > _ASIDE else []

    def _said(self, place: Place) -> tuple[int, list[Quantity]]:
        """Of one clause those that are said most directly, and how directly."""
        start = self._result(place)
        given = self._within((start, place[1]))
        if not given:
            start, given = place[0], self._within(place)
        if _RANGE.search(self.text, *place):
            return _PLAIN, given
        ranks: list[int] = []
        detail, changed = False, False
        for at, each in enumerate(given):
            since = given[at - 1].end if at else start
            until = given[at + 1].start if at + 1 < len(given) else place[1]
            before, after = self.text[since : each.start][-_REACH:], self.text[each.end : until]
            denied = _DENIED.search(self.text[max(start, each.start - _REACH) : each.start])
            detail = at > 0 and (detail or _DETAILS.search(before) is not None)
            before_it, changed = changed, _CHANGED.search(before) is not None
            told = before, after[:_REACH]
            rank = _NEVER if denied else self._rank(*told, changed=changed, first=not at)
            rank = min(rank, _ASIDE) if detail else rank
            joined = at and not before_it and _JOINS.match(re.sub(r"\(.*?\)", "", before))
            if joined and rank:  # said as the one before it
                rank = max(rank, ranks[-1]) if ranks[-1] else _NEVER
            ranks.append(rank)
        best = max(ranks)
        said = [each for each, rank in zip(given, ranks, strict=True) if rank == best]
        return best, said if best else []

    def _rank(self, before: str, after: str, *, changed: bool, first: bool) -> int:
        """How directly a quantity between two stretches of its clause is said. `changed`: as what
        something has changed by.
        """
        if _DENIED_AFTER.search(after) or _BOUND.search(before):
            return _NEVER
        if changed and not self.asked.change:
            return _NEVER
        told = years(_ELSEWHERE.split(after)[0]) or years(before)
        if self.asked.years and told and not told & self.asked.years:
            return _ASIDE
        aside = _BESIDE.search(before) or _FACTOR.search(before.lstrip(_MARKERS))
        operated = not first and _OPERATED.search(before)
        if aside or operated or _OPERAND.search(after) or before.count("(") > before.count(")"):
            return _ASIDE
        if self.asked.change and _REACHED.search(before):
            return _LEVEL
        if changed or _PREDICATE.search(before):
            return self._named(_BREAK.split(before.rstrip(_OPENS))[-1])
        return _PLAIN

    def _named(self, label: str) -> int:
        """How directly a label says that what follows is what was asked for."""
        if _ADVERBIAL.match(label):
            return _PLAIN
        said = terms(label) - _fillers()
        known = len(said & self.known)
        return _NAMED if known == len(said) else _PREDICATED if known * 2 >= len(said) else _PLAIN

    def _bare(self, place: Place) -> bool:
        """Whether a sentence says nothing but quantities for what was asked."""
        told = years(self.text[slice(*place)])
        if told and not told & self.asked.years:
            return False
        said = self._within(place)
        between = zip(
            [place[0], *(each.end for each in said)],
            [*(each.start for each in said), place[1]],
            strict=True,
        )
        words = " ".join(self.text[slice(*each)] for each in between)
        return not terms(re.sub(r"\d+", " ", words)) - _fillers() - self.known

    def _result(self, place: Place) -> int:
        """Where the result of a formula begins; the start of the place where there is none."""
        return max(place[0], *(self.text.rfind(each, *place) for each in "=≈"))

    def _within(self, place: Place) -> list[Quantity]:
        first = bisect_left(self.kind, place[0], key=lambda each: each.start)
        last = bisect_right(self.kind, place[1], lo=first, key=lambda each: each.end)
        return list(self.kind[first:last])


@cache
def _fillers() -> frozenset[int]:
    return terms(_FILLERS)
