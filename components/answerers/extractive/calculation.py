"""What a question wants, worked out from the figures of one document's tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Literal

from components.answerers.extractive.formulas import Formula, Operand, Operation
from components.answerers.extractive.measures import Measure, Measures
from components.answerers.extractive.operands import Figure, Tables
from components.answerers.extractive.periods import Period
from components.answerers.extractive.wanted import Over, Wanted, Way
from components.answerers.extractive.words import Words

Kind = Literal["amount", "percent", "points", "ratio"]
_REVENUE = Operand("revenue")
_MARGIN = re.compile(r"(.+?)\s*(?:%|percent(?:age)?)?\s+margins?\b", re.IGNORECASE)
"""Of something that has no margin of its own in the catalogue: its share of revenue."""
_DEEPEST = 6
"""Formulas within formulas."""


@dataclass(frozen=True, slots=True)
class Value:
    """A number and how it was come by."""

    number: float
    kind: Kind
    """`percent`: 12.3 stands for 12.3 %; `points`: of percentages."""
    figures: tuple[Figure, ...]
    steps: str = ""
    """The calculation, with its figures; nothing where it is a figure itself."""
    period: Period | None = None

    @property
    def figure(self) -> Figure | None:
        """The figure that it is, where nothing was calculated."""
        return None if self.steps else self.figures[0]


@dataclass(frozen=True, slots=True)
class Result:
    """What was asked for."""

    name: str
    over: Over
    values: tuple[Value, ...]
    """Of each period; those that `final` was worked out from."""
    final: Value | None = None
    """Of all periods, where one value is wanted."""
    lower: bool = False
    """Whether less is better."""
    way: Way = ""
    """What a change in `final` says."""

    @property
    def calculated(self) -> bool:
        """Whether its values are more than figures of a row."""
        return any(each.steps for each in self.values)

    @property
    def figures(self) -> list[Figure]:
        return [each for value in self.values for each in value.figures]


@dataclass(frozen=True)
class Calculation:
    """Works out what is wanted, with one document's tables."""

    wanted: Wanted
    tables: Tables
    measures: Measures
    known: Words
    _depth: list[str] = field(default_factory=list)

    def result(self) -> Result | None:
        """None where an operand is missing."""
        wanted = self.wanted
        periods = list(wanted.periods) or self._periods()
        found = self._values(wanted.what, periods)
        if not found:
            return None
        measure = self._measure(wanted.name)
        figure = found[0].figure
        name = figure.label if figure else measure.name if measure else wanted.name
        lower = measure.lower if measure else bool(self.known.stems(name) & self.known.outflow)
        made = Result(name, wanted.over, tuple(found), None, lower)
        if wanted.over in ("each", "direction"):
            enough = wanted.over == "each" or len(found) > 1
            return made if enough else None
        fell = found[0].number > found[-1].number
        turned = wanted.over == "change" and (
            wanted.way == "down" or (wanted.way == "apart" and fell)
        )
        final = _over(wanted.over, found[::-1] if turned else found)
        return replace(made, final=final, way=wanted.way) if final else None

    def _periods(self) -> list[Period]:
        """Where none is asked for: all of the row's for an average, both for a change."""
        over = self.wanted.over
        first = _first(self.wanted.what)
        if over == "each" or first is None:
            return []
        years = self.tables.years(first.name)
        return years if over == "average" or len(years) == 2 else []

    def _values(self, what: Formula, periods: Sequence[Period]) -> list[Value]:
        """One for each period; empty where one is missing. Without periods the newest."""
        if isinstance(what, float):
            return [Value(what, "ratio", (), f"{what:g}")] * max(1, len(periods))
        if isinstance(what, Operation):
            left, right = self._values(what.left, periods), self._values(what.right, periods)
            pairs = zip(left, right, strict=False)
            made = [_operated(what.sign, one, other) for one, other in pairs]
            return _whole(made)
        return self._operand(what, periods)

    def _operand(self, what: Operand, periods: Sequence[Period]) -> list[Value]:
        if what.periods and not what.over:
            own = self._named(what.name, what.periods)
            return own[-1:] * max(1, len(periods)) if len(own) == 1 else []
        if not what.over:
            return self._named(what.name, periods)
        made: list[Value | None] = []
        for period in periods:
            both = sorted(what.periods, key=lambda each: each.year) or [period.before, period]
            found = self._named(what.name, both)
            made.append(_over("average" if what.over == "average" else "change", found))
        return _whole(made)

    def _named(self, name: str, periods: Sequence[Period]) -> list[Value]:
        """By the question's definition, a row, the catalogue; a margin by revenue."""
        if len(self._depth) > _DEEPEST or name in self._depth:
            return []
        self._depth.append(name)
        try:
            return self._looked_up(name, periods)
        finally:
            self._depth.pop()

    def _looked_up(self, name: str, periods: Sequence[Period]) -> list[Value]:
        defined = self.wanted.defined.get(self.known.stems(name))
        if defined is not None and len(self._depth) > 1:
            return self._values(defined, periods)
        measure = self._measure(name)
        unit = measure.unit if measure else None
        found = self.tables.find(name, periods, share=unit == "%")
        if found:
            return [_read(each, unit) for each in found.values()]
        for each in measure.formulas if measure else ():
            values = self._values(each, periods)
            if values:
                return [_percent(value) for value in values] if unit == "%" else values
        part = _MARGIN.match(name) if measure is None else None
        if part:
            values = self._values(Operation("/", Operand(part[1]), _REVENUE), periods)
            return [_percent(each) for each in values]
        return []

    def _measure(self, name: str) -> Measure | None:
        stems = self.known.stems(self.known.alone(name))
        return self.measures.named(stems - self.tables.named, self.known)


