"""Vectors that were made before, kept on this machine so that they are paid for once.

A cache may lose anything at any time, so nothing that goes wrong with it stops a run: what cannot
be read is made again. One SQLite file, which several processes may use at once. It is bounded in
size; what was used longest ago goes first. It holds vectors, states of tokens and hashes, no text.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from components.machine.system import FULL, try_writing
from components.values import Matrix
from infra.settings import cache_folder, settings

_FILE = "vectors-1.sqlite"
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_TORN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_WAIT = 5.0
"""Seconds for another process to finish writing."""
_AT_ONCE = 500
"""Keys in one question."""
_HOUR = 3600
_KEPT = 0.9
"""Of the limit, once it was reached."""
_NAME_ONE = "name a folder that can be written in MILLRACE_CACHE"
_log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Lookups:
    """How many vectors were looked for and found, or not."""

    hits: int = 0
    misses: int = 0

    @property
    def missed(self) -> float:
        """The share that was not found; all of it where nothing was looked for."""
        looked = self.hits + self.misses
        return self.misses / looked if looked else 1.0

    def __add__(self, other: Lookups) -> Lookups:
        return Lookups(self.hits + other.hits, self.misses + other.misses)

    def __sub__(self, other: Lookups) -> Lookups:
        return Lookups(self.hits - other.hits, self.misses - other.misses)


class VectorCache:
    """Vectors by key. Safe for threads and for several processes; not passed between them.

    `limit`: bytes that the file may take, roughly.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._file = folder / _FILE
        self._limit = limit
        self._lock = threading.Lock()
        self._opened: sqlite3.Connection | None = None
        self._broken = False
        self._full = False
        """It takes nothing more; what it holds can be read."""
        self.lookups = Lookups()
        """Those that were counted since it was made."""

    def find(self, keys: Sequence[bytes], width: int) -> dict[bytes, Matrix]:
        """The vectors that are there, each of shape (width,) and finite. What is not is made again
        by whoever asks, and then replaced. Nothing is counted.
        """
        length = width * np.dtype(np.float32).itemsize
        rows = {
            key: np.frombuffer(held, dtype=np.float32)
            for key, held in self.find_bytes(keys).items()
            if held and len(held) == length
        }
        return {key: row for key, row in rows.items() if np.isfinite(row).all()}

    def count(self, *, wanted: int, found: int) -> None:
        """Note how many vectors were looked for, and how many of them need not be made again."""
        self.lookups += Lookups(found, wanted - found)

    def keep(self, vectors: Mapping[bytes, Matrix]) -> None:
        """Store float32 vectors of shape (width,), those that are finite: a device that had a bad
        moment is not asked again for what is kept.
        """
        held = {
            key: np.ascontiguousarray(vector, dtype=np.float32).tobytes()
            for key, vector in vectors.items()
            if np.isfinite(vector).all()
        }
        self.keep_bytes(held)

    def find_bytes(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Other bytes, under keys of their own."""
        nothing: dict[bytes, tuple[bytes, bool]] = {}
        found = self._tried(lambda file: _read(file, keys), nothing)
        if old := [key for key, (_, recent) in found.items() if not recent]:
            self._tried(lambda file: _touch(file, old), None, writes=True)
        return {key: held for key, (held, _) in found.items()}

    def keep_bytes(self, held: Mapping[bytes, bytes]) -> None:
        """Store other bytes, under keys of their own."""
        if held:
            self._tried(lambda file: _write(file, held, self._limit), None, writes=True)

    @property
    def file(self) -> Path:
        """Where they are."""
        return self._file

    def damage(self) -> str:
        """What is torn in it; empty where nothing is, or nobody can look for now. Reads it all."""
        if not self._file.exists():
            return ""
        try:
            with closing(sqlite3.connect(self._file, timeout=_WAIT)) as opened:
                (told,) = opened.execute("PRAGMA quick_check(1)").fetchone()
                if told != "ok":
                    return str(told)
                (torn,) = opened.execute(
                    "SELECT count(*) FROM vectors WHERE typeof(vector) <> 'blob' OR vector = x''"
                ).fetchone()
                return f"{torn:,} entries hold no bytes" if torn else ""
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
            return str(error) if code in _TORN else ""

    def clear(self) -> None:
        """Drop the file: it is made anew when something is kept. Raises OSError."""
        self.close()
        for end in ("", "-wal", "-shm"):
            self._file.with_name(self._file.name + end).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            self._let_go()

    def _tried(
        self,
        act: Callable[[sqlite3.Connection], Answer],
        otherwise: Answer,
        *,
        writes: bool = False,
    ) -> Answer:
        """What `act` gives, and `otherwise` from the first failure on. Where writing fails, reading
        need not.
        """
        with self._lock:
            if self._broken or (writes and self._full):
                return otherwise
            try:
                return act(self._connection())
            except (sqlite3.Error, OSError) as error:
                return self._given_up(error, otherwise, writes=writes)

    def _given_up(self, error: Exception, otherwise: Answer, *, writes: bool) -> Answer:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _LOCKED:
            return otherwise  # another process is writing much: the next time will do
        told = self._full
        self._full, self._broken = True, not (writes and self._opened)
        if self._broken:
            self._let_go()
        if not told:
            does = "is not used" if self._broken else "keeps nothing more"
            _warn(f"the cache of vectors {does}: {_reason(error, self._file)}")
        return otherwise

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._opened = _open(self._file)
        return self._opened

    def _let_go(self) -> None:
        if self._opened is not None:
            with suppress(sqlite3.Error):
                self._opened.close()
        self._opened = None


def cache() -> VectorCache | None:
    """The cache that this machine's settings name; None where they want none, or where nobody knows
    the folder.
    """
    limit = settings().cache_bytes
    if not limit:
        return None
    try:
        return VectorCache(cache_folder(), limit)
    except RuntimeError:
        _warn(f"the cache of vectors is not used: this user has no home folder; {_NAME_ONE}")
        return None


def _reason(error: Exception, file: Path) -> str:
    """What to tell, and what to do. SQLite calls most of it an error of its own: the system itself
    says whether the folder can be written.
    """
    if isinstance(error, OSError):
        return f"{error.strerror or error} ({file.parent}); {_NAME_ONE}"
    try:
        try_writing(file.parent)
    except OSError as refused:
        remedy = "free some space there" if refused.errno in FULL else _NAME_ONE
        return f"{refused.strerror or refused} ({file.parent}); {remedy}"
    return f"{error} ({file}); remove it, or {_NAME_ONE}"


@once
def _warn(message: str) -> None:
    """Once: a run makes several caches of one folder."""
    _log.warning("%s", message)


def _open(file: Path) -> sqlite3.Connection:
    opened = sqlite3.connect(file, timeout=_WAIT, check_same_thread=False, isolation_level=None)
    try:
        opened.execute("PRAGMA auto_vacuum = INCREMENTAL")
        opened.execute("PRAGMA journal_mode = WAL")
        opened.execute("PRAGMA synchronous = NORMAL")
        opened.execute(
            "CREATE TABLE IF NOT EXISTS vectors"
            " (key BLOB PRIMARY KEY, used INTEGER NOT NULL, vector BLOB NOT NULL)"
        )
        opened.execute("CREATE INDEX IF NOT EXISTS by_use ON vectors (used)")
    except sqlite3.Error:
        opened.close()
        raise
    return opened


def _read(file: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, tuple[bytes, bool]]:
    """What is held, and whether it was used in this hour."""
    hour = _now()
    found: dict[bytes, tuple[bytes, bool]] = {}
    for part in _parts(list(dict.fromkeys(keys))):
        asked = ",".join("?" * len(part))
        rows = file.execute(
            f"SELECT key, vector, used >= ? FROM vectors WHERE key IN ({asked})",  # noqa: S608 (marks)
            (hour, *part),
        )
        found |= {
            key: (held, bool(recent)) for key, held, recent in rows if isinstance(held, bytes)
        }
    return found


def _touch(file: sqlite3.Connection, keys: Sequence[bytes]) -> None:
    """They are used now."""
    hour = _now()
    _change(file, "UPDATE vectors SET used = ? WHERE key = ?", ((hour, key) for key in keys))


def _write(file: sqlite3.Connection, held: Mapping[bytes, bytes], limit: int) -> None:
    hour = _now()
    rows = ((key, hour, each) for key, each in held.items())
    _change(file, "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
    size = _size(file)
    if size > limit:
        _shrink(file, 1 - _KEPT * limit / size)


def _change(file: sqlite3.Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    try:
        file.execute("BEGIN IMMEDIATE")
        file.executemany(statement, rows)
        file.execute("COMMIT")
    except BaseException:
        if file.in_transaction:
            file.execute("ROLLBACK")
        raise


def _shrink(file: sqlite3.Connection, share: float) -> None:
    """Drop a share of the vectors: those used longest ago."""
    (count,) = file.execute("SELECT count(*) FROM vectors").fetchone()
    oldest = "SELECT rowid FROM vectors ORDER BY used, rowid LIMIT ?"
    file.execute(f"DELETE FROM vectors WHERE rowid IN ({oldest})", (int(count * share) + 1,))  # noqa: S608
    with closing(file.execute("PRAGMA incremental_vacuum")) as freed:
        freed.fetchall()


def _size(file: sqlite3.Connection) -> int:
    """Bytes in use."""
    (pages,), (free,), (size,) = (
        file.execute(f"PRAGMA {name}").fetchone()
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _parts(keys: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    return (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))


def _now() -> int:
    """In hours: a finer clock would mean a write for every read."""
    return int(time.time() // _HOUR)
