"""One question to a chat model, with the hits as numbered passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from components.answerers.model import Asking
from components.answerers.passages import citations, passages
from components.endpoint.conversation import Message
from components.values import Answer, Hit, Query, Step


@dataclass(frozen=True, kw_only=True)
class Chat(Asking):
    """Asks a chat model once, with the hits as numbered passages.

    The passages that its answer names by their numbers are the citations. The step `answer` has
    those that were read; one called `cut` follows where the answer was longer than `max_tokens`.
    """

    revision: ClassVar[int] = 1

    def answer(self, query: Query, hits: Sequence[Hit]) -> Answer:
        """See `Answerer`. Raises BadOption, EndpointUnavailable, GuardStopped, MissingExtra."""
        return answered(self, query, hits)


def answered(by: Asking, query: Query, hits: Sequence[Hit]) -> Answer:
    """An answer by one call of the model."""
    closed = "context" not in by.asked_by.places
    read = passages(() if closed else hits, by.context_characters)
    asked = by.asked_by.filled(question=query.text, context=read.text or "(no passages)")
    said = by.chat_model.ask([Message("user", asked)], purpose="answer")
    steps = [Step(name="answer", asked=query.text, said=said.text, chunk_ids=read.chunk_ids)]
    if said.cut:
        steps.append(Step(name="cut", asked="max_tokens", said=str(by.max_tokens)))
    return Answer(
        text=said.text,
        citations=citations(said.text, read.read),
        usage=said.usage,
        steps=tuple(steps),
    )
