"""The Qdrant server: its address, and its errors told as ours."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from components.errors import BadOption, IndexFault, MillraceError, Unavailable
from infra.settings import settings

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

Answer = TypeVar("Answer")
VARIABLE = "MILLRACE_QDRANT_URL"
_TRIES = 5
_LONGEST_WAIT = 5.0
"""Seconds between two tries."""
_REFUSED = (401, 403)
_OVERLOADED = (408, 429)
_FAULT = 500
"""And above: the server's own trouble, such as a full disk or a shard that is still loading."""
_MISSING = 404
_log = logging.getLogger(__name__)


class Server:
    """A connection, shared by all corpora of one process. It is opened by the first request."""

    def __init__(self, client: QdrantClient, name: str) -> None:
        self.client = client
        self.name = name
        """Host and port, for messages."""

    def ask(self, doing: str, request: Callable[[QdrantClient], Answer]) -> Answer:
        """What the server answers. Asked again while it is out of reach, so a request must be one
        that does no harm twice. Raises Unavailable, BadOption, IndexFault with `doing` in front.
        """
        from tenacity import (
            Retrying,
            retry_if_exception,
            stop_after_attempt,
            wait_random_exponential,
        )

        retrying = Retrying(
            retry=retry_if_exception(_passing),
            stop=stop_after_attempt(_TRIES),
            wait=wait_random_exponential(0.2, max=_LONGEST_WAIT),
            reraise=True,
        )
        try:
            return retrying(request, self.client)
        except MillraceError:
            raise
        except Exception as error:
            raise self._told(doing, error) from error

    def find(self, doing: str, request: Callable[[QdrantClient], Answer]) -> Answer | None:
        """As `ask`, None where the collection does not exist."""
        try:
            return self.ask(doing, request)
        except IndexFault as error:
            if getattr(error.__cause__, "status_code", None) == _MISSING:
                return None
            raise

    def _told(self, doing: str, error: Exception) -> Exception:
        status = getattr(error, "status_code", None)
        if status in _REFUSED:
            return BadOption(f"{doing}: the server refuses the API key").at(
                where=self.name, hint="set MILLRACE_QDRANT_API_KEY"
            )
        if _passing(error):
            return Unavailable(f"{doing}: the server does not answer ({_reason(error)})").at(
                where=self.name, hint=f"is Qdrant running there? its address is in {VARIABLE}"
            )
        hint = "was it deleted? delete NAME__control too and refresh" if status == _MISSING else ""
        return IndexFault(f"{doing}: {_reason(error)}").at(where=self.name, hint=hint)


def connect() -> Server:
    """The server that the environment names. Raises BadOption."""
    known = settings()
    if not known.qdrant_url:
        raise BadOption("no Qdrant server is named").at(
            where=VARIABLE, hint="such as http://127.0.0.1:6333, or use index: {use: qdrant_edge}"
        )
    key = known.qdrant_api_key.get_secret_value() if known.qdrant_api_key else None
    return _connected(known.qdrant_url, key, known.qdrant_ca, known.qdrant_timeout)


@cache
def _connected(url: str, key: str | None, authority: str | None, timeout: int) -> Server:
    from qdrant_client import QdrantClient

    parts = _address(url)
    if parts.username or parts.password:
        raise BadOption("a user or password in the address would be shown in logs").at(
            where=VARIABLE, hint="use MILLRACE_QDRANT_API_KEY"
        )
    name = parts.netloc
    if key and parts.scheme == "http":
        _log.warning("the API key goes to %s unencrypted: use https where others listen", name)
    options: dict[str, Any] = {"verify": authority} if authority else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # told above, in our words
        try:
            client = QdrantClient(
                url=url, api_key=key, timeout=timeout, check_compatibility=False, **options
            )
        except OSError as error:  # ssl's errors are among them
            raise BadOption(f"certificates cannot be read: {error.strerror}").at(
                where="MILLRACE_QDRANT_CA"
            ) from error
    return Server(client, name)


def _address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # brackets, or a port that is none
        valid = False
    if not valid:
        raise BadOption("not the address of a server").at(
            where=VARIABLE, hint="such as https://qdrant.example.org:6333"
        )
    return parts


def _passing(error: BaseException) -> bool:
    """Whether the same request may be answered a moment later."""
    import httpx
    from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    if isinstance(error, UnexpectedResponse):
        status = error.status_code or 0
        return status in _OVERLOADED or status >= _FAULT
    if isinstance(error, ResponseHandlingException):
        return isinstance(error.source, httpx.TransportError)
    return isinstance(error, ResourceExhaustedResponse)


def _reason(error: Exception) -> str:
    """What the server says is wrong, without the packing."""
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    if isinstance(error, UnexpectedResponse):
        try:
            said = str(error.structured()["status"]["error"])
        except (ValueError, KeyError, TypeError):
            said = f"status {error.status_code}"
    elif isinstance(error, ResponseHandlingException):
        said = str(error.source)
    else:
        said = f"{type(error).__name__}: {error}"
    return " ".join(said.split())[:500]
