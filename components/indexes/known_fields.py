"""Which fields a generation has: as its totals say, or else read from its chunks, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from components.fields import Fields

_KEPT = 32
_read: dict[str, Fields] = {}
"""By edition, the latest last: every search may open the index anew."""


def known_fields(
    told: Mapping[str, int] | None, edition: str, read: Callable[[], Mapping[str, Sequence[str]]]
) -> Fields:
    """`told`: by the totals. `read`: from the chunks, by document; anew for each call where there
    is no edition, as a draft changes.
    """
    if told is not None:
        return Fields.of(told)
    found = _read.get(edition)
    if found is None:
        found = Fields.of(chain.from_iterable(read().values()))
        if edition:
            _read[edition] = found
            for oldest in list(_read)[:-_KEPT]:
                _read.pop(oldest, None)
    return found
