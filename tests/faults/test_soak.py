"""A short run of what `make soak` does for long: every disturbance once, on each store."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.faults.disturbances import of_edge, of_server

_DOCUMENTS = 90


def soak(home: Path, store: str, refreshes: int) -> dict[str, Any]:
    asked = ["--store", store, "--refreshes", str(refreshes), "--documents", str(_DOCUMENTS)]
    command = [sys.executable, "-m", "tests.faults.soak", *asked, "--home", str(home), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 0, told
    return told


def test_an_embedded_index_that_is_left_alone_equals_a_fresh_build(disk: Path) -> None:
    begun = soak(disk, "edge", 1)
    told = soak(disk, "edge", len(of_edge()))
    assert (begun["refreshes"], told["begun"]) == (1, 2), "it goes on where it ended"
    check(told, set(of_edge()))


def test_a_server_that_is_left_alone_equals_a_fresh_build(tmp_path: Path) -> None:
    check(soak(tmp_path, "qdrant", len(of_server())), set(of_server()))


def check(told: dict[str, Any], kinds: set[str]) -> None:
    assert told["refreshes"] == len(kinds)
    assert {each.partition(":")[0] for each in told["endings"]} == kinds
    assert {"edited", "renamed", "poison: deadly", "turned bad"} <= set(told["edits"])
    assert told["checks"] == 1
    assert (told["lost"], told["twice"], told["stale"], told["unexpected"]) == (0, 0, 0, 0)
