"""Sweeps: a pipeline file that holds a list where one value belongs stands for several pipelines.

    encoder: {use: late, window: [128, 256]}      two members, NAME[window=128] and NAME[window=256]
    retriever: {use: [dense, hybrid]}             NAME[retriever=dense], NAME[retriever=hybrid]

A list in an override is a sweep as well. Options that only some of the listed components have count
for those. An option that takes a list is never a sweep.
"""

from __future__ import annotations

import json
import typing
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from components import registry, spec, yaml_file
from components.errors import MillraceError, SpecError
from components.spec import Pipeline
from components.stages import STAGES

MOST = 200
"""Members of one file."""
_Chosen = tuple[str, str, Any]
"""Stage, option, value."""


@dataclass(frozen=True)
class Member:
    """A pipeline of a sweep."""

    name: str
    """The file's name, and in brackets what tells it from the others."""
    pipeline: Pipeline


@dataclass(frozen=True)
class _Override:
    text: str
    stage: str
    name: str
    value: Any
    listed: bool = False
    """Whether it is one of several."""


def members(path: Path, overrides: Sequence[str] = ()) -> list[Member]:
    """The pipelines that a file and its overrides stand for, one where there is no list.

    Raises UserError.
    """
    raw = spec.read(path)
    given = [_parsed(text) for text in overrides]
    found: dict[str, Member] = {}
    for fixed in product(*(_ways(each, raw) for each in given)):
        texts = [each.text for each in fixed]
        told = [(each.stage, each.name, each.value) for each in fixed if each.listed]
        settled = {(each.stage, each.name): each.value for each in fixed}
        for table, own in _tables(raw, settled):
            member = spec.checked(table, path, texts)
            name = f"{member.name}{_bracket([*told, *own])}"
            found.setdefault(name, Member(name, member))
            if len(found) > MOST:
                raise SpecError(f"more than {MOST} members").at(where=str(path))
    return list(found.values())


def _tables(
    raw: Mapping[str, Any], settled: Mapping[tuple[str, str], Any]
) -> Iterator[tuple[dict[str, Any], list[_Chosen]]]:
    """The file's contents for each choice of its lists, and what was chosen."""
    stages = [stage for stage in STAGES if isinstance(raw.get(stage), dict)]
    ways = [list(_stage_ways(stage, raw[stage], settled)) for stage in stages]
    for chosen in product(*ways):
        tables = {stage: table for stage, (table, _) in zip(stages, chosen, strict=True)}
        yield {**raw, **tables}, [each for _, told in chosen for each in told]


def _stage_ways(
    stage: str, table: Mapping[str, Any], settled: Mapping[tuple[str, str], Any]
) -> Iterator[tuple[dict[str, Any], list[_Chosen]]]:
    uses = table.get("use")
    listed = isinstance(uses, list) and bool(uses) and (stage, "use") not in settled
    if isinstance(uses, list) and uses and not listed:
        uses = uses[0]  # an override says which
    for use in uses if isinstance(uses, list) and listed else [uses]:
        own = dict(table, use=use)
        if listed:
            own = {name: value for name, value in own.items() if _takes(stage, use, name)}
        final = settled.get((stage, "use"), use)
        free = [name for name in own if name != "use" and (stage, name) not in settled]
        lists = [name for name in free if _is_sweep(stage, final, name, own[name])]
        for values in product(*(own[name] for name in lists)):
            picked = [(stage, name, value) for name, value in zip(lists, values, strict=True)]
            told = ([(stage, "use", use)] if listed else []) + picked
            yield {**own, **{name: value for _, name, value in picked}}, told


def _takes(stage: str, use: Any, name: str) -> bool:
    if name == "use" or not isinstance(use, str):
        return True
    return name in registry.options_of(registry.load(stage, use))


def _is_sweep(stage: str, use: Any, name: str, value: Any) -> bool:
    """Whether a list stands where one value belongs. What is wrong is found by the check later."""
    if not (isinstance(value, list) and value and isinstance(use, str)):
        return False
    try:
        component = registry.load(stage, use)
        hint = typing.get_type_hints(component, include_extras=True).get(name)
    except (MillraceError, NameError, TypeError):
        return False
    return hint is not None and not _holds_lists(hint)


def _holds_lists(hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin in (tuple, list, set, frozenset, Sequence) or hint in (list, tuple, Any):
        return True
    return any(_holds_lists(each) for each in typing.get_args(hint) if origin is not typing.Literal)


def _parsed(text: str) -> _Override:
    target, _, value = text.partition("=")
    stage, _, name = target.strip().partition(".")
    return _Override(text, stage, name, yaml_file.parse(value, f"--set {target}"))


def _ways(given: _Override, raw: Mapping[str, Any]) -> list[_Override]:
    """An override for each value that one lists."""
    stage, name, value = given.stage, given.name, given.value
    table = raw.get(stage)
    use = table.get("use") if isinstance(table, dict) else spec.DEFAULTS.get(stage, {}).get("use")
    use_swept = name == "use" and isinstance(value, list) and value
    if not use_swept and not _is_sweep(stage, use, name, value):
        return [given]
    return [
        _Override(f"{stage}.{name}={json.dumps(each)}", stage, name, each, listed=True)
        for each in value
    ]


def _bracket(chosen: Sequence[_Chosen]) -> str:
    if not chosen:
        return ""
    labels = Counter(_label(stage, name) for stage, name, _ in chosen)
    parts = []
    for stage, name, value in chosen:
        label = _label(stage, name)
        told = value if isinstance(value, str) else json.dumps(value)
        parts.append(f"{label if labels[label] == 1 else f'{stage}.{name}'}={told}")
    return f"[{','.join(parts)}]"


def _label(stage: str, name: str) -> str:
    return stage if name == "use" else name
