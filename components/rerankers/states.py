"""States of hits' tokens, from the index that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from components.stages import Reader
from components.values import Hit, States


def fetched(reader: Reader, hits: Sequence[Hit]) -> list[States]:
    """Of each hit; of a passage those of all its chunks. Raises Missing where one has none."""
    counts = [len(hit.chunk_ids) for hit in hits]
    found = reader.states([id for hit in hits for id in hit.chunk_ids])
    return [
        np.concatenate(found[end - count : end])
        for count, end in zip(counts, accumulate(counts), strict=True)
    ]
