"""What a table's figures are counted in."""

from __future__ import annotations

import re
from collections.abc import Sequence

from components.answerers.extractive.passages import Passage
from components.answerers.extractive.periods import is_year

_SCALE = re.compile(
    r"\((?:[^()]{0,60}?\bin\s+)?(thousands|millions|billions)\b[^()]{0,80}\)"
    r"|\b(?:dollars|amounts?|figures|data|usd|eur)\s+(?:are\s+)?(?:\w+\s+)?in\s+"
    r"(thousands|millions|billions)\b"
    r"|\bin\s+(thousands|millions|billions)\s+of\b"
    r"|^[^\w\n]*(?:in\s+)?(?:[$€£]\s?)?(thousands|millions|billions)\b"
    r"|(?:(?<=[$€£])|(?-i:\b[A-Z]{3}))\s?['’‘]?((?-i:m)|millions?|000s?)\b|(?<!\w)(['’‘]000s?)\b",
    re.IGNORECASE | re.MULTILINE,
)
_WORDS = {"m": "millions", "million": "millions"}
SCALES = {"": 1.0, "thousands": 1e3, "millions": 1e6, "billions": 1e9}
"""What a figure is worth in each."""
_UNSCALED = re.compile(r"\bper\b|%|\bratio\b|\brate\b|\bpercent", re.IGNORECASE)


def scale(passage: Passage, at: int, others: Sequence[Passage]) -> str:
    """`thousands`, `millions`, `billions`, or nothing where no text says it.

    The nearest statement before the figure counts, in its own passage or in an earlier one of the
    document; otherwise the nearest after it.
    """
    own = [(passage.place + place, word) for place, word in _stated(passage.text)]
    same = (each for each in others if each.document_id == passage.document_id)
    said = own or [
        (each.place + place, word) for each in same for place, word in _stated(each.text)
    ]
    here = passage.place + at
    before = [each for each in said if each[0] <= here]
    found = max(before, default=None) or min(said, default=None)
    return found[1] if found else ""


def scaled(label: str, figure: str) -> bool:
    """Whether a scale can apply: not to shares, rates, years and what is counted per piece."""
    return not is_year(figure) and not _UNSCALED.search(f"{label} {figure}")


def _stated(text: str) -> list[tuple[int, str]]:
    found = (
        (each.start(), next(filter(None, each.groups())).lower()) for each in _SCALE.finditer(text)
    )
    return [(at, "thousands" if "000" in word else _WORDS.get(word, word)) for at, word in found]
