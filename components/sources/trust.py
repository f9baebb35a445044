"""What tells that a file has changed: when it was written and how large it is, or what it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from components.errors import BadDocument
from components.values import DocumentRef

Trust = Literal["mtime", "content"]
HELP = (
    "what tells that a document has changed: mtime (and size), or content, for which every survey "
    "reads all"
)


def by_content(ref: DocumentRef, digest: Callable[[DocumentRef], str]) -> DocumentRef:
    """The document, its version a hash of its bytes. Where they cannot be read it stays what it is:
    reading it will say so.
    """
    try:
        return replace(ref, version=digest(ref))
    except BadDocument:
        return ref
