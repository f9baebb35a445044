"""How often the tests err where the truth is known, and the command that counts it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from evals.runs import scores, write_judgements, write_run
from evals.significance.paired import TESTS, reach
from evals.significance.power import minimal_detectable_difference
from tests.evals.errors import made_up, main, measured, simulate

TEST = pytest.mark.parametrize("test", list(TESTS))
COMPARISONS = 3_000
# A rate that is off by at most 0.01, four standard errors of a share of 0.06 added: one run in
# thousands of a right test falls outside.
OFF = 0.01 + 4 * (0.06 * 0.94 / COMPARISONS) ** 0.5


@TEST
@pytest.mark.parametrize("population", list(made_up(0)))
def test_errors_at_300_questions(test: str, population: str) -> None:
    found = simulate(made_up(0)[population], 300, COMPARISONS, test, resamples=400, seed=5)
    assert found.false_positives == pytest.approx(0.05, abs=OFF)
    assert found.coverage == pytest.approx(0.95, abs=OFF)
    assert found.above + found.below == pytest.approx(1 - found.coverage)
    assert found.unbounded == 0


@pytest.mark.parametrize("population", list(made_up(0)))
def test_at_61_questions_the_bootstrap_is_careful(population: str) -> None:
    found = simulate(made_up(0)[population], 61, COMPARISONS, "bootstrap", resamples=400, seed=6)
    assert found.false_positives < 0.05 + OFF
    assert found.coverage > 0.95 - OFF


@TEST
def test_a_difference_as_large_as_the_minimal_detectable_is_found_as_often_as_said(
    test: str,
) -> None:
    population = made_up(0)["6 in 10 equal, even"]
    count, repeats = 300, 1_000
    moved = minimal_detectable_difference(float(population.std()), count, 0.05, 0.8)
    drawn = np.random.default_rng(8).choice(
        population - population.mean() + moved, (count, repeats)
    )
    found = reach(drawn, test, 400, 9)
    assert (found.p(0.0) < 0.05).mean() == pytest.approx(0.8, abs=4 * (0.16 / repeats) ** 0.5)


def test_the_command_reads_runs_and_names_its_seed(tmp_path: Path) -> None:
    judgements = {f"q{number}": {"a": 1} for number in range(20)}
    write_judgements(judgements, tmp_path / "qrels.txt")
    write_run({id: scores(["a", "b"]) for id in judgements}, tmp_path / "first.run", "first")
    second = {id: scores(["b", "a"] if id < "q15" else ["a"]) for id in judgements}
    write_run(second, tmp_path / "second.run", "second")
    differences = measured(tmp_path, "RR@10")["second - first"]
    assert sorted(set(differences)) == [-0.5, 0.0]
    assert differences.mean() == pytest.approx(-0.5 * sum(id < "q15" for id in judgements) / 20)
    done = CliRunner().invoke(
        main, [str(tmp_path), "--comparisons", "100", "--resamples", "100", "--seed", "42"]
    )
    assert done.exit_code == 0, done.output
    assert "second - first" in done.output
    assert "seed 42" in " ".join(done.output.split())


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [str(tmp_path)])
    assert done.exit_code == 2
    assert "no two runs" in done.output
