"""Does an answer say that it cannot answer? One that hedges and then answers is no refusal."""

from __future__ import annotations

import re

from evals.judging.quantities import quantities
from evals.judging.sentences import sentences

_SHARE_IF_FIRST, _SHARE_IF_LAST = 0.3, 0.4
"""Least shares of sentences that admit a lack: where the first does, where only the last does."""
_CANNOT = (
    r"(?:cannot|can['’]t|can not|could not|couldn['’]t|unable to|not able to|impossible to"
    r"|not possible to)\b"
)
_LACKING = re.compile(
    r"(?i)(?:\b(?:no|not|cannot|unable|without|insufficient|impossible|difficult|never)\b|n['’]t\b)"
    r"(?:\W+\w+){0,6}?\W+(?:information|mention|evidence|data|detail|indication|context|access|provid"
    r"|stat(?:e|es|ed|ing)\b|specif|disclos|avail|includ|given|giv(?:e|ing)\b|found|contain|cover"
    r"|address|explicit|list|report(?:ed)?\b|present|answer|determin|calculat|confirm|assess|comput"
    r"|identif|conclu|find\b|know|enough|sufficient|clear|possible|say\b|tell\b|offer|discuss|show"
    r"|passage|document|excerpt|filing)"
)
"""Something is not in the text that was given."""
_UNABLE = re.compile(
    rf"(?i)\b{_CANNOT}|\b(?:do|does)(?: not|n['’]t) (?:\w+ )?(?:know|have)\b"
    r"|\bwould (?:need|have to|require)\b|\bplease (?:provide|check|refer|consult)\b"
    r"|\byou (?:will|should|can|could|may) (?:need|look|find|refer|check)\b"
    r"|\bif you (?:can|could|have|would|provide|share)\b"
)
"""The speaker cannot tell, or sends the reader elsewhere."""
_OPENING = re.compile(
    r"(?i)^\W*(?:n/?a\b|(?:it is )?un(?:known|clear)\b|i['’]?m sorry|i am sorry|sorry"
    r"|i apologi[sz]e|apologies|unfortunately|as an ai\b"
    r"|(?:as of my [^.]*?\b)?i (?:do not|don['’]t|cannot|can['’]t)\b)"
)
"""An answer that begins so turns to nothing but a number."""
_CLOSING = re.compile(
    rf"(?i)\b(?:i|we|it)(?: am| are| is|['’]m|['’]re|['’]s)? {_CANNOT}"
    r"|\bcannot be (?:answered|calculated|determined|confirmed)"
)
_TURN = re.compile(
    r"(?i)\b(?:we|i) can (?:\w+ )?(?:infer|estimate|calculate|conclude|see|deduce|find|make"
    r"|approximate|determine|derive|use)"
    r"|\b(?:therefore|thus|hence|so),? .*\b(?:is|was|are|were|would be|did|has|have|had|does)\b"
)
_DECIDED = re.compile(r"(?i)\W*(?:yes|no)\b[,.]")


def refusal(answer: str, *, wants_number: bool = False, denial_answers: bool = False) -> str | None:
    """The sentence that refuses, or None where the answer stands for something.

    `wants_number`: only a concluding number makes an answer of a text that admits a lack.
    `denial_answers`: to say that nothing is mentioned is to answer, as where there is nothing.
    """
    said = sentences(answer)
    lacks = [_lacks(each, wants_number, denial_answers) for each in said]
    if not any(lacks) or _DECIDED.match(answer):
        return None
    if wants_number and not lacks[0] and quantities(said[0]):
        return None
    strict = wants_number or bool(_OPENING.search(said[0]))
    turns = (each for each, lack in zip(said[1:], lacks[1:], strict=True) if not lack)
    if any(_TURN.search(each) and (quantities(each) or not strict) for each in turns):
        return None
    share = sum(lacks) / len(said)
    first = lacks[0] and (share >= _SHARE_IF_FIRST or bool(_OPENING.search(said[0])))
    last = lacks[-1] and (
        lacks[0] or wants_number or share >= _SHARE_IF_LAST or bool(_CLOSING.search(said[-1]))
    )
    return said[lacks.index(True)] if first or last else None


def admission(answer: str) -> str | None:
    """The first sentence that admits a lack, whatever else is said."""
    return next((each for each in sentences(answer) if _lacks(each, False, False)), None)


def _lacks(sentence: str, wants_number: bool, denial_answers: bool) -> bool:
    """Whether the sentence admits that something is not known or not there to be found."""
    if _UNABLE.search(sentence) or _OPENING.search(sentence):
        return True
    told = denial_answers or (wants_number and quantities(sentence))
    return not told and bool(_LACKING.search(sentence))
