"""A result in words: the figure or the conclusion, and the calculation with its figures."""

from __future__ import annotations

from collections.abc import Sequence

from components.answerers.extractive.calculation import Result, Value
from components.answerers.extractive.question import Question
from components.answerers.extractive.scales import SCALES
from components.answerers.extractive.words import Words

_SINGULAR = {"thousands": "thousand", "millions": "million", "billions": "billion"}
_RATIO = 2
"""Decimals of a ratio or a percentage where none are asked for."""
_FEW = 0.0005


def told(result: Result, asked: Question, known: Words) -> str:
    """One or two sentences; the first has what was asked for."""
    if result.over == "direction":
        return _direction(result, asked, known)
    if result.final is not None:
        return _worked_out(_final_name(result), result.final, asked)
    if len(result.values) == 1:
        value = result.values[0]
        name = _dated(result.name, value)
        return f"{name}: {_figure(value, asked)}" if value.figure else _worked_out(name, value, asked)
    each = "; ".join(f"{value.period}: {_figure(value, asked)}" for value in result.values)
    return f"{result.name}, {each}{_steps(result.values)}"


def _worked_out(name: str, value: Value, asked: Question) -> str:
    units = {each.scale for each in value.figures if each.scale}
    unit = f" ({_unit(value)})" if len(units) == 1 else ""
    return f"{name}: {_figure(value, asked)} = {value.steps}{unit}"


def _steps(values: Sequence[Value]) -> str:
    """The calculation of each period, in parentheses; nothing where they are figures."""
    steps = "; ".join(f"{each.period}: {each.steps}" for each in values if each.steps)
    return f" ({steps})" if steps else ""


def _unit(value: Value) -> str:
    return next(each.scale for each in value.figures if each.scale)


def _dated(name: str, value: Value) -> str:
    return f"{name}, {value.period}" if value.period else name


def _final_name(result: Result) -> str:
    first, last = result.values[0].period, result.values[-1].period
    told = {
        "average": "Average",
        "total": "Total",
        "change": "Decrease in" if result.down else "Change in",
        "growth": "Percentage change of",
        "cagr": "Compound annual growth rate of",
    }[result.over]
    return f"{told} {result.name}, {first} to {last}"


def _direction(result: Result, asked: Question, known: Words) -> str:
    """Yes or no where one direction is asked for, and how it moved."""
    first, last = result.values[0], result.values[-1]
    moved = last.number - first.number
    small = abs(moved) <= _FEW * abs(first.number)
    way = "was unchanged" if small else "rose" if moved > 0 else "fell"
    name = result.name
    said = (
        f"{name} {way} from {_figure(first, asked)} ({first.period}) "
        f"to {_figure(last, asked)} ({last.period})"
    )
    shown = f"{said}{_steps((first, last))}"
    wanted = _asked_ways(asked, result, known)
    if len(wanted) != 1:
        return shown
    yes = not small and (moved > 0) == (wanted == {"up"})
    return f"{'Yes' if yes else 'No'}: {shown}"


def _asked_ways(asked: Question, result: Result, known: Words) -> set[str]:
    """`up` or `down`, both or none."""
    stems = known.stems(asked.focus)
    better, worse = ("down", "up") if result.lower else ("up", "down")
    ways = {"up": known.up, "down": known.down}
    found = {way for way, words in ways.items() if words & stems}
    found |= {better} if known.better & stems else set()
    return found | ({worse} if known.worse & stems else set())


def _figure(value: Value, asked: Question) -> str:
    """With its unit and scale, those that are asked for where it has one."""
    if value.kind == "percent" or (value.kind == "ratio" and asked.percent):
        number = value.number if value.kind == "percent" else 100 * value.number
        return f"{_number(number, asked.decimals)}%"
    if value.kind == "ratio":
        return _number(value.number, asked.decimals)
    own = next((each.scale for each in value.figures if each.scale), "")
    scale = asked.scale if asked.scale and own else own
    money = _currency(value.figures and [each.text for each in value.figures], asked)
    figure = value.figure
    if figure is not None and scale == own:
        told = figure.text.strip("$€£¥₹ ()-−–") if figure.number >= 0 else figure.text
        told = f"-{told.strip('$€£¥₹ ()-−–')}" if figure.number < 0 else told
    else:
        told = _number(value.number / SCALES[scale], asked.decimals, of=value)
    sign, told = ("-", told[1:]) if told.startswith("-") else ("", told)
    return f"{sign}{money}{told}{f' {_SINGULAR[scale]}' if scale else ''}"


def _number(number: float, decimals: int | None, of: Value | None = None) -> str:
    if decimals is None and of is not None:
        decimals = _decimals(of, number)
    return f"{number:,.{_RATIO if decimals is None else decimals}f}"


def _decimals(value: Value, number: float) -> int:
    """As many as its figures have, or more where it takes more to show it."""
    had = max((len(each.text.partition(".")[2].rstrip("%) ")) for each in value.figures), default=0)
    return next((each for each in (had, had + 1) if abs(round(number, each) - number) < 1e-9), _RATIO)


def _currency(texts: Sequence[str], asked: Question) -> str:
    return next((each for text in texts for each in "$€£¥₹" if each in text), "")
