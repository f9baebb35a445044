"""What a comparison says that an answer costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.encoders.hashing import Hashing
from components.encoders.model import model
from evals.compare import steps
from evals.compare.costs import measure, one_by_one
from evals.compare.outcome import Measured
from evals.compare.request import Request
from evals.compare.run import run
from evals.datasets import catalogue
from tests.compare.data import beir, pipeline
from tests.encoders.random_models import transformer


@dataclass(frozen=True, kw_only=True)
class Own:
    """An encoder from outside."""

    width: int = 32

    def __getattr__(self, name: str) -> Any:
        if name == "model_bytes":
            raise AttributeError(name)
        return getattr(Hashing(width=self.width), name)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return transformer(tmp_path / "model", "bert", layers=2)


def test_each_systems_cost_says_what_was_measured(tmp_path: Path, checkpoint: Path) -> None:
    exact = {"use": "naive", "model": str(checkpoint), "precision": "fp32"}
    plain, with_model = _compared(
        tmp_path, [pipeline(tmp_path, "plain"), pipeline(tmp_path, "with-model", encoder=exact)]
    )
    for each in (plain, with_model):
        cost = each.to_json()["cost"]
        assert (cost["questions_one_by_one"], cost["questions_together"]) == (12, 12)
        assert cost["queries_per_second"] > 0
        assert set(cost["milliseconds"]) == {"encode", "retrieve", "rerank", "total"}
        for found in cost["milliseconds"].values():
            assert 0 <= found["p50"] <= found["p95"] <= found["p99"]
    assert plain.to_json()["cost"]["model_bytes"] == 0
    assert with_model.to_json()["cost"]["model_bytes"] == _bytes(checkpoint)


@pytest.mark.parametrize("questions", [1, 2, 3])
def test_few_questions_are_all_measured(tmp_path: Path, questions: int) -> None:
    plan = _planned(tmp_path, [pipeline(tmp_path, "plain")])
    steps.build(plan, plan.systems[0])
    queries = plan.request.data.queries()[:questions]
    readings = list(one_by_one(plan.systems, queries))
    assert len(readings) == questions
    assert measure(plan.systems, queries)["plain"].questions_one_by_one == questions


def test_an_encoder_that_does_not_tell_its_memory(tmp_path: Path) -> None:
    own = {"use": "tests.compare.test_costs:Own", "width": 32}
    (other,) = _compared(tmp_path, [pipeline(tmp_path, "other", encoder=own)])
    assert other.to_json()["cost"]["model_bytes"] is None


def test_weights_count_as_they_are_in_memory(checkpoint: Path) -> None:
    whole, cut = model(str(checkpoint), "auto"), model(str(checkpoint), "auto", layers=1)
    assert whole.bytes == 0
    for each in (whole, cut):
        states = each.hidden([np.array([5, 6, 7])])
    halved = states.rows.element_size() == 2
    # Half of what they are in fp32, but for the positions, which are whole numbers.
    exact = _bytes(checkpoint, halved=halved)
    assert whole.bytes == exact
    assert 0 < cut.bytes < exact


def _compared(folder: Path, files: list[Path]) -> list[Measured]:
    return list(run(_planned(folder, files)).systems)


def _planned(folder: Path, files: list[Path]) -> steps.Plan:
    data = catalogue.load(str(beir(folder / "data")))
    return steps.plan(Request(files=files, data=data, home=folder / "home"))


def _bytes(checkpoint: Path, *, halved: bool = False) -> int:
    """As transformers loads it."""
    from transformers import AutoModel

    loaded: Any = AutoModel.from_pretrained(checkpoint)
    weights: int = sum(each.nbytes for each in loaded.parameters())
    others: int = sum(each.nbytes for each in loaded.buffers())
    return weights // (2 if halved else 1) + others