def difference(one: Value, other: Value) -> Value:
    """How much more the one is than the other, both being of a kind."""
    moved = _made("-", one, other, one.number - other.number, one.kind)
    return replace(moved, kind="points") if moved.kind == "percent" else moved


def _first(what: Formula) -> Operand | None:
    if isinstance(what, Operation):
        return _first(what.left) or _first(what.right)
    return None if isinstance(what, float) else what


def _read(figure: Figure, unit: str | None) -> Value:
    kind: Kind = "percent" if figure.share else "amount" if unit is None else "ratio"
    number = figure.value if kind == "amount" else figure.number
    return Value(number, kind, (figure,), "", figure.period)


def _whole(made: Sequence[Value | None]) -> list[Value]:
    found = [each for each in made if each is not None]
    return found if len(found) == len(made) else []


def _operated(sign: str, one: Value, other: Value) -> Value | None:
    """None where it makes no number: by zero, of a percentage and an amount, or where the scale of
    one amount is not known.
    """
    left, right = one.number, other.number
    scales = [
        {figure.scale for figure in each.figures if not figure.share} for each in (one, other)
    ]
    if all(scales) and ("" in scales[0]) != ("" in scales[1]):
        return None
    if sign == "/":
        kind: Kind = "ratio" if one.kind == other.kind else one.kind
        return _made(sign, one, other, left / right, kind) if right else None
    if sign == "*":
        kind = other.kind if one.kind == "ratio" else one.kind
        return _made(sign, one, other, left * right, kind)
    if one.kind != other.kind and one.figures and other.figures:
        return None
    return _made(sign, one, other, left + right if sign == "+" else left - right, one.kind)


def _made(sign: str, one: Value, other: Value, number: float, kind: Kind) -> Value:
    steps = f"{_shown(one, sign)} {sign} {_shown(other, sign, right=True)}"
    return Value(number, kind, (*one.figures, *other.figures), steps, one.period or other.period)


def _shown(value: Value, sign: str, *, right: bool = False) -> str:
    """As an operand: a figure by its label, a calculation in parentheses where they matter."""
    figure = value.figure
    if figure is not None:
        return f"{figure.label} {figure.text}"
    compound = " + " in value.steps or " - " in value.steps or " / " in value.steps
    return f"({value.steps})" if compound and (sign in "*/" or right) else value.steps


def _percent(value: Value) -> Value:
    """A ratio as a percentage."""
    if value.kind != "ratio":
        return value
    return replace(value, number=100 * value.number, kind="percent")


def _over(over: Over, values: Sequence[Value]) -> Value | None:
    """One value of several; None where they make none."""
    if len(values) < 2:
        return None
    first, last = values[0], values[-1]
    figures = tuple(each for value in values for each in value.figures)
    if over == "average":
        told = " + ".join(_shown(each, "/") for each in values)
        return Value(
            fmean(each.number for each in values),
            first.kind,
            figures,
            f"({told}) / {len(values)}",
            last.period,
        )
    if over == "total":
        told = " + ".join(_shown(each, "+") for each in values)
        return Value(sum(each.number for each in values), first.kind, figures, told, last.period)
    if over == "change":
        return difference(last, first)
    if first.number <= 0:  # a change by a negative number has no sign that means anything
        return None
    if over == "growth":
        steps = f"({_shown(last, '-')} - {_shown(first, '-', right=True)}) / {_shown(first, '/')}"
        return Value(
            100 * (last.number - first.number) / first.number,
            "percent",
            figures,
            steps,
            last.period,
        )
    years = last.period.year - first.period.year if last.period and first.period else 0
    if not years or last.number / first.number <= 0:
        return None
    steps = f"({_shown(last, '/')} / {_shown(first, '/')}) ^ (1 / {years}) - 1"
    rate = (last.number / first.number) ** (1 / years) - 1
    return Value(100 * rate, "percent", figures, steps, last.period)
