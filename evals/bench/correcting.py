"""How often corrected rates hold the truth: `python -m evals.bench.correcting`.

Runs whose true rate is known are judged by judges that err, and their rates corrected by labels of
other answers (`evals.judging.mixture`) or of their own (`evals.judging.strata`). Answers to one
question are alike: some questions are easy, and judges err with some of them again and again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from statistics import fmean

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from evals import extras
from evals.bench import results
from evals.command import as_json, console, table, told
from evals.judging import mixture, strata
from evals.judging.mixture import Array
from evals.judging.strata import Stratum, allocated
from evals.metrics import Interval

RATES = (0.2, 0.6, 0.95)
"""True ones of runs."""
LABELLED = (0.46, 0.25, 0.29)
"""Kinds of the labelled answers: FinanceBench's 976. Of runs, seven in ten of those that are not
correct are incorrect.
"""
_OPEN = 0.3
"""Share of the questions to whose answers the first judge, the rules, says nothing."""
_ALIKE = 3.0
"""Parameters of the beta and Dirichlet distributions of a question's rates sum to it: the closer to
0, the more alike are answers to one question. At 3 they correlate by a quarter.
"""
_UNMEASURED = 3
Verdicts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is simulated."""

    accuracy: float
    """Share of right verdicts, where there is one."""
    judges: int
    labels: int
    each: int
    """Labelled answers to each question; 0: labels of the run's own answers."""
    run: int
    """Questions, one answer each."""
    same: bool = False
    """Whether the run's questions are among the labelled ones."""
    drift: float = 0.0
    """By how much a judge errs more with the run than with the labelled answers."""


@dataclass(frozen=True, kw_only=True)
class Covered:
    """What came of it, for one true rate."""

    case: Case
    rate: float
    repetitions: int
    covered: int
    """Corrected intervals that hold the rate."""
    width: float
    """Their mean."""
    bias: float
    """Mean of the corrected rates less the true one."""
    covered_otherwise: int
    """Wilson's intervals of what the first judge calls correct; of labels of its own, intervals
    from as many labels that are drawn without regard to judges.
    """
    width_otherwise: float


@dataclass(frozen=True)
class Questions:
    """What makes answers to a question alike."""

    errors: Array
    """Shares of wrong verdicts, (questions, judges)."""
    open: NDArray[np.bool_]
    """Whether the first judge says nothing, (questions,)."""

    @classmethod
    def drawn(cls, count: int, case: Case, random: np.random.Generator) -> Questions:
        wrong = 1 - case.accuracy
        size = (count, case.judges)
        errors = random.beta(wrong * _ALIKE, case.accuracy * _ALIKE, size)
        return cls(errors, random.random(count) < _OPEN)

    def answered(
        self, kinds: Sequence[float], each: int, drift: float, random: np.random.Generator
    ) -> tuple[Verdicts, Verdicts]:
        """True kinds of so many answers to each, (questions, each), and the judges' verdicts on
        them, as one number.
        """
        count, judges = self.errors.shape
        shares = random.dirichlet(np.array(kinds) * _ALIKE, count).cumsum(axis=1)
        truth = (random.random((count, each, 1)) > shares[:, None, :-1]).sum(axis=2)
        found = np.zeros_like(truth)
        for judge in range(judges):
            wrong = random.random((count, each)) < self.errors[:, judge, None] + drift
            said = (truth + wrong * random.integers(1, 3, (count, each))) % 3
            if judge == 0:
                said = np.where(self.open[:, None], _UNMEASURED, said)
            found = 4 * found + said
        return truth, found


