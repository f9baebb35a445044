"""The stages that an object for LlamaIndex uses, as a pipeline file would choose them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import to_jsonable_python

from components import registry, spec
from components.errors import BadOption, SpecError
from components.machine import paths
from components.registry import Choice
from components.spec import Pipeline

Stage = dict[str, Any]
"""A line of a pipeline file: `use` and options."""
Read = Callable[[], Pipeline | None]
"""Gives the pipeline of a file, if there is one."""


def _absolute(file: str | Path) -> str:
    return str(paths.named(file)) if file else ""


File = Annotated[str | Path, AfterValidator(_absolute)]
"""A pipeline file's path, made absolute; empty where there is none."""


def once(file: str | Path, overrides: Sequence[str]) -> Read:
    """What reads the pipeline file where it is asked for, and once. Raises UserError."""
    find_modules(file)
    if overrides and not file:
        raise BadOption("overrides change a pipeline file, and none is given").at(
            where="overrides", hint="pipeline='handbook.yaml'"
        )
    return cache(lambda: spec.load(Path(file), overrides) if file else None)


def resolved(stage: str, given: Mapping[str, Any], read: Read) -> Stage:
    """The stage with every option: as given, else as in the file, else the default.

    Raises UserError.
    """
    pipeline = None if given else read()
    own = given or spec.DEFAULTS[stage]
    choice = pipeline.stages[stage] if pipeline else _resolve(stage, own)
    return {"use": choice.use, **to_jsonable_python(choice.options)}


def fingerprint(**stages: Stage) -> str:
    """Of the stages, by which LlamaIndex's cache knows other weights."""
    return spec.fingerprint({name: _choice(of) for name, of in stages.items()})


def build(stage: str, of: Stage, file: str | Path, **parts: object) -> Any:
    """The component; without parts one per process and choice, so that what it has loaded is
    shared. Raises UserError.
    """
    find_modules(file)
    if parts:
        return registry.build(stage, _choice(of), **parts)
    return _built(stage, json.dumps(of, sort_keys=True))


def _choice(of: Stage) -> Choice:
    """A resolved stage, as the registry takes it."""
    return Choice(of["use"], {name: value for name, value in of.items() if name != "use"})


def find_modules(file: str | Path) -> None:
    """Let `use: my_module:MyClass` name what lies beside the pipeline file, in any process."""
    if file:
        spec.find_modules(str(paths.named(file).parent))


@cache
def _built(stage: str, of: str) -> Any:
    return registry.build(stage, _choice(json.loads(of)))


def _resolve(stage: str, given: Mapping[str, Any]) -> Choice:
    use = given.get("use")
    if not isinstance(use, str):
        raise SpecError(f"{stage} needs a name under 'use'").at(
            where=stage, hint=f"known: {', '.join(sorted(registry.names(stage)))}"
        )
    options = {name: value for name, value in given.items() if name != "use"}
    return registry.resolve(stage, use, options)
