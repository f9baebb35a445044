"""Requests that are too large for the server, or for a proxy before it, are made smaller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from components.errors import Refused
from components.indexes.qdrant import answers

Item = TypeVar("Item")
Answer = TypeVar("Answer")
REFUSED = 400
"""A server's status, that of many another request that it does not take, too."""
_STATUSES = (REFUSED, 413)


def halved(items: Sequence[Item], send: Callable[[Sequence[Item]], Answer]) -> Iterator[Answer]:
    """What is answered to all of the items, or to parts of them in their order. Raises Refused
    where one alone is refused.
    """
    try:
        answer = send(items)
    except Refused as error:
        if len(items) == 1 or not may_be_too_large(error):
            raise
        middle = len(items) // 2
        for half in (items[:middle], items[middle:]):
            yield from halved(half, send)
    else:
        yield answer


def may_be_too_large(error: Refused) -> bool:
    """Whether less of it may be taken. Raised by `Server.ask`."""
    cause = error.__cause__
    return cause is not None and (answers.status(cause) in _STATUSES or answers.unheard(cause))
