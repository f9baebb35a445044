"""What one collection takes in one request, told by the server when the collection is opened.

A server in strict mode refuses requests that are larger, exact searches, or filters on fields
without an index; each collection has its own limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TypeVar

from components.errors import BadOption
from components.indexes.payload import by_type, field_path
from components.indexes.qdrant.server import Server
from components.indexes.quantization import Approximation
from components.values import Filter, Scalar

Item = TypeVar("Item")
_QUOTED = re.compile(r'"([\w-]+)"')
_OF_DOCUMENT = 3
"""Conditions that choose one version of a document among others."""
_BESIDE = 8
"""Conditions that may stand beside others."""
_ALL = 2**31


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Sizes are the largest that a request may have."""

    page: int = 1000
    """Points in a page."""
    hits: int = _ALL
    """Of one query."""
    all_hits: int = _ALL
    """Of one query that is asked again, without those that were found already."""
    queries: int = 64
    """Queries in a batch."""
    points: int = 256
    """Points in a write."""
    deletions: int = 1000
    """Points that one deletion names."""
    values: int = 256
    """Accepted values in one condition."""
    accepted: int = _ALL
    """Likewise, of a search's own filter: one search is better than several that need not be."""
    versions: int = 64
    """Versions of documents that one filter may name."""
    oversampling: float = 100.0
    exact: bool = True
    """Whether it may be asked to count, or to search, exactly."""
    unindexed: bool = True
    """Whether a filter may name a field without an index."""
    indexed: Mapping[str, str] = field(default_factory=dict)
    """The kind of index that a field has, by path."""

    def kind(self, path: str) -> str:
        """The kind of index that a field has; empty where it has none."""
        return self.indexed.get(_unquoted(path), "")

    def check(self, wanted: Filter) -> None:
        """Raises BadOption for a user's filter that the server refuses for want of an index."""
        if self.unindexed:
            return
        for name, values in wanted.items():
            has = self.kind(field_path(name))
            for kinds in _needed(values):
                if has not in kinds:
                    raise _unfit(name, has, kinds[0])

    def fitting(self, wanted: Filter) -> list[Filter]:
        """Filters, each as small as a search may have; what satisfies one of them satisfies the
        user's, and the reverse.
        """
        return _parted(wanted, self.accepted)

    def parted(self, wanted: Filter) -> list[Filter]:
        """As `fitting`, each as small as another request may have."""
        return _parted(wanted, self.values)

    def within(self, search: Approximation) -> Approximation:
        """A search as it may be asked for."""
        return replace(
            search,
            exact=search.exact and self.exact,
            oversampling=min(search.oversampling, self.oversampling),
        )


def limits_of(server: Server, collection: str) -> Limits:
    """The limits of a collection. Raises as `Server.ask`."""
    info = server.ask(
        f"the collection {collection} could not be looked at",
        lambda client: client.get_collection(collection),
    )
    indexed = {
        _unquoted(path): str(each.data_type.value) for path, each in info.payload_schema.items()
    }
    strict = info.config.strict_mode_config
    if strict is None or not strict.enabled:
        return Limits(indexed=indexed)
    own = Limits()
    hits = _least(own.hits, strict.max_query_limit)
    values = _least(own.values, strict.condition_max_size)
    # What costs more than the rate of a minute is never taken.
    rate = strict.write_rate_limit
    free = max(0, (strict.filter_max_conditions or _ALL) - _BESIDE)
    return Limits(
        page=min(own.page, hits),
        hits=hits,
        all_hits=min(own.all_hits, hits + values * free),
        queries=_least(own.queries, strict.search_max_batchsize, strict.read_rate_limit),
        points=_least(own.points, strict.upsert_max_batchsize, rate),
        deletions=_least(own.deletions, hits, rate),
        values=values,
        accepted=_least(own.accepted, strict.condition_max_size),
        versions=max(1, min(own.versions, values, free // _OF_DOCUMENT)),
        oversampling=min(own.oversampling, strict.search_max_oversampling or own.oversampling),
        exact=strict.search_allow_exact is not False,
        unindexed=strict.unindexed_filtering_retrieve is not False,
        indexed=indexed,
    )


def parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in order, so many at once."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _parted(wanted: Filter, size: int) -> list[Filter]:
    choices = [[(name, part) for part in parts(own, size)] for name, own in wanted.items()]
    return [dict(each) for each in product(*choices)]


def _least(own: int, *allowed: int | None) -> int:
    return max(1, min([own, *(each for each in allowed if each is not None)]))


def _unquoted(path: str) -> str:
    """As the server writes a path: keys are in quotes only where they have to be."""
    return _QUOTED.sub(r"\1", path)


def _needed(values: Sequence[Scalar]) -> Iterator[tuple[str, ...]]:
    """Kinds of index, one of which each condition on these values needs; ours to name is first."""
    words, numbers, flags, exact = by_type(values)
    if words:
        yield "keyword", "uuid"
    if numbers:
        yield ("integer",)
    if flags:
        yield ("bool",)
    if exact:
        yield "float", "integer"


def _unfit(name: str, has: str, needed: str) -> BadOption:
    own = name.removeprefix("metadata.")
    said = f"is indexed as {has}" if has else "is not indexed"
    return BadOption(
        f"the server takes no filter by {own!r} with such a value: the field {said}"
    ).at(
        where="index.filterable",
        hint=f"set index.filterable: {{{own}: {needed}}} and refresh",
    )
