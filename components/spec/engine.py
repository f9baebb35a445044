"""Who does the work of a refresh: `engine: {use: ray, actors: 4}` in the pipeline file.

It is no part of the fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any

from pydantic import Field

from components.errors import BadOption, SpecError
from components.options import Count, option
from components.spec.table import filled

ENGINES = ("auto", "local", "ray")
Cores = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
"""A number of cores, or a part of one."""
Devices = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
"""A part of a device, or a whole number of devices."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The choice. What is None is decided where the work is done."""

    use: str = "auto"
    """`local`: this process. `ray`: actors. `auto`: `ray` where a cluster's address is set."""
    actors: Count | None = option(None, help="processes that encode; one per device or per 4 cores")
    cpus: Cores | None = option(None, help="cores that each reserves; half of all are left free")
    gpus: Devices | None = option(None, help="devices that each reserves: 0.5 puts two on each")


def parse(table: Any, given: Mapping[str, Any], where: str) -> Engine:
    """The choice of a file, with what was `given` instead. Raises SpecError, BadOption."""
    if not isinstance(table, dict) or not _known(table.get("use")):
        raise SpecError(f"'engine' must be {{use: NAME}}, not {table!r}").at(
            where=where, hint=f"known: {', '.join(ENGINES)}"
        )
    use = given.get("use", table["use"])
    if not _known(use):
        raise BadOption(f"no engine {use!r}").at(
            where="engine.use", hint=f"known: {', '.join(ENGINES)}"
        )
    # Another engine for one run must not trip over the file's options.
    kept = {} if use == "local" and table["use"] != use else table
    return _checked({**kept, **given, "use": use})


def _checked(table: dict[Any, Any]) -> Engine:
    known = [each.name for each in fields(Engine)]
    if table["use"] == "local":
        known = ["use"]
    engine = filled(Engine, table, known, "engine", f"engine {table['use']!r}")
    if engine.gpus and engine.gpus > 1 and engine.gpus % 1:
        raise BadOption(f"more than one device must be a whole number, not {engine.gpus}").at(
            where="engine.gpus", hint="a part of one device lets several actors share it"
        )
    return engine


def _known(use: object) -> bool:
    return isinstance(use, str) and use in ENGINES
