"""What is kept of a source between reads: a document is hashed, read and hashed again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar


class _Closes(Protocol):
    def close(self) -> None: ...


_Opened = TypeVar("_Opened", bound=_Closes)


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


class Held(Generic[_Opened]):
    """A file as `open` opens it, held open between reads while it stays the same, so that a packed
    one is read forward only. One that is pickled holds nothing.
    """

    def __init__(self, open: Callable[[Path], _Opened]) -> None:
        self._open = open
        self._held: tuple[str, _Opened] | None = None
        self._kept = Kept()
        self._turn = threading.RLock()

    def of(self, file: Path) -> tuple[str, _Opened]:
        """What changes whenever the file does, and the file. Raises OSError, and as `open`."""
        with self._turn:
            found = os.stat(file)
            version = f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"
            if self._held is None or self._held[0] != version:
                self.close()
                self._held = version, self._open(file)
            return self._held

    def read(self, file: Path, key: Hashable, read: Callable[[_Opened], bytes]) -> bytes:
        """What `read` gives of the file as it is now, or gave last time, under the same key."""
        with self._turn:
            version, opened = self.of(file)
            return self._kept.get((version, key), lambda: read(opened))

    def close(self) -> None:
        """Let go of the file, and of what was read of it."""
        with self._turn:
            if self._held is not None:
                self._held[1].close()
            self._held, self._kept = None, Kept()

    def __del__(self) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return Held, (self._open,)
