"""A plan as a Parquet file: what passes from one task to the next is its path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from components.corpus.plan import Step
from components.errors import MillraceError
from components.system import telling

_COLUMNS = tuple(each.name for each in fields(Step))
_BATCH = 4096


def save(steps: Sequence[Step], file: Path) -> None:
    """Write the steps, in order. Raises as `telling` does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: [getattr(step, name) for step in steps] for name in _COLUMNS}
    schema = pa.schema([(name, pa.string()) for name in _COLUMNS])
    with telling(file):
        pq.write_table(pa.table(columns, schema=schema), file)


def take(file: Path) -> Path:
    """The plan for whoever begins to write by it, once: afterwards it says nothing about what is
    stored any more. Raises MillraceError.
    """
    taken = file.with_name(f"taken-{file.name}")
    try:
        file.rename(taken)
    except FileNotFoundError:
        raise MillraceError("the plan was used before, or is gone").at(
            where=str(file), hint="run the refresh again: it makes a new one"
        ) from None
    return taken


def read(file: Path) -> Iterator[Step]:
    """The steps, in order, a few thousand in memory at a time."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        for batch in opened.iter_batches(batch_size=_BATCH):
            for row in batch.to_pylist():
                yield Step(**row)
