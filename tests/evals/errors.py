"""`python -m tests.evals.errors`: how often the tests of significance err, on known differences.

Per-question differences are drawn from a population with replacement, as many as a comparison has
questions. The true difference is the population's mean, so every error can be counted. With
`--verdicts` populations are moved to differences that are told, and the verdicts of families of
comparisons are counted; each comparison has questions of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import combinations, product
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from components.errors import SourceMissing
from evals import extras
from evals.command import told
from evals.metrics import per_question
from evals.significance.paired import TESTS, Array, Reach, reach
from evals.significance.pairing import Pair
from evals.significance.rules import Rules
from evals.significance.verdict import Verdict, verdicts

_BATCH, _COLUMNS = 100, 900
"""Comparisons that share resamples: of one population, and of families."""
_EVEN = 20
"""Populations with a mean of less than a standard deviation in so many are as good as even."""
_MIXED = (-1, 0, 1)
"""True differences of a mixed family, in margins."""


@dataclass(frozen=True)
class Rates:
    """Shares of simulated comparisons."""

    false_positives: float
    """p below alpha, although the population is centred at 0."""
    coverage: float
    """The interval holds the population's mean."""
    above: float
    """The whole interval lies above it: what a wrong `no_worse` comes from."""
    below: float
    unbounded: float
    """An end of the interval is infinite."""


@dataclass(frozen=True)
class Shares:
    """Of simulated families."""

    passed: float
    """With a `no_worse`, or a `better`, of what is worse by the margin or more."""
    wrong: float
    """With a verdict that is not true: besides these a `better` of what is not better, and a
    `worse` of what is not worse.
    """
    told: Mapping[Verdict, float]
    """Shares of all comparisons by verdict."""
    uncorrected: float
    """With a comparison whose own interval lies above -margin, though it is worse by the margin or
    more: what `passed` would be if intervals were not corrected.
    """