def of_others(
    case: Case, rate: float, random: np.random.Generator, draws: int
) -> tuple[Interval, Interval]:
    """The rate of a run as labels of other answers correct it, and as the first judge has it."""
    asked = Questions.drawn(case.labels // case.each, case, random)
    truth, said = asked.answered(LABELLED, case.each, 0.0, random)
    labels = np.zeros((len(truth), 3, 4**case.judges))
    np.add.at(labels, (np.arange(len(truth))[:, None], truth, said), 1)
    own = asked if case.same else Questions.drawn(case.run, case, random)
    verdicts = own.answered(_kinds(rate), 1, case.drift, random)[1].ravel()
    run = np.bincount(verdicts, minlength=4**case.judges).astype(np.float64)
    seed = int(random.integers(2**32))
    rules = np.bincount(verdicts // 4 ** (case.judges - 1), minlength=4)[:3]
    return mixture.share(labels, run, draws=draws, seed=seed), _wilson(rules[0], rules.sum())


def _wilson(count: int, of: int) -> Interval:
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(count, of, method="wilson")
    return Interval(count / of, float(low), float(high))


def _kinds(rate: float) -> tuple[float, float, float]:
    return rate, 0.7 * (1 - rate), 0.3 * (1 - rate)


def of_own(
    case: Case, rate: float, random: np.random.Generator, draws: int
) -> tuple[Interval, Interval]:
    """The rate of a run from labels of its own, by strata and without regard to judges."""
    truth, said = (
        each.ravel()
        for each in Questions.drawn(case.run, case, random).answered(_kinds(rate), 1, 0.0, random)
    )
    right = truth == 0
    kinds, sizes = np.unique(said, return_counts=True)
    counts = allocated(
        sizes.tolist(), [_likely(int(kind), case.judges) for kind in kinds], case.labels
    )
    found = []
    for kind, size, count in zip(kinds, sizes, counts, strict=True):
        own = random.permutation(right[said == kind])[:count]
        found.append(Stratum(answers=int(size), labels=count, correct=int(own.sum())))
    any_ = random.permutation(right)[: case.labels]
    alone = [Stratum(answers=case.run, labels=case.labels, correct=int(any_.sum()))]
    seeds = [int(each) for each in random.integers(2**32, size=2)]
    by_strata, by_none = (
        strata.share(each, draws=draws, seed=seed)
        for each, seed in zip((found, alone), seeds, strict=True)
    )
    return by_strata, by_none


def _likely(kind: int, judges: int) -> float:
    """Share of right answers that is expected of those with these verdicts."""
    said = {kind // 4**at % 4 for at in range(judges)} - {_UNMEASURED}
    return 0.5 if len(said) != 1 else 0.9 if said == {0} else 0.1


def covered(case: Case, rate: float, repetitions: int, draws: int, seed: int) -> Covered:
    """So many runs of that true rate."""
    told = [round(1000 * rate), round(1000 * case.accuracy), case.labels, case.each, case.run]
    random = np.random.default_rng([seed, *told, case.judges])
    way = of_others if case.each else of_own
    found, other = zip(*(way(case, rate, random, draws) for _ in range(repetitions)), strict=True)
    return Covered(
        case=case,
        rate=rate,
        repetitions=repetitions,
        covered=_holding(found, rate),
        width=fmean(each.high - each.low for each in found),
        bias=fmean(each.mean for each in found) - rate,
        covered_otherwise=_holding(other, rate),
        width_otherwise=fmean(each.high - each.low for each in other),
    )


def _holding(found: Sequence[Interval], rate: float) -> int:
    return sum(each.low <= rate <= each.high for each in found)


def cases() -> list[Case]:
    """All that is simulated."""
    accuracies = (0.7, 0.8, 0.9)
    sizes = ((100, 1), (100, 4), (300, 1), (300, 4), (976, 1), (976, 16))
    own = ((61, 30), (300, 60), (300, 100))
    plain = [
        Case(accuracy=accuracy, judges=1, labels=labels, each=each, run=run)
        for accuracy, (labels, each), run in product(accuracies, sizes, (61, 300))
    ]
    both = [replace(each, judges=2) for each in plain if (each.labels, each.each) == (300, 4)]
    whole = [each for each in plain if (each.labels, each.each, each.run) == (976, 16, 61)]
    same = [replace(each, same=True) for each in whole]
    drift = [replace(each, drift=0.05) for each in whole]
    drawn = [
        Case(accuracy=accuracy, judges=judges, labels=labels, each=0, run=run)
        for judges, accuracy, (run, labels) in product((1, 2), accuracies, own)
    ]
    return [*plain, *both, *same, *drift, *drawn]


@click.command()
@click.option("--repetitions", type=click.IntRange(1), default=250, show_default=True)
@click.option("--draws", type=click.IntRange(100), default=500, show_default=True)
@click.option("--seed", default=mixture.SEED, show_default=True)
@results.out("correcting-")
@as_json
@told()
def main(repetitions: int, draws: int, seed: int, out: Path | None, as_json: bool) -> None:
    """Count intervals of 95 % that hold the true rate."""
    extras.check("a simulation needs")
    shown = console(stderr=as_json)
    found = [[covered(case, rate, repetitions, draws, seed) for rate in RATES] for case in cases()]
    shown.print(_table([each for each in found if each[0].case.each], "labels of other answers"))
    shown.print(_table([each for each in found if not each[0].case.each], "labels of its own"))
    asked = {"repetitions": repetitions, "draws": draws, "seed": seed, "open": _OPEN}
    whole = {"asked": asked, "cases": [asdict(each) for case in found for each in case]}
    kept = results.keep(whole, out, Console(highlight=False, stderr=True), "correcting-")
    if as_json:
        click.echo(json.dumps(kept))


def _table(found: Sequence[Sequence[Covered]], title: str) -> Table:
    """A case in a row; figures of the true rates in turn."""
    rates = " ".join(f"{each:g}" for each in RATES)
    heads = ("covered, %", "width", "otherwise, %", "width")
    shown = table(f"{title}: true rates {rates}", "judges", "run", "labels", "", *heads)
    for each in found:
        case = each[0].case
        more = " same questions" * case.same + f" errs {case.drift:g} more" * bool(case.drift)
        some = f"{case.labels}" + (f", {case.each} each" if case.each > 1 else "")
        shown.add_row(
            " ".join([f"{case.accuracy:g}"] * case.judges),
            str(case.run),
            some,
            more.strip(),
            " ".join(f"{100 * one.covered / one.repetitions:.0f}" for one in each),
            " ".join(f"{one.width:.2f}" for one in each),
            " ".join(f"{100 * one.covered_otherwise / one.repetitions:.0f}" for one in each),
            " ".join(f"{one.width_otherwise:.2f}" for one in each),
        )
    return shown


if __name__ == "__main__":
    main()
