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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import IO, Any, cast

import click
import numpy as np
from rich.table import Table

from components import spec
from components.errors import BadOption
from evals.bench import generated, results
from evals.bench.generated import document, words
from evals.command import console, table, told

_HERE = Path(__file__).parents[2]
_CHILD = Path(__file__).with_name("one_side.py")
_CHUNKS = 10
"""Of a document that has many."""
_CHANGED = 100
"""One document in so many changes between two refreshes."""
_WARM = 5


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
                file = _write(places[each.name], shape, revision)
                with _child(each, "refresh", file) as ask:
                    found = ask("")
                size = found["bytes"] if revision == 0 else None
                yield Reading(shape.name, each.name, what, found["seconds"], size)
    yield from _searches(sides, shape, searches, places)


def _searches(
    sides: Sequence[Side], shape: Shape, searches: int, places: Mapping[str, Path]
) -> Iterator[Reading]:
    chance = random.Random(0)  # noqa: S311 - no secret
    with ExitStack() as stack:
        asking = {
            each: stack.enter_context(_child(each, "search", places[each.name] / "pipeline.yaml"))
            for each in sides
        }
        for number in range(_WARM + searches):
            question = " ".join(words(chance, 8))
            for each in sides if number % 2 else reversed(sides):
                seconds = asking[each](f"{question}\n")["seconds"]
                if number >= _WARM:
                    yield Reading(shape.name, each.name, "search", seconds)


def _write(place: Path, shape: Shape, revision: int) -> Path:
    """A pipeline with its corpus, one document in a hundred at this revision."""
    file = generated.pipeline(place, "sides")
    revisions = (0 if number % _CHANGED else revision for number in range(shape.documents))
    rows = (document(number, shape.sentences, each) for number, each in enumerate(revisions))
    generated.write(place / "corpus.jsonl", rows)
    return file


@contextmanager
def _child(side: Side, task: str, *rest: object) -> Iterator[Callable[[str], dict[str, Any]]]:
    """A process of the side, which may be told something and then says something."""
    named = {"PYTHONPATH": str(side.tree), "MILLRACE_CACHE_BYTES": "0"}
    overrides = side.overrides if rest else ()
    process = subprocess.Popen(  # noqa: S603 - our own file
        [sys.executable, "-P", str(_CHILD), task, *map(str, rest), *overrides],
        env=os.environ | named,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    told, says = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)

    def ask(text: str) -> dict[str, Any]:
        told.write(text)
        told.flush()
        line = says.readline()
        if not line:
            raise click.ClickException(f"{side.name} ended with {process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    with process:
        try:
            yield ask
        finally:
            process.kill()


def chosen(trees: Sequence[str], overrides: Sequence[str]) -> list[Side]:
    """Sides, `NAME=TREE` each; overrides are for all, or for one: `NAME:stage.option=value`.

    Raises BadOption, also for a tree whose code is not what would run.
    """
    parts = [each.partition("=") for each in trees]
    names = [name for name, _, _ in parts]
    if len({*names}) < len(names) or not all(name and tree for name, _, tree in parts):
        raise BadOption("a side is NAME=TREE, with a name of its own").at(where="--side")
    given = [spec.addressed(text, names) for text in overrides]
    found = []
    for name, _, tree in parts:
        own = tuple(text for target, text in given if target in ("", name))
        side = Side(name, Path(tree).resolve(), own)
        if not (side.tree / "components").is_dir():
            raise BadOption(f"no source tree is at {side.tree}").at(where=f"--side {name}")
        with _child(side, "where") as ask:
            ran = ask("")["folder"]
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
@results.out("sides-")
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
    console().print(_table(readings, sides))
    found = {
        "sides": [{**asdict(each), "tree": each.tree.name} for each in sides],
        "readings": [asdict(each) for each in readings],
    }
    results.keep(found, out, console(), "sides-")


def _table(readings: Sequence[Reading], sides: Sequence[Side]) -> Table:
    first, last = sides[0].name, sides[-1].name
    ratio = [f"{last} / {first}"] if len(sides) > 1 else []
    names = [each.name for each in sides]
    found = table("what a change costs", "corpus", "what", *names, *ratio, words=2)
    for shape in dict.fromkeys(each.shape for each in readings):
        for what, values in _rows([each for each in readings if each.shape == shape]):
            cells = [f"{values[name]:,.1f}" for name in names]
            cells += [f"{values[last] / values[first]:.2f}" for _ in ratio]
            found.add_row(shape, what, *cells)
    return found


def _rows(readings: Sequence[Reading]) -> Iterator[tuple[str, dict[str, float]]]:
    """What was measured, with its value by side."""
    for what in dict.fromkeys(each.what for each in readings):
        own: dict[str, list[Reading]] = {}
        for each in readings:
            if each.what == what:
                own.setdefault(each.side, []).append(each)
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
