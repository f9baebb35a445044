"""What was made of the last texts: they are likely to be asked for again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar

Made = TypeVar("Made")


class Recent(Generic[Made]):
    """As much as `most` together, as `weigh` weighs them; what was used longest ago goes first. For
    many threads. One that is pickled remembers nothing.
    """

    def __init__(self, most: int, weigh: Callable[[Made], int]) -> None:
        self._most = most
        self._weigh = weigh
        self._held: OrderedDict[str, Made] = OrderedDict()
        self._weight = 0
        self._lock = Lock()

    def __contains__(self, text: str) -> bool:
        return text in self._held

    def get(self, text: str) -> Made | None:
        """What was made of a text; None where it is not known any more."""
        with self._lock:
            if text in self._held:
                self._held.move_to_end(text)
            return self._held.get(text)

    def put(self, text: str, made: Made) -> None:
        """Remember it."""
        with self._lock:
            before = self._held.pop(text, None)
            self._weight += self._weigh(made) - (0 if before is None else self._weigh(before))
            self._held[text] = made
            while self._weight > self._most:
                _, dropped = self._held.popitem(last=False)
                self._weight -= self._weigh(dropped)

    def forget(self) -> None:
        """All texts."""
        with self._lock:
            self._held.clear()
            self._weight = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return Recent, (self._most, self._weigh)
