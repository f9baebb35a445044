"""All points that a filter chooses, read or counted page by page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from components.indexes.qdrant.limits import Limits
from components.indexes.qdrant.server import Server

if TYPE_CHECKING:
    from qdrant_client import models


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
    """How many points there are, exactly. Raises as `Server.ask`."""
    if not limits.exact:  # the server would estimate
        return sum(1 for _ in scroll(server, collection, limits, chosen, fields=False))
    answer = server.ask(
        "points could not be counted",
        lambda client: client.count(collection, count_filter=chosen, exact=True),
    )
    return answer.count
