"""When two quantities are the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor

from evals.judging.asked import Asked
from evals.judging.quantities import Quantity

_ROUNDING = 1e-9
_COARSEST = 3
_LEAST_ROUNDED = 10


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a quantity may be from the gold one. Equal to rounding is always near enough."""

    relative: float = 0.002
    """Largest difference, as a share of the gold quantity."""
    truncated: bool = True
    """Whether digits may be cut off where they should have been rounded."""
    coarser: bool = True
    """Whether fewer digits than the gold quantity has will do: three, or two of a percentage."""


def same(found: Quantity, gold: Quantity, asked: Asked, tolerance: Tolerance) -> bool:
    """Whether `found` states the gold quantity, in any reading that the texts leave open."""
    return any(
        _near(reading, unit, found, gold, asked, tolerance)
        for reading, unit in _readings(found, gold, asked)
    )


def _readings(found: Quantity, gold: Quantity, asked: Asked) -> Iterator[tuple[float, float]]:
    """What `found` is in the units of gold's number, and what one of its own units is there."""
    share = {"percent", "points"}
    if gold.unit in share:
        yield found.number, 1.0
        if found.unit not in share:
            yield found.number * 100, 100.0
        return
    if found.unit in share:
        yield found.number / 100, 0.01
        if asked.percent and abs(gold.number) >= 1:
            yield found.number, 1.0
        return
    gold_scale = gold.scale if gold.scale != 1 else asked.scale
    if found.scale != 1:
        ratio = found.scale / gold_scale
        yield found.number * ratio, ratio
        if gold_scale == 1:
            yield found.number, 1.0
        return
    yield found.number, 1.0
    if asked.percent and abs(gold.number) < 1:
        yield found.number / 100, 0.01
    if gold_scale != 1:
        yield found.number / gold_scale, 1 / gold_scale
        if gold_scale > 1e3:
            yield found.number * 1e3 / gold_scale, 1e3 / gold_scale


def _near(
    reading: float,
    unit: float,
    found: Quantity,
    gold: Quantity,
    asked: Asked,
    tolerance: Tolerance,
) -> bool:
    target = gold.number
    if asked.magnitude or found.falling or gold.falling:
        reading, target = abs(reading), abs(target)
    if abs(reading - target) <= abs(target) * tolerance.relative + _ROUNDING:
        return True
    if _rounds(reading, target, _digits(gold), tolerance.truncated):
        return True
    return tolerance.coarser and _coarser(reading / unit, target / unit, found)


def _rounds(exact: float, rounded: float, digits: int, truncated: bool) -> bool:
    step = 10.0**-digits
    if abs(exact - rounded) <= step / 2 + _ROUNDING:
        return digits > 0 or abs(rounded) >= _LEAST_ROUNDED
    cut = floor(abs(exact) / step + _ROUNDING) * step
    kept = digits > 0 and exact * rounded > 0
    return truncated and kept and abs(cut - abs(rounded)) < step * _ROUNDING + _ROUNDING


def _digits(gold: Quantity) -> int:
    """Decimals of the gold number, without noughts at its end."""
    written = f"{gold.number:.{gold.decimals}f}"
    return len(written.rstrip("0").partition(".")[2]) if "." in written else 0


def _coarser(found: float, gold: float, quantity: Quantity) -> bool:
    """Whether the gold quantity rounds to the digits that `quantity` is written with."""
    significant = len(f"{abs(quantity.number):.{quantity.decimals}f}".replace(".", "").lstrip("0"))
    fewest = _COARSEST - 1 if quantity.unit in ("percent", "points") else _COARSEST
    if significant < fewest:
        return False
    return abs(found - gold) <= 10.0**-quantity.decimals / 2 + _ROUNDING
