"""What actors can be given to do besides a refresh."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any


class Item:
    """Knows whether it was packed."""

    packed = False

    def __reduce__(self) -> tuple[Any, ...]:
        self.packed = True
        return Item, ()


class Greedy:
    """Reserves, and does nothing."""

    def ready(self) -> None:
        return


class Unloadable:
    """Work that other processes do not have."""

    def __reduce__(self) -> tuple[Any, ...]:
        return __import__, ("mars",)

    def __call__(self, items: Sequence[Any]) -> Iterator[bytes]:
        raise NotImplementedError


class Deadly:
    """Work that ends the process that loads it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)

    def __call__(self, items: Sequence[Any]) -> Iterator[bytes]:
        raise NotImplementedError


def echo(items: Sequence[Any]) -> Iterator[bytes]:
    """An answer for each."""
    for _ in items:
        yield b"done"


def die(items: Sequence[Any]) -> Iterator[bytes]:
    """No answer, and no process any more."""
    os._exit(1)
