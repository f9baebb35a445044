"""Which failures of a call are worth another try, when, and which may have cost something.

The errors are those of the client, `openai`, and of the transport below it, `httpx2`.
"""

from __future__ import annotations

import tenacity

from components.endpoint.heard import Malformed
from components.machine import retry_after

_LONGEST = 60.0
"""Seconds that are waited at most, whatever a server asks for."""
_BACK_OFF = tenacity.wait_exponential_jitter(initial=0.5, max=30.0, jitter=0.5)
_SPREAD = tenacity.wait_random(0.0, 0.25)
"""So that threads that were told the same moment do not come all at once."""
_TIMED_OUT = frozenset({408, 504, 524})
"""Somebody in between waited too long; the model may have answered."""
_PASSING = frozenset({408, 409, 425, 429})


def expected() -> tuple[type[Exception], ...]:
    """The failures that a call may end with."""
    import httpx2
    import openai

    return (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, ValueError, Malformed)


def worth(error: BaseException) -> bool:
    """Whether another try may help."""
    status = status_of(error)
    if status is not None:
        return status in _PASSING or status >= 500
    return isinstance(error, expected())


def costs_nothing(error: Exception) -> bool:
    """Whether surely nothing was paid for: it was refused, or nothing was sent."""
    import httpx2

    status = status_of(error)
    if status is not None:
        return status not in _TIMED_OUT
    never_sent = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
    return isinstance(error.__cause__, never_sent)


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error stands for."""
    import openai

    return error.status_code if isinstance(error, openai.APIStatusError) else None


def seconds(state: tenacity.RetryCallState) -> float:
    """How long to wait before the next try."""
    error = state.outcome.exception() if state.outcome else None
    asked = None if error is None else _asked_for(error)
    if asked is None:
        return _BACK_OFF(state)
    return min(asked, _LONGEST) + _SPREAD(state)


def _asked_for(error: BaseException) -> float | None:
    """Seconds in the answer's Retry-After, where it has a usable one."""
    import openai

    if not isinstance(error, openai.APIStatusError):
        return None
    return retry_after.seconds(error.response.headers.get("retry-after", "").strip())
