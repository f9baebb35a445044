"""Deleting points that a filter chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.indexes.qdrant.server import Server

if TYPE_CHECKING:
    from qdrant_client import models

_PAGE = 1000
"""Points that are looked up, and deleted, at once."""


def delete(server: Server, collection: str, chosen: models.Filter, doing: str) -> None:
    """Delete points by their ids.

    A server before 1.19 keeps a filter in its log, and looks at it again when it replays that after
    a crash: points that the filter had deleted may come back.
    """
    from qdrant_client.models import PointIdsList

    offset: Any = None
    while True:
        points, offset = server.ask(
            doing,
            lambda client, offset=offset: client.scroll(  # type: ignore[misc]
                collection, chosen, limit=_PAGE, offset=offset, with_payload=False
            ),
        )
        if points:
            ids = PointIdsList(points=[point.id for point in points])
            server.ask(
                doing,
                lambda client, ids=ids: client.delete(collection, ids, wait=True),  # type: ignore[misc]
            )
        if offset is None:
            return
