"""Arguments that several verbs share."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from components.indexes.manifest import Release
    from components.spec import Pipeline

Command = TypeVar("Command", bound=Callable[..., Any])


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
prefect_option = click.option(
    "--prefect/--engine-only",
    "prefect",
    default=None,
    help="Run as a Prefect flow, on a temporary server where PREFECT_API_URL names none; or "
    "without Prefect. Neither: as a flow where it names one.",
)
max_cost_option = click.option(
    "--max-cost",
    type=click.FloatRange(0),
    help="Ask no more before calls, those of earlier runs included, could cost more.",
)
data_option = click.option(
    "--data", required=True, help="A folder, or a name; a wrong one lists those there are."
)
split_option = click.option(
    "--split", default="test", show_default=True, help="Split of the judgements."
)
limit_option = click.option(
    "--limit", type=click.IntRange(1), help="Ask the first questions only, so many."
)
sample_option = click.option(
    "--sample", type=click.IntRange(1), help="Ask so many questions, drawn at random."
)
sweep_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="[NAME:]STAGE.OPTION=VALUE",
    help="Another value for all pipelines, or for one; a list makes a sweep.",
)
baseline_option = click.option(
    "--baseline", default="", help="System that all others are compared with."
)
reason_option = click.option("--reason", default="", help="Why, for the history.")
out_option = click.option("--out", type=click.Path(path_type=Path), help="Folder of the report.")


def home_option(home: str, kept: str) -> Callable[[Command], Command]:
    """`--home`, with its default and what it is a folder of."""
    return click.option(
        "--home",
        type=click.Path(),
        default=home,
        show_default=True,
        help=f"Folder of {kept}.",
    )


def listed(_: click.Context, __: click.Parameter, given: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(filter(None, (each.strip() for each in given.split(","))))


def pipeline_argument(command: Command) -> Command:
    """`PIPELINE` and `--set`."""
    command = click.argument("pipeline", type=click.Path(path_type=Path))(command)
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="STAGE.OPTION=VALUE",
        help="Use another value than the file's; may be repeated.",
    )(command)


def load(pipeline: Path, overrides: tuple[str, ...]) -> Pipeline:
    """The checked pipeline; what a person should know of it goes to stderr."""
    from components import spec

    prepare()
    loaded = spec.load(pipeline, overrides)
    for notice in loaded.notices:
        click.echo(f"millrace: {notice}", err=True)
    return loaded


def prepare() -> None:
    """Our log goes to stderr, and the environment is checked. Raises BadOption."""
    _log_to_stderr()
    _check_environment()


def _check_environment() -> None:
    from components.errors import BadOption
    from infra.settings import settings

    try:
        settings()
    except ValueError as error:
        raise BadOption(str(error)).at(where="environment") from None


class _ToStderr(logging.Handler):
    """To what stderr is at the moment: a progress bar takes it, to write above itself."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


def _log_to_stderr() -> None:
    """Our own loggers only: Prefect and the libraries keep theirs."""
    handler = _ToStderr()
    handler.setFormatter(logging.Formatter("millrace: %(message)s"))
    for name in ("components", "evals", "flows", "infra"):
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).propagate = False


def print_release(pipeline: str, release: Release, as_json: bool) -> None:
    """What is live now because a person said so."""
    told = {"number": release.number, "generation": release.generation.name}
    if as_json:
        more = {"how": release.how, "by": release.by, "why": release.why, "over": release.over}
        print_json({"schema": 1, "pipeline": pipeline, "release": {**told, **more}})
    else:
        name = release.generation.name
        click.echo(f"release {release.number}, generation {name}, is live ({release.how})")


def print_json(value: Mapping[str, Any]) -> None:
    """One object, one line; escaped where stdout cannot take every character."""
    plain = (sys.stdout.encoding or "").lower().replace("_", "-") not in ("utf-8", "utf8")
    click.echo(json.dumps(value, ensure_ascii=plain))
