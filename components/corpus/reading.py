"""Reading a document so that what is recorded of it is true, and any trouble is its own."""

from __future__ import annotations

import hashlib
import json
import logging

from components.encoders.header import field_of
from components.errors import BadDocument, EmptySpan, MillraceError
from components.indexes import payload
from components.machine.system import of_machine
from components.stages import Source
from components.values import Document, DocumentRef

LONGEST_REASON = 500
"""Characters of a failure's reason that are kept."""
LARGEST_FIELDS = 64_000
"""Characters of a document's title and metadata, which are stored with every chunk."""
_log = logging.getLogger(__name__)


def read(source: Source, ref: DocumentRef) -> tuple[str, Document]:
    """Hash of the bytes and the document made of those very bytes. Raises BadDocument."""
    digest = source.digest(ref)
    document = source.read(ref)
    if source.digest(ref) != digest:
        raise BadDocument("it changed while it was read").passing()
    if document.id != ref.id:
        raise BadDocument(f"the source gave {document.id!r:.80} instead")
    _check_fields(document)
    return digest, document


def bad_document(error: Exception) -> BadDocument:
    """Any error about one document as the verdict on it, short and storable.

    Faults of the machine or the index are raised again: they are not about the document.
    """
    if of_machine(error) or (
        isinstance(error, MillraceError) and not isinstance(error, BadDocument | EmptySpan)
    ):
        raise error
    text = str(error) if isinstance(error, MillraceError) else f"{type(error).__name__}: {error}"
    _log.debug("a document cannot be used", exc_info=error)
    verdict = BadDocument(text.encode("utf-8", "replace").decode()[:LONGEST_REASON])
    return verdict.passing() if getattr(error, "transient", False) else verdict


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


def _check_fields(document: Document) -> None:
    """What is stored beside every chunk must be storable, and small; sections must ascend."""
    headings = [section.path for section in document.sections]
    fields = {"title": document.title, "metadata": document.metadata}
    payload.check({**fields, "section": headings}, document.id)
    starts = [section.start for section in document.sections]
    if starts != sorted(starts):
        raise BadDocument("its sections are out of order")
    size = len(str(fields)) + max(map(len, headings), default=0)
    if size > LARGEST_FIELDS:
        raise BadDocument(
            f"title, headings and metadata take {size:,} characters, and every chunk holds a copy: "
            f"at most {LARGEST_FIELDS:,}"
        )
