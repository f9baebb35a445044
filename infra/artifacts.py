"""What a run shows in the Prefect UI, from plain values.

Keys are lower case letters, digits and dashes; artifacts of equal key form a history in the UI. No
artifact is worth a failed run: what the server refuses is logged, and the run goes on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort

Rows = Sequence[Mapping[str, Any]]
"""A table: a mapping per row, all with the same keys, which are the columns' names."""
_log = logging.getLogger(__name__)


def table(key: str, rows: Rows, description: str) -> None:
    """A table. The description is Markdown and stands on the artifact's card."""
    with _harmless(key):
        create_table_artifact(key=key, table=[dict(row) for row in rows], description=description)


def markdown(key: str, text: str, description: str) -> None:
    """A text."""
    with _harmless(key):
        create_markdown_artifact(key=key, markdown=text, description=description)


def tables(key: str, limit: int = 20) -> list[Rows]:
    """The newest tables of a key, newest first; empty where the server does not answer."""
    found: list[Rows] = []
    with _harmless(key), get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])),
            sort=ArtifactSort.UPDATED_DESC,
            limit=limit,
        )
        parsed = [json.loads(each.data) for each in artifacts if isinstance(each.data, str)]
        found += [rows for rows in parsed if isinstance(rows, list)]
    return found


class ProgressBar:
    """A bar that grows with committed work."""

    def __init__(self, key: str, description: str) -> None:
        self._key = key
        self._id: UUID | None = None
        self._shown = 0.0
        with _harmless(key):
            self._id = create_progress_artifact(progress=0.0, key=key, description=description)  # type: ignore[assignment]

    def show(self, share: float) -> None:
        """Set the bar to a share from 0 to 1; steps below one percent are not worth a request."""
        if self._id and (share - self._shown >= 0.01 or share >= 1.0 > self._shown):
            bar, self._id, self._shown = self._id, None, share
            with _harmless(self._key):
                update_progress_artifact(artifact_id=bar, progress=round(100 * share, 1))
                self._id = bar  # a bar that could not be moved is left alone


@contextmanager
def _harmless(key: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        _log.warning("the artifact %s is missing or out of date: %s", key, error)
