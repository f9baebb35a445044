"""A short run of what `make soak` does for long: every disturbance once, on each store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults import soak as running
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


def test_what_it_began_is_ended_where_it_is_asked_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = []

    @contextmanager
    def surroundings(*_: object) -> Iterator[None]:
        try:
            yield
        finally:
            ended.append(True)

    def begin(_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(running, "_surroundings", surroundings)
    monkeypatch.setattr(running.Soak, "begin", begin)
    monkeypatch.setattr(sys, "argv", ["soak", "--store", "edge", "--home", str(tmp_path)])
    signal.signal(signal.SIGTERM, lambda *_: None)  # red is no dead test
    try:
        with pytest.raises(SystemExit) as caught:
            running.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert caught.value.code == 128 + signal.SIGTERM
    assert ended


def test_an_embedded_index_equals_a_fresh_build(disk: Path) -> None:
    undamaged(soak(disk, "edge", 1))


@pytest.mark.slow
def test_an_embedded_index_that_is_left_alone_equals_a_fresh_build(disk: Path) -> None:
    begun = soak(disk, "edge", 1)
    told = soak(disk, "edge", len(of_edge()))
    assert (begun["refreshes"], told["begun"]) == (1, 2), "it goes on where it ended"
    check(told, set(of_edge()))


@pytest.mark.slow
def test_a_server_that_is_left_alone_equals_a_fresh_build(tmp_path: Path) -> None:
    check(soak(tmp_path, "qdrant", len(of_server())), set(of_server()))


def check(told: dict[str, Any], kinds: set[str]) -> None:
    assert told["refreshes"] == len(kinds)
    assert {each.partition(":")[0] for each in told["endings"]} == kinds
    assert {"edited", "renamed", "poison: deadly", "turned bad"} <= set(told["edits"])
    undamaged(told)


def undamaged(told: dict[str, Any]) -> None:
    assert told["checks"] == 1
    assert (told["lost"], told["twice"], told["stale"], told["unexpected"]) == (0, 0, 0, 0)
