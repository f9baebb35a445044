"""Sequences read by a model, batch by batch, as many tokens at once as there is memory for."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Protocol, TypeVar

Made = TypeVar("Made")
Begin = Callable[[list[int]], Callable[[], Made]]
"""Starts a forward pass over the sequences at some positions; the call waits for its end."""
_log = logging.getLogger(__name__)


class NoRoom(Exception):
    """Memory does not suffice for one sequence alone: that at position `place`."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


class Reader(Protocol):
    """What reads them."""

    @property
    def batch_tokens(self) -> int:
        """Tokens of a batch, padding counted, at most."""
        ...

    def read_less(self, tokens: int) -> None:
        """From now on at most so many tokens at once."""
        ...


def read(
    reader: Reader, lengths: Sequence[int], begin: Begin[Made]
) -> Iterator[tuple[list[int], Made]]:
    """Every sequence once: positions of a batch, longest first, with what was made of it.

    While a GPU reads one batch, the next is made ready. A batch that memory does not suffice for is
    read in batches of half the size, and so is all that follows, in later calls too. Raises NoRoom.
    """
    under_way: tuple[list[int], Callable[[], Made]] | None = None
    planned = deque(_batches(lengths, reader.batch_tokens))
    while planned:
        batch = planned.popleft()
        begun = _begun(begin, batch)
        shared = under_way is not None
        if under_way is not None:
            yield under_way[0], under_way[1]()
        under_way = None if begun is None else (batch, begun)
        if begun is None and len(batch) > 1:
            planned = deque(_smaller([batch, *planned], lengths, reader))
        elif begun is None and shared:  # the batch before it had some of the memory
            planned.appendleft(batch)
        elif begun is None:
            raise NoRoom(batch[0])
    if under_way is not None:
        yield under_way[0], under_way[1]()


def _batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions of the sequences, longest first; padded size at most `budget` tokens, unless one
    sequence alone is more.
    """
    ordered = iter(sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True))
    for longest in ordered:
        room = budget // max(1, lengths[longest]) - 1
        yield [longest, *islice(ordered, max(0, room))]


def _smaller(
    left: Sequence[list[int]], lengths: Sequence[int], reader: Reader
) -> Iterator[list[int]]:
    """What is left to read, in batches of half the size of the first."""
    size = len(left[0]) * max(lengths[at] for at in left[0])
    reader.read_less(size // 2)
    _log.warning("memory does not suffice for %d tokens at once: now for %d", size, size // 2)
    places = list(chain.from_iterable(left))
    for batch in _batches([lengths[at] for at in places], size // 2):
        yield [places[at] for at in batch]


def _begun(begin: Begin[Made], batch: list[int]) -> Callable[[], Made] | None:
    """None where memory does not suffice. What was made until then is free again by now."""
    import torch

    try:
        return begin(batch)
    except (torch.OutOfMemoryError, MemoryError):
        return None
