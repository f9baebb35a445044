"""`python -m evals.bench.one NAME`: one contender, once, in this process; a line of JSON."""

from __future__ import annotations

import json
import os

import click

from evals.bench import contenders, texts
from evals.bench.estimate import LITTLE
from evals.bench.limit import DTYPES, Shapes
from evals.bench.machine import config
from evals.bench.rounds import timed
from evals.told import told


@click.command()
@click.argument("name", type=click.Choice([each.name for each in contenders.ALL]))
@click.option("--of", default="peps", type=click.Choice(list(texts.SHAPES)), show_default=True)
@click.option("--documents", type=click.IntRange(1), help="How many.  [default: all]")
@told()
def main(name: str, of: str, documents: int | None) -> None:
    """Encode a set, or a fixed choice of its documents."""
    (contender,) = contenders.chosen((name,))
    chosen = texts.load(of, documents)
    contender.prepare(chosen.first(LITTLE))()  # weights are loaded, kernels are chosen
    shapes = Shapes.of(config())
    limits = {dtype: shapes.matmul_rate(dtype) for dtype in DTYPES}
    measured = timed(contender.prepare(chosen), chosen.tokens, shapes, limits)
    click.echo(json.dumps({"documents": len(chosen.documents), **measured.to_json()}))


if __name__ == "__main__":
    os.environ["MILLRACE_DEVICE"] = "cpu"
    main()
