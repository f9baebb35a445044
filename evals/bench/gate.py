"""How often the gate errs: `python -m evals.bench.gate`.

Candidates whose true loss is known (`evals.bench.losing`) are put before the rules of `evals.gate`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from evals import extras
from evals.bench import results
from evals.bench.losing import FIRST, SHAPES, VALUES, Shape, Tenths, drawn, moved
from evals.command import as_json, console, table, told
from evals.gate import PASSED, refuted, worst
from evals.significance import Rules
from evals.significance.paired import Array, reach
from evals.significance.verdict import Verdict, verdicts

NIGHTS, LOSS = 100, 0.005
"""Each night loses so much."""
FAMILY = 5
"""Candidates at once."""
_COLUMNS = 600
"""Comparisons that share resamples, for the memory that they take."""
_TABLE = ("queries", "true loss", "equal", "better", "no worse", "undecided", "worse", "passed, %")


def said(differences: Array, rules: Rules, family: int = 1) -> list[Verdict]:
    """What `evals.gate.weighed` says of every column of `differences`, (queries, columns), where
    each `family` of neighbours is compared at once; more than 13 queries.

    Columns share resamples, which are those that each would have by itself.
    """
    found: list[Verdict] = []
    for at in range(0, differences.shape[1], _COLUMNS):
        some = differences[:, at : at + _COLUMNS]
        means = some.mean(axis=0)
        reached = reach(some, rules.test, rules.resamples, rules.seed, (0.0, -rules.margin))
        p, p_of_loss = reached.p(0.0), reached.p_of_less(-rules.margin, means)
        for first in range(0, len(means), family):
            own = slice(first, first + family)
            mean, none, loss = (each[own].tolist() for each in (means, p, p_of_loss))
            given = verdicts(mean, none, loss, [len(some)] * family, rules.alpha)
            found += [
                _few(each, some[:, first + n], reached.low[:, first + n], rules, family)
                for n, each in enumerate(given)
            ]
    return found


def _few(said: Verdict, differences: Array, low: Array, rules: Rules, family: int) -> Verdict:
    """The verdict, where resamples know no bound by how few queries lose."""
    bounded = (low == -np.inf).mean() < rules.alpha
    if said != "undecided" or bounded:
        return said
    losing = int((differences < 0).sum())
    return "no_worse" if refuted(losing, len(differences), rules, family) else said


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Verdicts on candidates, or on families of them, of one true loss."""

    shape: str
    queries: int
    loss: float
    family: int
    total: int
    """Candidates, or families."""
    verdicts: dict[Verdict, int]
    """Of all candidates, by the word."""
    passed: int
    """Candidates that pass; families of which any does."""
    equal: float
    """Share of the queries of the population that do not change."""

    @property
    def interval(self) -> tuple[float, float]:
        """Of the chance to pass, 95 %: Clopper and Pearson's."""
        from scipy.stats import binomtest

        found = binomtest(self.passed, self.total).proportion_ci(method="exact")
        return float(found.low), float(found.high)

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "interval": self.interval}


def candidates(
    shape: Shape, queries: int, loss: float, total: int, rules: Rules, family: int = 1
) -> Counted:
    """So many candidates, or families of them, that are compared with one live system each, which
    is the anchor, too: where both are the same, most pass.
    """
    random = np.random.default_rng([rules.seed, queries, round(1e6 * loss), family])
    moves = shape.moves(FIRST, loss)
    counted, passed = Counter[Verdict](), 0
    for live in _live(queries, total, family, random):
        own = np.repeat(live, family, axis=1)
        found = said(VALUES[moved(own, moves, random)] - VALUES[own], rules, family)
        counted.update(found)
        groups = [found[at : at + family] for at in range(0, len(found), family)]
        passed += sum(any(each in PASSED for each in group) for group in groups)
    return Counted(
        shape=shape.name,
        queries=queries,
        loss=loss,
        family=family,
        total=total,
        verdicts=dict(counted),
        passed=passed,
        equal=float(FIRST @ moves.diagonal()),
    )


