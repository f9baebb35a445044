"""Files of JSON lines, one object each, read as a stream; packed by gzip or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from components.errors import SourceMissing
from components.sources import fields, gzipped, packed
from components.sources.fields import Fields
from evals.datasets.judged import BadData


def lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Those that are not blank, with their numbers from 1. Raises SourceMissing; BadData where the
    file is damaged.
    """
    number = 0
    try:
        with packed.understood(), gzipped.opened(file) as opened:
            for number, line in enumerate(opened, start=1):
                if line.strip():
                    yield number, line
    except packed.Damaged as error:
        raise BadData(f"the file is damaged: {error}").at(
            where=f"{file} line {number + 1}"
        ) from error
    except OSError as error:
        raise SourceMissing(f"cannot be read: {error.strerror or error}").at(
            where=str(file)
        ) from error


def rows(file: Path) -> Iterator[dict[str, Any]]:
    """The objects. Raises SourceMissing, and BadData for another line."""
    return (row for _, row in placed(file))


def placed(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects, each with its place. Raises as `rows` does."""
    for number, line in lines(file):
        where = f"{file} line {number}"
        try:
            row = fields.parsed(line)
        except ValueError as error:
            raise BadData(str(error)).at(where=where) from error
        yield where, row


def identified(file: Path, what: str, names: Sequence[str]) -> Iterator[tuple[str, Fields]]:
    """Ids with their objects. `what` they are and the `names` of the id: see `fields.id_of`.

    Raises as `rows` does, and BadData where one has no id or that of another.
    """
    seen: set[str] = set()
    for where, row in placed(file):
        try:
            id = fields.id_of(row, names)
        except ValueError as error:
            raise BadData(f"a {what} has {error}").at(where=where) from None
        if id in seen:
            raise BadData(f"two {what}s have the id {id!r}").at(where=where)
        seen.add(id)
        yield id, row
