"""The kernel under every transformer encoder: windows of tokens in, pooled unit vectors out.

A window is one sequence for the model. Each of its tokens is owned by at most one row (a span,
counted over the whole call) and a row may own tokens in several windows. A row's vector is the mean
of the hidden states it owns, in fp32, cut to a width and scaled to unit length. Naive, late and
landmark encoding differ only in which windows they make and which tokens they give to a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from components.encoders.ahead import ahead
from components.encoders.memory import Memory
from components.encoders.model import Model
from components.encoders.pieces import NOBODY, Pieces, Rows, Window
from components.encoders.reading import NoRoom, read
from components.encoders.states import StateLog, of_text, signs
from components.values import Matrix, States

if TYPE_CHECKING:
    from components.encoders.cache import VectorCache


def pool(
    model: Model,
    windows: Iterable[Window],
    width: int | None = None,
    cache: VectorCache | None = None,
    states: StateLog | None = None,
) -> Rows:
    """Finished rows as (first row, matrix (rows, width)), in order, every row exactly once.

    `width`: how many components are kept of each row, None for all. `cache`: what windows have
    added to rows before, which is not computed again. `states`: takes the states of each row's
    tokens, special tokens left out, before the row comes.

    Windows are read in rounds and sorted by length within one, so that little is padding and
    memory stays bounded however long the call. While a GPU reads one round, a thread makes the
    windows of the next. Raises DoesNotFit with the window's lowest row.
    """
    sums = _Sums(model.checkpoint.width, width)
    every = states.every if states is not None else 0
    memory = Memory(cache, model, every) if cache is not None else None
    rounds = _rounds(iter(windows), model)
    for taken, following in ahead(rounds) if model.reads_ahead else rounds:
        for pieces in _pieces(taken, model, memory, every):
            sums.add(pieces)
            if states is not None:
                states.add(pieces)
        yield from sums.finished(following)


def _pieces(
    windows: list[Window], model: Model, memory: Memory | None, every: int
) -> Iterator[Pieces]:
    """Of all windows, from memory or by reading them."""
    if memory is None:
        yield from (made for _, made in _read(windows, model, every))
        return
    unread, known = memory.recall(windows)
    yield known
    for batch, made in _read(unread, model, every):
        memory.note(batch, made)
        yield made
    memory.keep()


def _rounds(stream: Iterator[Window], model: Model) -> Iterator[tuple[list[Window], int | None]]:
    """Windows that are read together, and the first row of those that follow, None at the end."""
    waiting = next(stream, None)
    while waiting is not None:
        taken, waiting = _round(waiting, stream, model.round_tokens)
        yield taken, None if waiting is None else waiting.first


def _round(
    first: Window, stream: Iterator[Window], budget: int
) -> tuple[list[Window], Window | None]:
    taken, tokens = [first], len(first.ids)
    for window in stream:
        if tokens + len(window.ids) > budget:
            return taken, window
        taken.append(window)
        tokens += len(window.ids)
    return taken, None


def _read(windows: list[Window], model: Model, every: int) -> Iterator[tuple[list[Window], Pieces]]:
    """Batches with what was read of them."""

    def begin(places: list[int]) -> Callable[[], Pieces]:
        return _begin([windows[at] for at in places], model, every)

    try:
        for places, made in read(model, [len(each.ids) for each in windows], begin):
            yield [windows[at] for at in places], made
    except NoRoom as none:
        error = model.unfit(windows[none.place].ids)
        error.row = windows[none.place].first
        raise error from None


def _begin(batch: list[Window], model: Model, every: int) -> Callable[[], Pieces]:
    """One forward pass; the call waits for its end. `every`: tokens in a state, 0 for none."""
    import torch

    from components.encoders.passes import fetch, put

    hidden = model.hidden([each.ids for each in batch])
    owners = np.concatenate([each.owners for each in batch])
    lengths = [len(each.owners) for each in batch]
    window = np.repeat(np.arange(len(batch)), lengths)
    place = np.concatenate(
        [start + np.arange(n) for start, n in zip(hidden.starts, lengths, strict=True)]
    )
    (used,) = np.nonzero(owners != NOBODY)
    piece = np.stack([window[used], owners[used]])
    (starts,) = np.nonzero(np.diff(piece, axis=1, prepend=NOBODY).any(axis=0))
    index = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(used)))
    device = hidden.rows.device
    picked = hidden.rows[put(place[used], device)]
    sums = torch.zeros((len(starts), hidden.rows.shape[1]), device=device)
    sums.index_add_(0, put(index, device), picked.float())
    coming = fetch(sums)
    read, rows = piece[:, starts]
    states: Callable[[], Sequence[States]] = tuple
    if every:
        kept = np.concatenate([of_text(each, model) for each in batch])[used]
        states = signs(picked, index, kept, len(starts), every)
    return lambda: Pieces(read, rows, coming(), states())


class _Sums:
    """Sums of the hidden states of the rows that are not finished yet."""

    def __init__(self, width: int, kept: int | None) -> None:
        self._first = 0
        self._kept = kept
        self._sums = np.zeros((0, width), dtype=np.float32)

    def add(self, pieces: Pieces) -> None:
        self._reserve(int(pieces.rows.max(initial=self._first - 1)) + 1)
        np.add.at(self._sums, pieces.rows - self._first, pieces.sums)

    def finished(self, next_first: int | None) -> Rows:
        """Rows below `next_first` (all of them where None), and forget them."""
        done = len(self._sums) if next_first is None else next_first - self._first
        if done <= 0:
            return
        self._reserve(self._first + done)
        # The mean and the sum have one direction; only the direction is kept.
        yield self._first, unit(self._sums[:done, : self._kept])
        self._first += done
        self._sums = self._sums[done:]

    def _reserve(self, end: int) -> None:
        missing = end - self._first - len(self._sums)
        if missing > 0:
            self._sums = np.pad(self._sums, ((0, missing), (0, 0)))


def unit(rows: Matrix) -> Matrix:
    """Rows scaled to length 1; a zero row stays zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), dtype=np.float32)
