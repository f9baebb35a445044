"""Files of an experiment that a kill leaves whole: values by id in JSON lines, which grow batch by
batch, and others that are written once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from pydantic import TypeAdapter

from components.errors import Busy, Damaged
from components.indexes.edge.files import write_json
from components.machine import lines
from components.machine.system import telling
from components.phases import Done, Tell

T = TypeVar("T")


def key(told: Any) -> str:
    """Of all that decides what a file holds: 16 hex digits."""
    canonical = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def write(file: Path, value: Mapping[str, Any]) -> None:
    """A file of its own, in JSON: there as a whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, value)


def read(file: Path) -> dict[str, Any]:
    """The values of whole batches, in the order that they came in. Raises Damaged."""
    if not file.exists():
        return {}
    data = file.read_bytes()
    found: dict[str, Any] = {}
    for number, line in enumerate(data[: _whole(data)].splitlines(), start=1):
        try:
            found |= json.loads(line)
        except (ValueError, TypeError) as error:
            raise Damaged("what was kept is damaged").at(
                where=f"{file} line {number}", hint="delete the file: it is asked again"
            ) from error
    return found


def values(file: Path, of: type[T]) -> dict[str, T]:
    """As `read`, each as an object."""
    adapter = TypeAdapter(of)
    return {id: adapter.validate_python(each) for id, each in read(file).items()}


@contextmanager
def making(file: Path) -> Iterator[None]:
    """The right to make a file, for one process at a time. The system frees it on a kill. Raises
    Busy.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(file.with_suffix(".lock"), blocking=False)
    try:
        held.acquire()
    except Timeout:
        raise Busy("another run is at work on it").at(
            where=str(file), hint="run it again when that has ended"
        ) from None
    try:
        yield
    finally:
        held.release()


@contextmanager
def adding(file: Path) -> Iterator[None]:
    """The right to add batches, see `making`; what a kill has torn is cut off first."""
    with making(file):
        if file.exists():
            with file.open("r+b") as out:
                out.truncate(_whole(file.read_bytes()))
        yield


def add(file: Path, values: Mapping[str, Any]) -> None:
    """A batch: one line, so that it is there as a whole or not at all. Raises as `telling` does."""
    with telling(file):
        lines.add(file, json.dumps(values).encode())


def grow(file: Path, batches: Iterable[Mapping[str, Any]], tell: Tell, known: int) -> None:
    """Add batches as they come. `tell` counts their values, and those that are `known` first."""
    tell(Done(units=known))
    for each in batches:
        add(file, each)
        known += len(each)
        tell(Done(units=known))


def _whole(data: bytes) -> int:
    return data.rfind(b"\n") + 1
