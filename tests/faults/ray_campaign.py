"""Kill an actor or a node in the middle of a refresh on Ray, and count what the refresh stored.

python -m tests.faults.ray_campaign actor|node --kills 20 --store FOLDER [--documents 100]
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from components.phases import Done
from infra.settings import settings
from tests.corpora import Corpus
from tests.engines import ON_RAY, SLOWLY, refresh, slow
from tests.faults.campaign import differences

_SHARE = (0.1, 0.85)
"""Of the documents, committed when something is killed."""


class Killer:
    """A watcher of a refresh that kills once, when so many documents are committed."""

    def __init__(self, kill: Callable[[], object], documents: int) -> None:
        self._kill = kill
        self._documents = documents
        self.committed: list[int] = []
        """Documents, after each shard."""
        self.killed_at: int | None = None

    def __call__(self, done: Done) -> None:
        """See `Progress`."""
        self.committed.append(done.units)
        if self.killed_at is None and done.units >= self._documents:
            self.killed_at = len(self.committed)
            self._kill()


def actors() -> list[psutil.Process]:
    """Processes that are actors, of the nodes that this process has started."""
    started = psutil.Process().children(recursive=True)
    return [each for each in started if "ray::_Actor" in _title(each)]


def kill_an_actor(chance: random.Random) -> None:
    """SIGKILL."""
    os.kill(chance.choice(actors()).pid, signal.SIGKILL)


def wrong_with(corpus: Corpus, overrides: tuple[str, ...], expected: tuple[str, ...]) -> list[str]:
    """What differs from an undisturbed refresh; `snapshot` counts points that are there twice."""
    return differences(corpus.stored(expected), corpus.stored(overrides))


@contextmanager
def two_nodes() -> Iterator[Callable[[], None]]:
    """Connected to a cluster of two nodes with a core each; calling it kills the second one."""
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield lambda: cluster.remove_node(second, allow_graceful=False)
    finally:
        ray.shutdown()
        cluster.shutdown()  # type: ignore[no-untyped-call]


@contextmanager
def two_cores() -> Iterator[None]:
    """Connected to a node of two cores."""
    import ray

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return ""


def _run(corpus: Corpus, kill: Callable[[], object], documents: int, to: Path) -> bool:
    killer = Killer(kill, documents)
    start = time.monotonic()
    overrides = (*ON_RAY, f"index.path={to}")
    report = refresh(corpus, overrides, killer)
    wrong = wrong_with(corpus, overrides, (f"index.path={corpus.folder / 'quiet'}",))
    if report.added != killer.committed[-1]:
        wrong.append(f"{report.added} added, {killer.committed[-1]} committed")
    at = {"killed_at_shard": killer.killed_at, "of": len(killer.committed)}
    seconds = round(time.monotonic() - start, 1)
    print(json.dumps({**at, "seconds": seconds, "differences": wrong}), flush=True)
    return bool(wrong) or killer.killed_at is None


def main() -> None:
    """Run a campaign and print a line for every kill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("victim", choices=["actor", "node"])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--documents", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", type=Path, required=True)
    asked = parser.parse_args()
    os.environ["MILLRACE_SHARD_CHARACTERS"] = "1000"
    settings.cache_clear()
    chance = random.Random(asked.seed)
    corpus = Corpus(asked.store, SLOWLY)
    corpus.fill(asked.documents)
    slow(corpus)
    quiet = refresh(corpus, (f"index.path={asked.store / 'quiet'}",))
    print(f"quiet: {quiet.totals.documents} documents, {quiet.totals.chunks} chunks")
    bad = 0
    for number in range(asked.kills):
        documents = round(chance.uniform(*_SHARE) * asked.documents)
        to = asked.store / str(number)
        if asked.victim == "node":
            with two_nodes() as kill:
                bad += _run(corpus, kill, documents, to)
        else:
            with two_cores():
                bad += _run(corpus, lambda: kill_an_actor(chance), documents, to)
    print(f"{asked.kills - bad} of {asked.kills} complete, nothing twice")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
