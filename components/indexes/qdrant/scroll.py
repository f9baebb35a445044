"""All points that a filter chooses, read or counted page by page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from components.indexes.qdrant import answers
from components.indexes.qdrant.limits import Limits
from components.indexes.qdrant.server import Server

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models


def scroll(
    server: Server,
    collection: str,
    limits: Limits,
    chosen: models.Filter | None = None,
    fields: Any = True,
    vectors: Any = False,
    page: int = 0,
) -> Iterator[models.Record]:
    """The points in order of id, with these fields of their payloads. Raises as `Server.ask`."""
    return chain.from_iterable(pages(server, collection, limits, chosen, fields, vectors, page))


def pages(
    server: Server,
    collection: str,
    limits: Limits,
    chosen: models.Filter | None = None,
    fields: Any = True,
    vectors: Any = False,
    page: int = 0,
) -> Iterator[list[models.Record]]:
    """As `scroll`, request by request; `page` points in each, or as many as may be."""
    offset: Any = None
    limit = min(page or limits.page, limits.page)
    while True:
        points, offset = server.ask(
            "the index could not be read",
            lambda client, offset=offset: client.scroll(  # type: ignore[misc]
                collection,
                chosen,
                limit=limit,
                offset=offset,
                with_payload=fields,
                with_vectors=vectors,
            ),
        )
        yield points
        if offset is None:
            return


def count(
    server: Server, collection: str, limits: Limits, chosen: models.Filter | None = None
) -> int:
    """How many points there are, exactly: in one request, or page by page where that takes longer
    than a request may. Raises as `Server.ask`.
    """

    def at_once(client: QdrantClient) -> int | None:
        try:
            return client.count(collection, count_filter=chosen, exact=True).count
        except Exception as error:
            if answers.outlasted(error):
                return None
            raise

    # A server that may not count exactly would estimate.
    found = server.ask("points could not be counted", at_once) if limits.exact else None
    if found is None:
        return sum(1 for _ in scroll(server, collection, limits, chosen, fields=False))
    return found
