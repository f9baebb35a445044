"""The documents of a generation, read a few at a time: a corpus may be larger than the memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, groupby

from components.indexes.contract import GenerationReader
from components.indexes.manifest import Entry
from components.values import Chunk

_AT_ONCE = 1_000
"""Chunks that are asked for together, about so many: a question for each document takes longer."""


def documents(
    reader: GenerationReader, entries: Mapping[str, Entry], ids: Iterable[str]
) -> Iterator[list[Chunk]]:
    """The chunks of each of these documents, in order; documents without any are passed over.

    `entries`: those of the reader.
    """
    for batch in _batches([id for id in ids if entries[id].chunks], entries):
        held: dict[str, list[Chunk]] = {id: [] for id in batch}
        for chunk in reader.chunks(*batch):
            held[chunk.document_id].append(chunk)
        for own in held.values():
            if own:
                yield sorted(own, key=lambda each: (each.ordinal, each.id))


def _batches(ids: list[str], entries: Mapping[str, Entry]) -> Iterator[list[str]]:
    before = accumulate((entries[id].chunks for id in ids), initial=0)
    for _, batch in groupby(zip(before, ids, strict=False), key=lambda each: each[0] // _AT_ONCE):
        yield [id for _, id in batch]
