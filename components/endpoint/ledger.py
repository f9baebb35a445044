"""What calls cost, written down before they are made and again when they have ended.

A call that was begun and has no end, as after a kill, counts with the most that it may have cost:
the sum never says too little, so that a limit is never passed. So does one whose end cannot be
written: what it was paid for is given all the same.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from filelock import FileLock, Timeout

from components.errors import Busy, Damaged, GuardStopped
from components.machine import lines
from components.machine.system import telling
from components.values import Usage

_BEGINNING = re.compile(rb'(?=\{"call": )')
_END = b"}}"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over a ledger."""

    known: Usage
    """Of calls that have ended."""
    unsure: Usage
    """The most that other calls may have taken: those under way, cut off, or killed."""

    @property
    def cost(self) -> float:
        """The most that all may have cost."""
        return self.known.cost + self.unsure.cost


@dataclass
class Ledger:
    """A ledger in a file of JSON lines, or in memory where there is none; for many threads, each
    with one call under way at a time.

    Whoever begins a call holds the file from then on until `close`, or the end of a `with`; the
    system frees it on a kill. To read totals nothing is held, and nothing is written.
    """

    file: Path | None = None
    limit: float | None = None
    """The most that may be spent, in the currency of the prices; what the file has counts."""
    _open: dict[int, Usage] = field(default_factory=dict, init=False, repr=False)
    """Calls without an end, and the most that each may take."""
    _under_way: dict[int, int] = field(default_factory=dict, init=False, repr=False)
    """Those of them that this ledger waits for, and the thread of each."""
    _ended: Usage = field(default_factory=Usage, init=False, repr=False)
    _next: int = field(default=0, init=False, repr=False)
    _held: FileLock | None = field(default=None, init=False, repr=False)
    _changed: threading.Condition = field(
        default_factory=threading.Condition, init=False, repr=False
    )

    def __post_init__(self) -> None:
        self._load()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, most: Usage, purpose: str) -> int:
        """Put down a call that may take `most`; its number, for `end` or `lost`.

        Where it might pass the limit, it waits while calls of other threads, which may turn out
        cheaper, could make room. Raises GuardStopped where none can, Busy where another ledger
        holds the file, and as `telling` does where it cannot be written: then nothing is put down.
        """
        with self._changed, telling(self.file or ""):
            self._hold()
            while self._lacks(most):
                if not self._may_make_room(most):
                    raise GuardStopped(
                        f"{self._totals().cost:.4f} of {self.limit:g} is spent or reserved, and "
                        f"the next call may cost {most.cost:.4f}"
                    ).at(hint="raise the limit and run it again: what is answered stays")
                self._changed.wait()
            call, self._next = self._next, self._next + 1
            self._write({"call": call, "state": "begun", "purpose": purpose}, most)
            self._open[call], self._under_way[call] = most, threading.get_ident()
            return call

    def end(self, call: int, spent: Usage) -> None:
        """Put down what a call took; nothing, where it was refused. Where that cannot be written,
        which is logged, it is as if the call was lost.
        """
        with self._changed:
            self._under_way.pop(call, None)
            self._changed.notify_all()
            try:
                self._write({"call": call, "state": "ended"}, spent)
            except OSError as error:
                _log.warning("%s: %s: a call counts with its most", self.file, error.strerror)
                return
            del self._open[call]
            self._ended += spent

    def lost(self, call: int) -> None:
        """What a call took will never be known, as after a time-out: it counts with its most."""
        with self._changed:
            self._under_way.pop(call, None)
            self._changed.notify_all()

    def close(self) -> None:
        """Let others write. A later call takes the file again."""
        with self._changed:
            if self._held:
                self._held.release()
                self._held = None

    @property
    def totals(self) -> Totals:
        """Of all calls that the file had when it was read, and of those made since."""
        with self._changed:
            return self._totals()

    def _totals(self) -> Totals:
        return Totals(known=self._ended, unsure=sum(self._open.values(), Usage()))

    def _lacks(self, most: Usage) -> bool:
        return self.limit is not None and self._totals().cost + most.cost > self.limit

    def _may_make_room(self, most: Usage) -> bool:
        """Whether there would be room if all calls of other threads took nothing."""
        here = threading.get_ident()
        others = [call for call, thread in self._under_way.items() if thread != here]
        reserved = sum(self._open[call].cost for call in others)
        left = self._totals().cost - reserved
        return bool(others) and self.limit is not None and left + most.cost <= self.limit

    def _hold(self) -> None:
        """Take the file, and read what others have written since."""
        if self.file is None or self._held:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        # For all threads: whoever comes first takes it, and another one may close.
        held = FileLock(self.file.with_suffix(".lock"), blocking=False, thread_local=False)
        try:
            held.acquire()
        except Timeout:
            raise Busy("another run pays from this ledger").at(
                where=str(self.file), hint="run it again when that has ended"
            ) from None
        try:
            self._cut()
            self._load()
        except BaseException:
            held.release()
            raise
        self._held = held

    def _load(self) -> None:
        self._open, self._ended, self._next = {}, Usage(), 0
        for number, line in enumerate(self._lines(), start=1):
            try:
                for row in _rows(line):
                    self._read(row["call"], row["state"], Usage(**row["usage"]))
            except (ValueError, TypeError, KeyError) as error:
                raise Damaged("the ledger is damaged").at(
                    where=f"{self.file} line {number}",
                    hint="delete the line, and lower the limit by the most that its call may cost",
                ) from error

    def _read(self, call: int, state: str, usage: Usage) -> None:
        self._next = max(self._next, call + 1)
        if state == "begun":
            self._open[call] = usage
        elif self._open.pop(call, None) is not None:
            self._ended += usage

    def _lines(self) -> list[bytes]:
        """Whole ones: what a kill has torn, or is being written, is passed over."""
        data = self._bytes()
        return data[: data.rfind(b"\n") + 1].splitlines()

    def _cut(self) -> None:
        """Cut off what a kill has torn."""
        data = self._bytes()
        whole = data.rfind(b"\n") + 1
        if self.file and whole < len(data):
            with self.file.open("r+b") as out:
                out.truncate(whole)

    def _bytes(self) -> bytes:
        return self.file.read_bytes() if self.file and self.file.exists() else b""

    def _write(self, told: dict[str, Any], usage: Usage) -> None:
        if self.file is None:
            return
        lines.add(self.file, json.dumps({**told, "usage": asdict(usage)}).encode())


def _rows(line: bytes) -> list[Any]:
    """What a line holds. Half a one, from a full disk, may stand before it, and says nothing that
    is needed: its call was not made, or has no end. Raises ValueError.
    """
    *before, last = _BEGINNING.split(line)
    whole = [each for each in before if _END in each]
    return [json.loads(each) for each in (*whole, last)]
