"""Yes or no: what a text says."""

from __future__ import annotations

import re
from typing import Literal

from evals.judging.directions import CHANGES, Direction
from evals.judging.sentences import sentences
from evals.judging.terms import terms

Polarity = Literal["yes", "no"]

_LEADS = re.compile(
    r"(?i)^\W*(?:(?:sure|certainly|of course|(?:final )?answer|the answer is)\W+)?(yes|no)\b"
    r"(?=\s*[,.;:!—–*-]|\s*$)"
)
_CONCLUDES = re.compile(
    r"(?i)\banswer(?: to (?:the|your|this) question)? (?:is|would be)\W+(yes|no)\b"
    r"|\b(?:therefore|thus|so|hence|in conclusion|in summary),? (yes|no)\b"
)
_THEREFORE = re.compile(r"(?i)\b(?:therefore|thus|hence|in conclusion|in summary|overall|so,)")
_NEGATED = re.compile(
    r"(?i)\b(?:not(?! only\b)|no(?!\.)|never|none|neither|nor|without|cannot|unable|fail(?:s|ed)?"
    r"|hardly|barely|far from|anything but|false|untrue|wrong)\b|n['’]t\b"
)
_CHANGES = {way: re.compile(rf"(?i)\b(?:{words})\b") for way, words in CHANGES.items()}
_STEADY = re.compile(r"(?i)\b(?:flat|unchanged|stable|constant|steady|the same)\b")
_CONCEDED = re.compile(r"(?i)\b(?:although|though|despite|in spite of|while)\b[^,;.]*")
_OPEN = re.compile(r"(?i)\bwhether\b")
_REACH = 300
"""Characters before a word that are read for what denies it."""
_ABOUT = 0.5
"""Least share of the question's words in a sentence that is about it."""


def leading(text: str) -> Polarity | None:
    """The yes or no that the text begins with."""
    found = _LEADS.search(text)
    return _as_polarity(found[1]) if found else None


def polarity(question: str, answer: str) -> Polarity | None:
    """What the answer says: its yes or no, else what it concludes or opens with about the question.

    None where no sentence is about the question, or it says neither clearly.
    """
    words = "|".join(re.findall(r"\w{5,}", question)) or "\0"
    answer = re.sub(rf"(?i)\b(?:un|non-?|in)(?=(?:{words})\b)", "not ", answer)
    said = leading(answer) or _concluding(answer)
    deciding = _deciding(question, answer)
    implied = _implied(question, deciding) if deciding else None
    if said and implied and said != implied and len(_ways(question)) == 1:
        return None
    return said or implied


def _concluding(answer: str) -> Polarity | None:
    found = list(_CONCLUDES.finditer(answer))
    return _as_polarity(found[-1][1] or found[-1][2]) if found else None


def _deciding(question: str, answer: str) -> str | None:
    wanted = terms(question)
    about = [
        each
        for each in sentences(answer)
        if len(terms(each) & wanted) >= _ABOUT * len(wanted) and not _OPEN.search(each)
    ]
    concluding = [each for each in about if _THEREFORE.search(each)]
    return concluding[-1] if concluding else about[0] if about else None


def _implied(question: str, sentence: str) -> Polarity | None:
    """Where a rise or a fall is asked for, by those that are told and not denied; else a denial is
    a no. None for a question with a "not" of its own: what denies it, nobody can tell.
    """
    if _NEGATED.search(question):
        return None
    asked, told = _ways(question), _ways(sentence)
    if len(asked) == 1:
        if len(told) == 1:
            return "yes" if told == asked else "no"
        return "no" if not told and _STEADY.search(sentence) else None
    denials = len(_NEGATED.findall(sentence))
    return None if denials > 1 else "no" if denials else "yes"


def _ways(text: str) -> set[Direction]:
    """`up` and `down`, as a text tells of them; a rise that is denied is down, and the reverse."""
    text, found = _CONCEDED.sub("", text), set[Direction]()
    for way, pattern in _CHANGES.items():
        for each in pattern.finditer(text):
            clause = re.split(
                r"[,;.]|(?<!anything )\bbut\b", text[max(0, each.start() - _REACH) : each.start()]
            )[-1]
            denied = len(_NEGATED.findall(clause)) % 2
            found.add(way if not denied else "down" if way == "up" else "up")
    return found


def _as_polarity(word: str) -> Polarity:
    return "yes" if word.lower() == "yes" else "no"
