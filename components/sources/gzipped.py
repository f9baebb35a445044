"""Files that may be gzip's, read as what they hold: by their bytes, whatever their name is."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import BinaryIO, cast

from components.sources.kept import Held

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


def read(held: Held[BinaryIO], file: Path, start: int, length: int) -> bytes:
    """Bytes of what a file holds, which is held open where it is packed. Raises as `opened` and
    reading from it do.
    """

    def part(opened: BinaryIO) -> bytes:
        opened.seek(start)
        return opened.read(length)

    if _is_packed(file):
        return held.read(file, (start, length), part)
    with open(file, "rb") as plain:
        return part(plain)


def _is_packed(file: Path) -> bool:
    with open(file, "rb", buffering=0) as opened:
        return opened.read(len(_MAGIC)) == _MAGIC
