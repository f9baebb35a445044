"""What a run shows in the Prefect UI, from plain values.

Keys are lower case letters, digits and dashes; artifacts of equal key form a history in the UI. No
artifact is worth a failed run: what the server refuses is logged, and the run goes on. Nor is any
worth a long wait: the client asks a server that is away again for more than a minute, each time.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import httpx
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort

Rows = Sequence[Mapping[str, Any]]
"""A table: a mapping per row, all with the same keys, which are the columns' names."""
_T = TypeVar("_T")
_PAUSE = 60.0
"""Seconds in which a server that did not answer is not asked again."""
_LONG = 5.0
"""Seconds after which whatever failed has been waited for: by the client, which asks again."""
_NEWEST = 20
"""Tables of a key that are read."""
_log = logging.getLogger(__name__)


def slug(name: str) -> str:
    """A name as a key."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def table(key: str, rows: Rows, description: str) -> None:
    """A table. The description is Markdown and stands on the artifact's card."""
    told = [dict(row) for row in rows]
    _server.ask(key, lambda: create_table_artifact(key=key, table=told, description=description))


def markdown(key: str, text: str, description: str, shown: UUID | None = None) -> UUID | None:
    """A text, in place of the one of that id where that is `shown` already: its id."""
    if shown:
        return _server.ask(key, lambda: _changed(shown, text, description))
    return _server.ask(key, lambda: _text(key, text, description))


def tables(key: str) -> list[Rows]:
    """The newest tables of a key, newest first; empty where the server does not answer."""
    return _server.ask(key, lambda: _tables(key)) or []


class ProgressBar:
    """A bar that grows with committed work."""

    def __init__(self, key: str, description: str) -> None:
        self._key = key
        self._shown = 0.0
        self._id: UUID | None = _server.ask(key, lambda: _bar(key, description))

    def show(self, share: float) -> None:
        """Set the bar to a share from 0 to 1; steps below one percent are not worth a request."""
        if self._id and (share - self._shown >= 0.01 or share >= 1.0 > self._shown):
            bar, self._shown = self._id, share
            # A bar that could not be moved is left alone.
            self._id = _server.ask(self._key, lambda: _moved(bar, share))


class _Server:
    def __init__(self) -> None:
        self._away_until = 0.0

    def ask(self, key: str, ask: Callable[[], _T]) -> _T | None:
        """What it says; None where it says nothing, which is logged."""
        begun = time.monotonic()
        try:
            if begun < self._away_until:
                raise ConnectionError("the server is away")
            return ask()
        except Exception as error:
            now = time.monotonic()
            if _is_away(error) or now - begun > _LONG:
                self._away_until = now + _PAUSE
            _log.warning("the artifact %s is missing or out of date: %s", key, error)
            return None


_server = _Server()


def _is_away(error: Exception) -> bool:
    """Also where a proxy answers for it."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in (408, 429) or error.response.is_server_error
    return isinstance(error, httpx.TransportError)


def _tables(key: str) -> list[Rows]:
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])),
            sort=ArtifactSort.UPDATED_DESC,
            limit=_NEWEST,
        )
    parsed = [json.loads(each.data) for each in artifacts if isinstance(each.data, str)]
    return [rows for rows in parsed if isinstance(rows, list)]


def _text(key: str, text: str, description: str) -> UUID:
    return create_markdown_artifact(key=key, markdown=text, description=description)  # type: ignore[return-value]


def _changed(shown: UUID, text: str, description: str) -> UUID:
    with get_client(sync_client=True) as client:
        client.update_artifact(shown, ArtifactUpdate(data=text, description=description))
    return shown


def _bar(key: str, description: str) -> UUID:
    return create_progress_artifact(progress=0.0, key=key, description=description)  # type: ignore[return-value]


def _moved(bar: UUID, share: float) -> UUID:
    update_progress_artifact(artifact_id=bar, progress=round(100 * share, 1))
    return bar
