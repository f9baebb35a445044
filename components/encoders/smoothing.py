"""Vectors mixed with those of their neighbours in the same document."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.encoders.kernel import unit
from components.encoders.pieces import Rows
from components.values import Integers, Matrix, Span


def smoothed(rows: Rows, spans: Sequence[Sequence[Span]], radius: int, decay: float) -> Rows:
    """Each row as the sum of the rows up to `radius` spans away in its document, the one `d` spans
    away weighing exp(-decay * d), scaled to unit length. Takes and gives rows of unit length.
    """
    documents = np.repeat(np.arange(len(spans)), [len(own) for own in spans])
    weights = np.exp(-decay * np.arange(radius + 1)).astype(np.float32)
    start = done = 0
    held: Matrix | None = None
    for _, matrix in rows:
        held = matrix if held is None else np.concatenate([held, matrix])
        end = start + len(held)
        ready = end if end == len(documents) else max(done, end - radius)
        if ready > done:
            mixed = _mixed(held, documents[start:end], weights)[done - start : ready - start]
            yield done, unit(mixed)
        kept = max(start, ready - radius)
        held, start, done = held[kept - start :], kept, ready


def _mixed(rows: Matrix, documents: Integers, weights: Matrix) -> Matrix:
    mixed: Matrix = weights[0] * rows
    for distance in range(1, min(len(weights), len(rows))):
        together = (documents[distance:] == documents[:-distance])[:, None]
        mixed[:-distance] += weights[distance] * together * rows[distance:]
        mixed[distance:] += weights[distance] * together * rows[:-distance]
    return mixed
