"""The oldest server that does what it is asked. One before 1.17 ignores `update_mode` in silence:
what was to be written only where it is missing replaces what is there.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from components.errors import BadOption
from components.indexes.qdrant import answers

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

LOWEST = (1, 17)
"""Major and minor."""
_RELEASE = re.compile(r"(\d+)\.(\d+)\.\d+")
_log = logging.getLogger(__name__)


class Version:
    """Of one server, asked for once in a process."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._known = False

    def check(self, client: QdrantClient) -> None:
        """Raises BadOption where the server is too old, and as the client where it does not answer.
        One that does not say what it is, or is no release, is taken.
        """
        if self._known:
            return
        told = asked(client)
        release = _RELEASE.fullmatch(told)
        if release is None:
            found = f"is Qdrant {told}, which is no release" if told else "hides its version"
            _log.warning("%s %s: %s or newer is needed", self._server, found, _named())
        elif tuple(map(int, release.groups())) < LOWEST:
            raise BadOption(f"the server is Qdrant {told}, {_named()} or newer is needed").at(
                where=self._server, hint="update the server: its documentation says how"
            )
        self._known = True


def _named() -> str:
    return ".".join(map(str, LOWEST))


def asked(client: QdrantClient) -> str:
    """What the server says, empty where it, or a proxy before it, says nothing of the kind."""
    try:
        return client.info().version
    except Exception as error:
        if answers.unreadable(error) or (answers.status(error) and not answers.for_now(error)):
            return ""
        raise
