"""The text around a hit: chunks that touch are read as one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from components.values import Chunk, Hit

_DIGIT = re.compile(r"[\d.,]")


@dataclass(frozen=True, slots=True)
class Passage:
    """Consecutive text of one document."""

    text: str
    chunks: tuple[Chunk, ...]
    """In the order of the document."""
    offsets: tuple[int, ...]
    """Where each chunk's first character is in `text`."""
    rank: int
    """Place of its best chunk among the hits, from 0."""

    @property
    def document_id(self) -> str:
        return self.chunks[0].document_id

    @property
    def place(self) -> int:
        """Offset of its first character in the document."""
        return self.chunks[0].span.start

    @property
    def title(self) -> str:
        return self.chunks[0].title

    def holding(self, start: int, end: int) -> list[Chunk]:
        """The chunks that hold any of the characters `start` to `end` of `text`.

        Where chunks overlap, only those that hold what no earlier one does.
        """
        ends = [*self.offsets[1:], len(self.text)]
        places = zip(self.chunks, self.offsets, ends, strict=True)
        return [chunk for chunk, first, last in places if first < end and start < last]

    def unbroken(self, start: int, end: int) -> bool:
        """Whether no number among the characters `start` to `end` of `text` runs over a seam."""
        return not any(
            start < at < end and _DIGIT.match(self.text[at - 1]) and _DIGIT.match(self.text[at])
            for at in self.offsets[1:]
        )


def passages(hits: Sequence[Hit]) -> list[Passage]:
    """Every hit with a text, joined with those that it touches; in order of their best hit."""
    ranks: dict[str, int] = {}
    chunks: dict[str, Chunk] = {}
    for rank, hit in enumerate(hits):
        if hit.chunk.text.strip():
            ranks.setdefault(hit.chunk.id, rank)
            chunks.setdefault(hit.chunk.id, hit.chunk)
    ordered = sorted(chunks.values(), key=lambda each: (each.document_id, each.version, each.span))
    groups: list[list[Chunk]] = []
    for chunk in ordered:
        if groups and _touch(groups[-1][-1], chunk):
            groups[-1].append(chunk)
        else:
            groups.append([chunk])
    found = [_joined(group, min(ranks[each.id] for each in group)) for group in groups]
    return sorted(found, key=lambda each: each.rank)


def _touch(one: Chunk, other: Chunk) -> bool:
    same = (one.document_id, one.version) == (other.document_id, other.version)
    exact = all(each.span.end - each.span.start == len(each.text) for each in (one, other))
    shared = one.span.end - other.span.start
    ahead = one.span.start < other.span.start <= one.span.end < other.span.end
    return same and exact and ahead and one.text[len(one.text) - shared :] == other.text[:shared]


def _joined(group: Sequence[Chunk], rank: int) -> Passage:
    first = group[0].span.start
    text = group[0].text
    for each in group[1:]:
        text = text[: each.span.start - first] + each.text
    return Passage(text, tuple(group), tuple(each.span.start - first for each in group), rank)
