"""What a question says of the number that it asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from evals.judging.quantities import scale_of

_IN_SCALE = re.compile(r"\b(thousand|million|billion)s?\b", re.IGNORECASE)
_PERCENT = re.compile(r"%|\bper\s?cent|\bmargin\b|\brate\b|\bgrowth\b", re.IGNORECASE)
_MAGNITUDE = re.compile(
    r"\bcapex\b|\bcapital expenditures?|\bpaid\b|\bpayments?\b|\bpurchases?\b|\brepurchases?\b"
    r"|\bdividends?\b|\bexpenses?\b|\bcosts?\b|\bdecreas|\bdeclin|\bdrop|\bloss(?:es)?\b"
    r"|\breduc(?:ed|tion)|\boutflow",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The scale asked for (1e6 for "in USD millions", 1 for none), and whether a percentage or a
    magnitude is asked for, where minus and plus mean the same.
    """

    scale: float = 1.0
    percent: bool = False
    magnitude: bool = False


def asked(question: str) -> Asked:
    """What the question says of its number."""
    scale = _IN_SCALE.search(question)
    return Asked(
        scale=scale_of(scale[1] if scale else ""),
        percent=bool(_PERCENT.search(question)),
        magnitude=bool(_MAGNITUDE.search(question)),
    )
