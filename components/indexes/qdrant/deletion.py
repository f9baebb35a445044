"""Deleting points that a filter chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.indexes.qdrant.limits import Limits
from components.indexes.qdrant.scroll import pages
from components.indexes.qdrant.server import Server

if TYPE_CHECKING:
    from qdrant_client import models


def delete(
    server: Server, collection: str, limits: Limits, chosen: models.Filter, doing: str
) -> None:
    """Delete points by their ids.

    A server before 1.19 keeps a filter in its log, and looks at it again when it replays that after
    a crash: points that the filter had deleted may come back.
    """
    from qdrant_client.models import PointIdsList

    page = limits.deletions
    for points in pages(server, collection, limits, chosen, fields=False, page=page):
        if points:
            ids = PointIdsList(points=[point.id for point in points])
            server.ask(
                doing,
                lambda client, ids=ids: client.delete(collection, ids, wait=True),  # type: ignore[misc]
            )
