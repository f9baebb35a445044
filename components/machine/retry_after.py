"""The header `Retry-After`: seconds, or a date."""

from __future__ import annotations

import math
import time
from email.utils import parsedate_to_datetime


def seconds(told: str) -> float | None:
    """How long the header's value asks to wait, None where it says nothing usable."""
    try:
        found = float(told)
    except ValueError:
        found = _until(told)
    return found if math.isfinite(found) and found >= 0 else None


def _until(date: str) -> float:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError, OSError):
        return math.nan
