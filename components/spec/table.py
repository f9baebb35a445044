"""What a key of a pipeline file that is no stage says, as a frozen dataclass of options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from components.errors import BadOption

T = TypeVar("T")


def filled(kind: type[T], table: Mapping[Any, Any], known: Sequence[str], key: str, name: str) -> T:
    """The options in a table, of these that are known; `name`: how messages call what has them.

    Raises BadOption for another option, and for a value that is refused.
    """
    for each in table:
        if each not in known:
            raise BadOption(f"{name} has no option {each!r}").at(
                where=f"{key}.{each}", hint=f"known: {', '.join(known)}"
            )
    try:
        return TypeAdapter(kind).validate_python(dict(table))
    except ValidationError as error:
        first = error.errors()[0]
        raise BadOption(f"{first['msg']}, not {first['input']!r}").at(
            where=f"{key}.{first['loc'][0]}"
        ) from None
