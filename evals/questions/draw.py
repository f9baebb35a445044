"""Which chunks are asked about, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest
from random import Random

from components.values import Chunk


def draw(chunks: Iterable[Chunk], seed: int) -> Iterator[Chunk]:
    """Every chunk once: by turns one of each document, documents and their chunks in random order.

    The same for the same chunks in any order, so that a run that is resumed goes on where it was.
    """
    random = Random(seed)  # noqa: S311 - no secret
    ordered = sorted(chunks, key=lambda each: (each.document_id, each.ordinal, each.id))
    documents = [list(own) for _, own in groupby(ordered, key=lambda each: each.document_id)]
    for own in documents:
        random.shuffle(own)
    random.shuffle(documents)
    for turn in zip_longest(*documents):
        yield from (each for each in turn if each is not None)
