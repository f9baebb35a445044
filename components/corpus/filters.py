"""Filters as people write them, made those that an index takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from components.errors import BadOption
from components.fields import Fields
from components.indexes.payload import in_every_form
from components.stages import Vocabulary
from components.values import Filter, Query, Scalar


def by_fields(queries: Sequence[Query], index: Vocabulary) -> tuple[list[Query], dict[str, str]]:
    """The queries with filters by the fields that are meant and by every form of their values; and
    what to tell of each name that no chunk has. Raises BadOption.
    """
    if not any(query.filter for query in queries):
        return list(queries), {}
    fields = index.fields
    names = dict.fromkeys(name for query in queries for name in query.filter)
    absent = {name: fields.lacks(name) for name in names if not fields.has(fields.find(name))}
    return [replace(each, filter=_meant(each.filter, fields)) for each in queries], absent


def _meant(wanted: Filter, fields: Fields) -> Filter:
    meant: dict[str, Sequence[Scalar]] = {}
    called: dict[str, str] = {}
    for name, values in wanted.items():
        if isinstance(values, Scalar):  # the letters of a word would be taken for values
            raise BadOption(f"the values of {name!r} are no list").at(
                where="filter", hint=f"write [{values!r}]"
            )
        found = fields.find(name)
        if found in meant:
            raise BadOption(f"{called[found]!r} and {name!r} are the same field").at(
                where="filter", hint="name it once, with all values that are accepted"
            )
        meant[found], called[found] = values, name
    return in_every_form(meant)
