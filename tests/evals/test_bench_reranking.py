from __future__ import annotations

from pathlib import Path

import pytest

from evals.bench import reranking


def test_every_reranker_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers")
    monkeypatch.chdir(tmp_path)
    found = reranking.measure(64, 1, tmp_path, "needle?lengths=256&documents=8&questions=8")
    assert set(found) == set(reranking.SYSTEMS)
    read = {name: each["cost"]["reranked"] for name, each in found.items()}
    assert read.pop("none") == 0
    assert len(set(read.values())) == 1
    assert min(read.values()) > 1
    assert all(each["cost"]["milliseconds"]["rerank"]["p95"] >= 0 for each in found.values())
    stored, encoded = (found[name]["cost"]["milliseconds"] for name in ("e2rank", "e2rank-encode"))
    assert stored["rerank"]["p50"] < encoded["rerank"]["p50"]
