"""Questions with judgements: what every evaluation starts from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Literal

from components.errors import UserError
from components.fields import plain
from components.values import Metadata, Query, Scalar

Unit = Literal["document", "page", "span"]
"""What judgements are about and rankings are made of."""
Judgements = Mapping[str, Mapping[str, int]]
"""Question id to unit id to grade; above 0 is relevant. Called qrels in TREC's terms."""
DOCUMENT = "document_id"
"""The scope of a question that is about one document."""
_NAMED = 5


class BadData(UserError):
    """A data set contradicts itself or holds nothing to measure."""


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """Characters `start` (included) to `end` (excluded) of a document that answer a question."""

    document_id: str
    start: int
    end: int
    grade: int = field(default=1, compare=False)

    @property
    def id(self) -> str:
        """The unit id where spans are judged."""
        return f"{self.document_id}#{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a data set."""

    id: str
    text: str
    type: str = ""
    """What kind of question the data set calls it; scores are shown by it."""
    metadata: Metadata = field(default_factory=dict)
    """Its other fields, as far as they are flat: answers, the value of the scope."""
    document_id: str = ""
    """The document that it is about, where the data set says so."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Parts of a data set that are not measured."""

    count: int
    first: tuple[str, ...]
    """Ids of the first few."""

    @classmethod
    def of(cls, ids: Iterable[str]) -> LeftOut:
        """All of these, in their order."""
        found = tuple(ids)
        return cls(len(found), found[:_NAMED])

    def to_json(self) -> dict[str, Any]:
        return {"count": self.count, "first": list(self.first)}


@dataclass(frozen=True, slots=True)
class Part:
    """What was taken of a data set's questions for a first look."""

    questions: int
    of: int
    drawn: bool
    """At random; else they are the first."""

    def __str__(self) -> str:
        how = "drawn at random" if self.drawn else "the first"
        return f"{self.questions:,} of {self.of:,} questions, {how}"


def counted(left_out: Mapping[str, Sequence[str]]) -> dict[str, LeftOut]:
    """Of ids by reason, without the reasons that have none."""
    return {reason: LeftOut.of(ids) for reason, ids in left_out.items() if ids}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A data set: every question has a relevant unit, every judged document is in the corpus if
    it has one.
    """

    name: str
    split: str
    questions: tuple[Question, ...]
    judgements: Judgements
    evidence: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)
    """By question id, ascending; empty where the data set has no spans."""
    grade_scale: int = 1
    """What the grades of the file were multiplied by: more than 1 where some are fractions."""
    unit: Unit = "document"
    source: Mapping[str, Any]
    """The stage that reads the corpus, as a pipeline file has it: `{use: jsonl, path: …}`; empty
    where there are questions alone.
    """
    scope: str = ""
    """Field that a question and its documents share, its name alone or in full: the ranking may be
    limited to its value.
    """
    corpus: str = ""
    """Sha256 of the documents alone, in hex; empty where it is not known apart."""
    checksum: str
    """Sha256 of all that makes corpus, questions and this split, in hex."""
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    """What is not measured, by reason."""
    part: Part | None = None
    """Where these are not all of its questions; the checksum is that of all."""

    @property
    def asked(self) -> str:
        """How many questions these are, of how many if they are a part."""
        return str(self.part or f"{len(self.questions)} questions")

    def queries(self, *, scoped: bool = False) -> list[Query]:
        """A query per question, in their order; `scoped`: filtered by the value of the scope.

        Raises BadData where there is no scope.
        """
        if scoped and not self.scope:
            raise BadData("the data set has no scope to search in").at(where=self.name)
        field = f"document.{DOCUMENT}" if self.scope == DOCUMENT else self.scope
        return [
            Query(
                id=each.id,
                text=each.text,
                filter={field: self._values(each)} if scoped else {},
            )
            for each in self.questions
        ]

    def check_scope(self, absent: Mapping[str, str]) -> None:
        """Raises BadData where an index has no such field, see `Found.absent`: nothing is found,
        and all metrics would be 0.
        """
        for told in absent.values():
            raise BadData(f"the scope finds nothing: {told}").at(where=self.name)

    def asking(
        self, judgements: Judgements, left_out: Mapping[str, Sequence[str]], **changes: Any
    ) -> Judged:
        """The questions of these judgements alone, and ids of what is not measured, by reason."""
        return replace(
            self,
            questions=tuple(each for each in self.questions if each.id in judgements),
            judgements=judgements,
            evidence={id: each for id, each in self.evidence.items() if id in judgements},
            left_out={**self.left_out, **counted(left_out)},
            **changes,
        )

    def sampled(self, most: int, seed: int) -> Judged:
        """At most so many questions, in their order; the corpus stays, and with it the indexes."""
        if len(self.questions) <= most:
            return self
        kept = {*Random(seed).sample([each.id for each in self.questions], most)}  # noqa: S311
        told = f"{self.checksum} {most} of seed {seed}"
        return self.asking(
            {id: each for id, each in self.judgements.items() if id in kept},
            {},
            checksum=hashlib.sha256(told.encode()).hexdigest(),
        )

    def document_of(self, unit: str) -> str:
        """The document that a judged unit is, or is a part of."""
        return unit if self.unit == "document" else unit.rpartition("#")[0]

    def relevant(self, question: str) -> list[str]:
        """Units that are judged relevant to the question of this id."""
        return [unit for unit, grade in self.judgements[question].items() if grade > 0]

    def _values(self, question: Question) -> Sequence[Scalar]:
        if self.scope == DOCUMENT and question.document_id:
            return [question.document_id]
        value = question.metadata[plain(self.scope)]
        return [value] if isinstance(value, str | int | float | bool) else value
