"""Components of other packages: the entry points of the group `millrace.components`.

An entry point is named `stage.name` and refers to `module:Class`. A name of ours cannot be taken,
and a name that two packages offer belongs to neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from components.errors import UnknownComponent
from components.stages import STAGES

GROUP = "millrace.components"


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """A component that an installed package offers."""

    stage: str
    name: str
    target: str
    """`module:Class`."""
    package: str
    """Name and version, as pip shows them."""


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """An entry point that cannot be used, and why."""

    entry_point: str
    """As the package writes it: `name = target`."""
    package: str
    reason: str


@cache
def offered() -> tuple[Plugin | Misfit, ...]:
    """Every entry point of the group, in order of package and name."""
    return tuple(sorted(map(_read, entry_points(group=GROUP)), key=_order))


def of_stage(stage: str) -> dict[str, list[Plugin]]:
    """By name, who offers it: a name with more than one entry cannot be used."""
    found: dict[str, list[Plugin]] = {}
    for each in offered():
        if isinstance(each, Plugin) and each.stage == stage:
            found.setdefault(each.name, []).append(each)
    return found


def check_undisputed(stage: str, name: str) -> None:
    """Raises UnknownComponent where several packages offer the name."""
    rivals = of_stage(stage).get(name, [])
    if len(rivals) > 1:
        offers = ", ".join(f"{each.package} ({each.target})" for each in rivals)
        raise UnknownComponent(f"several packages offer the {stage} {name!r}: {offers}").at(
            where=f"{stage}.use", hint="name the class instead, as module:Class"
        )


def misfits(built_in: Mapping[str, Mapping[str, str]]) -> list[Misfit]:
    """Entry points that name no component, or one that is built in."""
    return [
        each if isinstance(each, Misfit) else _taken(each)
        for each in offered()
        if isinstance(each, Misfit) or each.name in built_in[each.stage]
    ]


def _taken(plugin: Plugin) -> Misfit:
    return Misfit(
        entry_point=f"{plugin.stage}.{plugin.name} = {plugin.target}",
        package=plugin.package,
        reason=f"the {plugin.stage} {plugin.name!r} is built in, and the built-in one is used; "
        f"use: {plugin.target} reaches this one",
    )


def _read(point: EntryPoint) -> Plugin | Misfit:
    stage, _, name = point.name.partition(".")
    target, package = point.value.partition("[")[0].strip(), _package(point)
    reason = _reason(stage, name, target)
    if reason:
        text = f"{point.name} = {point.value}"
        return Misfit(entry_point=text, package=package, reason=reason)
    return Plugin(stage=stage, name=name, target=target, package=package)


def _reason(stage: str, name: str, target: str) -> str:
    if not name:
        return "an entry point is named stage.name, such as splitter.lines"
    if stage not in STAGES:
        return f"there is no stage {stage!r}: {', '.join(STAGES)}"
    module, _, attribute = target.partition(":")
    return "" if module and attribute else "an entry point refers to module:Class"


def _package(point: EntryPoint) -> str:
    found = point.dist
    return f"{found.name} {found.version}" if found else "an unnamed package"


def _order(each: Plugin | Misfit) -> tuple[str, str]:
    return each.package, each.name if isinstance(each, Plugin) else each.entry_point
