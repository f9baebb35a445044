"""Something that is made at its first use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Once(Generic[_T]):
    """Makes it once, whichever thread comes first. A pickled or copied one is empty again."""

    def __init__(self) -> None:
        self._made: _T | None = None
        self._lock = threading.Lock()

    def get(self, make: Callable[[], _T]) -> _T:
        """What was made, by `make` if nothing was yet."""
        with self._lock:
            if self._made is None:
                self._made = make()
            return self._made

    def __reduce__(self) -> tuple[type[Once[_T]], tuple[()]]:
        return type(self), ()
