"""Filters as the server takes them, and which points a generation sees.

Generations of one fingerprint share a collection. A point says in which one it was `added` and,
once it is replaced, in which one it was `removed`: generation n sees what was added up to n and not
removed up to n, so a draft changes no reader's hits, and publishing changes all at once. A chunk
has a point of its own for each generation that brought it, or brought it another title or metadata.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from components.indexes.payload import CHUNK, by_type, field_path
from components.values import Filter, Scalar

if TYPE_CHECKING:
    from qdrant_client import models

ADDED = "added"
REMOVED = "removed"


def visible(number: int, wanted: Filter | None = None, **own: Sequence[str]) -> models.Filter:
    """What a generation sees, of what a user's filter and our own fields allow."""
    asked = [_condition(field_path(name), values) for name, values in (wanted or {}).items()]
    return _standing(number, number, [*_own(own), *asked])


def inherited(number: int, *more: Any, **own: Sequence[str]) -> models.Filter:
    """What a generation has of those before it, of what further conditions allow."""
    return _standing(number - 1, number, [*_own(own), *more])


def _standing(added: int, removed: int, more: Sequence[Any]) -> models.Filter:
    """What was added up to one generation and not removed up to another."""
    from qdrant_client.models import FieldCondition, Filter, Range

    brought = FieldCondition(key=ADDED, range=Range(lte=added))
    taken = FieldCondition(key=REMOVED, range=Range(lte=removed))
    return Filter(must=[brought, *more], must_not=[taken])


def of_chunks(ids: Sequence[str]) -> models.Filter:
    """The points of some chunks; those of an older version have a chunk's id for their own."""
    from qdrant_client.models import FieldCondition, Filter, HasIdCondition, MatchAny

    named = FieldCondition(key=CHUNK, match=MatchAny(any=list(ids)))
    return Filter(should=[named, HasIdCondition(has_id=list(ids))])


def added_in(number: int, **own: Sequence[str]) -> models.Filter:
    """What one generation brought."""
    from qdrant_client.models import FieldCondition, Filter, MatchValue

    return Filter(must=[FieldCondition(key=ADDED, match=MatchValue(value=number)), *_own(own)])


def removed_in(first: int, last: int, **own: Sequence[str]) -> models.Filter:
    """What generations from `first` to `last` took away."""
    from qdrant_client.models import FieldCondition, Filter, Range

    taken = FieldCondition(key=REMOVED, range=Range(gte=first, lte=last))
    return Filter(must=[taken, *_own(own)])


def _own(fields: Mapping[str, Sequence[str]]) -> list[Any]:
    from qdrant_client.models import FieldCondition, MatchAny

    return [
        FieldCondition(key=name, match=MatchAny(any=list(values)))
        for name, values in fields.items()
    ]


def _condition(path: str, values: Sequence[Scalar]) -> Any:
    """Numbers and words are matched by type, so a field may hold either."""
    from qdrant_client.models import (
        FieldCondition,
        Filter,
        HasIdCondition,
        MatchAny,
        MatchValue,
        Range,
    )

    words, numbers, flags, exact = by_type(values)
    either: list[Any] = [
        FieldCondition(key=path, match=MatchAny(any=each)) for each in (words, numbers) if each
    ]
    either += [FieldCondition(key=path, match=MatchValue(value=flag)) for flag in flags]
    either += [FieldCondition(key=path, range=Range(gte=value, lte=value)) for value in exact]
    if not either:
        return HasIdCondition(has_id=[])  # no accepted value, so nothing matches
    return either[0] if len(either) == 1 else Filter(should=either)
