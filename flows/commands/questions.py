"""`millrace questions`: a data set from the documents that are live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.commands.shared import (
    json_option,
    load,
    max_cost_option,
    pipeline_argument,
    prepare,
    print_json,
)

if TYPE_CHECKING:
    from components.endpoint.conversation import ChatModel
    from components.endpoint.ledger import Ledger
    from components.spec import Pipeline
    from components.values import Chunk
    from evals.questions.generate import Generated
    from evals.questions.known_items import Drawn


review_option = click.option(
    "--review",
    type=click.Path(path_type=Path),
    required=True,
    help="A new file, for a person to go through.",
)
count_option = click.option(
    "-n", "count", type=click.IntRange(1), default=100, show_default=True, help="Questions."
)
seed_option = click.option(
    "--seed", default=0, show_default=True, help="Decides which passages are drawn."
)


@click.group("questions")
def command() -> None:
    """Make questions with answers and evidence from documents that are live."""


@command.command("write")
@pipeline_argument
@click.option(
    "--model",
    "model_file",
    type=click.Path(path_type=Path),
    required=True,
    help="A file that names the model that writes: endpoint, model, key, prices.",
)
@review_option
@count_option
@seed_option
@max_cost_option
@json_option
def write(
    pipeline: Path,
    overrides: tuple[str, ...],
    model_file: Path,
    review: Path,
    count: int,
    seed: int,
    max_cost: float | None,
    as_json: bool,
) -> int:
    """Have a model write questions about passages of the live index of PIPELINE.

    What the model says is kept beside the review.
    """
    loaded = load(pipeline, overrides)
    from math import isfinite

    from components.endpoint.ledger import Ledger
    from components.errors import BadOption
    from evals.judging import judge_file
    from evals.questions import review as reviews

    _check_new(review)
    named = judge_file.read(model_file)
    if max_cost is not None and not isfinite(max_cost):
        raise BadOption(f"{max_cost} is no amount of money").at(where="--max-cost")
    if max_cost is not None and not (named.input_price or named.output_price):
        raise BadOption("--max-cost needs the prices of the model").at(
            where=str(model_file), hint="set input_price and output_price"
        )
    with Ledger(review.with_suffix(".ledger.jsonl"), max_cost) as ledger:
        model = judge_file.model(named, ledger)
        found = _generated(loaded, model, count, seed, review.with_suffix(".replies.jsonl"))
    if found.drafts:
        reviews.write(found.drafts, review)
    _tell(found, ledger, review, as_json)
    return 0 if found.drafts else 3


@command.command("known-items")
@pipeline_argument
@review_option
@count_option
@seed_option
@json_option
def known_items(
    pipeline: Path,
    overrides: tuple[str, ...],
    review: Path,
    count: int,
    seed: int,
    as_json: bool,
) -> int:
    """Make queries of titles, headings and sentences of the live index of PIPELINE.

    No model writes them: each is to find the passage that it was made of.
    """
    loaded = load(pipeline, overrides)
    from components.corpus.release import corpus_of, live
    from evals.questions import known_items
    from evals.questions import review as reviews

    _check_new(review)
    corpus = corpus_of(loaded)
    generation = live(loaded, corpus).generation
    language = generation.stages["splitter"].options.get("language", known_items.LANGUAGE)
    with corpus.read(generation) as reader:
        drawn = known_items.draw(reader, count, seed=seed, language=language)
    if drawn.drafts:
        reviews.write(drawn.drafts, review)
    _tell_drawn(drawn, review, as_json)
    return 0 if drawn.drafts else 3


@command.command("accept")
@click.argument("review", type=click.Path(path_type=Path))
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), required=True, help="A new folder."
)
@json_option
def accept(review: Path, folder: Path, as_json: bool) -> int:
    """Make a data set of the questions in REVIEW that a person has kept."""
    prepare()
    from dataclasses import asdict

    from evals.questions import review as reviews

    found = reviews.accept(review, folder)
    if as_json:
        print_json({"schema": 1, **asdict(found), "data": str(folder)})
    else:
        click.echo(f"{found.kept} kept, {found.refused} refused, {found.open} open: {folder}")
    return 0


def _check_new(review: Path) -> None:
    from components.errors import BadOption, UserError
    from evals.report.files import ready

    try:
        ready(review.parent)
    except UserError as error:
        raise error.at(where=f"--review {review}") from None
    if review.exists():
        raise BadOption("there is such a file already").at(
            where="--review", hint="accept or move it; nothing is written over a review"
        )


def _generated(
    pipeline: Pipeline, model: ChatModel, count: int, seed: int, file: Path
) -> Generated:
    from components import registry
    from components.corpus.release import corpus_of, live
    from evals.questions.generate import generate

    corpus = corpus_of(pipeline)
    release = live(pipeline, corpus)
    encoder = registry.build("encoder", release.generation.stages["encoder"])
    with corpus.read(release.generation) as reader:
        chunks = list(_chunks(sorted(reader.entries()), reader.chunks))
    return generate(
        chunks,
        model,
        count,
        encoder=encoder,
        file=file,
        seed=seed,
        told=_counting(count),
    )


def _chunks(ids: list[str], of: Callable[[str], list[Chunk]]) -> Iterator[Chunk]:
    for id in ids:
        yield from of(id)


def _counting(count: int) -> Callable[[Generated], None]:
    """A line for every tenth of the questions."""
    step, said = max(1, count // 10), 0

    def tell(found: Generated) -> None:
        nonlocal said
        if len(found.drafts) >= said + step:
            said = len(found.drafts)
            click.echo(f"millrace: {said} of {count} questions", err=True)

    return tell


def _tell(found: Generated, ledger: Ledger, review: Path, as_json: bool) -> None:
    from dataclasses import asdict

    totals = ledger.totals
    if as_json:
        told = {"known": asdict(totals.known), "unsure": asdict(totals.unsure)}
        left = dict(found.left_out)
        print_json(
            {
                "schema": 1,
                "questions": len(found.drafts),
                "asked": found.asked,
                "left_out": left,
                "ledger": told,
                "review": str(review),
            }
        )
        return
    click.echo(f"{len(found.drafts)} questions from {found.asked} passages")
    for reason, number in sorted(found.left_out.items(), key=lambda each: -each[1]):
        click.echo(f"left out  {number}  {reason}")
    click.echo(f"calls {totals.known.calls:,}, cost at most {totals.cost:.4f}")
    if found.drafts:
        _tell_next(review)


def _tell_drawn(drawn: Drawn, review: Path, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "schema": 1,
                "questions": len(drawn.drafts),
                "kinds": drawn.kinds,
                "divided_by": drawn.by,
                "strata": dict(drawn.strata),
                "review": str(review),
            }
        )
        return
    click.echo(f"{len(drawn.drafts)} questions")
    for kind, number in drawn.kinds.items():
        click.echo(f"made of  {number}  {kind}")
    if drawn.drafts:
        by = f"{drawn.by} and length" if drawn.by else "length"
        click.echo(f"spread over {len(drawn.strata)} strata by {by}")
        _tell_next(review)


def _tell_next(review: Path) -> None:
    click.echo(f"go through {review}, then: millrace questions accept {review} --to FOLDER")
