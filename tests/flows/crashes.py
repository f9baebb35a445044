"""The host crashes under a schedule, again and again: server, worker and run killed at once.

    python -m tests.flows.crashes FOLDER [--times 10] [--seed 0]

FOLDER gets a small corpus, its index and the server's database. A round edits every document, waits
until a scheduled run was taken by the worker or, every other time, until it runs, kills all
processes at a random moment, starts server and worker again and waits for the next scheduled run,
which must complete and leave nothing to do. A round takes a minute or two.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from ruamel.yaml import YAML

from tests.cli import ROOT
from tests.corpora import HASHING, Corpus, counts, prose
from tests.flows.server import ENDED, Server, server, worker

DOCUMENTS = 300
EVERY = 30
"""Seconds between two scheduled runs."""
_LONGEST = 10.0
"""Seconds after a run was taken, or runs, within which the host crashes."""
_BEGUN = ("PENDING", "RUNNING", *ENDED)


@dataclass(frozen=True)
class Round:
    """A crash and what came after it."""

    state: str
    """Of the run that was killed, when it was killed."""
    after: float
    """Seconds since it was taken, or ran."""
    next: dict[str, Any]
    """The first scheduled run after the crash, once it has ended."""
    waited: float
    """Seconds from the restart to its end."""
    right: bool
    """Whether a refresh after it would find nothing to do."""


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    lost = 0
    for number, each in enumerate(rounds(given.folder.resolve(), given.times, given.seed), start=1):
        state = each.next["state"]
        lost += state["type"] != "COMPLETED" or not each.right
        print(
            f"{number:3}  killed as {each.state}, {each.after:.1f} s after; the next: "
            f"{state['name']} in {each.waited:.0f} s ({state['message']}), "
            f"{'right' if each.right else 'WRONG'}",
            flush=True,
        )
    print(f"{given.times} crashes, {lost} scheduled runs lost")
    raise SystemExit(bool(lost))


def rounds(folder: Path, times: int, seed: int = 0) -> Iterator[Round]:
    """So many crashes, one after the other."""
    chance = random.Random(seed)
    corpus = Corpus(folder, {**HASHING, "name": "crashes"})
    home = folder / "prefect"
    home.mkdir(exist_ok=True)
    with _host(home) as (running, _):
        _deploy(running, corpus)
    for number in range(times):
        for document in range(DOCUMENTS):
            corpus.add(f"{document:03}.txt", prose(document + DOCUMENTS * number, sentences=30))
        yield _crashed(home, corpus, _BEGUN[number % 2 :], chance.uniform(0.0, _LONGEST))


def _crashed(home: Path, corpus: Corpus, states: tuple[str, ...], after: float) -> Round:
    with _host(home) as (running, pids):
        known = {each["id"] for each in running.runs(*_BEGUN)}
        _wait(lambda: _new(running, known, states), "no scheduled run began")
        time.sleep(after)
        killed = _new(running, known, _BEGUN)
        _kill(pids)
    known |= {each["id"] for each in killed}
    begun = time.monotonic()
    with _host(home) as (running, _):
        following = _wait(lambda: _ended(running, known), "no scheduled run ended")
        waited = time.monotonic() - begun
    planned = corpus.refresh(dry_run=True)
    right = counts(planned) == (0, 0, DOCUMENTS, 0, 0)
    cut_off = [each for each in killed if each["state_type"] not in ENDED] or killed
    return Round(cut_off[0]["state_name"], after, following, waited, right)


@contextmanager
def _host(home: Path) -> Iterator[tuple[Server, tuple[int, int]]]:
    """A server with its database, and a worker."""
    small = {"MILLRACE_SHARD_CHARACTERS": "2000"}  # so that there is much to be killed between
    with (
        server(home, settings=small) as running,
        worker(running, home / "worker.log") as pid,
    ):
        yield running, (running.pid, pid)


def _deploy(running: Server, corpus: Corpus) -> None:
    """As the sample is deployed, but for what and when."""
    shipped = YAML(typ="safe").load(ROOT / "prefect.yaml")["deployments"][0]
    own = {
        "name": "crashes",
        "parameters": {"pipeline": str(corpus.file)},
        "schedules": [{"interval": EVERY, "slug": "again-and-again"}],
    }
    file = corpus.folder / "prefect.yaml"
    file.write_text(json.dumps({"deployments": [{**shipped, **own}]}))  # JSON is YAML
    running.prefect("--no-prompt", "deploy", "--all", "--prefect-file", file)


def _new(running: Server, known: set[str], states: tuple[str, ...]) -> list[dict[str, Any]]:
    """Runs in such states that were not known."""
    return [each for each in running.runs(*states) if each["id"] not in known]


def _ended(running: Server, known: set[str]) -> dict[str, Any] | None:
    """The first to end of those that were not known, but for one that found another at work."""
    found = [each for each in _new(running, known, ENDED) if each["state_name"] != "Busy"]
    return found[-1] if found else None


def _wait(look: Any, failing: str) -> Any:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        with suppress(httpx.TransportError):  # it has much to do
            if found := look():
                return found
        time.sleep(0.3)
    raise TimeoutError(failing)


def _kill(pids: tuple[int, ...]) -> None:
    """All of them and what they have started, as a host that loses its power does."""
    roots = [psutil.Process(pid) for pid in pids]
    every = [process for root in roots for process in (root, *root.children(recursive=True))]
    for process in every:
        process.kill()
    psutil.wait_procs(every, timeout=30)


if __name__ == "__main__":
    main()
