"""`python -m evals.significance.simulate`: how often the tests err, on differences that are known.

Per-question differences are drawn from a population with replacement, as many as a comparison has
questions. The true difference is the population's mean, so every error can be counted. With
`--verdicts` populations are moved to differences that are told, and verdicts are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from components.errors import SourceMissing
from evals import extras
from evals.metrics import per_question
from evals.significance.families import families
from evals.significance.paired import TESTS, Array
from evals.significance.pairing import Pair
from evals.significance.rates import Rates, simulate
from evals.significance.rules import Rules
from evals.told import told

_EVEN = 20
"""Populations with a mean of less than a standard deviation in so many are as good as even."""
_MIXED = (-1, 0, 1)
"""True differences of a mixed family, in margins."""


def made_up(seed: int) -> dict[str, Array]:
    """Populations such as rankings give: many zeros, few values, lopsided."""
    random = np.random.default_rng(seed)
    size = 5_000
    differs = random.random((3, size))
    gains = random.beta(1, 3, size) * random.choice([1, -1], size, p=[0.7, 0.3])
    return {
        "6 in 10 equal, even": np.where(differs[0] < 0.4, random.normal(0, 0.2, size), 0.0),
        "8 in 10 equal, lopsided": np.where(differs[1] < 0.2, gains, 0.0),
        "9 in 10 equal, hit or miss": np.where(
            differs[2] < 0.1, random.choice([1.0, -1.0], size, p=[0.65, 0.35]), 0.0
        ),
    }


def measured(folder: Path, metric: str) -> dict[str, Array]:
    """Differences of every two runs, by name; the folder has `*.run` and `qrels.txt` (TREC).

    Raises SourceMissing where there are not two runs, or no judgements; MissingExtra.
    """
    files = sorted(folder.glob("*.run"))
    if len(files) < 2 or not (folder / "qrels.txt").is_file():
        raise SourceMissing("no two runs with judgements").at(
            where=str(folder), hint="a folder with qrels.txt and *.run, as evals.smoke leaves"
        )
    judgements: dict[str, dict[str, int]] = {}
    for question, _, unit, grade in _lines(folder / "qrels.txt"):
        judgements.setdefault(question, {})[unit] = int(grade)
    values = {}
    for file in files:
        run: dict[str, list[str]] = {}
        for question, _, unit, *_ in _lines(file):
            run.setdefault(question, []).append(unit)
        values[file.stem] = per_question(judgements, run, [metric])[metric]
    return {
        f"{b} - {a}": Pair(a, b, metric, values[a], values[b]).checked().differences
        for a, b in combinations(values, 2)
    }


def _lines(file: Path) -> Iterator[list[str]]:
    with file.open(encoding="utf-8") as lines:
        yield from (line.split() for line in lines)


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--metric", default="nDCG@10", show_default=True)
@click.option(
    "--questions",
    "counts",
    multiple=True,
    type=click.IntRange(6),
    help="Of a comparison; may be repeated.  [default: 300, 61; with --verdicts 60, 300, 1000]",
)
@click.option("--comparisons", default=10_000, show_default=True)
@click.option("--resamples", default=2_000, show_default=True)
@click.option(
    "--test", "tests", multiple=True, type=click.Choice(list(TESTS)), default=tuple(TESTS)
)
@click.option("--verdicts", is_flag=True, help="Count the verdicts of families of comparisons.")
@click.option(
    "--family", "sizes", multiple=True, type=click.IntRange(1), default=(1, 9), show_default=True
)
@click.option("--seed", default=Rules.seed, show_default=True)
@told()
def main(
    folders: tuple[Path, ...],
    metric: str,
    counts: tuple[int, ...],
    comparisons: int,
    resamples: int,
    tests: tuple[str, ...],
    verdicts: bool,
    sizes: tuple[int, ...],
    seed: int,
) -> None:
    """Count the errors of the tests at level 0.05.

    With FOLDERS (each with qrels.txt and *.run), on the differences between their runs; without, on
    made-up ones.
    """
    populations = _populations(folders, metric) or made_up(seed)
    console = Console(highlight=False)
    if verdicts:
        extras.check("a simulation of verdicts needs")
        populations |= {
            f"{name}, mirrored": -each
            for name, each in populations.items()
            if abs(each.mean()) > each.std() / _EVEN
        }
        for count, test, size in product(counts or (60, 300, 1_000), tests, sizes):
            rules = Rules(test=test, resamples=resamples, seed=seed)
            console.print(_verdicts(populations, count, size, comparisons, rules))
        return
    for count, test in product(counts or (300, 61), tests):
        found = {
            name: simulate(each, count, comparisons, test, resamples, seed)
            for name, each in populations.items()
        }
        title = (
            f"{test}, {count} questions: {comparisons} comparisons each, "
            f"{resamples} resamples, seed {seed}"
        )
        console.print(_table(title, populations, found))


def _populations(folders: tuple[Path, ...], metric: str) -> dict[str, Array]:
    return {
        f"{folder.name}: {name}": each
        for folder in folders
        for name, each in measured(folder, metric).items()
        if each.any()
    }


def _verdicts(
    populations: dict[str, Array], questions: int, size: int, count: int, rules: Rules
) -> Table:
    margin = rules.margin
    title = (
        f"{rules.test}, {questions} questions, families of {size}: {count} each, "
        f"margin {margin:g}, {rules.resamples} resamples, seed {rules.seed}"
    )
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("differences")
    for name in (
        "a margin worse: passed", "uncorrected", "mixed: passed", "wrong",
        "equal: no worse", "a margin better: better", "two margins worse: worse",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for name, population in populations.items():
        lost, equal, gained, twice = (
            families(population, [each * margin] * size, questions, count, rules)
            for each in (-1, 0, 1, -2)
        )
        mixed = None
        if size % len(_MIXED) == 0:
            truths = [each * margin for each in _MIXED] * (size // len(_MIXED))
            mixed = families(population, truths, questions, count, rules)
        row = [
            lost.passed, lost.uncorrected, mixed and mixed.passed, mixed and mixed.wrong,
            equal.told.get("no_worse", 0.0), gained.told.get("better", 0.0),
            twice.told.get("worse", 0.0),
        ]  # fmt: skip
        table.add_row(name, *("–" if each is None else f"{each:.3f}" for each in row))
    return table


def _table(title: str, populations: dict[str, Array], found: dict[str, Rates]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("differences")
    for name in ("equal", "false positives", "coverage", "above", "below", "unbounded"):
        table.add_column(name, justify="right")
    rows = []
    for name, each in found.items():
        rows.append([
            float((populations[name] == 0).mean()),
            each.false_positives, each.coverage, each.above, each.below, each.unbounded,
        ])  # fmt: skip
        table.add_row(name, *(f"{value:.3f}" for value in rows[-1]))
    table.add_row("mean", *(f"{value:.3f}" for value in np.mean(rows, axis=0)))
    return table


if __name__ == "__main__":
    main()
