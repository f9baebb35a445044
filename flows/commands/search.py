"""`millrace search`: ask the live index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.commands.shared import json_option, load, pipeline_argument, print_json
from flows.consoles import new_console

if TYPE_CHECKING:
    from components.corpus.search import Found
    from components.values import Filter, Hit, Scalar

_SHOWN = 180
"""Characters of a hit's text in the table."""


@click.command("search")
@pipeline_argument
@click.argument("question")
@click.option("-k", "k", type=click.IntRange(1, 1000), default=10, show_default=True, help="Hits.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only hits whose field has this value; again: any of them. Pages count from 0. In full: "
    "metadata.KEY, document.KEY, chunk.KEY.",
)
@json_option
def command(
    pipeline: Path,
    overrides: tuple[str, ...],
    question: str,
    k: int,
    filters: tuple[str, ...],
    as_json: bool,
) -> int:
    """Find what answers QUESTION in the live index of PIPELINE."""
    from components.corpus.search import search
    from components.sources.storable import storable
    from components.values import Query

    question = storable(question)  # an argument may hold bytes that are no text
    query = Query(text=question, filter=_filter(filters))
    found = search(load(pipeline, overrides), [query], k)
    if found.pending:
        click.echo(
            "millrace: the pipeline file differs from what is live: "
            "the next refresh makes a release of it",
            err=True,
        )
    for told in found.absent.values():
        click.echo(f"millrace: {told}; a filter by it finds nothing", err=True)
    _tell_depth(found)
    if as_json:
        print_json(_as_json(question, found))
    else:
        _show(found.hits[0])
    return 0


def _tell_depth(found: Found) -> None:
    (read,), (wanted,) = found.reranked.depths, found.reranked.wanted
    if read < wanted:
        click.echo(
            f"millrace: {read} of {wanted} hits were reranked: "
            "for more there is no time within rerank_budget_ms",
            err=True,
        )


def _filter(texts: tuple[str, ...]) -> Filter:
    """`year=2018` means the number and the word: nobody can know how it was stored."""
    from components.errors import BadOption
    from components.sources.storable import storable

    wanted: dict[str, list[Scalar]] = {}
    for text in map(storable, texts):
        key, equals, value = text.partition("=")
        if not (equals and key):
            raise BadOption(f"cannot read the filter {text!r}").at(
                where="--filter", hint="write key=value"
            )
        wanted.setdefault(key, []).extend(_readings(value))
    return wanted


def _readings(value: str) -> list[Scalar]:
    readings: list[Scalar] = [value]
    if value in ("true", "false"):
        readings.append(value == "true")
    for kind in (int, float):
        try:
            number = kind(value)
        except ValueError:
            continue
        if kind is float or -(2**63) <= number < 2**63:  # as whole numbers are stored
            readings.append(number)
            break
    return readings


def _as_json(question: str, found: Found) -> dict[str, Any]:
    return {
        "schema": 1,
        "question": question,
        "hits": [_hit_as_json(hit) for hit in found.hits[0]],
        "reranked": found.reranked.depths[0],
        "release": found.release.number,
        "generation": found.release.generation.name,
        "pending": found.pending,
        "absent_fields": list(found.absent),
    }


def _hit_as_json(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    return {
        "document_id": chunk.document_id,
        "chunk_id": chunk.id,
        "chunk_ids": list(hit.chunk_ids),
        "start": chunk.span.start,
        "end": chunk.span.end,
        "page": chunk.page,
        "last_page": chunk.last_page,
        "score": hit.score,
        "first_score": hit.first_score,
        "title": chunk.title,
        "section": chunk.section,
        "metadata": dict(chunk.metadata),
        "text": chunk.text,
    }


def _show(hits: list[Hit]) -> None:
    from rich.table import Table
    from rich.text import Text

    if not hits:
        click.echo("nothing found")
        return
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("", justify="right")
    table.add_column("score", justify="right")
    table.add_column("where", max_width=36, overflow="fold")
    table.add_column("text")
    for rank, hit in enumerate(hits, start=1):
        page = "" if hit.chunk.page is None else f" p.{hit.chunk.page + 1}"
        table.add_row(
            str(rank),
            f"{hit.score:.4f}",
            Text(f"{hit.chunk.document_id}{page}"),
            Text(_excerpt(hit.chunk.text)),
        )
    new_console().print(table)


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else f"{flat[: _SHOWN - 1]}…"
