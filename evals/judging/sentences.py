"""Sentences of an answer, lists and formulas included."""

from __future__ import annotations

import re

_END = re.compile(
    r"(?:(?<=[.!?])|(?<=[.!?][\"”')]))(?<!\bInc\.)(?<!\bCo\.)(?<!\bCorp\.)(?<!\bLtd\.)"
    r"(?<!\bvs\.)(?<!\be\.g\.)(?<!\bi\.e\.)"
    r"(?<!\bU\.S\.)(?<!\bNo\.)(?<!\b[A-Z]\.)(?<!^\d\.)(?<!\n\d\.)\s+(?=[\"“(*]*[A-Z0-9$])|\n+"
)


def sentences(text: str) -> list[str]:
    """In order, without blank ones; a line always ends a sentence."""
    return [text[start:end] for start, end in spans(text)]


def spans(text: str) -> list[tuple[int, int]]:
    """Where the sentences are: first character, and the one after the last."""
    ends = [*_END.finditer(text)]
    starts = [0, *(each.end() for each in ends)]
    stops = [*(each.start() for each in ends), len(text)]
    found = (_stripped(text, *each) for each in zip(starts, stops, strict=True))
    return [each for each in found if each[0] < each[1]]


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())
