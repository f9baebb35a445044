"""`millrace diff`: what tells two releases apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.commands.shared import json_option, load, pipeline_argument, print_json
from flows.consoles import new_console

if TYPE_CHECKING:
    from components.corpus.difference import Documents
    from components.spec import Pipeline
    from components.values import Query
    from evals.difference import Difference

_NAMED = 10
"""Documents of a kind that are named."""


@click.command("diff")
@pipeline_argument
@click.argument("before")
@click.argument("after")
@click.option(
    "--queries",
    type=click.Path(path_type=Path),
    help="Ask these: a file, or a data set's folder. By default those of the pipeline's gate.",
)
@click.option(
    "-n", "most", type=click.IntRange(0), default=10, show_default=True, help="Queries shown."
)
@json_option
def command(
    pipeline: Path,
    overrides: tuple[str, ...],
    before: str,
    after: str,
    queries: Path | None,
    most: int,
    as_json: bool,
) -> int:
    """Compare two releases of PIPELINE, each a number or a generation's name: the documents that
    were added, changed or are gone, and the queries whose first ten hits change most.
    """
    from components.corpus import releases
    from components.corpus.difference import documents
    from components.corpus.release import corpus_of

    loaded = load(pipeline, overrides)
    corpus = corpus_of(loaded)
    told = releases.history(corpus)
    one, other = (
        releases.as_release(corpus, releases.chosen(told, each, loaded.name))
        for each in (before, after)
    )
    found = documents(corpus, one.generation, other.generation)
    asked = _queries(loaded, queries)
    shifted = None
    if asked:
        from evals.difference import compared

        shifted = compared(loaded, one, other, asked)
    if as_json:
        print_json(_as_json(loaded.name, (one.number, other.number), found, shifted, most))
    else:
        _show(found, shifted, most)
    return 0


def _queries(pipeline: Pipeline, file: Path | None) -> Sequence[Query]:
    """None where neither the gate nor anybody names any."""
    from evals.questions import queries

    gate = pipeline.gate
    if file is not None:
        return queries.read(file)
    if gate and gate.queries:
        return queries.read(Path(gate.queries))
    if gate:
        from evals.datasets import catalogue

        data = catalogue.load(gate.data, gate.split, corpus=False)
        return data.queries(scoped=gate.scope)
    return []


def _as_json(
    name: str,
    numbers: tuple[int, int],
    found: Documents,
    shifted: Difference | None,
    most: int,
) -> dict[str, Any]:
    told = {"schema": 1, "pipeline": name, "before": numbers[0], "after": numbers[1]}
    if shifted is None:
        return {**told, "documents": found.to_json(), "queries": None}
    queries = {
        "asked": len(shifted.queries),
        "unit": shifted.unit,
        "shift": shifted.shift.value,
        "rank_similarity": shifted.shift.rank_similarity,
        "most_changed": shifted.changed(most),
    }
    return {**told, "documents": found.to_json(), "queries": queries}


def _show(found: Documents, shifted: Difference | None, most: int) -> None:
    for what, ids in (("added", found.added), ("changed", found.changed), ("gone", found.gone)):
        click.echo(f"{len(ids):>8,} document{'s' if len(ids) != 1 else ''} {what}")
        for each in ids[:_NAMED]:
            click.echo(f"           {each}")
        if len(ids) > _NAMED:
            click.echo(f"           and {len(ids) - _NAMED:,} more (--json names them all)")
    if shifted is None:
        click.echo("no queries to ask: --queries FILE, or a gate in the pipeline file")
        return
    click.echo(
        f"\n{len(shifted.queries):,} queries: the first ten {shifted.unit}s change by "
        f"{shifted.shift.value:.2f} (0: none, 1: all)"
    )
    for query in shifted.changed(most):
        _show_query(query)


def _show_query(told: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    click.echo(f"\n{told['query']}")
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("", justify="right")
    table.add_column("before", overflow="ellipsis", no_wrap=True, ratio=1)
    table.add_column("after", overflow="ellipsis", no_wrap=True, ratio=1)
    sides = (told["before"], told["after"])
    common = {_named(each) for each in sides[0]} & {_named(each) for each in sides[1]}
    for rank in range(max(map(len, sides))):
        cells = [_named(side[rank]) if rank < len(side) else "" for side in sides]
        marked = [Text(each, style="" if each in common else "bold") for each in cells]
        table.add_row(str(rank + 1), *marked)
    new_console().print(table)


def _named(hit: dict[str, Any]) -> str:
    page = "" if hit["page"] is None else f" p.{hit['page'] + 1}"
    return f"{hit['document']}{page}"
