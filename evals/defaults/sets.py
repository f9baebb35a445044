"""Which data sets the defaults are tried on."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import BaseModel, ConfigDict, ValidationError

from components.errors import BadOption, MillraceError, SourceMissing, line
from evals.command import FILE, FOLDER, as_json
from evals.compare.request import HOME

SETS = Path(__file__).with_name("sets.toml")
T = TypeVar("T")


class Entry(BaseModel):
    """A data set, as a person names it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str
    """As `--data` of a comparison has it, with its options."""
    split: str = "test"
    scoped: bool = False

    @property
    def name(self) -> str:
        split = "" if self.split == "test" else f" {self.split}"
        return f"{self.data}{split}{' scoped' if self.scoped else ''}"


class Listed(BaseModel):
    """What a file says. Names of systems are those of the pipelines."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    candidates: tuple[str, ...]
    """Each is compared with every other system that is no candidate."""
    of_documents: tuple[str, ...] = ()
    """Their hits are documents: they are asked where documents are judged, and not where a page or
    a span is, which the whole document would show.
    """
    sets: tuple[Entry, ...]


def read(file: Path = SETS) -> Listed:
    """Raises SourceMissing, BadOption with the place."""
    try:
        return Listed.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise SourceMissing(f"cannot be read: {error.strerror or error}").at(
            where=str(file)
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BadOption(f"{place}: {first['msg']}").at(where=str(file)) from None
    except ValueError as error:
        raise BadOption(f"not TOML: {error}").at(where=str(file)) from None


def chosen(listed: Listed, names: Sequence[str]) -> Listed:
    """The sets of these names, or of these data; without any name all. Raises BadOption."""
    for name in names:
        if not any(name in (each.name, each.data) for each in listed.sets):
            raise BadOption(f"no set is called {name!r}").at(
                where="--only", hint=f"there are: {', '.join(each.name for each in listed.sets)}"
            )
    kept = tuple(each for each in listed.sets if each.name in names or each.data in names)
    return listed.model_copy(update={"sets": kept}) if names else listed


def of_each(
    entries: Sequence[Entry], begun: Callable[[str], None], work: Callable[[Entry], T]
) -> tuple[list[T], dict[str, str]]:
    """What comes of every set, and the reasons of those of which nothing does: the rest goes on."""
    found, failed = [], {}
    for entry in entries:
        begun(entry.name)
        try:
            found.append(work(entry))
        except MillraceError as error:
            failed[entry.name] = line(str(error), error.where, error.hint)
    return found, failed


def options(questions: int) -> Callable[[Any], Any]:
    """Those of a command over many sets, which asks so many questions of each by default."""

    def decorate(command: Any) -> Any:
        for option in (
            as_json,
            click.option(
                "--home",
                type=FOLDER,
                default=HOME,
                show_default=True,
                help="Keeps what is built and answered.",
            ),
            click.option("--seed", type=int, default=0, show_default=True, help="Of the samples."),
            click.option(
                "--questions",
                type=click.IntRange(1),
                default=questions,
                show_default=True,
                help="Of a set, at most; of more, a sample is asked.",
            ),
            click.option(
                "--only", multiple=True, metavar="SET", help="Of the list; may be repeated."
            ),
            click.option("--sets", "file", type=FILE, default=SETS, help="A list of data sets."),
        ):
            command = option(command)
        return command

    return decorate
