"""Filters as the server takes them, and which points a generation sees.

Generations of which each began from the one before share a collection. A point says in which one
it was `added` and, once it is replaced, in which one it was `removed`: generation n sees what was
added up to n and not removed up to n, so a draft changes no reader's hits, and publishing changes
all at once. A chunk has a point of its own for each generation that brought it, or brought it
another title or metadata. A draft that began from an older one would see what newer ones brought:
it has a collection of its own.

A number is one writer's. Whoever goes on with a draft gets another, and what was whole is marked
with that; the number before it is given up, as is that of a draft that is thrown away, and marks
with it count for nothing from then on: a writer's request may land when the writer is long dead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from components.indexes.dialect import Dialect, Own
from components.indexes.payload import CHUNK
from components.values import Filter

if TYPE_CHECKING:
    from qdrant_client import models

ADDED = "added"
REMOVED = "removed"


@dataclass(frozen=True)
class View:
    """What one generation sees of its collection."""

    number: int
    """That its own points are marked with."""
    given_up: Sequence[Sequence[int]] = ()
    """Numbers whose marks count for nothing, as many at once as a condition may name."""


def visible(view: View, wanted: Filter | None = None, **own: Own) -> models.Filter:
    """What a generation sees, of what a user's filter and our own fields allow."""
    asked = dialect().conditions(wanted, **own)
    return _standing(view, view.number, _up_to(view.number), asked)


def standing(view: View, *more: Any, older: bool = False, **own: Own) -> models.Filter:
    """What a draft may take away, of what further conditions allow: what it sees, or the `older` of
    that, which those before it brought. A mark that a later one has set is left alone.
    """
    from qdrant_client.models import Range

    newest = view.number - 1 if older else view.number
    return _standing(view, newest, Range(gte=0), [*dialect().conditions(**own), *more])


def _standing(view: View, newest: int, removed: models.Range, more: Sequence[Any]) -> models.Filter:
    """What was added up to a generation, and bears no mark of these that counts."""
    from qdrant_client.models import FieldCondition, Filter

    brought = FieldCondition(key=ADDED, range=_up_to(newest))
    taken: Any = FieldCondition(key=REMOVED, range=removed)
    if view.given_up:
        taken = Filter(must=[taken], must_not=_among(REMOVED, view.given_up))
    return Filter(must=[brought, *more], must_not=[taken, *_among(ADDED, view.given_up)])


def of_chunks(ids: Sequence[str]) -> models.Filter:
    """The points of some chunks; those of an older version have a chunk's id for their own."""
    from qdrant_client.models import FieldCondition, Filter, HasIdCondition, MatchAny

    named = FieldCondition(key=CHUNK, match=MatchAny(any=list(ids)))
    return Filter(should=[named, HasIdCondition(has_id=list(ids))])


def of_points(ids: Sequence[str], numbers: Sequence[int]) -> models.Filter:
    """Some of the points that were brought under these numbers."""
    from qdrant_client.models import HasIdCondition

    chosen = marked(ADDED, numbers)
    chosen.must = [*listed(chosen.must), HasIdCondition(has_id=list(ids))]
    return chosen


def added_in(number: int, **own: Own) -> models.Filter:
    """What one generation brought."""
    from qdrant_client.models import FieldCondition, Filter, MatchValue

    brought = FieldCondition(key=ADDED, match=MatchValue(value=number))
    return Filter(must=[brought, *dialect().conditions(**own)])


def removed_in(
    first: int, last: int, but: Sequence[Sequence[int]] = (), *, since: int = 0
) -> models.Filter:
    """What generations from `first` to `last` took away, `but` for some, of what those from `since`
    on had brought.
    """
    from qdrant_client.models import FieldCondition, Filter, Range

    chosen: list[Any] = [FieldCondition(key=REMOVED, range=Range(gte=first, lte=last))]
    if since:
        chosen.append(FieldCondition(key=ADDED, range=Range(gte=since)))
    return Filter(must=chosen, must_not=_among(REMOVED, but) or None)


def marked(field: str, numbers: Sequence[int], **own: Own) -> models.Filter:
    """What bears one of these numbers."""
    from qdrant_client.models import Filter

    return Filter(must=[*_among(field, [numbers]), *dialect().conditions(**own)])


def marked_after(field: str, number: int, but: Sequence[Sequence[int]] = ()) -> models.Filter:
    """What bears a mark of a later generation than this one, `but` for some."""
    from qdrant_client.models import FieldCondition, Filter, Range

    later = FieldCondition(key=field, range=Range(gt=number))
    return Filter(must=[later], must_not=_among(field, but) or None)


def listed(conditions: Any) -> list[Any]:
    """Conditions of a filter."""
    return list(conditions or [])


def _up_to(number: int) -> models.Range:
    from qdrant_client.models import Range

    return Range(lte=number)


def _among(field: str, numbers: Sequence[Sequence[int]]) -> list[Any]:
    from qdrant_client.models import FieldCondition, MatchAny

    return [FieldCondition(key=field, match=MatchAny(any=list(part))) for part in numbers]


@cache
def dialect() -> Dialect:
    """How the client calls things."""
    from qdrant_client import models

    return Dialect(models, models.Range, bool, models.HasIdCondition(has_id=[]))
