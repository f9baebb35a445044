"""A part of a data set's questions."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from random import Random

from evals.datasets.judged import Judged


def sampled(data: Judged, most: int, seed: int) -> Judged:
    """At most so many questions, in their order; the corpus stays, and with it the indexes."""
    if len(data.questions) <= most:
        return data
    kept = {*Random(seed).sample([each.id for each in data.questions], most)}  # noqa: S311
    told = f"{data.checksum} {most} of seed {seed}"
    return replace(
        data,
        questions=tuple(each for each in data.questions if each.id in kept),
        judgements={id: each for id, each in data.judgements.items() if id in kept},
        evidence={id: each for id, each in data.evidence.items() if id in kept},
        checksum=hashlib.sha256(told.encode()).hexdigest(),
    )
