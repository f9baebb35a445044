"""The stages that an object for LlamaIndex uses, as a pipeline file would choose them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import to_jsonable_python

from components import paths, registry, spec
from components.errors import BadOption, SpecError
from components.registry import Choice

Stage = dict[str, Any]
"""A line of a pipeline file: `use` and options."""


def _absolute(file: str | Path) -> str:
    return str(paths.named(file)) if file else ""


File = Annotated[str | Path, AfterValidator(_absolute)]
"""A pipeline file's path, made absolute; empty where there is none."""


def resolved(
    stage: str, given: Mapping[str, Any], file: str | Path, overrides: Sequence[str]
) -> Stage:
    """The stage with every option: as given, else as in the file, else the default.

    Raises UserError.
    """
    find_modules(file)
    if overrides and not file:
        raise BadOption("overrides change a pipeline file, and none is given").at(
            where="overrides", hint="pipeline='handbook.yaml'"
        )
    if given:
        choice = _resolve(stage, given)
    elif file:
        choice = spec.load(Path(file), overrides).stages[stage]
    else:
        choice = _resolve(stage, spec.DEFAULTS[stage])
    return {"use": choice.use, **to_jsonable_python(choice.options)}


def build(stage: str, of: Stage, file: str | Path, **parts: object) -> Any:
    """The component; without parts one per process and choice, so that what it has loaded is
    shared. Raises UserError.
    """
    find_modules(file)
    if parts:
        return registry.build(stage, choice(of), **parts)
    return _built(stage, json.dumps(of, sort_keys=True))


def choice(of: Stage) -> Choice:
    """A resolved stage, as the registry takes it."""
    return Choice(of["use"], {name: value for name, value in of.items() if name != "use"})


def find_modules(file: str | Path) -> None:
    """Let `use: my_module:MyClass` name what lies beside the pipeline file, in any process."""
    if file:
        spec.find_modules(str(paths.named(file).parent))


@cache
def _built(stage: str, of: str) -> Any:
    return registry.build(stage, choice(json.loads(of)))


def _resolve(stage: str, given: Mapping[str, Any]) -> Choice:
    use = given.get("use")
    if not isinstance(use, str):
        raise SpecError(f"{stage} needs a name under 'use'").at(
            where=stage, hint=f"known: {', '.join(sorted(registry.names(stage)))}"
        )
    options = {name: value for name, value in given.items() if name != "use"}
    return registry.resolve(stage, use, options)
