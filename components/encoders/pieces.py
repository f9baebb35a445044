"""What the kernel reads and what it makes of it: windows of tokens, and their parts of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.values import Integers, Matrix, States

NOBODY = -1
"""Owner of a token that is read but not pooled: context, headers, special tokens."""
Rows = Iterator[tuple[int, Matrix]]
"""Finished rows of a call, every one once and in order: the first one's number, (rows, width)."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Token ids and their owners, each of shape (tokens,). Owners never fall within a call."""

    ids: Integers
    owners: Integers
    first: int
    """The lowest row that it may own tokens of; ascending over the windows of a call."""
    kept_from: int = 0
    """The first token whose state may be kept: prompts stand before it."""


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """What windows add to rows: a piece is what one row owns in one window."""

    windows: Integers
    """Position of each piece's window in the batch, ascending, shape (pieces,)."""
    rows: Integers
    """Shape (pieces,), ascending within a window."""
    sums: Matrix
    """Sum of the hidden states of each piece's tokens, shape (pieces, width)."""
    states: Sequence[States] = ()
    """Of each piece's tokens; none where they are not asked for."""
