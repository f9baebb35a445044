"""Strict YAML: version 1.2, no duplicate keys, no anchors, one document."""

from __future__ import annotations

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

from components.errors import SpecError


def parse(text: str, where: str) -> Any:
    """The value that the text holds. Raises SpecError with line and column."""
    try:
        yaml = YAML(typ="safe", pure=True)
        for event in yaml.parse(StringIO(text)):
            if getattr(event, "version", None) not in (None, (1, 2)):
                raise SpecError(f"only YAML 1.2 is read{_place(event.start_mark)}").at(where=where)
            if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
                raise SpecError(
                    f"anchors and aliases are not accepted{_place(event.start_mark)}"
                ).at(where=where, hint="write the value out where it is needed")
        return YAML(typ="safe", pure=True).load(StringIO(text))
    except DuplicateKeyError as error:
        problem = str(error.problem).split(" with value")[0]
        raise SpecError(f"{problem}{_place(error.problem_mark)}").at(
            where=where, hint="each key may stand once"
        ) from None
    except MarkedYAMLError as error:
        raise SpecError(f"not valid YAML: {error.problem}{_place(error.problem_mark)}").at(
            where=where
        ) from None
    except RecursionError:
        raise SpecError("not valid YAML: nested too deeply").at(where=where) from None
    except (YAMLError, ValueError, AssertionError) as error:
        reason = " ".join(str(error).split())
        raise SpecError(f"not valid YAML: {reason}").at(where=where) from None


def _place(mark: Any) -> str:
    return "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
