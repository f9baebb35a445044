"""Which generations a corpus keeps; all others would only grow.

Those are the live one and the ones that were live before it, `keep` together, and what a refresh
can go on with: a draft that was not finished, or a generation that was finished and not published.
Of those, the newest of the live form and of one other form stay; a form is a fingerprint and a
quantization. And the candidate that a gate holds, until somebody has decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from components.indexes.ledger import Ledger, fit
from components.indexes.manifest import Generation
from components.options import option

Keep = Annotated[int, Field(strict=True, ge=1, le=1000)]
"""How many generations stay of those that were live, the live one among them."""
KEEP = option(2, help="generations kept of those that were live, the live one included")


@dataclass(frozen=True, kw_only=True)
class Surplus:
    """Something that a corpus keeps no longer, until it is removed."""

    name: str
    """Of a generation, a folder or a collection; unique within the corpus."""
    reason: str
    bytes: int | None = None
    """Allocated on the disk; None where the store does not tell."""
    points: int | None = None
    """On a server; None elsewhere."""


def kept(
    generations: Sequence[Generation],
    served: Sequence[str],
    keep: int,
    ledger: Ledger | None = None,
) -> set[str]:
    """Names of the generations that stay, of all that there are.

    `served`: what is live, and then what was live before it, the latest first.
    """
    ledger = ledger or Ledger()
    there = {each.name for each in generations}
    newest_first = sorted(fit(generations, ledger), key=lambda each: -each.number)
    served = [name for name in served if name in there]
    # Older indexes do not say what was live: the newest that are finished stand for it.
    finished = [each.name for each in newest_first if each.finished_at]
    staying = set(list(dict.fromkeys([*served, *finished]))[:keep])
    forms: dict[tuple[str, str], list[Generation]] = {}
    for each in newest_first:
        forms.setdefault(each.form, []).append(each)
    of_live: set[str] = set()
    of_others: list[set[str]] = []
    for own in forms.values():
        waiting = _waiting(own, served, staying)
        if any(each.name in served[:1] for each in own):
            of_live = waiting
        elif waiting:
            of_others.append(waiting)
    held = {ledger.kept} & there
    return staying.union(of_live, *of_others[:1], held)


def reason(generation: Generation) -> str:
    """Why a generation does not stay, for people."""
    return "older" if generation.finished_at else "a draft that no refresh goes on with"


def _waiting(own: Sequence[Generation], served: Sequence[str], staying: set[str]) -> set[str]:
    """What a refresh of one form can go on with; `own` is of that form, the newest first."""
    last = next((each.name for each in own if each.finished_at), "")
    found = {last} if last and last not in served else set()
    drafts = [each.name for each in own if not each.finished_at and each.base == last]
    if drafts and (not last or last in staying | found):  # a draft is nothing without its base
        found.add(drafts[0])
    return found
