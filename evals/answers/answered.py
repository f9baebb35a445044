"""What is kept of a question and its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from components.text.normal_form import canonical
from components.values import Answer, Chunk, Citation, Hit, Step, Usage
from evals.experiment.namesakes import Namesake


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Text of a document: what the answerer was given or found itself, or the evidence."""

    chunk_ids: tuple[str, ...]
    document_id: str
    title: str
    start: int
    end: int
    page: int | None
    last_page: int | None
    text: str

    @classmethod
    def of(cls, hit: Hit) -> Passage:
        chunk = hit.chunk
        return cls(
            chunk_ids=hit.chunk_ids,
            document_id=chunk.document_id,
            title=chunk.title,
            start=chunk.span.start,
            end=chunk.span.end,
            page=chunk.page,
            last_page=chunk.last_page,
            text=chunk.text,
        )

    @classmethod
    def of_chunks(cls, chunks: Sequence[Chunk]) -> Passage:
        """Consecutive ones of one document, joined."""
        first, last = chunks[0], chunks[-1]
        return cls(
            chunk_ids=tuple(each.id for each in chunks),
            document_id=first.document_id,
            title=first.title,
            start=first.span.start,
            end=last.span.end,
            page=first.page,
            last_page=last.last_page,
            text="\n".join(each.text for each in chunks),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question with what came of it."""

    text: str = ""
    error: str = ""
    """Why there is no answer; asked again by the next run."""
    excused: bool = False
    """Whether that there is no answer is not the system's doing: it was not asked, or the data set
    lacks what it had to be asked with.
    """
    citations: tuple[Citation, ...] = ()
    unsupported: tuple[str, ...] = ()
    """Figures of the answer that stand in nothing that it cites."""
    evidence: tuple[Passage, ...] = ()
    """What the data set judges to be it, as far as it can be read."""
    given: tuple[Passage, ...] = ()
    found: tuple[Passage, ...] = ()
    """By searches of the answerer's own."""
    steps: tuple[Step, ...] = ()
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    searching: float = 0.0
    """Seconds, its share of those of a batch."""
    retrieval: Mapping[str, float] = field(default_factory=dict)
    """See `losses.retrieval`; empty where nothing was searched."""
    namesake: Namesake | None = None
    """What the index has under the question's id; None where nobody has looked."""

    @property
    def passages(self) -> tuple[Passage, ...]:
        """All that there was."""
        return (*self.given, *self.found)

    @property
    def consulted(self) -> tuple[Passage, ...]:
        """Those that the answer was made from, where a step `answer` tells; else all."""
        told = [each for each in self.steps if each.name == "answer"]
        if not told:
            return self.passages
        ids = set(told[-1].chunk_ids)
        return tuple(each for each in self.passages if ids & set(each.chunk_ids))

    def may_be_given_itself(self, question: str) -> bool:
        """Whether a passage may be of the question's own document, because nobody has looked."""
        ids = {canonical(each.document_id) for each in self.passages}
        return self.namesake is None and question in ids


def cited(answer: Answer, hits: tuple[Hit, ...]) -> list[str]:
    """Whole texts of the hits that the answer names."""
    named = {each.chunk_id for each in answer.citations}
    return [each.chunk.text for each in hits if named & {each.chunk.id, *each.chunk_ids}]
