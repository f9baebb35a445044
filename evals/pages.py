"""Pages as units: their ids, and those that a hit has text on."""

from __future__ import annotations

from components.text.normal_form import canonical
from components.values import Hit


def page_id(document_id: str, page: int) -> str:
    """Pages count from 0."""
    return f"{canonical(document_id)}#{page}"


def spanned(document_id: str, first: int | None, last: int | None) -> list[str]:
    """Ids from the first page to the last; none where there is no first, one where no last."""
    if first is None:
        return []
    end = max(first, first if last is None else last)
    return [page_id(document_id, page) for page in range(first, end + 1)]


def pages(hit: Hit) -> list[str]:
    """Ids from the first page to the last; none where the document has no pages."""
    return spanned(hit.chunk.document_id, hit.chunk.page, hit.chunk.last_page)
