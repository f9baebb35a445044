"""Chunks and entries as payloads, alike in every store. Flat: each fact once, a user's own
fields under `metadata.`.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

import numpy as np

from components.errors import BadDocument, BadOption, IndexFault, Missing
from components.fields import OURS, OWN, full_names, shared
from components.indexes.manifest import Entry
from components.options import UNNAMEABLE, nameable
from components.text.normal_form import canonical_forms
from components.values import Chunk, Filter, Scalar, Span, States

NAMESPACE: UUID = uuid5(NAMESPACE_URL, "millrace")
INDEXED_WORDS = ("kind", "document_id", "version")
INDEXED_NUMBERS = ("ordinal", "page")
INDEXED_FLAGS = ("whole",)
STATES = "states"
"""The payload field with the states of a chunk's tokens. It is larger than all others together, and
read only where it is asked for.
"""
CHUNK = "chunk"
"""The payload field with a chunk's id, or that of a whole document, where a store has several
points of one.
"""
WHOLE = "whole"
"""The kind of a point that stands for a whole document, and the payload field that is true of it.
Of a document that has one chunk that is the chunk's point, and there is no other.
"""
VECTORS = ("chunk", WHOLE)
"""The kinds of points that have vectors. Those of a document come and go together."""
NAMING = ("document_id", "metadata", "page", "section")
"""Payload fields that `fields_of` reads."""


def chunk_id(document_id: str, content_hash: str, span: Span) -> str:
    """The same span of the same content has the same id in every run and store."""
    return str(uuid5(NAMESPACE, f"chunk\0{document_id}\0{content_hash}\0{span.start}\0{span.end}"))


def named(point: Any) -> str:
    """The chunk id of a store's point."""
    return str((point.payload or {}).get(CHUNK, point.id))


def possible_ids(ids: Iterable[str]) -> list[str]:
    """Each id once, without those that no chunk can have: somebody else's, that stores refuse."""
    return [each for each in dict.fromkeys(ids) if _is_uuid(each)]


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def entry_id(document_id: str) -> str:
    """Where a document's manifest entry is stored."""
    return str(uuid5(NAMESPACE, f"document\0{document_id}"))


def whole_id(document_id: str, version: str) -> str:
    """Where vectors of a whole document are stored that has several chunks."""
    return str(uuid5(NAMESPACE, f"whole\0{document_id}\0{version}"))


def of_whole(chunk: Chunk) -> dict[str, Any]:
    """The payload of what stands for the whole document that a chunk is of: all that a filter of
    documents may name.
    """
    payload = {
        "kind": WHOLE,
        WHOLE: True,
        "document_id": chunk.document_id,
        "version": chunk.version,
        "title": chunk.title,
        "metadata": dict(chunk.metadata),
    }
    check(payload, chunk.document_id)
    return payload


def of_chunk(chunk: Chunk, states: States | None) -> dict[str, Any]:
    """A chunk's payload, with the states of its tokens where they are kept. Raises BadDocument for
    what a store could not give back.
    """
    payload: dict[str, Any] = {
        "kind": "chunk",
        "document_id": chunk.document_id,
        "version": chunk.version,
        "ordinal": chunk.ordinal,
        "start": chunk.span.start,
        "end": chunk.span.end,
        "text": chunk.text,
        "title": chunk.title,
        "metadata": dict(chunk.metadata),
    }
    optional = {"page": chunk.page, "last_page": chunk.last_page, "section": chunk.section or None}
    payload |= {name: value for name, value in optional.items() if value is not None}
    check(payload, chunk.document_id)
    return payload if states is None else {**payload, STATES: _of_states(states)}


def to_chunk(identifier: str, payload: Mapping[str, Any]) -> Chunk:
    """The reverse of `of_chunk`. Raises IndexFault where a field is not there."""
    try:
        return Chunk(
            id=identifier,
            document_id=payload["document_id"],
            version=payload["version"],
            ordinal=payload["ordinal"],
            span=Span(payload["start"], payload["end"]),
            text=payload["text"],
            title=payload.get("title", ""),
            page=payload.get("page"),
            last_page=payload.get("last_page"),
            section=payload.get("section", ""),
            metadata=payload.get("metadata") or {},
        )
    except KeyError as error:
        raise IndexFault(f"the chunk {identifier} is stored without its {error}") from error


def _of_states(states: States) -> str:
    """States of a chunk's tokens as a payload's field: how many bytes one has, then all of them."""
    return f"{states.shape[1]}:{b64encode(states.tobytes()).decode('ascii')}"


