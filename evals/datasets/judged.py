"""Questions with judgements: what every evaluation starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Judgements = Mapping[str, Mapping[str, int]]
"""Question id to unit id to grade; above 0 is relevant. Called qrels in TREC's terms."""


@dataclass(frozen=True)
class Question:
    """A question of a data set."""

    id: str
    text: str
    document_id: str = ""
    """The document that it is about, where the data set says so."""


@dataclass(frozen=True)
class Judged:
    """A data set."""

    name: str
    questions: tuple[Question, ...]
    judgements: Judgements
