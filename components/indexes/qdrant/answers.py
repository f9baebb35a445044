"""What a server's answers mean, told by their status and form, never by their text."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from json import JSONDecodeError

from components import retry_after

_OVERLOADED = frozenset({408, 425, 429})
_NEVER = frozenset({501, 505})
"""Of those from 500 on, which are the server's own trouble."""
_MISSING = 404


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
        lost = isinstance(error.source, httpx.TransportError) and not distrusted(error)
        return lost or _no_json(error.source)
    # The first: 429 with the header Retry-After.
    return isinstance(error, QdrantException) or _no_json(error)


def missing(error: BaseException) -> bool:
    """Whether Qdrant itself, and nobody before it, says that what was asked for is not there."""
    return status(error) == _MISSING and bool(_said(error))


def unreadable(error: BaseException) -> bool:
    """Whether something was answered, in a form that Qdrant does not use."""
    from pydantic import ValidationError

    return any(isinstance(each, ValidationError | JSONDecodeError) for each in _causes(error))


def distrusted(error: BaseException) -> bool:
    """Whether the server's certificate is not trusted."""
    return any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error))


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
        told = _said(error) or f"status {error.status_code}"
    elif _no_json(source):
        told = "its answer is no JSON"
    elif isinstance(error, ResponseHandlingException):
        told = str(source)
    elif isinstance(error, QdrantException):
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
