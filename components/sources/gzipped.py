"""Files that may be gzip's, read as what they hold: by their bytes, whatever their name is."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path
from typing import BinaryIO, cast

from components.sources.kept import Kept

SUFFIX = ".gz"
_MAGIC = b"\x1f\x8b"


def opened(file: Path) -> BinaryIO:
    """A regular file, unpacked as it is read. Raises OSError; what reading it raises where it is
    damaged, `packed.understood` knows.
    """
    return cast(BinaryIO, gzip.open(file, "rb")) if _is_packed(file) else open(file, "rb")


def there(folder: Path, name: str) -> Path | None:
    """The file of this name in a folder, or else the packed one (`name.gz`); None without both."""
    both = (folder / name, folder / f"{name}{SUFFIX}")
    return next((each for each in both if each.is_file()), None)


class Held:
    """A file, held open between reads where it is packed, so that it is read forward only."""

    def __init__(self) -> None:
        self._opened: tuple[str, BinaryIO] | None = None
        self._kept = Kept()
        self._turn = threading.Lock()

    def read(self, file: Path, start: int, length: int) -> bytes:
        """Bytes of what the file holds. Raises as `opened` and reading from it do."""
        if not _is_packed(file):
            with open(file, "rb") as plain:
                plain.seek(start)
                return plain.read(length)
        with self._turn:
            version = self._hold(file)
            return self._kept.get((version, start, length), lambda: self._at(start, length))

    def close(self) -> None:
        """Let go of the file, and of what was read of it."""
        if self._opened is not None:
            self._opened[1].close()
        self._opened, self._kept = None, Kept()

    def _hold(self, file: Path) -> str:
        """Changes whenever the file does."""
        found = os.stat(file)
        version = f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"
        if self._opened is None or self._opened[0] != version:
            self.close()
            self._opened = version, opened(file)
        return version

    def _at(self, start: int, length: int) -> bytes:
        if self._opened is None:
            return b""
        self._opened[1].seek(start)
        return self._opened[1].read(length)

    def __del__(self) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Held], tuple[()]]:
        return Held, ()


def _is_packed(file: Path) -> bool:
    with open(file, "rb", buffering=0) as opened:
        return opened.read(len(_MAGIC)) == _MAGIC
