"""Plots as SVG text, readable in black and white: shapes and labels tell systems apart, not colour.

Colours are those of Okabe and Ito, which people with any kind of colour vision can tell apart.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from math import ceil
from typing import TYPE_CHECKING, Any

from evals import extras
from evals.compare.outcome import Likeness, Measured
from evals.significance.comparison import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes

History = Mapping[str, Sequence[float | None]]
"""A metric over runs, by system; None where a system was not in a run."""
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_CURVES = 6
"""That can be told apart in one plot."""
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
_HATCHES = ("", "//", "..", "xx")
_LINES = ("-", "--", "-.", ":")
_ROW = 0.42
"""Inches of a comparison's row."""
_WIDTH = 8.0
_LINE = 0.24
"""Inches of a line of names."""
_TOLD = ("Creator", "Date", "Format", "Type")
"""What matplotlib says of a file unless it is told not to."""
_LETTERS, _MARKED = 86, 8
"""Of a line of names, and of what stands before a name."""


def differences(comparisons: Sequence[Comparison]) -> str:
    """Each difference with its interval; the line at 0 says "no difference"."""
    with _figure(1.1 + _ROW * len(comparisons)) as (axes, drawn):
        for row, each in enumerate(reversed(comparisons)):
            axes.plot([each.ci_low, each.ci_high], [row, row], color="#444444", linewidth=2)
            axes.plot(
                each.difference,
                row,
                marker="o",
                markersize=8,
                color=_COLOURS[0],
                markerfacecolor=_COLOURS[0] if each.sure else "white",
            )
        axes.axvline(0, color="black", linewidth=1)
        axes.set_yticks(
            range(len(comparisons)),
            [f"{each.b} − {each.a}" for each in reversed(comparisons)],
        )
        axes.set_ylim(-0.7, len(comparisons) - 0.3)
        axes.set_xlabel(f"difference of {comparisons[0].metric} (filled: significant)")
        axes.grid(axis="x", color="#dddddd")
    return drawn.text


def quality_and_latency(systems: Sequence[Measured], metric: str) -> str:
    """Each system's mean with its interval over the median time of an answer to a new question."""
    timed = [each for each in systems if each.cost]
    with _figure(3.6, [each.name for each in timed]) as (axes, drawn):
        for each, colour, mark in zip(timed, cycle(_COLOURS), cycle(_MARKS), strict=False):
            if each.cost is None:
                continue
            found = each.intervals[metric]
            axes.errorbar(
                each.cost.milliseconds["total"]["p50"],
                found.mean,
                yerr=[[found.mean - found.low], [found.high - found.mean]],
                marker=mark,
                markersize=9,
                capsize=4,
                color=colour,
                label=each.name,
            )
        axes.set_xlabel("milliseconds for an answer to a new question, median")
        axes.set_ylabel(metric)
        axes.set_xlim(left=0)
        axes.grid(color="#dddddd")
    return drawn.text


def verdicts(counts: Mapping[str, Mapping[str, int]]) -> str:
    """A bar for each system, of its answers by verdict."""
    names = list(next(iter(counts.values())))
    fills = zip(names, cycle(_COLOURS), cycle(_HATCHES), strict=False)
    with _figure(1.1 + _ROW * len(counts), names) as (axes, drawn):
        systems = list(counts)[::-1]
        left = [0] * len(systems)
        for name, colour, hatch in fills:
            widths = [counts[each][name] for each in systems]
            axes.barh(
                range(len(systems)),
                widths,
                left=left,
                color=colour,
                hatch=hatch,
                edgecolor="white",
                label=name,
            )
            left = [a + b for a, b in zip(left, widths, strict=True)]
        axes.set_yticks(range(len(systems)), systems)
        axes.set_xlabel("questions")
    return drawn.text


def likeness(found: Sequence[Likeness]) -> str:
    """Jaccard@k of every two systems over k, and then how alike the ranks of what both found; of
    many systems, of those with the first.
    """
    shown = [each for each in found if each.a == found[0].a] if len(found) > _CURVES else found
    pairs = {f"{each.a} and {each.b}": each for each in shown}
    shared = {name: each.jaccard for name, each in pairs.items()}
    ranks = {name: each.rank_similarity for name, each in pairs.items()}
    drawn = _curves(shared, "k", "Jaccard@k", (0.0, 1.02))
    return drawn + _curves(ranks, "k", "rank similarity@k", (0.0, 1.02))


def history(points: History, metric: str) -> str:
    """A metric over runs; empty for less than two runs."""
    if not points or max(map(len, points.values())) < 2:
        return ""
    return _curves(points, "comparison, the last is this one", metric, None)


def _curves(
    curves: Mapping[str, Sequence[float | None]],
    across: str,
    up: str,
    limits: tuple[float, float] | None,
) -> str:
    styles = zip(cycle(_COLOURS), cycle(_LINES), cycle(_MARKS), strict=False)
    with _figure(3.2, list(curves)) as (axes, drawn):
        from matplotlib.ticker import MaxNLocator

        for (name, values), (colour, line, mark) in zip(curves.items(), styles, strict=False):
            places = [at for at, value in enumerate(values, start=1) if value is not None]
            known = [value for value in values if value is not None]
            axes.plot(
                places,
                known,
                line,
                color=colour,
                marker=mark,
                markevery=max(1, len(known) // 6),
                label=name,
            )
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if limits:
            axes.set_ylim(*limits)
        axes.grid(color="#dddddd")
    return drawn.text


class _Drawn:
    """The figure as SVG, once it is finished."""

    text = ""


@contextmanager
def _figure(height: float, named: Sequence[str] = ()) -> Iterator[tuple[Axes, _Drawn]]:
    """Axes to draw on, `height` in inches, with the names of what will be drawn above them, where
    they hide nothing. The same figure gives the same text. Raises MissingExtra.
    """
    with extras.needed("plots need"):
        import matplotlib
        from matplotlib.figure import Figure
    settings: Any = {"svg.hashsalt": "millrace", "font.size": 11, "svg.fonttype": "none"}
    longest = max(map(len, named), default=0)
    columns = max(1, min(len(named), _LETTERS // (longest + _MARKED)))
    height += _LINE * ceil(len(named) / columns)
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        drawn = _Drawn()
        yield axes, drawn
        if named:
            figure.legend(loc="outside upper left", ncols=columns, frameon=False)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata=dict.fromkeys(_TOLD))
    svg = out.getvalue()
    drawn.text = svg[svg.index("<svg") :]
