"""What was asked for last, kept in this process: it is likely to be asked for again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")
_KEPT = 32


class Latest(Generic[Value]):
    """Values by key, a bounded number of them."""

    def __init__(self) -> None:
        self._held: dict[Hashable, Value] = {}
        """The latest last."""

    def get(self, key: Hashable, edition: str, make: Callable[[], Value]) -> Value:
        """What is kept of an edition under the key, or else what `make` gives. Of what has no
        edition nothing is kept: it may change.
        """
        place = (edition, key)
        found = self._held.get(place)
        if found is None:
            found = make()
            if edition:
                self._held[place] = found
                for oldest in list(self._held)[:-_KEPT]:
                    self._held.pop(oldest, None)
        return found
