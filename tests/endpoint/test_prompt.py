"""Prompts with places."""

from __future__ import annotations

from components.endpoint.prompt import Prompt


def test_a_place_may_have_any_name() -> None:
    values = {"self": "a", "name": "{self}"}
    assert Prompt("{self} {name} {other}").filled(**values) == "a {self} {other}"
    assert "\na\n" in Prompt("{self} {name}").fenced(**values)
