"""A LlamaIndex document as one of ours: its text, a title, flat metadata, and an id that stays."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from components.sources.extract import fields
from components.sources.extract.headings import one_line, title
from components.sources.storable import document_id
from components.values import Document, Metadata, Scalar

_PLACES = ("file_path", "url", "URL", "source", "page_id")
"""Metadata that say where a document is from, the best first."""
_CHANGES_BY_READING = frozenset({"last_accessed_date"})


def document(id: str, text: str, metadata: Metadata) -> Document:
    """The document, its title from the metadata or the id; `metadata` is flat."""
    named = str(metadata.get("title") or metadata.get("file_name") or "")
    return Document(id=id, text=text, title=one_line(named) or title("", id), metadata=metadata)


def stable_id(found: Any, text: str) -> str:
    """Its own id where that is not random, else where it is from, else a hash of its text."""
    if not _is_random(str(found.id_)):
        return document_id(str(found.id_))
    place = next((str(found.metadata[key]) for key in _PLACES if found.metadata.get(key)), "")
    if not place:
        return digest(text)
    page = found.metadata.get("page_label")
    own = document_id(place)
    return own if page is None else f"{own}#{page}"


def place(metadata: Metadata) -> str:
    """Where a document is from; empty where its metadata do not say."""
    return next((str(metadata[key]) for key in _PLACES if key in metadata), "")


def digest(text: str) -> str:
    """16 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def flat(metadata: Mapping[Any, Any]) -> dict[str, Scalar | list[Scalar]]:
    """Metadata as an index can hold them, without what reading alone changes."""
    return fields.flat({n: v for n, v in metadata.items() if n not in _CHANGES_BY_READING})


def _is_random(id: str) -> bool:
    try:
        return uuid.UUID(id).version == 4
    except ValueError:
        return not id
