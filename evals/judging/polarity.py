"""Yes or no: whether a question asks for it, and what a text says."""

from __future__ import annotations

import re
from typing import Literal

from evals.judging.sentences import sentences
from evals.judging.text import relevance

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
_DENIED = re.compile(
    r"\b(?:no(?!\.)|none|never|(?:did|do|does|could|were|was) not)\b(?! (?:part|in|from)\b)",
    re.IGNORECASE,
)
_RISES = re.compile(r"\b(?:improv|grow|grew|increas|ris|rose|expand|higher|gain)\w*", re.IGNORECASE)
_FALLS = re.compile(
    r"\b(?:declin|decreas|worsen|drop|fell|fall|deteriorat|reduc|lower|shr[aiu]nk|contract)\w*",
    re.IGNORECASE,
)
_ABOUT = 0.3


def asks_yes_or_no(question: str) -> bool:
    """Whether the question, or a part of it after a comma, begins as such questions do."""
    return bool(_ASKS.search(question.strip()))


def leading(text: str) -> Polarity | None:
    """The yes or no that the text begins with."""
    found = _LEADS.search(text)
    return _as_polarity(found[1]) if found else None


def polarity(question: str, answer: str) -> Polarity | None:
    """What the answer says: its yes or no, else what it concludes or opens with about the question.

    None where no sentence is about the question.
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
    about = [each for each in sentences(answer) if relevance(question, each) >= _ABOUT]
    concluding = [each for each in about if _THEREFORE.search(each)]
    return concluding[-1] if concluding else about[0] if about else None


def _implied(question: str, sentence: str) -> Polarity:
    """A question that has a "not" of its own is denied by stronger words alone."""
    denial = _DENIED if _NEGATED.search(question) else _NEGATED
    return "no" if denial.search(sentence) or _turned(question, sentence) else "yes"


def _turned(question: str, sentence: str) -> bool:
    """Whether one asks for a rise and the other tells of a fall, or the reverse."""
    rises, falls = bool(_RISES.search(question)), bool(_FALLS.search(question))
    if rises == falls:
        return False
    asked, other = (_RISES, _FALLS) if rises else (_FALLS, _RISES)
    return bool(other.search(sentence)) and not asked.search(sentence)


def _as_polarity(word: str) -> Polarity:
    return "yes" if word.lower() == "yes" else "no"
