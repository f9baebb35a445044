"""A question with its evidence, found again in the chunk that it was made of."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from pydantic import BaseModel

from components.endpoint.conversation import Said
from components.endpoint.reply import Text, Texts, Unreadable, line, one
from components.values import Chunk, Span


class LeftOut(Exception):
    """A question that is not used; the message is the reason, the same for all of its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A question with its answer, and where that is proved."""

    question: str
    answer: str
    evidence: tuple[str, ...]
    """As the passage has it."""
    document_id: str
    start: int
    """Of the passage in the document, in characters."""
    passage: str
    """What the question was made of, without blanks at its end."""
    page: int | None = None
    """Page of the passage's first character, from 0."""
    type: str = "generated"
    """What kind of question it is."""

    @property
    def id(self) -> str:
        """Of the passage and its place: it tells whether anybody has changed them."""
        place = f"{self.document_id}\0{self.start}\0{self.page}\0{self.passage}"
        return "g-" + hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:12]

    @property
    def spans(self) -> tuple[Span, ...]:
        """Of the evidence in the document, ascending. Raises LeftOut where it is not there."""
        found = {found_in(self.passage, each) for each in self.evidence}
        return tuple(Span(self.start + span.start, self.start + span.end) for span in sorted(found))


def found_in(passage: str, quote: str) -> Span:
    """Where a quotation stands; line ends count as blanks. Raises LeftOut where it does not."""
    found = re.search(r"\s+".join(map(re.escape, quote.split())), passage)
    if not found or not found[0]:
        raise LeftOut("the evidence is not verbatim")
    return Span(*found.span())


def read(said: Said, chunk: Chunk) -> Draft:
    """What a model says about a chunk. Raises LeftOut."""
    try:
        found = one(said.text, _Reply, cut=said.cut)
    except Unreadable:
        raise LeftOut("the reply cannot be read") from None
    if not found.question.strip():
        raise LeftOut("the model finds nothing to ask")
    quotes = [found_in(chunk.text, each) for each in found.evidence]
    if not quotes:
        raise LeftOut("there is no evidence")
    return Draft(
        question=line(found.question),
        answer=line(found.answer),
        evidence=tuple(chunk.text[each.start : each.end] for each in quotes),
        document_id=chunk.document_id,
        start=chunk.span.start,
        passage=chunk.text.rstrip(),
        page=chunk.page,
    )


class _Reply(BaseModel):
    question: Text
    answer: Text = ""
    evidence: Texts = ()
