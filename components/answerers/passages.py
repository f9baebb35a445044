"""Hits as numbered passages for a model, and the numbers in its answer as citations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile

from components.values import Chunk, Citation, Hit

_BETWEEN = "\n\n"
_CITED = re.compile(r"\[\s*([0-9]+(?:\s*[,;–-]\s*[0-9]+)*)\s*\]")
_RANGE = re.compile(r"([0-9]+)(?:\s*[–-]\s*([0-9]+))?")
_DIGITS = 6
"""Of a number that can be a passage's."""


@dataclass(frozen=True)
class Passages:
    """The hits that a model reads, numbered from 1, and those that there was no room for."""

    read: tuple[Hit, ...]
    left_out: tuple[Hit, ...]

    @property
    def text(self) -> str:
        """Each with its number and where it is from."""
        return _BETWEEN.join(_shown(at, hit) for at, hit in enumerate(self.read, start=1))

    @property
    def chunk_ids(self) -> tuple[str, ...]:
        """Of those that are read."""
        return tuple(hit.chunk.id for hit in self.read)


def passages(hits: Sequence[Hit], characters: int | None) -> Passages:
    """The first hits whose text, all in all, is within so many characters: whole ones, and the very
    first in any case.
    """
    sizes = (len(_shown(at, hit)) + len(_BETWEEN) for at, hit in enumerate(hits, start=1))
    if characters is None:
        fitting = len(hits)
    else:
        most = characters + len(_BETWEEN)
        fitting = max(1, sum(1 for _ in takewhile(lambda size: size <= most, accumulate(sizes))))
    return Passages(tuple(hits[:fitting]), tuple(hits[fitting:]))


def citations(answer: str, read: Sequence[Hit]) -> tuple[Citation, ...]:
    """What `[1]`, `[2, 3]` and `[1-3]` in an answer name, each once, in order of use. A number that
    no passage has is none.
    """
    found: dict[str, Citation] = {}
    for number in _numbers(answer, len(read)):
        chunk = read[number - 1].chunk
        found.setdefault(chunk.id, citation(chunk))
    return tuple(found.values())


def without_marks(answer: str) -> str:
    """With blanks in place of `[1]` and the like, so that every other character keeps its place."""
    return _CITED.sub(lambda mark: " " * len(mark[0]), answer)


def _numbers(answer: str, count: int) -> Iterator[int]:
    for cited in _CITED.finditer(answer):
        for first, last in _RANGE.findall(cited[1]):
            if max(len(first), len(last)) <= _DIGITS:
                yield from range(max(1, int(first)), min(count, int(last or first)) + 1)


def citation(chunk: Chunk) -> Citation:
    """Of a chunk."""
    return Citation(
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        span=chunk.span,
        page=chunk.page,
        last_page=chunk.last_page,
    )


def _shown(number: int, hit: Hit) -> str:
    return f"[{number}] {_whence(hit.chunk)}\n{hit.chunk.text.strip()}"


def _whence(chunk: Chunk) -> str:
    named = " ".join((chunk.title or chunk.document_id).split())
    if chunk.page is None:
        return named
    if chunk.last_page is None or chunk.last_page == chunk.page:
        return f"{named}, page {chunk.page + 1}"
    return f"{named}, pages {chunk.page + 1}-{chunk.last_page + 1}"
