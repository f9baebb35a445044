"""`python -m evals.fusion`: the weights of `fusion: auto`, and how they do on sets not seen."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from components.errors import BadOption
from components.machine import paths
from components.retrievers.weights import fitted
from evals.command import FILE, console, told
from evals.defaults import sets
from evals.fusion import written
from evals.fusion.fit import WITHOUT
from evals.fusion.show import show
from evals.fusion.trial import Trial, ask, fitted_trial, fixed_trial

_HASHING = "hashing"


@click.command()
@sets.options(questions=150)
@click.option(
    "--without",
    type=click.Choice(WITHOUT),
    multiple=True,
    help="Fit without that, too; may be repeated.",
)
@click.option(
    "--encoder",
    metavar="MODEL",
    help=f"Fit nothing: try the weights that there are with another model, or {_HASHING}.",
)
@click.option(
    "--write",
    type=FILE,
    is_flag=False,
    flag_value=written.FILE,
    help="Write the file of the weights.",
)
@told()
def main(
    file: Path,
    only: tuple[str, ...],
    questions: int,
    seed: int,
    without: tuple[str, ...],
    encoder: str | None,
    home: Path,
    write: Path | None,
    as_json: bool,
) -> None:
    """Fit the weights on all sets, and judge them on each by those that were fitted without its
    documents.

    Indexes are those of `python -m evals.defaults` where the home is the same; what is built and
    gathered is kept, and a run that was ended goes on from there.
    """
    if encoder and (without or write):
        raise BadOption("with another encoder nothing is fitted").at(where="--encoder")
    quiet = Console(highlight=False, stderr=True)
    found, failed = ask(
        sets.chosen(sets.read(file), only).sets,
        home=paths.named(home),
        questions=questions,
        seed=seed,
        overrides=_overrides(encoder),
        begun=lambda name: quiet.print(name, markup=False),
    )
    trial = (
        fixed_trial(found, failed, fitted()) if encoder else fitted_trial(found, failed, without)
    )
    if write:
        write.write_text(written.text(trial.weights[""], _notes(trial)), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(trial.to_json()))
    else:
        show(trial, console(220))


def _overrides(encoder: str | None) -> list[str]:
    if encoder is None:
        return []
    key = "use" if encoder == _HASHING else "model"
    return [f"encoder.{key}={json.dumps(encoder)}"]


def _notes(trial: Trial) -> tuple[str, ...]:
    def mean(name: str) -> str:
        return f"{trial.mean(name):.3f}"

    return (
        f"Mean nDCG@10 over {len(trial.rows)} sets, each by weights of the other sets' documents:",
        f"{mean('fitted')}, with late interaction {mean('fitted, late')}; in-sample"
        f" {mean('in-sample')} and {mean('in-sample, late')};",
        f"RRF {mean('rrf')}, with late interaction {mean('rrf, late')}; words {mean('words')}, "
        f"meaning {mean('meaning')}.",
    )


if __name__ == "__main__":
    main()
