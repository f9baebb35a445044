"""Strict YAML: version 1.2, no duplicate keys, no anchors, one document."""

from __future__ import annotations

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from components.errors import SpecError


def parse(text: str, where: str) -> Any:
    """The value that the text holds. Raises SpecError with line and column."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Strict
    try:
        return yaml.load(StringIO(text))
    except SpecError as error:
        raise error.at(where=where) from None
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
    # TypeError: a key that no mapping can have, such as a list of mappings.
    except (YAMLError, ValueError, TypeError, AssertionError) as error:
        reason = " ".join(str(error).split())
        raise SpecError(f"not valid YAML: {reason}").at(where=where) from None


class _Strict(Composer):
    def compose_document(self) -> Any:
        start = self.parser.peek_event()
        if start.version not in (None, (1, 2)):
            raise SpecError(f"only YAML 1.2 is read{_place(start.start_mark)}")
        return super().compose_document()

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.parser.peek_event()
        if event.anchor:
            raise SpecError(f"anchors and aliases are not accepted{_place(event.start_mark)}").at(
                hint="write the value out where it is needed"
            )
        return super().compose_node(parent, index)


def _place(mark: Any) -> str:
    return "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
