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
KEY = "MILLRACE_QDRANT_API_KEY"


@dataclass(frozen=True)
class _Fault:
    """What an error is told as. `{}` stands for what the server says."""

    kind: type[MillraceError]
    told: str
    hint: str = ""


_AWAY = _Fault(
    StoreUnavailable,
    "the server does not answer ({})",
    f"is Qdrant running there, by http or https? its address is in {VARIABLE}",
)
_ELSEWHERE = f"is the address right? it is in {VARIABLE}"
_MOVED = _Fault(Refused, "no Qdrant answers at this address ({})", _ELSEWHERE)
_UNREADABLE = _Fault(
    Refused,
    "the form of its answer is not Qdrant's ({})",
    f"{_ELSEWHERE}; a server much newer than this client is another reason",
)
_FORBIDDEN = _Fault(
    BadOption,
    "it is not allowed ({})",
    f"a proxy before the server may say so; or the API key needs more rights, set another in {KEY}",
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
    401: _Fault(BadOption, "the server refuses the API key ({})", f"set {KEY}"),
    403: _Fault(
        BadOption,
        "the API key does not allow it ({})",
        f"it may be for reading, for some collections, or have expired: set another in {KEY}",
    ),
    404: _Fault(Refused, "{}", _ELSEWHERE),
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
_OTHER_NAME = (VARIABLE, "call the server by a name that its certificate has")
_OTHER_TIME = (VARIABLE, "renew the server's certificate, or set this machine's clock right")
_CERTIFICATES = {9: _OTHER_TIME, 10: _OTHER_TIME, 62: _OTHER_NAME, 64: _OTHER_NAME}
"""Where and what to do, by OpenSSL's code of what is wrong with a certificate."""


def fault(error: Exception, doing: str, server: str) -> MillraceError:
    """StoreUnavailable, BadOption, DiskFull, Refused or IndexFault, with `doing` in front."""
    told = answers.reason(error)
    code = answers.distrusted(error)
    if code is not None:
        where, hint = _CERTIFICATES.get(code, ("MILLRACE_QDRANT_CA", "name who signed for it"))
        return BadOption(f"{doing}: {told}").at(where=where, hint=hint)
    if answers.plain(error):
        return BadOption(f"{doing}: no TLS is spoken there ({told})").at(
            where=VARIABLE, hint="does the server speak plain http? then it is http://…"
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
        return _UNREADABLE if answers.unreadable(error) else _Fault(IndexFault, "{}")
    if status < 400:
        return _MOVED
    if status == 403 and not answers.worded(error):
        return _FORBIDDEN
    return _REFUSED.get(status, _Fault(Refused, "{}"))
