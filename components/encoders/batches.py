"""Sequences of like length read together, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions of the sequences, longest first; padded size at most `budget` tokens, unless one
    sequence alone is more.
    """
    ordered = iter(sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True))
    for longest in ordered:
        room = budget // max(1, lengths[longest]) - 1
        yield [longest, *islice(ordered, max(0, room))]
