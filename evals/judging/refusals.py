"""Does an answer say that it cannot answer?

One that hedges and then answers is no refusal.
"""

from __future__ import annotations

import re

from evals.judging.lacks import APOLOGY, CLOSING, LACKING, OPENING, UNABLE
from evals.judging.quantities import quantities
from evals.judging.sentences import sentences

_SHARE_IF_FIRST, _SHARE_IF_LAST = 0.3, 0.4
"""Least shares of sentences that admit a lack: where the first does, where only the last does."""
_TURN = re.compile(
    r"\b(?:we|i) can (?:\w+ )?(?:infer|estimate|calculate|conclude|see|deduce|find|make|approximate"
    r"|determine|derive|use)"
    r"|\b(?:therefore|thus|hence|so),? .*\b(?:is|was|are|were|would be|did|has|have|had|does)\b",
    re.IGNORECASE,
)


def admits(sentence: str) -> bool:
    """Whether the sentence says that something is not known or not there to be found."""
    return bool(LACKING.search(sentence)) or _unable(sentence)


def refusal(answer: str, *, wants_number: bool = False, denial_answers: bool = False) -> str | None:
    """The sentence that refuses, or None where the answer stands for something.

    `wants_number`: only a concluding number makes an answer of a text that admits a lack.
    `denial_answers`: to say that nothing is mentioned is to answer, as where there is nothing.
    """
    said = sentences(answer)
    unable = _unable if denial_answers else admits
    lacking = [each for each in said if unable(each)]
    if not lacking or _turns(said, wants_number or bool(APOLOGY.search(said[0]))):
        return None
    first, last = unable(said[0]), unable(said[-1])
    share = len(lacking) / len(said)
    refused = (
        bool(OPENING.search(said[0]) or CLOSING.search(said[-1]))
        or (last and (first or wants_number or share >= _SHARE_IF_LAST))
        or (first and share >= _SHARE_IF_FIRST)
        or len(lacking) == len(said)
    )
    return lacking[0] if refused else None


def _unable(sentence: str) -> bool:
    return bool(UNABLE.search(sentence) or OPENING.search(sentence))


def _turns(said: list[str], wants_number: bool) -> bool:
    """Whether a sentence after the first concludes and admits no lack."""
    return any(
        _TURN.search(each) and not admits(each) and (quantities(each) or not wants_number)
        for each in said[1:]
    )
