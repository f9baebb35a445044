"""Which fields a generation has and, told from the first chunk of every document, their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from components.errors import BadOption
from components.fields import OURS, OWN, Fields
from components.machine.latest import Latest
from components.values import Filter, Scalar

FIRST: Filter = {"ordinal": [0]}
"""They share their document's fields."""
_OF_DOCUMENTS = frozenset({"document_id", "title"})
_read: Latest[Fields] = Latest()
"""Every search may open the index anew."""


def known_fields(
    told: Mapping[str, int] | None, edition: str, read: Callable[[], Mapping[str, Sequence[str]]]
) -> Fields:
    """`told`: by the totals. `read`: from the chunks, by document; anew for each call where there
    is no edition, as a draft changes.
    """
    if told is not None:
        return Fields.of(told)
    return _read.get("", edition, lambda: Fields.of(chain.from_iterable(read().values())))


def payload_field(name: str) -> str:
    """The field of a payload to read. Raises BadOption for one that chunks have each their own."""
    if name not in OURS:
        return "metadata"
    if name not in _OF_DOCUMENTS:
        raise BadOption(f"{name!r} is no field of a document").at(
            hint="document_id, title, or a field of the documents' metadata"
        )
    return name


def distinct(payloads: Iterable[Mapping[str, Any]], name: str, limit: int) -> list[Scalar]:
    """At most `limit` values, in order of type and value; reads no further than it must."""
    found: dict[tuple[str, Scalar], Scalar] = {}
    for payload in payloads:
        held = payload if name in OURS else payload.get("metadata") or {}
        value = held.get(name if name in OURS else name.removeprefix(OWN))
        for each in value if isinstance(value, list | tuple) else (value,):
            if isinstance(each, Scalar) and len(found) < limit:
                found[type(each).__name__, each] = each
        if len(found) >= limit:
            break
    return [found[key] for key in sorted(found)]