def states_of(
    chunk_ids: Sequence[str], payloads: Iterable[tuple[str, Mapping[str, Any]]], where: str
) -> list[States]:
    """The states of each chunk, from ids and payloads. Raises Missing where one has none."""
    held = {id: _to_states(payload[STATES]) for id, payload in payloads if STATES in payload}
    missing = [each for each in chunk_ids if each not in held]
    if missing:
        raise Missing(f"{len(missing)} chunks have no states of tokens, {missing[0]} is one").at(
            where=where, hint="refresh with encoder.token_states, or reranker.states: read"
        )
    return [held[each] for each in chunk_ids]


def _to_states(packed: str) -> States:
    size, _, held = packed.partition(":")
    return np.frombuffer(b64decode(held), dtype=np.uint8).reshape(-1, int(size))


def of_entry(entry: Entry) -> dict[str, Any]:
    """An entry's payload."""
    payload = asdict(entry)
    payload["entry_version"] = payload.pop("version")
    if entry.fields is not None:
        payload["fields"] = list(entry.fields)
    check(payload, entry.document_id)
    return payload | {"kind": "document"}


def to_entry(payload: Mapping[str, Any]) -> Entry:
    """The reverse of `of_entry`. Raises IndexFault where a field is not there."""
    known = dict(payload)
    try:
        known.pop("kind")
        known["version"] = known.pop("entry_version")
        if known.get("fields") is not None:
            known["fields"] = shared(tuple(known["fields"]))
        return Entry(**known)
    except (KeyError, TypeError) as error:
        raise IndexFault(f"a document's entry is not whole: {error}") from error


def fields_of(payloads: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """By document, the names in full of the fields that its chunks have; see `Entry.fields`."""
    found: dict[str, set[str]] = {}
    for held in payloads:
        names = full_names(
            held.get("metadata") or {},
            paged=held.get("page") is not None,
            sections=bool(held.get("section")),
        )
        found.setdefault(held["document_id"], set()).update(names)
    return {name: shared(tuple(sorted(own))) for name, own in found.items()}


def field_path(name: str) -> str:
    """Where a filter's field, as a `Reader` takes it, lies in a payload. Raises BadOption for one
    that has no path.
    """
    if name in OURS:
        return name
    # Quoted, because a user's field name may itself have a dot in it.
    own = name.removeprefix(OWN)
    if not nameable(own):
        raise BadOption(f"{UNNAMEABLE}, such as {own!r}").at(
            where="filter", hint="it is stored and shown; give it another name to filter by it"
        )
    return f'metadata."{own}"'


def check(payload: Mapping[str, Any], where: str) -> None:
    """Raises BadDocument for what a store could not give back as it was, `metadata` included."""
    fields = [(name, value) for name, value in payload.items() if name != "metadata"]
    for name, value in [*fields, *payload.get("metadata", {}).items()]:
        for each in value if isinstance(value, list | tuple) else (value,):
            if not (isinstance(name, str) and is_storable(name) and is_storable(each)):
                raise BadDocument(f"field {name!r} cannot be stored: {each!r:.80}").at(
                    where=where, hint="text, numbers, true or false, and lists of them"
                )


def is_storable(value: object) -> bool:
    """Whether a store gives the value back as it was."""
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= each <= "\udfff" for each in value)
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, float) and math.isfinite(value)


class ByType(NamedTuple):
    """A filter's accepted values: stores match each type in its own way."""

    words: list[str]
    numbers: list[int]
    flags: list[bool]
    exact: list[float]


def by_type(values: Sequence[Scalar]) -> ByType:
    """The values that a store can hold, so the only ones that can match."""
    storable = [value for value in values if is_storable(value)]
    return ByType(
        words=[value for value in storable if isinstance(value, str)],
        numbers=[v for v in storable if isinstance(v, int) and not isinstance(v, bool)],
        flags=[value for value in storable if isinstance(value, bool)],
        exact=[value for value in storable if isinstance(value, float)],
    )


def in_every_form(wanted: Filter) -> Filter:
    """The filter with each text in the forms that it may be stored in, composed and decomposed."""
    return {name: [*chain.from_iterable(map(_forms, values))] for name, values in wanted.items()}


def _forms(value: Scalar) -> Sequence[Scalar]:
    return canonical_forms(value) if isinstance(value, str) else [value]


def size(payload: Mapping[str, Any]) -> int:
    """Roughly how many bytes the payload of a chunk or of a whole document takes."""
    texts = sum(len(payload.get(name, "")) for name in ("text", "title", "section"))
    fields = sum(len(str(value)) + len(name) for name, value in payload["metadata"].items())
    return 4 * (texts + fields) + len(payload.get(STATES, "")) + 512
