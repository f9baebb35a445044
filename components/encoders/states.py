"""States of tokens in a bit per component, kept beside the vectors that are pooled of them.

Late interaction compares every token of a question with those of a passage. Kept as they are they
would take a hundred times the room of the passage's one vector; here they take about as much. Two
steps, both from the literature on multi-vector retrieval: consecutive tokens are pooled (Clavié,
Chaffin and Adams, arXiv 2409.14683: little is lost at a factor of two), and of every component only
its sign is kept, while the question's stay numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from components.values import Integers, Matrix, States

if TYPE_CHECKING:
    import torch

    from components.encoders.pieces import Pieces


class StateLog:
    """The states of a call's rows, from the kernel that reads them to whoever takes the rows.

    `every`: how many consecutive tokens of a row are one state.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self._parts: dict[int, list[States]] = defaultdict(list)

    def add(self, pieces: Pieces) -> None:
        """What windows have of some rows."""
        for row, states in zip(pieces.rows, pieces.states, strict=True):
            self._parts[int(row)].append(states)

    def take(self, first: int, rows: int) -> list[States]:
        """Of finished rows, once; parts of a row that lie in different windows in any order."""
        return [np.concatenate(self._parts.pop(row)) for row in range(first, first + rows)]


def signs(
    rows: torch.Tensor, piece: Integers, kept: npt.NDArray[np.bool_], count: int, every: int
) -> list[States]:
    """Of each of `count` pieces its states. `rows`: hidden states, (tokens, width); `piece`: which
    piece each is in, ascending; those that are not `kept` (special tokens) are left out.
    """
    import torch

    from components.encoders.passes import put

    (tokens,) = np.nonzero(kept)
    own = piece[tokens]
    sizes = np.bincount(own, minlength=count)
    place = np.arange(len(tokens)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    states = -(-sizes // every)
    before = np.cumsum(states) - states
    unit = torch.nn.functional.normalize(rows[put(tokens, rows.device)].float())
    sums = torch.zeros((int(states.sum()), rows.shape[1]), device=rows.device)
    sums.index_add_(0, put(before[own] + place // every, rows.device), unit)
    bits = np.packbits((sums > 0).cpu().numpy(), axis=1)
    return np.split(bits, np.cumsum(states)[:-1])


def likeness(query: Matrix, passages: Sequence[States]) -> Matrix:
    """Of each passage the mean, over the question's tokens, of the largest product with a state,
    shape (passages,); 0 where either has no token. `query`: unit states, (tokens, width).

    A state stands for the unit vector of its signs. Such products keep the order of cosines; they
    are some four fifths of them.
    """
    found = np.zeros(len(passages), dtype=np.float32)
    filled = np.array([at for at, each in enumerate(passages) if len(each)], dtype=np.int64)
    if not len(query) or not len(filled):
        return found
    sizes = np.array([len(passages[at]) for at in filled])
    packed = np.concatenate([passages[at] for at in filled])
    bits = np.unpackbits(packed, axis=1, count=query.shape[1]).astype(np.float32)
    # With signs of +1 and -1 in place of bits: twice the product, less the sum of all components.
    products = 2 * (query @ bits.T) - query.sum(axis=1, keepdims=True)
    best = np.maximum.reduceat(products, np.cumsum(sizes) - sizes, axis=1)
    found[filled] = best.mean(axis=0) / np.sqrt(np.float32(query.shape[1]))
    return found
