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
from dataclasses import dataclass, replace
from itertools import islice, product
from math import prod
from typing import Any

from components import registry
from components.errors import SpecError
from components.spec import Given, Override, Pipeline, PipelineFile, by_stage
from components.stages import STAGES

MOST = 200
"""Members of one file."""


@dataclass(frozen=True)
class Member:
    """A pipeline of a sweep."""

    name: str
    """The file's name, and in brackets what tells it from the others."""
    pipeline: Pipeline


@dataclass(frozen=True)
class _Chosen:
    """A value of a list."""

    stage: str
    name: str
    at: int
    """Its place in the list."""
    value: Any

    @property
    def label(self) -> str:
        return self.stage if self.name == "use" else self.name


@dataclass(frozen=True)
class _Way:
    """One stage, a value in the place of each list."""

    stage: str
    table: Any
    """Of the file."""
    given: Mapping[str, Any]
    """Overrides, by option."""
    chosen: Sequence[_Chosen] = ()


def members(file: PipelineFile, overrides: Sequence[Override] = ()) -> list[Member]:
    """The pipelines that a file and its overrides stand for, one where there is no list.

    Lists of overrides come first, in their order, then those of the file. Raises UserError.
    """
    given = by_stage(overrides)
    places = {(each.stage, each.name): place for place, each in enumerate(overrides)}

    def place(of: _Chosen) -> int:
        return places.get((of.stage, of.name), len(overrides))

    ordered = [
        (sorted((each for way in ways for each in way.chosen), key=place), ways)
        for ways in _combinations(file, given)
    ]
    ordered.sort(key=lambda of: [(place(each), each.at) for each in of[0]])
    found: dict[str, Member] = {}
    for chosen, ways in ordered:
        tables = {way.stage: way.table for way in ways if way.stage in file.holds}
        own = {way.stage: way.given for way in ways}
        pipeline = replace(file, holds={**file.holds, **tables}).checked({**given, **own})
        name = f"{pipeline.name}{_bracket(chosen)}"
        found.setdefault(name, Member(name, pipeline))
    return list(found.values())


def _combinations(file: PipelineFile, given: Given) -> Iterator[tuple[_Way, ...]]:
    """A way of each stage."""
    ways = [
        list(islice(_ways(stage, file.table(stage), given.get(stage, {})), MOST + 1))
        for stage in STAGES
    ]
    if prod(map(len, ways)) > MOST:
        raise SpecError(f"more than {MOST} members").at(where=str(file.path))
    return product(*ways)


def _ways(stage: str, table: Any, given: Mapping[str, Any]) -> Iterator[_Way]:
    if not isinstance(table, dict):
        yield _Way(stage, table, given)  # which the check refuses
        return
    chosen_use = given.get("use", table.get("use"))
    of_all = _listed(chosen_use)
    for at, use in enumerate(of_all or [chosen_use]):
        own, more = _of_file(stage, table, use), _suited(stage, given, use, of_all)
        lists = {
            name: _listed(value)
            for name, value in {**own, **more}.items()
            if name != "use" and _is_sweep(stage, use, name, value)
        }
        for values in product(*map(enumerate, lists.values())):
            chosen = [_Chosen(stage, "use", at, use)] if of_all else []
            chosen += [_Chosen(stage, n, *value) for n, value in zip(lists, values, strict=True)]
            settled = {each.name: each.value for each in chosen}
            yield _Way(
                stage,
                {n: value if n == "use" else settled.get(n, value) for n, value in own.items()},
                {name: settled.get(name, value) for name, value in more.items()},
                chosen,
            )


def _of_file(stage: str, table: Mapping[str, Any], use: Any) -> dict[str, Any]:
    """What the file says, without what is for others of those that it lists."""
    listed = _listed(table.get("use"))
    if listed and use in listed:
        return _suited(stage, table, use, listed) | {"use": use}
    # Of another component, which the check then leaves out and tells.
    return dict(table, use=listed[0]) if listed else dict(table)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _suited(
    stage: str, options: Mapping[str, Any], use: Any, listed: Sequence[Any]
) -> dict[str, Any]:
    """The options without those that only others of the listed components have."""
    if not listed:
        return dict(options)
    own = _known(stage, use)
    if options.keys() <= own.keys() | {"use"}:
        return dict(options)
    others = frozenset[str]().union(*(_known(stage, each) for each in listed))
    return {name: value for name, value in options.items() if name in own or name not in others}


def _known(stage: str, use: Any) -> Mapping[str, Any]:
    """Its options with their types. What is no name is refused by the check."""
    return registry.types_of(registry.load(stage, use)) if isinstance(use, str) else {}


def _is_sweep(stage: str, use: Any, name: str, value: Any) -> bool:
    """Whether a list stands where one value belongs."""
    if not _listed(value):
        return False
    hint = _known(stage, use).get(name)
    return hint is not None and not _holds_lists(hint)


def _holds_lists(hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin in (tuple, list, set, frozenset, Sequence) or hint in (list, tuple, Any):
        return True
    return any(_holds_lists(each) for each in typing.get_args(hint) if origin is not typing.Literal)


def _bracket(chosen: Sequence[_Chosen]) -> str:
    if not chosen:
        return ""
    labels = Counter(each.label for each in chosen)
    parts = []
    for each in chosen:
        label = each.label if labels[each.label] == 1 else f"{each.stage}.{each.name}"
        told = each.value if isinstance(each.value, str) else json.dumps(each.value)
        parts.append(f"{label}={told}")
    return f"[{','.join(parts)}]"
