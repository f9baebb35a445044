"""ZIP and TAR files read in place: their members in order, and one member's bytes at a time."""

from __future__ import annotations

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any, Protocol

from components.errors import BadDocument

_ZIP_MAGIC = b"PK"
_ENCRYPTED = 0x1
_UTF8 = 0x800
_NO_FILE = "a link, or another thing that is not a file"
_BLOCK = 512
_AT_ONCE = 4096
"""Bytes asked for at once: what one read unpacks is bounded by what it reads."""
_MOST_HEAD = 2**20
"""Bytes in front of a member that say what it is."""
_LONGEST_NAME = 4096
_MOST_PIECES = 1_000_000
"""Between the holes of sparse files, all together."""
_HEAD_TOO_LARGE = f"more than {_MOST_HEAD:,} bytes stand in front of a member"
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    ValueError,
    NotImplementedError,
    RecursionError,
)


class Damaged(Exception):
    """The archive, or a part of it, cannot be understood. Says why."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive, or what stands for one."""

    name: str
    version: str
    """Empty where the archive does not tell whether the bytes are the same."""
    size: int
    """Bytes, unpacked, as the archive claims."""
    trouble: str
    """Why it cannot be read; empty where nothing is known."""
    entry: Any
    """What the library knows it by."""


class Packed(Protocol):
    """An opened archive."""

    def members(self) -> Iterator[Member]:
        """All but folders, in the archive's order. Raises Damaged where the rest is lost."""
        ...

    def open(self, member: Member) -> IO[bytes]:
        """The member's bytes, unpacked as they are read."""
        ...

    def close(self) -> None: ...


def opened(path: str) -> Packed:
    """The archive in a regular file. Raises OSError, Damaged."""
    with understood():
        with open(path, "rb") as file:
            magic = file.read(len(_ZIP_MAGIC))
        return _Zip(path) if magic == _ZIP_MAGIC else _Tar(path)


def data(packed: Packed, member: Member, most: int) -> bytes:
    """A member's bytes. Raises BadDocument, also for more than `most` of them."""
    if member.trouble:
        raise BadDocument(member.trouble)
    if member.size > most:
        raise BadDocument(f"too large: {member.size:,} bytes unpacked, at most {most:,} are read")
    found = bytearray()
    try:
        with understood(), packed.open(member) as file:
            while piece := file.read(_AT_ONCE):
                found += piece
                if len(found) > min(most, member.size):
                    raise BadDocument(f"damaged: it holds more than the {member.size:,} bytes told")
    except Damaged as error:
        raise BadDocument(f"cannot be unpacked: {error}") from error
    if len(found) < member.size:
        raise BadDocument(f"damaged: {len(found):,} bytes instead of {member.size:,}")
    return bytes(found)


@contextmanager
def understood() -> Iterator[None]:
    """Turns what the libraries raise for bytes that they do not understand into Damaged."""
    try:
        yield
    except _DAMAGED as error:
        raise Damaged(str(error).partition("\n")[0] or "it ends too early") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise Damaged(str(error)) from error  # what gzip and bz2 raise


class _Zip:
    def __init__(self, path: str) -> None:
        self._file = zipfile.ZipFile(path)

    def members(self) -> Iterator[Member]:
        for entry in self._file.infolist():
            name = _zip_name(entry)
            if not _is_folder(entry, name):
                yield Member(
                    name,
                    f"{entry.CRC:08x}-{entry.file_size}",
                    entry.file_size,
                    _zip_trouble(entry),
                    entry,
                )

    def open(self, member: Member) -> IO[bytes]:
        return self._file.open(member.entry)

    def close(self) -> None:
        self._file.close()


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """Many, macOS among them, write UTF-8 without saying so; the format's own encoding is cp437.
    Some on Windows write backslashes between the parts, where the format has slashes.
    """
    name = entry.filename
    if not entry.flag_bits & _UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _is_folder(entry: zipfile.ZipInfo, name: str) -> bool:
    """Not by `is_dir`, which fails for a member without a name. A backslash at the end may be half
    of a letter: Shift JIS has some.
    """
    return entry.filename.endswith("/") or (name.endswith("/") and not entry.file_size)


def _zip_trouble(entry: zipfile.ZipInfo) -> str:
    if entry.flag_bits & _ENCRYPTED:
        return "encrypted: a password is needed to read it"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return _NO_FILE if kind and kind != stat.S_IFREG else ""


class _Tar:
    """Forward reading of a compressed one costs what unpacking it costs; going back, all again."""

    def __init__(self, path: str) -> None:
        self._pieces = 0
        try:
            self._file: Any = _TarFile.open(path, "r:*", encoding="utf-8")
        except tarfile.ReadError as error:
            raise Damaged("neither a ZIP nor a TAR file, or damaged at its beginning") from error

    def members(self) -> Iterator[Member]:
        file: _Rationed = self._file.fileobj
        with understood(), file.rationed():
            for entry in self._file:
                file.refill()
                self._forget_heads(entry)
                if not entry.isdir():
                    trouble = "" if entry.isreg() else _NO_FILE
                    yield Member(entry.name, "", entry.size, trouble, entry)
            self._check_end()

    def open(self, member: Member) -> IO[bytes]:
        found: IO[bytes] = self._file.extractfile(member.entry)
        return found

    def close(self) -> None:
        self._file.close()
        self._file.fileobj.close()

    def _forget_heads(self, entry: tarfile.TarInfo) -> None:
        """The library keeps all that every head told. Raises Damaged for what nobody means."""
        entry.pax_headers = {}
        longest = max(len(entry.name), len(entry.linkname))
        if longest > _LONGEST_NAME:
            raise Damaged(f"a name of {longest:,} characters")
        self._pieces += len(getattr(entry, "sparse", None) or ())
        if self._pieces > _MOST_PIECES:
            raise Damaged(f"files with more than {_MOST_PIECES:,} holes")
        if sum(map(len, self._file.pax_headers.values())) > _MOST_HEAD:
            raise Damaged(_HEAD_TOO_LARGE)

    def _check_end(self) -> None:
        """The library takes whatever it does not understand for the end."""
        file = self._file.fileobj
        file.seek(self._file.offset)
        block = file.read(_BLOCK)
        if not block or block.strip(b"\0"):
            raise tarfile.ReadError("it does not end as an archive ends")


class _TarFile(tarfile.TarFile):
    """Reads through a ration."""

    @classmethod
    def taropen(cls, name: Any, mode: Any = "r", fileobj: Any = None, **options: Any) -> Any:
        """What every kind of compression ends in. The caller closes the file."""
        file = fileobj or open(name, "rb")  # noqa: SIM115, it stays open
        try:
            rationed: Any = _Rationed(file)
            return super().taropen(name, mode, rationed, **options)
        except BaseException:
            file.close()
            raise


class _Rationed:
    """A file of which so much is read between two members and no more: heads are read into memory
    whole, however large they say that they are, and compressed they cost their writer nothing.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left: int | None = _MOST_HEAD
        """None: as much as anybody likes."""

    @contextmanager
    def rationed(self) -> Iterator[None]:
        """While members are listed."""
        self.refill()
        try:
            yield
        finally:
            self._left = None

    def refill(self) -> None:
        """At the next member."""
        self._left = _MOST_HEAD

    def read(self, size: int = -1) -> bytes:
        """Raises Damaged."""
        if self._left is not None:
            if not 0 <= size <= self._left:
                raise Damaged(_HEAD_TOO_LARGE)
            self._left -= size
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
