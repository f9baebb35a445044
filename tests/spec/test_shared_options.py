"""Options that stand once and belong to several components."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest

from components.options import Count, option
from components.registry import CATALOGUE, help_of, load, options_of

WIDE = option(3, help="how wide")


@dataclass(frozen=True, kw_only=True)
class Base:
    first: str = option(help="named first")
    behind: Count = option(1, help="of all", last=True)


@dataclass(frozen=True, kw_only=True)
class One(Base):
    wide: Count = WIDE
    own: str = option("x", help="its own")


@dataclass(frozen=True, kw_only=True)
class Other:
    before: str = option("y", help="its own")
    wide: Count = WIDE


def test_what_is_inherited_may_be_listed_behind_a_component_s_own() -> None:
    assert list(options_of(One)) == ["first", "wide", "own", "behind"]
    assert [each.name for each in help_of(One)] == ["first", "wide", "own", "behind"]


def test_one_option_serves_several_components() -> None:
    assert (One(first="a").wide, One(first="a", wide=4).wide, Other().wide) == (3, 4, 3)
    assert list(options_of(Other)) == ["before", "wide"]
    assert options_of(Other)["wide"].metadata["help"] == "how wide"


@pytest.mark.parametrize(
    ("stage", "name"), [(stage, name) for stage, names in CATALOGUE.items() for name in names]
)
def test_an_option_with_a_name_is_used_under_that_name(stage: str, name: str) -> None:
    component = load(stage, name)
    own = component.__dataclass_fields__
    assert all(own.get(each.name) is each for each in dataclasses.fields(component))