def _live(queries: int, total: int, family: int, random: np.random.Generator) -> Iterator[Tenths]:
    most = _COLUMNS // family
    for at in range(0, total, most):
        yield drawn(FIRST, (queries, min(most, total - at)), random)


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Repetitions of nights of which each loses a little, with or without an anchor."""

    shape: str
    queries: int
    anchored: bool
    held: list[int]
    """The first night whose candidate was held; one more than there are where none was."""
    words: dict[Verdict, int]
    """What was said of the first that was held."""
    live: list[int]
    """The night that is live in the end, 0 for the first system: as many losses has it."""

    def losses(self, nights: Sequence[int]) -> list[float]:
        """Least, 5 %, median, 95 % and most of the true losses of these nights."""
        return [LOSS * float(each) for each in np.percentile(nights, (0, 5, 50, 95, 100))]

    def to_json(self) -> dict[str, Any]:
        return {**vars(self)}


def drift(
    shape: Shape, queries: int, repetitions: int, rules: Rules, nights: int = NIGHTS
) -> tuple[Drift, Drift]:
    """The same nights with an anchor and without one: every night's candidate is last night's with
    some queries changed, whether that one was held or went live.

    The anchor is the first system, or the last that was better.
    """
    random = np.random.default_rng([rules.seed, queries])
    shares, tonight = FIRST, drawn(FIRST, (queries, repetitions), random)
    anchor, first = tonight.copy(), np.full((2, repetitions), nights + 1)
    live, number = np.stack([tonight, tonight]), np.zeros((2, repetitions), dtype=int)
    words = Counter[Verdict](), Counter[Verdict]()
    for night in range(1, nights + 1):
        moves = shape.moves(shares, LOSS, LOSS / rules.margin)
        shares, tonight = shares @ moves, moved(tonight, moves, random)
        against = [VALUES[tonight] - VALUES[each] for each in (*live, anchor)]
        found = said(np.concatenate(against, axis=1), rules)
        alone, *tests = (found[at : at + repetitions] for at in range(0, len(found), repetitions))
        both = [worst(each) for each in zip(*tests, strict=True)]
        for at, own in enumerate((alone, both)):
            passed = np.array([each in PASSED for each in own])
            new = ~passed & (first[at] > nights)
            words[at].update(np.array(own)[new].tolist())
            first[at][new] = night
            live[at][:, passed], number[at][passed] = tonight[:, passed], night
        better = np.array([each == "better" for each in both])
        anchor[:, better] = tonight[:, better]
    without, with_anchor = (
        Drift(
            shape=shape.name,
            queries=queries,
            anchored=bool(at),
            held=first[at].tolist(),
            words=dict(words[at]),
            live=number[at].tolist(),
        )
        for at in (0, 1)
    )
    return without, with_anchor


@click.command()
@click.option(
    "--queries",
    "counts",
    multiple=True,
    type=click.IntRange(14),
    default=(60, 300, 1000),
    show_default=True,
    help="Of a test; may be repeated.",
)
@click.option("--candidates", "total", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--repetitions", type=click.IntRange(0), default=200, show_default=True)
@click.option("--nights", type=click.IntRange(1), default=NIGHTS, show_default=True)
@click.option("--resamples", type=click.IntRange(100), default=Rules.resamples, show_default=True)
@click.option("--seed", default=Rules.seed, show_default=True)
@results.out("gate-")
@as_json
@told()
def main(
    counts: tuple[int, ...],
    total: int,
    repetitions: int,
    nights: int,
    resamples: int,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Count what passes of what loses nothing, the margin, and twice the margin; of five at once
    that lose the margin; and how far many small losses come.
    """
    extras.check("a simulation needs")
    rules = Rules(resamples=resamples, seed=seed)
    shown = console(stderr=as_json)
    alone = [
        candidates(shape, queries, loss * rules.margin, total, rules)
        for shape, queries, loss in product(SHAPES, counts, (0, 1, 2))
    ]
    shown.print(_verdicts(alone, "one candidate"))
    together = [
        candidates(shape, queries, rules.margin, total, rules, FAMILY)
        for shape, queries in product(SHAPES, counts)
    ]
    shown.print(_verdicts(together, f"{FAMILY} at once"))
    drifts = [
        each
        for shape in SHAPES[: len(SHAPES) * bool(repetitions)]
        for each in drift(shape, 300, repetitions, rules, nights)
    ]
    shown.print(_drifts(drifts))
    asked = {"margin": rules.margin, "alpha": rules.alpha, "resamples": resamples, "seed": seed}
    found = {
        "asked": {**asked, "nights": nights, "loss": LOSS},
        "candidates": [each.to_json() for each in (*alone, *together)],
        "drift": [each.to_json() for each in drifts],
    }
    kept = results.keep(found, out, Console(highlight=False, stderr=True), "gate-")
    if as_json:
        click.echo(json.dumps(kept))


def _verdicts(found: Sequence[Counted], title: str) -> Table:
    shown = table(title, "candidates", *_TABLE)
    for each in found:
        low, high = (100 * end for end in each.interval)
        words: tuple[Verdict, ...] = ("better", "no_worse", "undecided", "worse")
        shown.add_row(
            each.shape,
            f"{each.queries:,}",
            f"{each.loss:g}",
            f"{100 * each.equal:.0f} %",
            *(f"{each.verdicts.get(word, 0):,}" for word in words),
            f"{100 * each.passed / each.total:.1f} ({low:.1f} to {high:.1f})",
        )
    return shown


def _drifts(found: Sequence[Drift]) -> Table:
    ends = ("least", "5 %", "median", "95 %", "most")
    shown = table("nights", "candidates", "anchor", "", *ends, words=3)
    for each in found:
        for name, nights in (("first held", each.held), ("live in the end", each.live)):
            ends_of = (f"{loss:.3f}" for loss in each.losses(nights))
            shown.add_row(each.shape, "yes" if each.anchored else "no", name, *ends_of)
        said = ", ".join(f"{count} {word}" for word, count in sorted(each.words.items()))
        shown.add_row("", "", f"first held as: {said}")
    return shown


if __name__ == "__main__":
    main()