def simulate(
    population: Array, questions: int, comparisons: int, test: str, resamples: int, seed: int,
    alpha: float = 0.05,
) -> Rates:  # fmt: skip
    """Compare `comparisons` times for each rate, rounded up to whole hundreds, with new draws.

    `population` is (n,), per-question differences. False positives and coverage have draws of their
    own.
    """
    random = np.random.default_rng(seed)
    mean = population.mean()
    counts = np.zeros(5)
    batches = -(-comparisons // _BATCH)
    for _ in range(batches):
        drawn = random.choice(population, size=(questions, 2 * _BATCH))
        drawn[:, :_BATCH] -= mean
        found = reach(drawn, test, resamples, int(random.integers(2**31)))
        low, high = (each[_BATCH:] for each in found.interval(alpha))
        counts += [
            (found.p(0.0)[:_BATCH] < alpha).sum(),
            ((low <= mean) & (mean <= high)).sum(),
            (low > mean).sum(),
            (high < mean).sum(),
            (np.isinf(low) | np.isinf(high)).sum(),
        ]
    return Rates(*(float(each) for each in counts / (batches * _BATCH)))


def families(
    population: Array, truths: Sequence[float], questions: int, count: int, rules: Rules
) -> Shares:
    """Compare at least `count` families.

    `population`: (n,), per-question differences, of which only the shape counts. `truths`: the true
    difference of each comparison of a family.
    """
    truth, said = np.array(truths), Counter[Verdict]()
    done = passed = wrong = uncorrected = 0
    lost = truth <= -rules.margin
    for means, found in _drawn(population - population.mean(), truth, questions, count, rules):
        p, p_of_loss = found.p(0.0), found.p_of_less(-rules.margin, means)
        for at in range(0, len(means), len(truth)):
            own = slice(at, at + len(truth))
            family = means[own].tolist(), p[own].tolist(), p_of_loss[own].tolist()
            own_said = verdicts(*family, [questions] * len(truth), rules.alpha)
            better, no_worse, worse = (
                np.array([each == word for each in own_said])
                for word in ("better", "no_worse", "worse")
            )
            low = (better | no_worse) & lost
            passed += bool(low.any())
            wrong += bool((low | (better & (truth <= 0)) | (worse & (truth >= 0))).any())
            uncorrected += bool(((p_of_loss[own] < rules.alpha) & lost).any())
            said.update(own_said)
            done += 1
    shares = {each: said[each] / said.total() for each in sorted(said)}
    return Shares(passed / done, wrong / done, shares, uncorrected / done)


def _drawn(
    centred: Array, truth: Array, questions: int, count: int, rules: Rules
) -> Iterator[tuple[Array, Reach]]:
    """Means and reaches of some families at a time."""
    random = np.random.default_rng(rules.seed)
    batch = min(count, max(1, _COLUMNS // len(truth)))
    for _ in range(-(-count // batch)):
        drawn = random.choice(centred, (questions, batch * len(truth))) + np.tile(truth, batch)
        seed, supposed = int(random.integers(2**31)), (0.0, -rules.margin)
        yield drawn.mean(axis=0), reach(drawn, rules.test, rules.resamples, seed, supposed)


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
            where=str(folder), hint="a folder with qrels.txt and *.run, as a comparison leaves"
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
@click.option(
    "--verdicts", "of_verdicts", is_flag=True, help="Count the verdicts of families of comparisons."
)
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
    of_verdicts: bool,
    sizes: tuple[int, ...],
    seed: int,
) -> None:
    """Count the errors of the tests at level 0.05.

    With FOLDERS (each with qrels.txt and *.run), on the differences between their runs; without, on
    made-up ones.
    """
    extras.check("a simulation needs")
    populations = {
        f"{folder.name}: {name}": each
        for folder in folders
        for name, each in measured(folder, metric).items()
        if each.any()
    } or made_up(seed)
    console = Console(highlight=False)
    if of_verdicts:
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
        title = (
            f"{test}, {count} questions: {comparisons} comparisons each, "
            f"{resamples} resamples, seed {seed}"
        )
        rows = {
            name: [float((each == 0).mean()),
                   *astuple(simulate(each, count, comparisons, test, resamples, seed))]
            for name, each in populations.items()
        }  # fmt: skip
        rows["mean"] = np.mean(list(rows.values()), axis=0).tolist()
        columns = ("equal", "false positives", "coverage", "above", "below", "unbounded")
        console.print(_table(title, columns, rows))


def _verdicts(
    populations: dict[str, Array], questions: int, size: int, count: int, rules: Rules
) -> Table:
    margin = rules.margin
    title = (
        f"{rules.test}, {questions} questions, families of {size}: {count} each, "
        f"margin {margin:g}, {rules.resamples} resamples, seed {rules.seed}"
    )
    rows: dict[str, list[float | None]] = {}
    for name, population in populations.items():
        lost, equal, gained, twice = (
            families(population, [each * margin] * size, questions, count, rules)
            for each in (-1, 0, 1, -2)
        )
        mixed: list[float | None] = [None, None]
        if size % len(_MIXED) == 0:
            truths = [each * margin for each in _MIXED] * (size // len(_MIXED))
            of_all = families(population, truths, questions, count, rules)
            mixed = [of_all.passed, of_all.wrong]
        rows[name] = [
            lost.passed, lost.uncorrected, *mixed,
            equal.told.get("no_worse", 0.0), gained.told.get("better", 0.0),
            twice.told.get("worse", 0.0),
        ]  # fmt: skip
    columns = (
        "a margin worse: passed", "uncorrected", "mixed: passed", "wrong",
        "equal: no worse", "a margin better: better", "two margins worse: worse",
    )  # fmt: skip
    return _table(title, columns, rows)


def _table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[float | None]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("differences")
    for name in columns:
        table.add_column(name, justify="right")
    for name, row in rows.items():
        table.add_row(name, *("–" if each is None else f"{each:.3f}" for each in row))
    return table


if __name__ == "__main__":
    main()
