"""Which fields a generation has: as its totals say, or else read from its chunks, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from components.fields import Fields
from components.latest import Latest

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
