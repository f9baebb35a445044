"""Phrases by which a text says that something is not known to it or not there to be found."""

from __future__ import annotations

import re


def _any(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in phrases), re.IGNORECASE)


def _one_of(words: str, ending: str = "") -> str:
    return rf"(?:{'|'.join(words.split())}){ending}"


_SOURCES = _one_of(
    "text document context information filing evidence excerpt report statement data material"
    " source passage page section 10-[KQ] detail figure provided content it they",
    "s?",
)
_HOLDS = _one_of(
    "provid contain includ specif mention state stating give giving disclos have indicat offer"
    " address cover show reveal supply discuss detail list pertain present",
    r"\w*",
)
_GIVEN = _one_of(
    "provided stated mentioned available included given disclosed specified detailed present listed"
    " found clear"
)
_FACTS = _one_of(
    "information mention evidence data details? indication reference context figures? documents?"
    " statements? reports?"
)
_TELLING = _one_of(
    "answer determin calculat provid confirm assess comment comput giv find access identif conclu"
    " evaluat ascertain specif stat say directly offer perform retriev compare establish quantif"
    " verif analy[sz]",
    r"\w*",
)
_HAVING = _one_of(
    "access enough sufficient any information specific real up data direct current"
    r" the\s(?:necessary|specific|required|exact|information|data|financial|needed|ability)"
)
_PUBLISHED = _one_of(
    r"\S*latest official most\srecent annual financial company['’]s reliable website"
)
_NOT = r"(?:does not|doesn['’]t|do not|don['’]t|did not|didn['’]t)"
_HARDLY = r"(?: \w+ly)?"
_UNABLE = (
    r"(?:cannot|can['’]t|can not|could not|couldn['’]t|unable to|not able to|not possible to"
    r"|impossible to|not (?:enough|sufficient)(?: \w+){0,3} to|difficult to)"
)

LACKING = _any(
    rf"\b{_SOURCES}\b(?: \S+){{0,8}}? {_NOT}{_HARDLY}{_HARDLY} {_HOLDS}",
    rf"\b(?:is|are|was|were) not{_HARDLY} {_GIVEN}\b",
    rf"\b(?:isn|aren|wasn|weren)['’]t{_HARDLY} (?:{_GIVEN}|enough|any)\b",
    r"\b(?:there (?:is|are|was|were)|with|contains?|provides?|has|have|see)"
    rf" (?:no|not (?:any|enough|sufficient))(?: \w+,?){{0,4}}? {_FACTS}\b",
    r"\b(?:no|without) (?:specific|explicit|direct|relevant|further|additional|such|the|more)"
    rf"(?: \w+){{0,4}}? {_FACTS}\b",
    r"\bwithout access to\b",
)
"""Something is not in the text that was given."""

UNABLE = _any(
    rf"\b{_UNABLE}(?: be)?{_HARDLY}(?: be)? (?:\w+ or )?{_TELLING}",
    rf"\b(?:do not|don['’]t|does not|doesn['’]t) (?:\w+ly )?(?:know|have (?:\w+ )?{_HAVING})",
    r"\b(?:you['’]d|we['’]d|would) (?:\w+ly )?(?:need|have to|require)\b",
    r"\bif you (?:can |could |have |would )?(?:provide|share|the|access)",
    r"\bplease (?:provide|check|refer|consult)",
    r"\b(?:recommend|refer to|consult|check|visit|review)(?:ing|ed)? (?:\w+ )?(?:to )?(?:\w+ )?"
    rf"(?:\S+ )?{_PUBLISHED}",
)
"""The speaker cannot tell, or sends the reader elsewhere."""

OPENING = re.compile(
    r"^\W*(?:i['’]?m sorry|i am sorry|sorry|i apologi[sz]e|apologies|unfortunately|as an ai\b"
    r"|i (?:do not|don['’]t|cannot|can['’]t)\b"
    r"|as of my [^.]*?\bi (?:do not|don['’]t|cannot|can['’]t)\b)",
    re.IGNORECASE,
)
"""An answer that begins so refuses, unless it turns to an answer later."""

APOLOGY = re.compile(r"^\W*(?:i['’]?m sorry|i am sorry|sorry)", re.IGNORECASE)
"""An answer that begins so turns to nothing but a number."""

CLOSING = _any(
    r"\b(?:i|we)(?: am| are|['’]m|['’]re)? (?:cannot|can['’]t|could not|unable to)\b",
    r"\b(?:is|it['’]s) (?:not possible|impossible) to\b",
    r"\bcannot be (?:answered|calculated|determined)",
)
"""An answer that ends so refuses."""
