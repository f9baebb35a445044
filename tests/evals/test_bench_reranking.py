from __future__ import annotations

from pathlib import Path

import pytest

from evals.bench import reranking
from evals.compare.costs import percentiles


def test_every_reranker_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers")
    monkeypatch.chdir(tmp_path)
    readings = list(
        reranking.measure(64, 1, tmp_path, "needle?lengths=256&documents=8&questions=8")
    )
    by_system = {
        name: [each for each in readings if each.system == name] for name in reranking.SYSTEMS
    }
    assert {len(own) for own in by_system.values()} == {8}
    read = {name: {each.reranked for each in own} for name, own in by_system.items()}
    assert read.pop("none") == {0}
    assert len(set(map(frozenset, read.values()))) == 1
    assert min(min(own) for own in read.values()) > 1
    spent = {name: percentiles(own)["rerank"] for name, own in by_system.items()}
    assert all(0 <= each["p50"] <= each["p95"] for each in spent.values())
    # The fastest of each: what else the machine does slows some of eight.
    fastest = {name: min(each.seconds["rerank"] for each in own) for name, own in by_system.items()}
    assert fastest["e2rank"] < fastest["e2rank-encode"]
