"""What calls cost, written down before they are made and again when they have ended.

A call that was begun and has no end, as after a kill, counts with the most that it may have cost:
the sum never says too little, so that a limit is never passed.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from components.errors import GuardStopped, IndexFault
from components.values import Usage


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
    """A ledger in a file of JSON lines, or in memory where there is none; for many threads of one
    process.
    """

    file: Path | None = None
    limit: float | None = None
    """The most that may be spent, in the currency of the prices; what the file has counts."""
    _open: dict[int, Usage] = field(default_factory=dict, init=False, repr=False)
    _ended: Usage = field(default_factory=Usage, init=False, repr=False)
    _next: int = field(default=0, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        for number, line in enumerate(self._lines(), start=1):
            try:
                row = json.loads(line)
                self._read(row["call"], row["state"], Usage(**row["usage"]))
            except (ValueError, TypeError, KeyError) as error:
                raise IndexFault("the ledger is damaged").at(
                    where=f"{self.file} line {number}", hint="move the file away to begin anew"
                ) from error

    def _read(self, call: int, state: str, usage: Usage) -> None:
        self._next = max(self._next, call + 1)
        if state == "begun":
            self._open[call] = usage
        elif self._open.pop(call, None) is not None:
            self._ended += usage

    def begin(self, most: Usage, purpose: str) -> int:
        """Put down a call that may take `most`; its number. Raises GuardStopped where that might
        pass the limit: then nothing is put down.
        """
        with self._lock:
            if self.limit is not None and self._totals().cost + most.cost > self.limit:
                raise GuardStopped(
                    f"{self._totals().cost:.4f} of {self.limit:g} is spent, and the next call may "
                    f"cost {most.cost:.4f}"
                ).at(hint="raise the limit and run it again: what is answered stays")
            call, self._next = self._next, self._next + 1
            self._open[call] = most
            self._write({"call": call, "state": "begun", "purpose": purpose}, most)
            return call

    def end(self, call: int, spent: Usage) -> None:
        """Put down what a call took; nothing, where it was refused. One whose end is not known, as
        after a time-out, is left as it is.
        """
        with self._lock:
            del self._open[call]
            self._ended += spent
            self._write({"call": call, "state": "ended"}, spent)

    @property
    def totals(self) -> Totals:
        """Of all calls that the file has."""
        with self._lock:
            return self._totals()

    def _totals(self) -> Totals:
        return Totals(known=self._ended, unsure=sum(self._open.values(), Usage()))

    def _write(self, told: dict[str, Any], usage: Usage) -> None:
        if self.file is None:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("ab") as out:
            out.write(json.dumps({**told, "usage": asdict(usage)}).encode() + b"\n")

    def _lines(self) -> list[bytes]:
        """Whole ones; what a kill has torn is cut off."""
        if self.file is None or not self.file.exists():
            return []
        data = self.file.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with self.file.open("r+b") as out:
                out.truncate(whole)
        return data[:whole].splitlines()
