"""How much may be asked of a collection in a minute."""

from __future__ import annotations

import math
import time

from tests.qdrant_http.answers import Fault


class Rate:
    """Tokens that come back over a minute."""

    def __init__(self, per_minute: int | None) -> None:
        self._full = per_minute
        self._left = float(per_minute or 0)
        self._at = time.monotonic()

    def spend(self, tokens: int) -> None:
        """Raises Fault where there are too few, and says when there will be enough, if ever."""
        if self._full is None:
            return
        now = time.monotonic()
        self._left = min(self._full, self._left + (now - self._at) * self._full / 60)
        self._at = now
        said = "Rate limiting exceeded: "
        if tokens > self._full:
            raise Fault(429, f"{said}{tokens} tokens of {self._full}: the request is too large")
        if tokens > self._left:
            wait = math.ceil((tokens - self._left) * 60 / self._full)
            raise Fault(429, f"{said}retry after {wait}s", Retry_After=str(min(max(wait, 1), 60)))
        self._left -= tokens
