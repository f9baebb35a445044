"""Metrics of ragas beside the verdicts, with it and without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.errors import BadOption
from evals.answers.metrics import Mean, means
from evals.answers.run import run
from evals.judging import ragas_adapter
from evals.judging.ragas_adapter import Measured
from tests.answering.data import gold, only, planned, recorded

WANTED = ("semantic_similarity", "rouge", "chrf")


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A ragas that cannot be imported."""
    package = tmp_path / "broken" / "ragas"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('built for another Python')")
    for name in [each for each in sys.modules if each.partition(".")[0] == "ragas"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(package.parent))
    for forget in (ragas_adapter.available, ragas_adapter._collections):
        forget.cache_clear()
    yield
    for forget in (ragas_adapter.available, ragas_adapter._collections):
        forget.cache_clear()


@pytest.mark.usefixtures("broken")
def test_without_ragas_answers_run_and_say_what_is_missing(tmp_path: Path) -> None:
    plan = planned(
        tmp_path, recorded(tmp_path, "right", gold()), setting="closed_book", ragas=WANTED
    )
    found = run(plan)
    assert only(found).whole.counts["correct"] == 16
    ((named, why),) = found.lacking.items()
    assert named.split(", ") == list(WANTED)
    assert "built for another Python" in why
    assert "pip install" in why
    assert only(found).whole.metrics == {}


def test_means_are_over_what_is_measured() -> None:
    rows = [
        {"rouge": Measured(0.5), "chrf": Measured(None, "broken")},
        {"rouge": Measured(None, "empty"), "chrf": Measured(None, "broken")},
        {"rouge": Measured(1.0)},
        {},
    ]
    assert means(rows, ("rouge", "chrf", "bleu")) == {
        "rouge": Mean(0.75, 2, 1),
        "chrf": Mean(None, 0, 2),
    }


def test_with_ragas_every_answer_has_its_metrics(tmp_path: Path) -> None:
    pytest.importorskip("ragas", reason="the extra ragas is not installed")
    given = {**gold(), "turns-Cam": ""}
    plan = planned(
        tmp_path, recorded(tmp_path, "right", given), setting="closed_book", ragas=WANTED
    )
    found = run(plan)
    assert found.lacking == {}
    whole = only(found).whole.metrics
    assert set(whole) == set(WANTED)
    for each in whole.values():
        assert each.measured == 15
        assert each.unmeasured == 1
        assert each.value is not None
        assert each.value > 0.9


@pytest.mark.usefixtures("broken")
def test_what_nobody_asks_for_is_not_missing(tmp_path: Path) -> None:
    plan = planned(tmp_path, recorded(tmp_path, "right", gold()), setting="closed_book")
    assert run(plan).lacking == {}


def test_unknown_metrics_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="no metric of ragas 'goodness'"):
        planned(tmp_path, recorded(tmp_path, "right", gold()), ragas=("goodness",))
