"""Questions to choose rules by, and questions to report on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Halves:
    """Ids of questions, ascending."""

    tune: tuple[str, ...]
    report: tuple[str, ...]


def halves(ids: Iterable[str]) -> Halves:
    """The half with the lower sha256 of its ids is to tune; of an odd count, the smaller part."""
    drawn = sorted(set(ids), key=lambda id: sha256(id.encode()).hexdigest())
    middle = len(drawn) // 2
    return Halves(tuple(sorted(drawn[:middle])), tuple(sorted(drawn[middle:])))
