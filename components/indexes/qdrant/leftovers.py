"""What a corpus on a server keeps no longer, collection by collection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from uuid import uuid4

from components.errors import Missing
from components.indexes import retention
from components.indexes.manifest import Generation
from components.indexes.qdrant.conditions import added_in, removed_in
from components.indexes.qdrant.contents import Contents
from components.indexes.qdrant.control import Record
from components.indexes.qdrant.server import Server
from components.indexes.retention import Surplus

if TYPE_CHECKING:
    from qdrant_client import models

_TOKEN = 8
"""Hexadecimal digits that make a collection's name its own."""


@dataclass(frozen=True)
class Place:
    """A collection with something in it that may go."""

    name: str
    stays: Sequence[Record]
    goes: Sequence[Record]
    """Both in order of number. Nothing stays: the collection itself goes."""

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Between which numbers of generations that stay something goes: first 0 and the oldest."""
        numbers = [0, *(each.number for each in self.stays)]
        return [
            (before, after)
            for before, after in pairwise(numbers)
            if not before or any(before < each.number < after for each in self.goes)
        ]

    @property
    def newest(self) -> int:
        """Number of the newest generation that stays."""
        return self.stays[-1].number


def places(records: Iterable[Record], kept: set[str]) -> list[Place]:
    """Collections of which something goes. `records`: all, in order of number."""
    own: dict[str, list[Record]] = {}
    for each in records:
        own.setdefault(each.collection, []).append(each)
    found = []
    for name, held in own.items():
        stays = [each for each in held if each.generation.name in kept]
        goes = [each for each in held if each.generation.name not in kept]
        if goes:
            found.append(Place(name, stays, goes))
    return found


def surplus(server: Server, place: Place) -> Iterator[Surplus]:
    """What goes, with what it frees; the whole collection under its own name."""
    if not place.stays:
        reason = retention.reason(place.goes[-1].generation)
        yield Surplus(name=place.name, reason=reason, points=count(server, place.name))
        return
    for record, chosen in _alone(place):
        yield Surplus(
            name=record.generation.name,
            reason=retention.reason(record.generation),
            points=count(server, place.name, chosen),
        )


def count(server: Server, collection: str, chosen: models.Filter | None = None) -> int:
    """Points that are stored; of a collection that is gone, none."""
    try:
        return Contents(server, collection).count(chosen)
    except Missing:
        return 0


def place_of(corpus: str, draft: Generation) -> str:
    """A collection's name for a draft; no other draft can ever have the same, so a request that
    lands late meets its own collection or none.
    """
    return f"{corpus}__{draft.fingerprint}__{draft.number:04d}__{uuid4().hex[:_TOKEN]}"


def nobodys(corpus: str, collections: Iterable[str], records: Iterable[Record]) -> list[str]:
    """Collections of a corpus that no record names: a kill came between the two."""
    # An older version's have no token.
    own = re.compile(rf"{re.escape(corpus)}__[0-9a-f]{{16}}__\d{{4,}}(__[0-9a-f]{{{_TOKEN}}})?")
    named = {each.collection for each in records}
    return [each for each in sorted(collections) if own.fullmatch(each) and each not in named]


def _alone(place: Place) -> Iterator[tuple[Record, models.Filter]]:
    """Generations that go, each with the points that only they see."""
    numbers = sorted(each.number for each in (*place.stays, *place.goes))
    stays = [each.number for each in place.stays]
    first = 0
    for record in place.goes:
        number = record.number
        if number > place.newest:
            yield record, added_in(number)
            continue
        since = max((each + 1 for each in stays if each < number), default=0)
        following = next(each for each in numbers if each > number)
        yield record, removed_in(max(first, since), following, since=since)
        first = following + 1
