"""What a run shows in the Prefect UI, from plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)


def table(key: str, rows: Sequence[Mapping[str, Any]], description: str) -> None:
    """A table. Keys: lower case, digits, dashes; equal keys of several runs form a history."""
    create_table_artifact(key=key, table=[dict(row) for row in rows], description=description)


def markdown(key: str, text: str, description: str) -> None:
    """A text."""
    create_markdown_artifact(key=key, markdown=text, description=description)


class ProgressBar:
    """A bar that grows with committed work."""

    def __init__(self, key: str, description: str) -> None:
        self._id: UUID = create_progress_artifact(progress=0.0, key=key, description=description)  # type: ignore[assignment]
        self._shown = 0.0

    def show(self, share: float) -> None:
        """Set the bar to a share from 0 to 1; steps below one percent are not worth a request."""
        if share - self._shown >= 0.01 or share >= 1.0 > self._shown:
            update_progress_artifact(artifact_id=self._id, progress=round(100 * share, 1))
            self._shown = share
