"""A result in words: the figure or the conclusion, and the calculation with its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from components.answerers.extractive.calculation import Result, Value, difference
from components.answerers.extractive.operands import Figure
from components.answerers.extractive.question import Question
from components.answerers.extractive.scales import SCALES
from components.answerers.extractive.words import Words

_SINGULAR = {"thousands": "thousand", "millions": "million", "billions": "billion"}
_RATIO = 2
"""Decimals of a ratio or a percentage where none are asked for."""


def told(result: Result, asked: Question, known: Words) -> str:
    """What was asked for, then the calculation, where there is one."""
    if result.over == "direction":
        said = _direction(result, asked, known)
    elif result.final is not None:
        said = f"{_final_name(result)}: {_figure(result.final, asked)}"
    elif len(result.values) == 1:
        value = result.values[0]
        said = f"{_dated(result.name, value)}: {_figure(value, asked)}"
    else:
        each = "; ".join(f"{value.period}: {_figure(value, asked)}" for value in result.values)
        said = f"{result.name}, {each}"
    values = [result.final] if result.final else result.values
    steps, cells = _steps(values), _cells(values, asked)
    shown = f". Calculation: {steps}." if steps else f". In the table: {cells}." if cells else ""
    return f"{said[:1].upper()}{said[1:]}{shown}"


def _steps(values: Sequence[Value]) -> str:
    """The calculations, with the scale of their figures; nothing where all are figures."""
    shown = [each for each in values if each.steps]
    dates = [f"{each.period}: " if len(shown) > 1 else "" for each in shown]
    steps = "; ".join(f"{date}{each.steps}" for date, each in zip(dates, shown, strict=True))
    units = {figure.scale for each in shown for figure in each.figures if not figure.share}
    return f"{steps} (in {', '.join(units)})" if steps and len(units - {""}) == 1 else steps


def _cells(values: Sequence[Value], asked: Question) -> str:
    """Figures that are told in another way than the table has them."""
    figures = [each.figure for each in values if each.figure and asked.scale and each.figure.scale]
    units = {each.scale for each in figures}
    same = units <= {asked.scale} and not any("." in each.text for each in figures)
    texts = "; ".join(each.text for each in figures)
    return "" if same or not figures else f"{texts} (in {', '.join(units)})"


def _dated(name: str, value: Value) -> str:
    return f"{name}, {value.period}" if value.period else name


def _final_name(result: Result) -> str:
    first, last = result.values[0].period, result.values[-1].period
    told = {
        "average": "Average",
        "total": "Total",
        "change": {"": "Change in", "down": "Decrease in", "apart": "Difference in"}[result.way],
        "growth": "Percentage change of",
        "cagr": "Compound annual growth rate of",
    }[result.over]
    return f"{told} {result.name}, {first} to {last}"


def _direction(result: Result, asked: Question, known: Words) -> str:
    """Yes or no where one direction is asked for, and how it moved."""
    first, last = result.values[0], result.values[-1]
    moved = difference(last, first)
    still = not round(moved.number, 9)
    way = "rose" if moved.number > 0 else "fell"
    by = "" if still else f" by {_figure(replace(moved, number=abs(moved.number)), asked)},"
    said = (
        f"{result.name} {'was unchanged' if still else way}{by} from {_figure(first, asked)} "
        f"({first.period}) to {_figure(last, asked)} ({last.period})"
    )
    wanted = _asked_ways(asked, result, known)
    if len(wanted) != 1:
        return said
    yes = not still and (moved.number > 0) == (wanted == {"up"})
    return f"{'Yes' if yes else 'No'}: {said}"


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
        return f"{_number(number, asked.decimals, of=value if value.figure else None)}%"
    if value.kind == "points":
        return f"{_number(value.number, asked.decimals)} percentage points"
    if value.kind == "ratio":
        return _number(value.number, asked.decimals, of=value if value.figure else None)
    own = next((each.scale for each in value.figures if each.scale), "")
    scale = asked.scale if asked.scale and own else own
    money = _currency(value.figures)
    figure = value.figure
    if asked.scale and own:
        number = value.number / SCALES[scale]
        told = f"{number:,.{_rounded(number, asked)}f}"
    elif figure is not None:
        told = figure.text.strip("$€£¥₹ ()-−–")
        told = f"-{told}" if figure.number < 0 else told
    else:
        told = _number(value.number / SCALES[scale], asked.decimals, of=value)
    sign, told = ("-", told[1:]) if told.startswith("-") else ("", told)
    return f"{sign}{money}{told}{f' {_SINGULAR[scale]}' if scale else ''}"


def _rounded(number: float, asked: Question) -> int:
    """Decimals in a scale that is asked for: whole thousands and millions, billions to the tenth,
    but two digits at least.
    """
    if asked.decimals is not None:
        return asked.decimals
    usual = 1 if asked.scale == "billions" else 0
    return next((each for each in (usual, usual + 1) if abs(number) * 10**each >= 10), usual + 2)


def _number(number: float, decimals: int | None, of: Value | None = None) -> str:
    if decimals is None and of is not None:
        decimals = _decimals(of, number)
    return f"{number:,.{_RATIO if decimals is None else decimals}f}"


def _decimals(value: Value, number: float) -> int:
    """As many as its figures have, or more where it takes more to show it."""
    had = max((len(each.text.partition(".")[2].rstrip("%) ")) for each in value.figures), default=0)
    return next(
        (each for each in (had, had + 1) if abs(round(number, each) - number) < 1e-9), _RATIO
    )


def _currency(figures: Sequence[Figure]) -> str:
    return next((each for figure in figures for each in "$€£¥₹" if each in figure.text), "")
