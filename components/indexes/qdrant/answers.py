"""What a server's answers mean, told by their status and form, never by their text."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from json import JSONDecodeError
from typing import TYPE_CHECKING

from components.machine import retry_after

if TYPE_CHECKING:
    import httpx
    from qdrant_client.http.exceptions import UnexpectedResponse

_OVERLOADED = frozenset({408, 425, 429})
_NEVER = frozenset({501, 505, 507})
"""Of those from 500 on, which are the server's own trouble. 507: waiting makes no room."""
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})
"""OpenSSL's reasons where what comes back is no TLS."""
_NOT_FOUND = 404
_TIMEOUT = 408
_OF_COLLECTION = re.compile(r"/collections/(?!aliases$)([^/]+)")


class NotApplied(Exception):
    """The server has taken a change and not made it yet."""


def check_applied(answer: object) -> None:
    """Raises NotApplied where the answer says that a change will be made later."""
    from qdrant_client.models import UpdateResult, UpdateStatus

    if isinstance(answer, UpdateResult) and answer.status != UpdateStatus.COMPLETED:
        raise NotApplied("the change is not made yet")


def noting(
    request: httpx.Request, send: Callable[[httpx.Request], httpx.Response]
) -> httpx.Response:
    """For the client to send by: its error of what is not found does not say what was asked for, so
    that is its cause.
    """
    import httpx
    from qdrant_client.http.exceptions import UnexpectedResponse

    response = send(request)
    if response.status_code == _NOT_FOUND:
        try:
            response.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise UnexpectedResponse.for_response(response) from error
    return response


def for_now(error: BaseException) -> bool:
    """Whether the same request may be answered later."""
    import httpx
    from qdrant_client.common.client_exceptions import QdrantException
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    if isinstance(error, UnexpectedResponse):
        if error.status_code == 429 and _said(error):
            # A Qdrant that may be asked again says when: this costs more than it ever allows.
            return False
        return _passing(error.status_code or 0)
    if isinstance(error, ResponseHandlingException):
        lost = isinstance(error.source, httpx.TransportError | httpx.DecodingError)
        return (lost and distrusted(error) is None and not plain(error)) or _no_json(error.source)
    # The first: 429 with the header Retry-After.
    return isinstance(error, QdrantException | NotApplied) or _no_json(error)


def outlasted(error: BaseException) -> bool:
    """Whether the server, or who asked it, has given up an answer that takes too long."""
    import httpx

    late = isinstance(getattr(error, "source", None), httpx.ReadTimeout)
    return late or status(error) == _TIMEOUT


def lacking(error: BaseException) -> str | None:
    """The collection that is not there, or something in it, as an answer in Qdrant's own form says.
    Who else stands at that address may say it in that form, too: ask the server.
    """
    import httpx

    cause = error.__cause__
    if status(error) != _NOT_FOUND or not isinstance(cause, httpx.HTTPStatusError):
        return None
    found = _OF_COLLECTION.search(cause.request.url.path)
    return found[1] if found and _said(error) else None


def qdrants(error: BaseException) -> bool:
    """Whether Qdrant itself has answered, and nobody before it."""
    from qdrant_client.common.client_exceptions import QdrantException

    return isinstance(error, QdrantException | NotApplied) or bool(_said(error))


def worded(error: BaseException) -> bool:
    """Whether an answer has words of its own: Qdrant's are JSON or plain, a proxy's are a page."""
    from qdrant_client.http.exceptions import UnexpectedResponse

    return isinstance(error, UnexpectedResponse) and bool(_said(error) or _text(error))


def unreadable(error: BaseException) -> bool:
    """Whether something was answered, in a form that Qdrant does not use."""
    from pydantic import ValidationError

    # The client asserts that there is a result.
    unfit = ValidationError | JSONDecodeError | AssertionError
    return isinstance(getattr(error, "source", error), unfit)


def distrusted(error: BaseException) -> int | None:
    """OpenSSL's code of why the server's certificate is not trusted, None where that is not so."""
    found = (each for each in _causes(error) if isinstance(each, ssl.SSLCertVerificationError))
    return next((getattr(each, "verify_code", 0) for each in found), None)


def plain(error: BaseException) -> bool:
    """Whether TLS was asked of who does not speak it."""
    return any(isinstance(e, ssl.SSLError) and e.reason in _NO_TLS for e in _causes(error))


def unheard(error: BaseException) -> bool:
    """Whether the server, or the network, has stopped to take in a request before its end. A server
    that refuses one for its size does so, too: it answers at once, and nobody listens yet.
    """
    import httpx

    return isinstance(getattr(error, "source", None), httpx.WriteTimeout)


def status(error: BaseException) -> int | None:
    """The HTTP status of an answer, None of another error."""
    found = getattr(error, "status_code", None)
    return found if isinstance(found, int) else None


def asked_to_wait(error: BaseException) -> float:
    """Seconds that the server asks to wait before the next try, 0 where it asks for none."""
    from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
    from qdrant_client.http.exceptions import UnexpectedResponse

    if isinstance(error, ResourceExhaustedResponse):
        return max(0.0, float(error.retry_after_s))
    if isinstance(error, UnexpectedResponse):
        return retry_after.seconds(error.headers.get("retry-after", "").strip()) or 0.0
    return 0.0


def reason(error: BaseException) -> str:
    """What the server says is wrong, without the packing, on one line."""
    from qdrant_client.common.client_exceptions import QdrantException
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    source = error.source if isinstance(error, ResponseHandlingException) else error
    if isinstance(error, UnexpectedResponse):
        elsewhere, _, _ = error.headers.get("location", "").partition("?")  # may hold a token
        sent = f"status {error.status_code}{f', to {elsewhere}' if elsewhere else ''}"
        told = _said(error) or ": ".join(filter(None, [sent, _text(error)]))
    elif _no_json(source):
        told = "its answer is no JSON"
    elif unreadable(source):
        told = _unfit(source)
    elif isinstance(error, ResponseHandlingException):
        told = str(source)
    elif isinstance(error, QdrantException | NotApplied):
        told = str(error)
    else:
        told = f"{type(error).__name__}: {error}"
    return " ".join(told.split())[:500]


def _passing(code: int) -> bool:
    return code in _OVERLOADED or (code >= 500 and code not in _NEVER)


def _said(error: BaseException) -> str:
    """The error in an answer of Qdrant's own form; empty for one of another server."""
    from qdrant_client.http.exceptions import UnexpectedResponse

    if not isinstance(error, UnexpectedResponse):
        return ""
    try:
        return str(error.structured()["status"]["error"])
    except (ValueError, KeyError, TypeError):
        return ""


def _text(error: UnexpectedResponse) -> str:
    """An answer in plain words, such as those about keys; empty for a page."""
    text = error.content.decode("utf-8", "replace").strip()
    return "" if text.startswith(("<", "{", "[")) else text


def _unfit(source: BaseException) -> str:
    """Where an answer is not as it should be, without what it holds."""
    from pydantic import ValidationError

    if not isinstance(source, ValidationError):
        return "it has no result"
    first = source.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _no_json(source: BaseException) -> bool:
    """Whether an answer was somebody's page from between us and the server."""
    from pydantic import ValidationError

    if isinstance(source, ValidationError):
        return any(each["type"] == "json_invalid" for each in source.errors(include_url=False))
    return isinstance(source, JSONDecodeError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it; the client keeps one in `source`."""
    following: BaseException | None = error
    while following is not None:
        yield following
        source = getattr(following, "source", None)
        following = source or following.__cause__ or following.__context__
