"""Why a question is not used: it gives itself away, leans on its passage, or is not proved."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from components.stages import Encoder
from components.values import Matrix
from evals.questions.draft import Draft, LeftOut

_WORD = re.compile(r"\w+(?:[.,'’-]\w+)*")
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_KINDS = r"(?:passage|excerpt|paragraph|snippet|extract)s?"
_HELD = r"(?:text|context|document|article|section|page|table|report|filing|statement)s?"
_SAYS = r"(?:say|state|mention|describe|provide|give|list|show)"
_POINTS = re.compile(
    rf"\b(?:this|the|these) (?:\w+ )?{_KINDS}\b"
    rf"|\b(?:this|the (?:above|given|provided|following)|above) {_HELD}\b"
    rf"|\b(?:according to|based on|in|from|by) the {_HELD}(?=\W*$|,| {_SAYS})"
    rf"|\bdo(?:es)? the {_HELD} {_SAYS}"
    r"|\b(?:mentioned|described|listed|shown|stated|provided|given) (?:above|below|here)\b",
    re.IGNORECASE,
)
_GRAM = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where a question is left out. Lengths are in words."""

    shortest: int = 4
    longest: int = 40
    longest_answer: int = 60
    shortest_evidence: int = 3
    """Of all quotations together."""
    longest_run: int = 7
    """Most consecutive words that a question may share with its passage."""
    copied: float = 0.5
    """Largest share of a question's runs of four words that its passage may have."""
    alike: float = 0.9
    """Cosine of two questions of the same figures from which on they are the same."""


def check(draft: Draft, limits: Limits) -> None:
    """Of one question by itself. Raises LeftOut."""
    for reason, fails in _CHECKS.items():
        if fails(draft, limits):
            raise LeftOut(reason)


@dataclass
class Distinct:
    """Tells questions that have been asked before, in these or in other words.

    Questions with other figures, such as another year, are others however near they are.
    """

    encoder: Encoder
    limits: Limits
    _texts: set[str] = field(default_factory=set)
    _vectors: dict[frozenset[str], list[Matrix]] = field(default_factory=dict)
    """By the questions' figures."""

    def add(self, question: str) -> None:
        """Remember a question. Raises LeftOut where there is one like it."""
        plain = " ".join(words(question))
        vector = self.encoder.encode_queries([question])[0]
        others = self._vectors.setdefault(frozenset(figures(question)), [])
        if plain in self._texts or any(each @ vector >= self.limits.alike for each in others):
            raise LeftOut("it is asked already")
        self._texts.add(plain)
        others.append(vector)


def words(text: str) -> list[str]:
    """In order, in lower case, without punctuation."""
    return [each.lower() for each in _WORD.findall(text)]


def longest_run(question: str, passage: str) -> int:
    """Most consecutive words of the question that are consecutive in the passage too."""
    both = SequenceMatcher(None, words(question), words(passage), autojunk=False)
    return both.find_longest_match().size


def copied(question: str, passage: str) -> float:
    """Share of the question's runs of four words that the passage has, 0 to 1."""
    own, there = _grams(words(question)), set(_grams(words(passage)))
    return sum(each in there for each in own) / len(own) if own else 0.0


def figures(text: str) -> set[str]:
    """Numbers, written alike: without commas, and without noughts after the last decimal."""
    found = (each.replace(",", "") for each in _FIGURE.findall(text))
    return {each.rstrip("0").rstrip(".") if "." in each else each for each in found}


def _grams(of: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(of[at : at + _GRAM]) for at in range(len(of) - _GRAM + 1)]


def _unproved(draft: Draft, _: Limits) -> bool:
    """A figure of the question, such as a year, may be said again."""
    known = figures(" ".join(draft.evidence)) | figures(draft.question)
    return not figures(draft.answer) <= known


_CHECKS: dict[str, Callable[[Draft, Limits], bool]] = {
    "the question is too short": lambda draft, limits: len(words(draft.question)) < limits.shortest,
    "the question is too long": lambda draft, limits: len(words(draft.question)) > limits.longest,
    "there is no answer": lambda draft, _: not words(draft.answer),
    "the answer is too long": lambda draft, limits: (
        len(words(draft.answer)) > limits.longest_answer
    ),
    "the evidence is too short": lambda draft, limits: (
        len(words(" ".join(draft.evidence))) < limits.shortest_evidence
    ),
    "the question speaks of its passage": lambda draft, _: bool(_POINTS.search(draft.question)),
    "the question copies its passage": lambda draft, limits: (
        longest_run(draft.question, draft.passage) > limits.longest_run
        or copied(draft.question, draft.passage) > limits.copied
    ),
    "the answer has a figure that the evidence lacks": _unproved,
}
"""Reasons, in the order in which they are looked for."""
