"""Formulas as people write them: `net income / average total assets`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.answerers.extractive.periods import Period, periods, without_periods

_PARTS = re.compile(
    r"(\s[-–−]\s|\bdivided\s+by\b|\bminus\b|\bplus\b|\btimes\b|[()+*×÷/])", re.IGNORECASE
)
_SIGNS = {"–": "-", "−": "-", "minus": "-", "plus": "+", "times": "*", "×": "*", "÷": "/"}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_OVER = re.compile(
    r"(?:the\s+)?(average|change\s+in|increase\s+in)\s+(?:of\s+|the\s+)*", re.IGNORECASE
)
_BETWEEN = re.compile(r"\s+(?:between|from|for|in|of)\s*(?:and|to|through|[-–,]|\s)*\s*$")


@dataclass(frozen=True, slots=True)
class Operand:
    """Something that a table or another formula gives."""

    name: str
    over: str = ""
    """`average` of two periods, `change` between them, or nothing: of the period itself."""
    periods: tuple[Period, ...] = ()
    """Those that the formula says itself."""


@dataclass(frozen=True, slots=True)
class Operation:
    """`sign` is one of + - * /."""

    sign: str
    left: Formula
    right: Formula


Formula = Operand | Operation | float


def formula(text: str) -> Formula | None:
    """What the text says; None where it cannot be read. `*` and `/` bind more than `+` and `-`.

    What stands in parentheses after a name explains the name.
    """
    parts = [each.strip() for each in _PARTS.split(text) if each.strip(" .,;:\n")]
    left = [_sign(each) for each in parts]
    found = _sum(left)
    return found if found is not None and not left else None


def operand(text: str) -> Operand:
    """A name with what it is taken over, and the periods that stand beside it."""
    over = _OVER.match(text)
    name = " ".join(without_periods(text[over.end() :] if over else text).split())
    named = _BETWEEN.sub("", name + " ").strip(" .,;:") or name
    return Operand(named, over[1].split()[0].lower() if over else "", tuple(periods(text)))


def _sign(part: str) -> str:
    told = " ".join(part.lower().split())
    return "/" if told == "divided by" else _SIGNS.get(told, part)


def _sum(left: list[str]) -> Formula | None:
    found = _product(left)
    while found is not None and left and left[0] in "+-":
        sign, other = left.pop(0), _product(left)
        found = Operation(sign, found, other) if other is not None else None
    return found


def _product(left: list[str]) -> Formula | None:
    found = _factor(left)
    while found is not None and left and left[0] in "*/":
        sign, other = left.pop(0), _factor(left)
        found = Operation(sign, found, other) if other is not None else None
    return found


def _factor(left: list[str]) -> Formula | None:
    if not left or left[0] in ")+-*/":
        return None
    first = left.pop(0)
    if first == "(":
        found = _sum(left)
        return found if left and left.pop(0) == ")" else None
    if _NUMBER.fullmatch(first):
        return float(first)
    if left and left[0] == "(":
        _skip(left)
    return operand(first)


def _skip(left: list[str]) -> None:
    depth = 0
    while left:
        depth += {"(": 1, ")": -1}.get(left.pop(0), 0)
        if not depth:
            return
