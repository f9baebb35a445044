"""Items made ready by a thread while those before them are used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
_END = object()


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items in the same order. One is being made while the one before it is used, no more;
    what making one raises comes in its place.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="millrace-ahead") as feeder:
        coming = feeder.submit(next, items, _END)
        while (found := coming.result()) is not _END:
            coming = feeder.submit(next, items, _END)
            yield found  # type: ignore[misc]
