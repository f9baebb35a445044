"""The points of a collection, read, counted and deleted as far as it allows in one request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from components.indexes.qdrant import answers
from components.indexes.qdrant.limits import Limits, limits_of
from components.indexes.qdrant.server import Server

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models


@dataclass(frozen=True)
class Contents:
    """Of one collection. Raises as `Server.ask`."""

    server: Server
    collection: str

    @cached_property
    def limits(self) -> Limits:
        """As they were told when they were asked for first."""
        return limits_of(self.server, self.collection)

    def scroll(
        self,
        chosen: models.Filter | None = None,
        fields: Any = True,
        vectors: Any = False,
        page: int = 0,
    ) -> Iterator[models.Record]:
        """The points that a filter chooses in order of id, with these fields of their payloads;
        `page` points in a request, or as many as may be.
        """
        page = min(page or self.limits.page, self.limits.page)
        return chain.from_iterable(self._pages(chosen, fields, vectors, page))

    def count(self, chosen: models.Filter | None = None) -> int:
        """How many points there are, exactly: in one request, or page by page where that takes
        longer than a request may.
        """

        def at_once(client: QdrantClient) -> int | None:
            try:
                return client.count(self.collection, count_filter=chosen, exact=True).count
            except Exception as error:
                if answers.outlasted(error):
                    return None
                raise

        # A server that may not count exactly would estimate.
        exact = self.limits.exact
        found = self.server.ask("points could not be counted", at_once) if exact else None
        if found is None:
            return sum(1 for _ in self.scroll(chosen, fields=False))
        return found

    def delete(self, chosen: models.Filter, doing: str) -> None:
        """Delete the points that a filter chooses, by their ids.

        A server before 1.19 keeps a filter in its log, and looks at it again when it replays that
        after a crash: points that the filter had deleted may come back.
        """
        from qdrant_client.models import PointIdsList

        for points in self._pages(chosen, False, False, self.limits.deletions):
            if points:
                ids = PointIdsList(points=[point.id for point in points])
                self.server.ask(
                    doing,
                    lambda client, ids=ids: client.delete(self.collection, ids, wait=True),  # type: ignore[misc]
                )

    def _pages(
        self, chosen: models.Filter | None, fields: Any, vectors: Any, limit: int
    ) -> Iterator[list[models.Record]]:
        offset: Any = None
        while True:
            points, offset = self.server.ask(
                "the index could not be read",
                lambda client, offset=offset: client.scroll(  # type: ignore[misc]
                    self.collection,
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
