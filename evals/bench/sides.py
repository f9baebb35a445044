"""What a change costs: `python -m evals.bench.sides --side before=TREE --side after=.`

Each side is a source tree, such as a worktree of another commit, or the same tree with other
options (`--set after:retriever.depth=200`). All sides index the same generated text, embedded, and
answer the same questions, in processes of their own that take turns: a round of refreshes each, the
next round beginning with another side, then question by question. There are two shapes of corpora:
documents of many chunks, and documents of one.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import IO, Any, cast

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from components.errors import BadOption
from evals.bench import machine
from evals.bench.generated import document, words
from evals.bench.kept import keep
from evals.experiment.systems import addressed
from evals.told import told

_HERE = Path(__file__).parents[2]
_CHILD = Path(__file__).with_name("one_side.py")
_CHUNKS = 10
"""Of a document that has many."""
_CHANGED = 100
"""One document in so many changes between two refreshes."""
_WARM = 5
_PIPELINE = """\
name: sides
source: {use: jsonl, path: corpus.jsonl}
splitter: {use: sentence}
encoder: {use: hashing, width: 384}
sparse: {use: bm25}
index: {use: qdrant_edge, path: index}
retriever: {use: hybrid}
"""


@dataclass(frozen=True)
class Side:
    """What is measured against others."""

    name: str
    tree: Path
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """A corpus."""

    name: str
    documents: int
    sentences: int
    """Of a document; each is a chunk."""


@dataclass(frozen=True)
class Reading:
    """One refresh or one search."""

    shape: str
    side: str
    what: str
    seconds: float
    bytes: int | None = None
    """Allocated by the whole index, after a first refresh."""


def measure(
    sides: Sequence[Side], shape: Shape, rounds: int, searches: int, home: Path
) -> Iterator[Reading]:
    """Refreshes of all documents and of some that changed, then searches."""
    places: dict[str, Path] = {}
    for number in range(rounds):
        for place in places.values():
            shutil.rmtree(place)
        turn = [*sides[number % len(sides) :], *sides[: number % len(sides)]]
        places = {each.name: home / f"{number}-{each.name}" for each in sides}
        for what, revision in (("first refresh", 0), ("refresh, 1 % changed", 1)):
            for each in turn:
                place = places[each.name]
                _write(place, shape, revision)
                found = _once(each, "refresh", place / "pipeline.yaml")
                size = found["bytes"] if revision == 0 else None
                yield Reading(shape.name, each.name, what, found["seconds"], size)
    yield from _searches(sides, shape, searches, places)


def _searches(
    sides: Sequence[Side], shape: Shape, searches: int, places: Mapping[str, Path]
) -> Iterator[Reading]:
    chance = random.Random(0)  # noqa: S311 - no secret
    with ExitStack() as stack:
        asking = {
            each: stack.enter_context(_open(each, "search", places[each.name] / "pipeline.yaml"))
            for each in sides
        }
        for number in range(_WARM + searches):
            question = " ".join(words(chance, 8))
            turn = list(sides) if number % 2 else list(reversed(sides))
            for each in turn:
                seconds = _answer(each, asking[each], question)["seconds"]
                if number >= _WARM:
                    yield Reading(shape.name, each.name, "search", seconds)


def _write(place: Path, shape: Shape, revision: int) -> None:
    """The corpus, one document in a hundred at this revision."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "pipeline.yaml").write_text(_PIPELINE, encoding="utf-8")
    with (place / "corpus.jsonl").open("w", encoding="utf-8") as out:
        for number in range(shape.documents):
            changed = 0 if number % _CHANGED else revision
            row = document(number, shape.sentences, changed)
            out.write(json.dumps(row) + "\n")


