"""When one quantity says the same as another.

A quantity is worth exactly what is written. What it leaves unsaid, its unit or scale, is that of
the question; what it says is never dropped or exchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from evals.judging.asked import Asked
from evals.judging.quantities import CURRENCIES, SHARES, Quantity

_FUZZ = 1e-9
_LEAST = 1000
"""By how much a number without a scale may fall short of the scale that the question names, to be
read as written out."""
_COARSEST = 0.1
"""How far an answer may be from the gold number that it rounds, or from a whole one rounded."""
_FORMATTED = 0.01
"""The same where noughts at the gold number's end may be mere formatting, as in $5466.00."""


def of_kind(found: Quantity, gold: Quantity, asked: Asked) -> bool:
    """Whether their units agree, or the one that is not said is left open."""
    wanted = gold.unit or (asked.currency if not asked.percent else "")
    if found.per_share > (asked.per_share or gold.per_share):
        return False
    if asked.per_share and found.scale > gold.scale:  # the whole amount beside it
        return False
    if not wanted and found.unit not in ("", *SHARES, *CURRENCIES) and (asked.counts or asked.pure):
        return found.unit in (asked.counts or {"times"})
    if found.unit == wanted or not found.unit:
        return not (wanted in SHARES and found.scale)
    if not wanted:
        return not (found.unit in CURRENCIES and (asked.percent or asked.pure))
    if {found.unit, wanted} == SHARES:
        return asked.points
    if {found.unit, wanted} <= {*SHARES, "times"}:
        return True
    return found.unit == "$" and wanted.endswith("$")  # a dollar that does not say which


def same(found: Quantity, gold: Quantity, asked: Asked) -> bool:
    """Whether `found` states the gold quantity: it rounds to it, or is it with one digit fewer."""
    return of_kind(found, gold, asked) and any(
        _equal(found, each, gold, other, asked)
        for each in _worths(found, asked, written_out=True)
        for other in _worths(gold, asked, written_out=False)
    )


def alike(one: Quantity, other: Quantity) -> bool:
    """Whether they are the same in size, whatever their signs; percent may be percentage points."""
    first, second = (replace(each, sign="", direction="") for each in (one, other))
    return same(first, second, Asked(points=True))


def _worths(quantity: Quantity, asked: Asked, *, written_out: bool) -> Iterator[float]:
    """What one of its number may be worth. `written_out`: it may have all its digits, and no need
    of the question's scale.
    """
    if quantity.unit in SHARES:
        yield 0.01
    elif quantity.scale or quantity.unit == "times":
        yield quantity.scale or 1.0
    else:
        yield asked.scale
        if written_out and asked.scale != 1 and quantity.number >= asked.scale / _LEAST:
            yield 1.0
        if asked.percent and not quantity.unit:
            yield 0.01


def _equal(found: Quantity, one: float, gold: Quantity, other: float, asked: Asked) -> bool:
    wanted = abs(gold.number * other)
    off = abs(
        _signed(found, asked, gold) * found.number * one - _signed(gold, asked, gold) * wanted
    )
    fuzz = _FUZZ * max(wanted, other)
    if off <= 10.0**-gold.decimals * other / 2 + fuzz:
        return bool(gold.decimals) or off <= wanted * _COARSEST + fuzz
    shown = _last_digit(gold) * other
    if off <= shown / 2 + fuzz and off <= wanted * _FORMATTED:
        return True
    coarser = 10 * shown
    rounded = abs(found.number * one / coarser - round(found.number * one / coarser)) < _FUZZ
    return rounded and off <= coarser / 2 + fuzz and off <= wanted * _COARSEST + fuzz


def _last_digit(quantity: Quantity) -> float:
    """What its last digit counts, noughts at its end left out: 0.1 for 8.70, 10 for 1,580."""
    written = f"{quantity.number:.{quantity.decimals}f}"
    whole, _, part = written.partition(".")
    if part.strip("0"):
        return 10.0 ** -len(part.rstrip("0"))
    return 10.0 ** (len(whole) - len(whole.rstrip("0"))) if whole.strip("0") else 1.0


def _signed(quantity: Quantity, asked: Asked, gold: Quantity) -> int:
    """-1 for less than nothing, else 1. Money paid may stand in parentheses."""
    if quantity.sign == "()" and asked.outflow and quantity is not gold:
        return _signed(gold, asked, gold)
    if asked.direction == "down" and quantity.sign != "-":
        risen = quantity.direction == "up" or quantity.sign == "+"
        return 1 if risen and quantity is not gold else -1
    return -1 if quantity.sign in ("-", "()") or quantity.direction == "down" else 1
