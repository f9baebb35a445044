"""What a candidate must pass before it goes live: `gate: {data: ./queries, margin: 0.03}` in the
pipeline file.

It is no part of the fingerprint. What the options mean is said in `evals/gate.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from components.errors import BadOption, SpecError
from components.machine import paths
from components.options import option
from components.spec.table import filled

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Margin = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Level = Annotated[float, Field(gt=0, lt=0.5)]
_JUDGED = ("split", "scope", "metric", "margin", "alpha", "slices", "p95_ms")
_ASKED = ("max_shift",)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The test. `data`: by judged queries; `queries`: by what changes in the answers to them."""

    data: str = option("", help="judged queries: a folder, or a data set's name")
    split: str = option("test", help="split of the judgements")
    scope: bool = option(False, help="ask each query within the data set's scope")
    metric: str = option("nDCG@10", help="what is compared, query by query")
    margin: Margin = option(0.03, help="a loss that does not matter, in the metric's unit")
    alpha: Level = option(0.05, help="two-sided: a loss of the margin passes one time in 2/alpha")
    slices: tuple[str, ...] = option(
        (), help="fields of the queries: each of their parts must hold"
    )
    p95_ms: Margin | None = option(None, help="milliseconds that 95 % of warm answers may take")
    queries: str = option("", help="queries without judgements, in place of data: a file")
    max_shift: Share = option(
        0.4, help="1 - Jaccard@10 that may pass, on average: 0.4 is every fourth hit of ten"
    )
    small: Share = option(0.01, help="share of the chunks below which a change is not tested")


def parse(table: Any, given: Mapping[str, Any], folder: Path, where: str) -> Gate | None:
    """The gate of a file, with what was `given` instead; None where there is none.

    Raises SpecError, BadOption.
    """
    if table is None and not given:
        return None
    if not isinstance(table or {}, dict):
        raise SpecError(f"'gate' must be a mapping such as {{data: ./queries}}, not {table!r}").at(
            where=where
        )
    wanted = {**(table or {}), **given}
    known = [each.name for each in fields(Gate)]
    gate = filled(Gate, wanted, known, "gate", "the gate")
    _check_one(gate, wanted)
    return replace(gate, data=_place(gate.data, folder), queries=_place(gate.queries, folder))


def _check_one(gate: Gate, wanted: Mapping[str, Any]) -> None:
    if bool(gate.data) == bool(gate.queries):
        raise BadOption("a gate has either judged queries or queries without judgements").at(
            where="gate", hint="set gate.data, or gate.queries"
        )
    other = _ASKED if gate.data else _JUDGED
    for name in other:
        if name in wanted:
            raise BadOption(f"{name!r} says nothing here").at(
                where=f"gate.{name}",
                hint=f"it goes with gate.{'queries' if gate.data else 'data'}",
            )


def _place(name: str, folder: Path) -> str:
    """A path as seen from the pipeline file; the name of a data set stays."""
    beside = paths.named(Path(name).expanduser(), folder) if name else folder
    is_path = name.startswith((".", "/", "~")) or "/" in name or beside.exists()
    return str(beside) if name and is_path else name
