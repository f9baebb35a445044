"""Hashes that decide what has to be done again."""

from __future__ import annotations

import hashlib
import json

from components.encoders.header import field_of
from components.values import Document


def content_hash(document: Document, fields: frozenset[str]) -> str:
    """Of all that chunks and vectors depend on: text, pages, sections, and the named fields."""
    facts = {
        "pages": document.page_starts,
        "sections": [(each.start, each.path) for each in document.sections],
        "fields": {name: field_of(document, name) for name in sorted(fields)},
    }
    digest = hashlib.sha256(document.text.encode("utf-8", "surrogatepass"))
    digest.update(b"\0" + json.dumps(facts, sort_keys=True).encode())
    return digest.hexdigest()[:32]


def metadata_hash(document: Document) -> str:
    """Of all else that is stored with a chunk."""
    facts = {"title": document.title, "metadata": document.metadata}
    canonical = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:32]
