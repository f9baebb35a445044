"""The benchmark of searches on a small index: what it shows holds, and what it measures is told."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from evals.bench.searching import main


def test_searches_while_two_refreshes_publish(tmp_path: Path) -> None:
    options = ["--chunks", "1000", "--searches", "50", "--pause", "0.01"]
    places = ["--home", str(tmp_path / "home"), "--out", str(tmp_path / "readings.json")]
    done = CliRunner().invoke(main, [*options, *places], catch_exceptions=False)
    assert done.exit_code == 0
    readings = json.loads((tmp_path / "readings.json").read_text())["readings"]
    ways = {way: [r for r in readings if r["way"] == way] for way in {r["way"] for r in readings}}
    assert {way: len({each["generation"] for each in own}) for way, own in ways.items()} == {
        "opening each time": 1,
        "one Searcher": 1,
        "one Searcher, refreshes": 3,
    }
    assert len(ways["one Searcher, refreshes"]) >= 50
    assert "p95 ms" in done.output
