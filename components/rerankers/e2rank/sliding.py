"""Windows that slide from the end of a ranking to its front, so that a few hits are read at once.

Source: Sun et al., EMNLP 2023 (RankGPT), section 3.2. What is good rises with the windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from components.values import Matrix

Score = Callable[[Sequence[int], Sequence[list[int]]], Sequence[Matrix]]
"""Rankings by their positions in the batch, and the hits of each to be scored, as positions in the
ranking; answers with a score per hit.
"""


def slide(counts: Sequence[int], window: int, step: int, score: Score) -> list[list[int]]:
    """Rankings of so many hits each, in their new order. All are read a window at a time."""
    orders = [list(range(count)) for count in counts]
    ends = list(counts)
    while open_ := [at for at, end in enumerate(ends) if end > 0]:
        bounds = [(max(0, ends[at] - window), ends[at]) for at in open_]
        read = [orders[at][start:end] for at, (start, end) in zip(open_, bounds, strict=True)]
        for at, (start, end), own, scores in zip(
            open_, bounds, read, score(open_, read), strict=True
        ):
            best = (-scores).argsort(kind="stable")
            orders[at][start:end] = [own[i] for i in best]
            ends[at] = 0 if start == 0 else end - step
    return orders
