"""Fields that somebody wrote into a document, as metadata that every index can hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from components.sources.storable import storable
from components.values import Scalar


def flat(fields: Mapping[Any, Any]) -> dict[str, Scalar | list[Scalar]]:
    """Text, numbers and lists of them; what is deeper as JSON text; nothing for nothing."""
    return {
        storable(str(name)): _value(value) for name, value in fields.items() if value is not None
    }


def _value(value: Any) -> Scalar | list[Scalar]:
    if isinstance(value, list | tuple) and not any(
        isinstance(each, list | tuple | dict) or each is None for each in value
    ):
        return [_scalar(each) for each in value]
    return _scalar(value)


def _scalar(value: Any) -> Scalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, sort_keys=True, default=str)
    return storable(str(value))
