"""How often corrected rates hold the truth: populations are as they say, and so is the count."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from evals.bench import correcting
from evals.bench.correcting import LABELLED, RATES, Case, Questions, covered, main

CASE = Case(accuracy=0.8, judges=1, labels=300, each=4, run=150)


def test_answers_are_as_the_population_says() -> None:
    random = np.random.default_rng(1)
    truth, said = Questions.drawn(40_000, CASE, random).answered(LABELLED, 2, 0.0, random)
    assert np.bincount(truth.ravel()) / truth.size == pytest.approx(LABELLED, abs=0.01)
    open_ = said == 3
    assert open_.mean() == pytest.approx(0.3, abs=0.01)
    assert (said == truth)[~open_].mean() == pytest.approx(0.8, abs=0.01)
    right = (truth == 0).astype(float)
    alike = np.corrcoef(right[:, 0], right[:, 1])[0, 1]
    assert alike == pytest.approx(0.25, abs=0.02)


def test_corrected_intervals_hold_the_rate_and_raw_ones_do_not() -> None:
    found = covered(CASE, 0.95, 100, 300, 1)
    assert found.covered >= 90
    assert found.covered_otherwise < 20
    assert abs(found.bias) < 0.06
    assert found == covered(CASE, 0.95, 100, 300, 1)


def test_labels_where_judges_are_unsure_say_more() -> None:
    case = replace(CASE, accuracy=0.9, each=0, run=300, labels=60)
    found = covered(case, 0.6, 100, 300, 1)
    assert found.covered >= 90
    assert found.width < 0.9 * found.width_otherwise


def test_the_command_keeps_what_it_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correcting, "cases", lambda: [CASE, replace(CASE, each=0, labels=60)])
    given = ["--repetitions", "3", "--draws", "100", "--out", str(tmp_path / "found.json")]
    done = CliRunner().invoke(main, [*given, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "found.json").read_text())
    assert json.loads(done.stdout) == found
    assert [each["rate"] for each in found["cases"]] == [*RATES, *RATES]
    assert all(0 <= each["covered"] <= 3 for each in found["cases"])
    assert "labels of its own" in done.stderr
