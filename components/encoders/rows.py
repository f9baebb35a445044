"""Between rows counted over a whole call and blocks of one document."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np

from components.encoders.pieces import Rows
from components.encoders.states import StateLog
from components.errors import DoesNotFit
from components.values import Block, Document, Matrix, Span


def first_rows(spans: Sequence[Sequence[Span]]) -> list[int]:
    """The row of each document's first span."""
    return [0, *accumulate(map(len, spans))][:-1]


def blocks(
    rows: Rows,
    spans: Sequence[Sequence[Span]],
    log: StateLog | None = None,
    documents: Sequence[Document] = (),
) -> Iterator[Block]:
    """Finished rows cut at the documents' borders, with the states of their tokens from the log.

    Where a row does not fit the memory of a model's device, the error names one of `documents`.
    """
    starts = first_rows(spans)
    try:
        yield from _cut(rows, starts, spans, log)
    except DoesNotFit as error:
        if documents and error.row >= 0:
            error.at(where=documents[bisect_right(starts, error.row) - 1].id)
        raise


def _cut(
    rows: Rows,
    starts: Sequence[int],
    spans: Sequence[Sequence[Span]],
    log: StateLog | None,
) -> Iterator[Block]:
    document = 0
    for first, matrix in rows:
        at = 0
        while at < len(matrix):
            while first + at >= starts[document] + len(spans[document]):
                document += 1
            within = first + at - starts[document]
            until = min(len(matrix), at + len(spans[document]) - within)
            states = log.take(first + at, until - at) if log else ()
            yield Block(document, within, matrix[at:until], states)
            at = until


def paired(left: Rows, right: Rows) -> Iterator[tuple[int, Matrix, Matrix]]:
    """Two streams over the same rows, cut alike: (first row, left rows, right rows)."""
    first, a = next(left, (0, None))
    _, b = next(right, (0, None))
    while a is not None and b is not None:
        size = min(len(a), len(b))
        yield first, a[:size], b[:size]
        first, a = _rest(first, a, size, left)
        _, b = _rest(first, b, size, right)


def joined(rows: Rows, width: int) -> Matrix:
    """All rows as one matrix, (rows, width)."""
    found = [matrix for _, matrix in rows]
    return np.concatenate(found) if found else np.zeros((0, width), np.float32)


def beside(rows: Rows, others: Rows) -> Rows:
    """The rows of the first stream, of which the second has finished its own."""
    return ((first, own) for first, own, _ in paired(rows, others))


def _rest(first: int, matrix: Matrix, used: int, stream: Rows) -> tuple[int, Matrix | None]:
    if used < len(matrix):
        return first + used, np.asarray(matrix[used:])
    return next(stream, (0, None))
