"""A server's errors told as ours: what was wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.errors import (
    BadOption,
    DiskFull,
    IndexFault,
    MillraceError,
    Refused,
    StoreUnavailable,
)
from components.indexes.qdrant import answers

VARIABLE = "MILLRACE_QDRANT_URL"
_KEY = "MILLRACE_QDRANT_API_KEY"


@dataclass(frozen=True)
class _Fault:
    """What an error is told as. `{}` stands for what the server says."""

    kind: type[MillraceError]
    told: str
    hint: str = ""


_AWAY = _Fault(
    StoreUnavailable,
    "the server does not answer ({})",
    f"is Qdrant running there? its address is in {VARIABLE}",
)
_UNABLE = _Fault(
    StoreUnavailable,
    "the server cannot do it now ({})",
    "its log says more: a full disk, or a node that is gone, are among the reasons",
)
_BUSY = _Fault(
    StoreUnavailable,
    "the server asks for a longer pause ({})",
    "try again later; the rate limits of the collection's strict mode are one reason",
)
_REFUSED: Mapping[int, _Fault] = {
    401: _Fault(BadOption, "the server refuses the API key ({})", f"set {_KEY}"),
    403: _Fault(
        BadOption,
        "the API key does not allow it ({})",
        f"it may be for reading, for some collections, or have expired: set another in {_KEY}",
    ),
    404: _Fault(Refused, "{}", f"is the address right? it is in {VARIABLE}"),
    429: _Fault(
        Refused,
        "it costs more than the server's rate limit ever allows ({})",
        "raise read_rate_limit or write_rate_limit in the collection's strict mode",
    ),
    507: _Fault(
        DiskFull,
        "the server has no room left ({})",
        "make room there or raise its quota, and run it again: what was committed stays",
    ),
}
"""By status."""


def fault(error: Exception, doing: str, server: str) -> MillraceError:
    """StoreUnavailable, BadOption, DiskFull, Refused or IndexFault, with `doing` in front."""
    told = answers.reason(error)
    if answers.distrusted(error):
        return BadOption(f"{doing}: {told}").at(
            where="MILLRACE_QDRANT_CA", hint="name who signed for it"
        )
    known = _known(error)
    return known.kind(f"{doing}: {known.told.format(told)}").at(where=server, hint=known.hint)


def _known(error: Exception) -> _Fault:
    if answers.for_now(error):
        if answers.asked_to_wait(error):
            return _BUSY
        return _UNABLE if answers.qdrants(error) else _AWAY
    status = answers.status(error)
    if status is None:
        return _Fault(IndexFault, "{}")
    return _REFUSED.get(status, _Fault(Refused, "{}"))