@contextmanager
def _open(side: Side, task: str, *rest: object) -> Iterator[subprocess.Popen[str]]:
    named = {"PYTHONPATH": str(side.tree), "MILLRACE_CACHE_BYTES": "0"}
    overrides = side.overrides if rest else ()
    process = subprocess.Popen(  # noqa: S603 - our own file
        [sys.executable, "-P", str(_CHILD), task, *map(str, rest), *overrides],
        env=os.environ | named,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _once(side: Side, task: str, *rest: object) -> dict[str, Any]:
    with _open(side, task, *rest) as process:
        return _read(side, process)


def _answer(side: Side, process: subprocess.Popen[str], question: str) -> dict[str, Any]:
    told = cast("IO[str]", process.stdin)
    told.write(f"{question}\n")
    told.flush()
    return _read(side, process)


def _read(side: Side, process: subprocess.Popen[str]) -> dict[str, Any]:
    line = cast("IO[str]", process.stdout).readline()
    if not line:
        raise click.ClickException(f"{side.name} ended with {process.wait()}")
    found: dict[str, Any] = json.loads(line)
    return found


def chosen(trees: Sequence[str], overrides: Sequence[str]) -> list[Side]:
    """Sides, `NAME=TREE` each; overrides are for all, or for one: `NAME:stage.option=value`.

    Raises BadOption, also for a tree whose code is not what would run.
    """
    parts = [each.partition("=") for each in trees]
    names = [name for name, _, _ in parts]
    if len({*names}) < len(names) or not all(name and tree for name, _, tree in parts):
        raise BadOption("a side is NAME=TREE, with a name of its own").at(where="--side")
    given = [addressed(text, names) for text in overrides]
    found = []
    for name, _, tree in parts:
        own = tuple(text for target, text in given if target in ("", name))
        side = Side(name, Path(tree).resolve(), own)
        if not (side.tree / "components").is_dir():
            raise BadOption(f"no source tree is at {side.tree}").at(where=f"--side {name}")
        ran = _once(side, "where")["folder"]
        if Path(ran) != side.tree:
            raise BadOption(f"its code is not what runs, but that of {ran}").at(
                where=f"--side {name}"
            )
        found.append(side)
    return found


@click.command()
@click.option("--side", "trees", multiple=True, metavar="NAME=TREE", help="May be repeated.")
@click.option("--set", "overrides", multiple=True, metavar="[NAME:]STAGE.OPTION=VALUE")
@click.option("--long", type=click.IntRange(0), default=10_000, show_default=True)
@click.option("--short", type=click.IntRange(0), default=20_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--searches", type=click.IntRange(1), default=500, show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for all readings.  [default: evals/bench/results/sides-TIME.json]",
)
@told()
def main(
    trees: tuple[str, ...],
    overrides: tuple[str, ...],
    long: int,
    short: int,
    rounds: int,
    searches: int,
    out: Path | None,
) -> None:
    """Measure, and print a table. `--long`: documents of ten chunks; `--short`: of one."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    sides = chosen(trees or (f"here={_HERE}",), overrides)
    shapes = [
        Shape(f"{count:,} documents of {chunks}", count, chunks)
        for count, chunks in ((long, _CHUNKS), (short, 1))
        if count
    ]
    readings: list[Reading] = []
    for shape in shapes:
        with tempfile.TemporaryDirectory(prefix="sides-") as home:
            readings += measure(sides, shape, rounds, searches, Path(home))
    _show(readings, sides, console)
    found = {
        "schema": 1,
        "machine": machine.facts(),
        "sides": [{**asdict(each), "tree": each.tree.name} for each in sides],
        "readings": [asdict(each) for each in readings],
    }
    keep(found, out, console, "sides-")


def _show(readings: Sequence[Reading], sides: Sequence[Side], console: Console) -> None:
    table = Table(title="what a change costs", title_justify="left", box=None, pad_edge=False)
    table.add_column("corpus")
    table.add_column("what")
    for each in sides:
        table.add_column(each.name, justify="right")
    if len(sides) > 1:
        table.add_column(f"{sides[-1].name} / {sides[0].name}", justify="right")
    for shape in dict.fromkeys(each.shape for each in readings):
        for what, values in _rows([each for each in readings if each.shape == shape]):
            cells = [f"{values[each.name]:,.1f}" for each in sides]
            ratio = values[sides[-1].name] / values[sides[0].name]
            table.add_row(shape, what, *cells, *([f"{ratio:.2f}"] if len(sides) > 1 else []))
    console.print(table)


def _rows(readings: Sequence[Reading]) -> Iterator[tuple[str, dict[str, float]]]:
    """What was measured, with its value by side."""
    by: dict[tuple[str, str], list[Reading]] = {}
    for each in readings:
        by.setdefault((each.what, each.side), []).append(each)
    for what in dict.fromkeys(each.what for each in readings):
        own = {side: found for (of, side), found in by.items() if of == what}
        spent = {side: [each.seconds for each in found] for side, found in own.items()}
        if what == "search":
            for share in (50, 95):
                yield (
                    f"search, p{share} ms",
                    {s: 1000 * float(np.percentile(v, share)) for s, v in spent.items()},
                )
            continue
        yield f"{what}, median s", {side: median(found) for side, found in spent.items()}
        sizes = {side: [each.bytes for each in found if each.bytes] for side, found in own.items()}
        if all(sizes.values()):
            yield "index, MB", {side: median(found) / 1e6 for side, found in sizes.items()}


if __name__ == "__main__":
    main()
