"""A first look at a data set: some of its questions."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

from components.errors import BadOption
from evals.datasets import catalogue
from evals.datasets.judged import Judged, Part, Question

SEED = 0
"""Of every draw: one data set has one order in which its questions are drawn."""
_log = logging.getLogger(__name__)


def load(
    name: str,
    split: str = "test",
    *,
    limit: int | None = None,
    sample: int | None = None,
    corpus: bool = True,
) -> Judged:
    """A data set, see `catalogue.load`, with its first `limit` questions, or `sample` of them drawn
    at random; with all of them, which is logged, where there are no more.

    Raises BadOption for both at once, and as `catalogue.load` does.
    """
    if limit is not None and sample is not None:
        raise BadOption("--limit and --sample exclude each other").at(
            hint="--limit takes the first questions, --sample draws some at random"
        )
    return taken(catalogue.load(name, split, corpus=corpus), limit=limit, sample=sample)


def taken(data: Judged, *, limit: int | None = None, sample: int | None = None) -> Judged:
    """The part of a data set, its questions in their order. Its checksum stays that of the whole,
    so that answers which are kept by that serve both.

    Questions are drawn in one order, so that a larger sample holds every smaller one, and each type
    of question in its share.
    """
    wanted = sample if limit is None else limit
    if wanted is None:
        return data
    there = len(data.questions)
    if wanted >= there:
        option = "--sample" if limit is None else "--limit"
        if wanted > there:
            _log.warning("%s %s: there are %s questions, all are asked", option, wanted, there)
        return data
    chosen = _drawn(data.questions) if limit is None else data.questions
    judgements = {each.id: data.judgements[each.id] for each in chosen[:wanted]}
    return data.asking(judgements, {}, part=Part(wanted, there, drawn=limit is None))


def _drawn(questions: Sequence[Question]) -> list[Question]:
    """All of them as they are drawn: those of a type, shuffled, are spread evenly over all."""
    by_type: dict[str, list[Question]] = {}
    for each in sorted(questions, key=lambda each: _random("question", each.id)):
        by_type.setdefault(each.type, []).append(each)
    place = {
        each.id: (at + _random("type", type)) / len(own)
        for type, own in by_type.items()
        for at, each in enumerate(own)
    }
    return sorted(questions, key=lambda each: place[each.id])


def _random(kind: str, name: str) -> float:
    """From 0 to 1, the same for the same name."""
    digest = hashlib.sha256(f"{SEED} {kind} {name}".encode(errors="replace")).digest()
    return int.from_bytes(digest[:8]) / 2**64
