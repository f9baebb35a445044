"""Which fields of the documents are indexed for filters, and how: an index serves values of one
type only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag

from components.fields import OURS, OWN, is_ours, plain
from components.indexes.payload import (
    INDEXED_FLAGS,
    INDEXED_NUMBERS,
    INDEXED_WORDS,
    field_path,
)
from components.options import FieldName, option

Kind = Literal["keyword", "integer", "float", "bool", "datetime"]


def _form(given: Any) -> str:
    return "kinds" if isinstance(given, Mapping) else "words"


Filterable = Annotated[
    Annotated[tuple[FieldName, ...], Tag("words")] | Annotated[dict[FieldName, Kind], Tag("kinds")],
    Discriminator(_form),
]
"""Names of fields of words, or each name with its kind."""
FILTERABLE = option(
    (), help="metadata fields to index for filters: of words, or each with its kind"
)


def indexes(filterable: Filterable) -> dict[str, Kind]:
    """Every payload index that a store of chunks needs, by path. Nobody knows yet which fields the
    documents have, so a name of ours alone stands for theirs, too.
    """
    own: dict[str, Kind] = dict.fromkeys(INDEXED_WORDS, "keyword")
    own |= dict.fromkeys(INDEXED_NUMBERS, "integer")
    own |= dict.fromkeys(INDEXED_FLAGS, "bool")
    named: Mapping[str, Kind]
    named = filterable if isinstance(filterable, dict) else dict.fromkeys(filterable, "keyword")
    return {path: kind for name, kind in named.items() for path in _paths(name)} | own


def _paths(name: str) -> list[str]:
    if name in OURS:
        return [field_path(name), field_path(OWN + name)]
    return [field_path(plain(name) if is_ours(name) else OWN + name.removeprefix(OWN))]
