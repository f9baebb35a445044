"""A search narrowed to what the question itself names, such as a company and a year."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count

from components.errors import BadOption
from components.fields import OURS, OWN
from components.machine.latest import Latest
from components.options import option
from components.retrievers.names import Names
from components.stages import Vocabulary
from components.values import Filter, Hit, Query, Scalar

DEPTH = option(100, help="hits handed to a reranker")
MATCH = option(
    (), help="fields whose values are looked for in the question: what it names, hits must have"
)
MOST_VALUES = 10_000
"""Of a field: one with more tells documents apart and is nothing that a question narrows by."""
_log = logging.getLogger(__name__)
_known: Latest[Names] = Latest()
"""By field: every search may open the index anew."""

Find = Callable[[Sequence[int], Sequence[Filter]], list[list[Hit]]]
"""Hits for the queries at these positions, each under a filter, best first."""


def narrowed(
    queries: Sequence[Query], k: int, match: Sequence[str], reader: Vocabulary, find: Find
) -> list[list[Hit]]:
    """At most k hits per query, best first.

    The first are those that have all that the question names. Where they are fewer than k, the last
    field of `match` is given up, then the one before it, until only the query's own filter is left;
    what each wider search finds comes behind, its scores moved down as a whole where they would
    rise. A field that the query's filter holds is not looked for. Raises BadOption.
    """
    fields = _found(match, reader) if match else {}
    steps = [_steps(query, fields, reader) for query in queries]
    found: list[list[Hit]] = [[] for _ in queries]
    for step in count():
        asked = [at for at, own in enumerate(steps) if step < len(own) and len(found[at]) < k]
        if not asked:
            return found
        answers = find(asked, [steps[at][step] for at in asked])
        for at, hits in zip(asked, answers, strict=True):
            found[at] = (found[at] + behind(found[at], hits))[:k]
    return found


def behind(found: Sequence[Hit], wider: Sequence[Hit]) -> list[Hit]:
    """The wider search's hits that are new, scoring less than all that was found before them. They
    keep their distances, and their scores where those are low enough.
    """
    held = {chunk_id for hit in found for chunk_id in hit.chunk_ids}
    new = [hit for hit in wider if held.isdisjoint(hit.chunk_ids)]
    if not found or not new or new[0].score < found[-1].score:
        return new
    best, below = new[0].score, math.nextafter(found[-1].score, -math.inf)
    return [replace(hit, score=below - (best - hit.score)) for hit in new]


def _steps(query: Query, fields: Mapping[str, str], reader: Vocabulary) -> list[Filter]:
    """Filters from the narrowest to the query's own."""
    given = set(map(_own, query.filter))
    named: list[tuple[str, list[Scalar]]] = []
    for name, field in fields.items():
        if _own(field) not in given and (values := _names(reader, field, name).of(query.text)):
            named.append((field, values))
    return [{**dict(named[:size]), **query.filter} for size in range(len(named), -1, -1)]


def _found(match: Sequence[str], reader: Vocabulary) -> dict[str, str]:
    """What the reader calls each field that is named."""
    fields = reader.fields
    try:
        return {name: fields.find(name) for name in match}
    except BadOption as error:
        raise error.at(where="retriever.match") from None


def _names(reader: Vocabulary, field: str, name: str) -> Names:
    return _known.get(field, reader.edition, lambda: Names(_values(reader, field, name)))


def _values(reader: Vocabulary, field: str, name: str) -> list[Scalar]:
    values = reader.values(field, MOST_VALUES + 1)
    if len(values) > MOST_VALUES:
        raise BadOption(f"the field {name!r} has more than {MOST_VALUES:,} values").at(
            where="retriever.match", hint="name fields that many documents share a value of"
        )
    if not values:
        _log.warning("retriever.match: no document has the field %r", name)
    return values


def _own(field: str) -> str:
    """One name for each field that a reader takes."""
    return field if field in OURS or field.startswith(OWN) else OWN + field
