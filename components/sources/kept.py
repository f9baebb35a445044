"""The bytes that were read last: a document is hashed, read and hashed again."""

from __future__ import annotations

from collections.abc import Callable, Hashable


class Kept:
    """Bytes of one document, as long as the key that stands for them is the same."""

    def __init__(self) -> None:
        self._held: tuple[Hashable, bytes] = (None, b"")

    def get(self, key: Hashable, read: Callable[[], bytes]) -> bytes:
        """What is kept under the key, or else what `read` gives. None is never kept."""
        held, data = self._held
        if key is None or key != held:
            self._held = (None, b"")  # not two documents in memory
            data = read()
            self._held = (key, data)
        return data

    def __reduce__(self) -> tuple[type[Kept], tuple[()]]:
        return Kept, ()
