"""What a doctor finds wrong with a corpus."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Check = Literal["pointer", "alias", "entries", "points", "orphans", "vectors", "anew", "cache"]
"""`entries`: a document of which nothing is stored. `points`: one of which some is not. `orphans`:
points that no entry stands for. `vectors`: such as no encoder makes. `anew`: such as the
generation's own encoder does not make.
"""
Harm = Literal["down", "lost", "wrong", "none"]
"""`down`: no search is answered. `lost`: something is not found. `wrong`: something is found that
should not be, or in another place. `none` to searches: another user of the store, or the next
refresh, is misled.
"""
BY_DOCUMENT: frozenset[Check] = frozenset({"entries", "points", "orphans", "vectors", "anew"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Damage, in one place."""

    check: Check
    what: str
    where: str
    """A document's id, a file, a generation's or a collection's name."""
    harm: Harm
    remedy: str
    """How it is mended; where it could not be, why, and what a person can do."""
    mended: bool = False


def documents(findings: Iterable[Finding], *checks: Check) -> set[str]:
    """Those in which something was found by one of these checks."""
    return {each.where for each in findings if each.check in checks}
