"""A trial on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from components.retrievers.evidence import KINDS
from components.retrievers.weights import Weights
from evals.command import table
from evals.fusion.orders import METRIC
from evals.fusion.trial import Trial

_LOST = "without "


def show(trial: Trial, console: Console) -> None:
    """Means by set, then what each part brings, then the weights."""
    columns = [each for each in trial.columns if not each.startswith(_LOST)]
    console.print(_means(trial, columns))
    lost = [each for each in trial.columns if each.startswith(_LOST)]
    if lost:
        console.print()
        console.print(_means(trial, ["fitted", "fitted, late", *lost]))
    for left_out, weights in trial.weights.items():
        console.print()
        console.print(f"without {left_out}" if left_out else "weights", markup=False)
        console.print(_weights(weights), markup=False)
    for name, reason in trial.failed.items():
        console.print(f"{name} is left out: {reason}", markup=False)


def _means(trial: Trial, columns: Sequence[str]) -> Table:
    found = table(METRIC, "set", "unit", "questions", *columns, words=2)
    for row in trial.rows:
        cells = [_cell(row.means.get(each)) for each in columns]
        found.add_row(row.name, row.unit, f"{row.questions:,}", *cells)
    cells = [_cell(trial.mean(each)) for each in columns]
    found.add_row(f"mean of {len(trial.rows)}", "", "", *cells)
    return found


def _weights(weights: Weights) -> str:
    rows = {"chunk": weights.chunk, "document": weights.document}
    told = [
        f"{name}: " + ", ".join(f"{k} {w:.2f}" for k, w in zip(KINDS, row.tolist(), strict=True))
        for name, row in rows.items()
    ]
    turn = f"turn: middle {weights.middle:.2f}, width {weights.width:.2f}"
    return "\n".join([*told, turn, f"reranking: share {weights.share:.2f}"])


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
