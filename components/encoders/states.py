"""States of tokens in a bit per component, kept beside the vectors that are pooled of them.

Late interaction compares every token of a question with those of a passage. Kept in full each would
take as much room as the passage's one vector; a bit per component is a thirty-second of that. The
question's states stay numbers. Where several consecutive tokens are one state, it is of their mean
(token pooling: Clavié, Chaffin and Adams, arXiv 2409.14683).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from components.values import Integers, Matrix, States

if TYPE_CHECKING:
    import torch

    from components.encoders.model import Model
    from components.encoders.pieces import Pieces, Window

_UNPACKED = 16_384
"""States that are unpacked at once: each takes 32 times its room then."""


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


def of_text(window: Window, model: Model) -> npt.NDArray[np.bool_]:
    """Whether each token's state may be kept: special tokens and prompts say nothing of a text."""
    special = [*model.tokenizer.prefix, *model.tokenizer.suffix]
    return ~np.isin(window.ids, special) & (np.arange(len(window.ids)) >= window.kept_from)


def signs(
    rows: torch.Tensor, piece: Integers, kept: npt.NDArray[np.bool_], count: int, every: int
) -> Callable[[], list[States]]:
    """Of each of `count` pieces its states; the call waits for them.

    `rows`: hidden states, (tokens, width). `piece`: which piece each token is in, ascending.
    `kept`: whether it counts.
    """
    import torch

    from components.encoders.passes import fetch, put

    (tokens,) = np.nonzero(kept)
    own = piece[tokens]
    sizes = np.bincount(own, minlength=count)
    place = np.arange(len(tokens)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    states = -(-sizes // every)
    before = np.cumsum(states) - states
    unit = torch.nn.functional.normalize(rows[put(tokens, rows.device)].float())
    sums = torch.zeros((int(states.sum()), rows.shape[1]), device=rows.device)
    sums.index_add_(0, put(before[own] + place // every, rows.device), unit)
    coming, ends = fetch(sums > 0), np.cumsum(states)[:-1]
    return lambda: np.split(np.packbits(coming(), axis=1), ends)


def likeness(query: Matrix, passages: Sequence[States]) -> Matrix:
    """Of each passage the mean, over the question's tokens, of the largest product with a state,
    shape (passages,); 0 where either has no token. `query`: unit states, (tokens, width).

    A state stands for the unit vector of its signs. Such products keep the order of cosines; they
    are some four fifths of them.
    """
    found = np.zeros(len(passages), dtype=np.float32)
    if not len(query):
        return found
    filled = [at for at, each in enumerate(passages) if len(each)]
    for part in _portions(filled, passages):
        found[part] = _largest(query, [passages[at] for at in part]).mean(axis=0)
    return found


def _portions(places: Sequence[int], passages: Sequence[States]) -> Iterator[list[int]]:
    """Places of passages that are unpacked together."""
    portion: list[int] = []
    states = 0
    for at in places:
        if portion and states + len(passages[at]) > _UNPACKED:
            yield portion
            portion, states = [], 0
        portion.append(at)
        states += len(passages[at])
    if portion:
        yield portion


def _largest(query: Matrix, passages: Sequence[States]) -> Matrix:
    """The largest product of each of the question's tokens with a state of each passage, shape
    (tokens, passages).
    """
    width = query.shape[1]
    bits = np.unpackbits(np.concatenate(passages), axis=1, count=width).astype(np.float32)
    # With signs of +1 and -1 in place of bits: twice the product, less the sum of all components.
    products = (2 * (query @ bits.T) - query.sum(axis=1, keepdims=True)) / np.sqrt(width)
    sizes = np.array([len(each) for each in passages])
    return np.asarray(np.maximum.reduceat(products, np.cumsum(sizes) - sizes, axis=1), np.float32)
