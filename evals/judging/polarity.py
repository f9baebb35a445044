"""Yes or no: whether a question asks for it, and what a text says."""

from __future__ import annotations

import re
from typing import Literal

from evals.judging.sentences import sentences
from evals.judging.terms import terms

Polarity = Literal["yes", "no"]

_ASKS = re.compile(
    r"(?:^|[.:;?!,]\s+)(?:and |then )?(?:is|are|was|were|do|does|did|has|have|had|can|could|will"
    r"|would|should)\s",
    re.IGNORECASE,
)
_LEADS = re.compile(
    r"^\W*(?:(?:sure|certainly|of course|answer|the answer is)\W+)?(yes|no)\b"
    r"(?=\s*[,.;:!—–*-]|\s*$)",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(
    r"\banswer(?: to (?:the|your|this) question)? (?:is|would be)\W+(yes|no)\b"
    r"|\b(?:therefore|thus|so|hence|in conclusion|in summary),? (yes|no)\b",
    re.IGNORECASE,
)
_THEREFORE = re.compile(
    r"\b(?:therefore|thus|hence|in conclusion|in summary|overall|so,)", re.IGNORECASE
)
_NEGATED = re.compile(
    r"\b(?:not(?! only\b)|no(?!\.)|never|none|neither|nor|without|cannot|unable"
    r"|fail(?:s|ed)?)\b|n['’]t\b",
    re.IGNORECASE,
)
_RISES = re.compile(
    r"\b(?:improv|grow|grew|increas|ris(?:e|ing)|rose|expand|higher|gain|widen|up\b)\w*",
    re.IGNORECASE,
)
_FALLS = re.compile(
    r"\b(?:declin|decreas|worsen|drop|fell|fall|deteriorat|reduc|lower|shr[aiu]nk|contract|narrow"
    r"|down\b)\w*",
    re.IGNORECASE,
)
_OPEN = re.compile(r"\bwhether\b", re.IGNORECASE)
_ABOUT = 0.5
"""Least share of the question's words in a sentence that is about it."""


def asks_yes_or_no(question: str) -> bool:
    """Whether the question, or a part of it after a comma, begins as such questions do."""
    return bool(_ASKS.search(question.strip()))


def leading(text: str) -> Polarity | None:
    """The yes or no that the text begins with."""
    found = _LEADS.search(text)
    return _as_polarity(found[1]) if found else None


def polarity(question: str, answer: str) -> Polarity | None:
    """What the answer says: its yes or no, else what it concludes or opens with about the question.

    None where no sentence is about the question, or it says neither clearly.
    """
    said = leading(answer) or _concluding(answer)
    if said:
        return said
    deciding = _deciding(question, answer)
    return _implied(question, deciding) if deciding else None


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
    if len(asked) == 1 and told:
        return None if len(told) > 1 else "yes" if told == asked else "no"
    return "no" if _NEGATED.search(sentence) else "yes"


def _ways(text: str) -> set[str]:
    """`up` and `down`, as a text tells of them; a rise that is denied is down, and the reverse."""
    found = set()
    for way, other, pattern in (("up", "down", _RISES), ("down", "up", _FALLS)):
        for each in pattern.finditer(text):
            clause = re.split(r"[,;.]|\bbut\b", text[: each.start()])[-1]
            found.add(other if _NEGATED.search(clause) else way)
    return found


def _as_polarity(word: str) -> Polarity:
    return "yes" if word.lower() == "yes" else "no"
