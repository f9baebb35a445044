"""The flow's parameters: the form that a person fills in for a run."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.exceptions import ParameterTypeError

from flows.refresh import refresh

FORM: dict[str, dict[str, Any]] = {
    "pipeline": {"type": "string", "minLength": 1},
    "overrides": {"type": "array", "default": []},
    "retry_failed": {"type": "boolean", "default": False},
    "max_deletes": {"type": "number", "default": 0.5, "minimum": 0, "maximum": 1},
    "max_missing": {"type": "integer", "default": 0, "minimum": 0},
    "adopt": {"type": "boolean", "default": False},
    "use_cache": {"type": "boolean", "default": True},
    "many_failed": {"type": "number", "default": 0.1, "minimum": 0, "maximum": 1},
    "wait_for_person": {"type": "number", "default": 0.0, "minimum": 0, "maximum": 744},
}


def test_the_form_has_what_a_person_decides_and_nothing_else() -> None:
    schema = refresh.parameters
    assert schema.required == ["pipeline"]
    fields = schema.properties
    assert list(fields) == list(FORM), "in this order"
    for name, expected in FORM.items():
        assert {key: fields[name][key] for key in expected} == expected
        assert fields[name]["description"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pipeline", ""),
        ("overrides", ["max_tokens 96"]),
        ("max_deletes", 1.1),
        ("max_missing", -1),
        ("planned", {}),
        ("run_id", "mine"),
    ],
)
def test_the_flow_refuses_what_the_form_would(name: str, value: Any) -> None:
    given = {"pipeline": "pipelines/sample.yaml", name: value}
    with pytest.raises((ParameterTypeError, TypeError), match=name):
        refresh.validate_parameters(given)


def test_overrides_are_as_on_the_command_line() -> None:
    overrides = ["splitter.max_tokens=96", "encoder.use=late"]
    given = {"pipeline": "p.yaml", "overrides": overrides}
    assert refresh.validate_parameters(given)["overrides"] == tuple(overrides)
