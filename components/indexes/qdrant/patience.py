"""How long a server that does not answer is waited for, and who is told.

A search gives up after a few tries: a person waits for it. A refresh, `patient`, goes on trying
for `MILLRACE_PATIENCE` seconds, and its log says what it waits for, at growing intervals.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from infra.settings import settings

if TYPE_CHECKING:
    from tenacity import RetryCallState

_TRIES = 5
"""Of somebody who is not patient."""
_LONGEST_PAUSE = 10.0
"""Seconds that they wait for another try: a server may ask for an hour."""
_FIRST_TOLD, _THEN = 1.0, 10.0
"""Seconds of waiting that are told of: these, and then twice as many each time."""
_seconds: ContextVar[float | None] = ContextVar("patience", default=None)
_log = logging.getLogger(__name__)


@contextmanager
def patient() -> Iterator[None]:
    """What is asked of a server in here is asked again until MILLRACE_PATIENCE is over."""
    with _waiting(settings().patience):
        yield


@contextmanager
def hurried() -> Iterator[None]:
    """What is asked in here is given up after a few tries, also inside of `patient`."""
    with _waiting(None):
        yield


@contextmanager
def _waiting(seconds: float | None) -> Iterator[None]:
    token = _seconds.set(seconds)
    try:
        yield
    finally:
        _seconds.reset(token)


def stop() -> Callable[[RetryCallState], bool]:
    """When tenacity gives up: before a pause that would outlast the patience."""
    from tenacity import stop_before_delay

    seconds = _seconds.get()
    return _hasty if seconds is None else stop_before_delay(seconds)


def _hasty(state: RetryCallState) -> bool:
    return state.attempt_number >= _TRIES or state.upcoming_sleep > _LONGEST_PAUSE


class Waiting:
    """What is said of one thing that has to be waited for. `limit`: seconds; the patience if None,
    and without either nothing is said.
    """

    def __init__(self, server: str, limit: float | None = None) -> None:
        self._server = server
        self._limit = _seconds.get() if limit is None else limit
        self._since = time.monotonic()
        self._told = 0.0
        """Seconds that had passed when it was told last."""

    def tell(self, reason: str, pause: float = 0.0) -> None:
        """Say, now and then, what is waited for; before every pause of so many seconds."""
        limit, waited = self._limit, time.monotonic() - self._since + pause
        due = max(_THEN, 2 * self._told) if self._told else _FIRST_TOLD
        if limit is None or waited < due:
            return
        self._told = waited
        _log.warning(
            "waiting for %s (%s): %.0f s so far, up to %g s", self._server, reason, waited, limit
        )

    def over(self, told: str = "answers again") -> None:
        """Say that it is over, where it was said that it was waited for."""
        if self._told:
            waited = time.monotonic() - self._since
            _log.warning("%s %s, after %.0f s", self._server, told, waited)
