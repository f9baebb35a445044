"""How a component declares its configuration.

A component is a frozen dataclass. A field made by `option` is written in the pipeline file;
a field made by `part` is a collaborator that the runner hands over.
"""

from __future__ import annotations

from dataclasses import MISSING, field
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

UNNAMEABLE = "no index can filter by a field with a quotation mark or a backslash in its name"


def nameable(field: str) -> bool:
    """Whether a filter can name a field: an index finds it by a path, and quotes it there."""
    return '"' not in field and "\\" not in field


def _nameable(field: str) -> str:
    if not nameable(field):
        raise PydanticCustomError("field_name", UNNAMEABLE)
    return field


Count = Annotated[int, Field(strict=True, ge=1)]
"""A whole number, at least 1."""
Whole = Annotated[int, Field(strict=True, ge=0)]
"""A whole number, at least 0."""
Share = Annotated[float, Field(strict=True, ge=0.0, le=1.0)]
"""A number from 0 to 1."""
Weight = Annotated[float, Field(strict=True, ge=0.0, allow_inf_nan=False)]
"""A finite number, at least 0."""
Positive = Annotated[float, Field(strict=True, gt=0.0, allow_inf_nan=False)]
"""A finite number above 0."""
FieldName = Annotated[str, AfterValidator(_nameable)]
"""A document's field, to filter by."""


def option(
    default: Any = MISSING,
    *,
    help: str,
    stored: bool = True,
    or_folder: bool = False,
    last: bool = False,
) -> Any:
    """A field of the pipeline file. `stored=False` says that what the index holds, or what an
    answerer says, does not depend on it; of retrievers, rerankers and indexes nothing ever counts
    as stored. `or_folder`: a value that begins with `.`, `/` or `~` is a path, relative as paths
    are. `last`: inherited, and listed behind the component's own.

    One that several components have may be made once, for fields of one name.
    """
    told = {"help": help, "stored": stored, "or_folder": or_folder, "last": last}
    return field(default=default, metadata=told)


def part(default: Any = None) -> Any:
    """A collaborator, absent from the pipeline file."""
    return field(default=default, metadata={"part": True}, repr=False, compare=False)
