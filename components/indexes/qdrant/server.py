"""The Qdrant server: its address, and its errors told as ours."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from components.errors import BadOption, MillraceError, Missing, Refused
from components.indexes.qdrant import answers
from components.indexes.qdrant.faults import KEY, VARIABLE, fault
from components.indexes.qdrant.patience import Waiting, stop
from components.indexes.qdrant.version import Version, asked
from infra import stopping
from infra.settings import settings

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from tenacity import RetryCallState

Answer = TypeVar("Answer")
_LONGEST_PAUSE = 5.0
"""Seconds between two tries, unless the server asks for more."""
_log = logging.getLogger(__name__)


class Server:
    """A connection, shared by all corpora of one process. It is opened by the first request."""

    def __init__(self, client: QdrantClient, name: str, version: Version | None = None) -> None:
        self.client = client
        self.name = name
        """Host and port, for messages."""
        self.version = version or Version(name)
        """Asked for before the first request."""

    def ask(self, doing: str, request: Callable[[QdrantClient], Answer]) -> Answer:
        """What the server answers. Asked again while it cannot for now (see `patience`), so a
        request must be one that does no harm twice. Raises StoreUnavailable, BadOption, DiskFull,
        Refused, Missing, IndexFault with `doing` in front.
        """
        from tenacity import Retrying, retry_if_exception

        waiting = Waiting(self.name)
        retrying = Retrying(
            retry=retry_if_exception(answers.for_now),
            stop=stop(),
            wait=_pause,
            sleep=stopping.pause,
            before_sleep=lambda state: waiting.tell(
                answers.reason(_raised(state)), state.upcoming_sleep
            ),
            reraise=True,
        )
        try:
            answer: Answer = retrying(self._once, doing, request)
        except CancelledError:  # nobody waits for it any more
            raise
        except MillraceError:
            waiting.over()
            raise
        except Exception as error:
            if not answers.for_now(error):
                waiting.over()  # a refusal is an answer
            raise fault(error, doing, self.name) from error
        waiting.over()
        return answer

    def find(self, doing: str, request: Callable[[QdrantClient], Answer]) -> Answer | None:
        """As `ask`, None where the collection does not exist."""
        try:
            return self.ask(doing, request)
        except Missing:
            return None

    def _once(self, doing: str, request: Callable[[QdrantClient], Answer]) -> Answer:
        self.version.check(self.client)
        try:
            answer = request(self.client)
        except Exception as error:
            if answers.unheard(error):
                asked(self.client)  # raises where there is no server any more
                raise Refused(f"{doing}: the server has not read all of the request").at(
                    where=self.name, hint="is it larger than the server takes?"
                ) from error
            place = answers.lacking(error)
            if place is None:
                raise
            if not self.client.collection_exists(place):
                raise Missing(f"{doing}: {answers.reason(error)}").at(where=self.name) from error
            answer = request(self.client)  # made meanwhile; or what is missing is something in it
        answers.check_applied(answer)
        return answer


def _raised(state: RetryCallState) -> BaseException:
    """What a try has ended with; tenacity asks after an error only."""
    error = state.outcome.exception() if state.outcome else None
    return error or TimeoutError()


def _pause(state: RetryCallState) -> float:
    """Longer from try to try, spread so that many do not come all at once."""
    from tenacity import wait_random_exponential

    own = wait_random_exponential(0.2, max=_LONGEST_PAUSE)(state)
    return answers.asked_to_wait(_raised(state)) + own


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
            where=VARIABLE, hint=f"use {KEY}"
        )
    name = parts.netloc
    if key and not (key.isascii() and key.isprintable() and key == key.strip()):
        raise BadOption("the API key has a line break, a space at an end, or no ASCII").at(
            where=KEY, hint="a key that was read from a file ends in a line break: leave that out"
        )
    if key and parts.scheme == "http":
        _log.warning("the API key goes to %s unencrypted: use https where others listen", name)
    options: dict[str, Any] = {"verify": authority} if authority else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # told above, in our words
        try:
            client = QdrantClient(
                url=url, api_key=key, timeout=timeout, check_compatibility=False, **options
            )
            client.http.client.add_middleware(answers.noting)
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
