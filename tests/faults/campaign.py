"""Kill a refresh at random moments and compare what the next run ends in with a quiet run.

python -m tests.faults.campaign PIPELINE --kills 10 --store FOLDER [--set stage.option=value …]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.corpus import run
from components.corpus.request import Job, Request
from components.phases import Done, within
from tests.corpora import Stored, snapshot

_CHILD = """
import itertools, sys
from components.corpus import run
from tests.faults.campaign import job
from components.phases import within
shards = itertools.count(1)
def tell(done):
    print(next(shards), flush=True)
run.run(job(sys.argv[1], sys.argv[2:]), within(tell))
print("end", flush=True)
"""


@dataclass(frozen=True)
class Kill:
    """One refresh that was killed."""

    shards: int
    """Committed when the signal was sent."""
    of: int
    chunks_then: int
    """In the draft right after the kill."""


def job(pipeline: str, overrides: Sequence[str]) -> Job:
    """A refresh of the pipeline."""
    return Job(Request(pipeline=pipeline, overrides=tuple(overrides), run_id="campaign"))


def quiet(pipeline: str, overrides: Sequence[str]) -> tuple[Stored, int]:
    """An undisturbed refresh: what it stored, and in how many shards."""
    shards = 0

    def count(done: Done) -> None:
        nonlocal shards
        shards += 1

    undisturbed = job(pipeline, overrides)
    run.run(undisturbed, within(count))
    return stored(undisturbed), shards


def stored(of: Job) -> Stored:
    """What is live."""
    release = of.corpus.live()
    assert release is not None
    with of.corpus.read(release.generation) as reader:
        return snapshot(reader)


def killed(
    pipeline: str, overrides: Sequence[str], shards: int, chance: random.Random
) -> Kill | None:
    """A refresh killed at a random moment from 10 % to 90 % of its shards; None: it was faster."""
    low, high = math.ceil(0.1 * shards), max(1, math.floor(0.9 * shards) - 1)
    target = chance.randint(low, high)
    arguments = [sys.executable, "-c", _CHILD, pipeline, *overrides]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        committed, first = 0, None
        for line in child.stdout:
            if line.strip() == "end":
                return None
            committed, first = int(line), first or time.monotonic()
            if committed >= target:
                break
        elapsed = time.monotonic() - (first or 0)
        time.sleep(chance.random() * elapsed / max(1, committed - 1))
        os.kill(child.pid, signal.SIGKILL)
    return Kill(shards=committed, of=shards, chunks_then=_chunks(job(pipeline, overrides)))


def _chunks(of: Job) -> int:
    draft = of.corpus.unfinished(of.fingerprint, of.corpus.finished(of.fingerprint))
    if draft is None:
        return 0
    with of.corpus.read(draft) as reader:
        return reader.count_chunks()


def differences(left: Stored, right: Stored) -> list[str]:
    """What is not the same; empty when nothing was lost, doubled or stale."""
    found = []
    if set(left.entries) != set(right.entries):
        found.append(f"documents {set(left.entries) ^ set(right.entries)}")
    if left.chunks != right.chunks:
        found.append(f"chunks: {len(left.chunks)} and {len(right.chunks)}, or their payloads")
    else:
        worst = min((float(left.vectors[i] @ right.vectors[i]) for i in left.vectors), default=1.0)
        if worst < 0.9999:
            found.append(f"a vector has cosine {worst:.6f}")
        found += _state_differences(left, right)
        found += _whole_differences(left, right)
    return found


def _state_differences(left: Stored, right: Stored) -> list[str]:
    """Signs of components near zero may differ, where batches were others."""
    if left.states.keys() != right.states.keys():
        return [f"states of tokens: {len(left.states)} and {len(right.states)}"]
    equal = [
        float((left.states[i] == right.states[i]).mean())
        if left.states[i].shape == right.states[i].shape
        else 0.0
        for i in left.states
    ]
    worst = min(equal, default=1.0)
    return [] if worst > 0.9 else [f"of a chunk's states {worst:.0%} of the bytes are equal"]


def _whole_differences(left: Stored, right: Stored) -> list[str]:
    if left.wholes.keys() != right.wholes.keys() or left.worded != right.worded:
        return [f"whole documents: {len(left.wholes)} and {len(right.wholes)}, or their words"]
    off = max(
        (
            abs(a - b)
            for i in left.wholes
            for a, b in zip(left.wholes[i], right.wholes[i], strict=True)
        ),
        default=0.0,
    )
    return [] if off < 1e-2 else [f"a cosine of a whole document is off by {off:.4f}"]


def main() -> None:
    """Run a campaign and print a line for every kill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pipeline")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    expected, shards = quiet(asked.pipeline, [*asked.overrides, f"index.path={asked.store}/quiet"])
    print(
        f"quiet: {len(expected.entries)} documents, {len(expected.chunks)} chunks, {shards} shards"
    )
    bad = 0
    for number in range(asked.kills):
        overrides = [*asked.overrides, f"index.path={asked.store}/{number}"]
        kill = killed(asked.pipeline, overrides, shards, chance)
        again = job(asked.pipeline, overrides)
        report = run.run(again)
        result = stored(again)
        wrong = differences(expected, result)
        lowest = min(
            float(np.dot(expected.vectors[i], result.vectors[i]))
            for i in expected.vectors.keys() & result.vectors.keys()
        )
        bad += bool(wrong)
        told = {"kill": number, "at": vars(kill) if kill else None, "resumed": report.resumed}
        print(json.dumps({**told, "lowest_cosine": round(lowest, 6), "differences": wrong}))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
