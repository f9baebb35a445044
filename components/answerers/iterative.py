"""Answers after searching for what is missing: look at the passages, judge them, search, again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from typing import ClassVar

from components.answerers import prompt as prompts
from components.answerers.assessment import Assessment, assessment
from components.answerers.chat import answered
from components.answerers.model import Asking
from components.answerers.passages import passages
from components.endpoint.conversation import Message, Said
from components.options import Count, option, part
from components.stages import Search
from components.values import Answer, Hit, Query, Step, Usage

_TRIES = 2
"""Of an assessment that cannot be read."""
_TOKENS_PER_BYTE = 1 / 3
"""Of what is sent, before any call has told."""
_UNREAD = "(cannot be read)"
_REMINDER = Message("user", "Reply with the one JSON object only.")


@dataclass(frozen=True, kw_only=True)
class Iterative(Asking):
    """Lets the model judge the passages, and searches for what it misses, before it answers.

    Without a `search` there is nothing to be done about what is missing: it asks once, as `Chat`.
    """

    revision: ClassVar[int] = 1

    steps: Count = option(4, help="searches for a question at most")
    width: Count = option(2, help="searches after a judgement of the passages at most")
    k: Count = option(5, help="hits of a search")
    tokens: Count = option(
        30_000,
        help="tokens for a question, sent and answered: no more judgements where one and the "
        "answer might take more",
    )
    search: Search | None = part()

    def __post_init__(self) -> None:
        super().__post_init__()
        if "context" not in self.asked_by.places:
            raise ValueError("a prompt without {context} has no use for a search")

    @property
    def facts(self) -> Mapping[str, object]:
        """Of the model and the prompts."""
        return {**super().facts, "assess": prompts.built_in("assess").sha256}

    def answer(self, query: Query, hits: Sequence[Hit]) -> Answer:
        """See `Answerer`. Every judgement and search is a step; one that could not be read says so
        in its own. Raises BadOption, EndpointUnavailable, GuardStopped, MissingExtra.
        """
        inquiry = _Inquiry(self, query, list(hits))
        while inquiry.may_go_on():
            wanted = inquiry.assess()
            if wanted is None or wanted.enough or not inquiry.search(wanted.questions):
                break
        made = answered(self, query, inquiry.hits)
        return replace(
            made,
            usage=inquiry.usage + made.usage,
            steps=(*inquiry.steps, *made.steps),
            found=inquiry.found,
        )


@dataclass
class _Inquiry:
    """What is known about one question so far."""

    by: Iterative
    query: Query
    given: list[Hit]
    lists: list[Sequence[Hit]] = field(default_factory=list)
    """What each search found."""
    asked: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    sent: int = 0
    """Bytes, of which `usage` has the tokens."""

    @property
    def hits(self) -> list[Hit]:
        """All of them, each list's best first."""
        return _distinct(rank for row in zip_longest(self.given, *self.lists) for rank in row)

    @property
    def found(self) -> tuple[Hit, ...]:
        """Those that were not given, in order of finding."""
        given = {hit.chunk.id for hit in self.given}
        found = _distinct(hit for hits in self.lists for hit in hits)
        return tuple(hit for hit in found if hit.chunk.id not in given)

    def may_go_on(self) -> bool:
        """Whether there are searches left, and tokens for a judgement and the answer."""
        left = self.by.search is not None and len(self.asked) < self.by.steps
        return left and self._affords([self._question()])

    def assess(self) -> Assessment | None:
        """The model's judgement of the passages; None where it cannot be read."""
        messages = [self._question()]
        for _ in range(_TRIES):
            said = self._ask(messages)
            found = assessment(said.text)
            self._note("assess", self.query.text, said.text if found else f"{_UNREAD} {said.text}")
            messages += [Message("assistant", said.text), _REMINDER]
            if found or not self._affords(messages):
                return found
        return None

    def search(self, questions: Iterable[str]) -> bool:
        """Searches for what was not yet searched for. Whether anything new was asked."""
        known = {each.casefold() for each in (self.query.text, *self.asked)}
        new: dict[str, str] = {}
        for question in questions:
            if question.casefold() not in known:
                new.setdefault(question.casefold(), question)
        for question in islice(new.values(), min(self.by.width, self.by.steps - len(self.asked))):
            self._search(question)
        return bool(new)

    def _search(self, question: str) -> None:
        assert self.by.search is not None  # noqa: S101 - `may_go_on` asks
        known = {hit.chunk.id for hit in self.hits}
        found = list(self.by.search(replace(self.query, text=question), self.by.k))
        new = sum(hit.chunk.id not in known for hit in found)
        ids = tuple(hit.chunk.id for hit in found)
        self.asked.append(question)
        self.lists.append(found)
        self._note("search", question, f"{len(found)} passages, {new} of them new", ids)

    def _question(self) -> Message:
        read = passages(self.hits, self.by.context_characters)
        asked = prompts.built_in("assess").filled(
            question=self.query.text,
            context=read.text or "(no passages)",
            searched="\n".join(f"- {each}" for each in (self.query.text, *self.asked)),
            width=str(self.by.width),
        )
        return Message("user", asked)

    def _affords(self, messages: Sequence[Message]) -> bool:
        """Whether there are tokens for this call and the answer, whose prompt is about as long."""
        rate = self.usage.input_tokens / self.sent if self.sent else _TOKENS_PER_BYTE
        spent = self.usage.input_tokens + self.usage.output_tokens
        return spent + 2 * (_size(messages) * rate + self.by.max_tokens) <= self.by.tokens

    def _ask(self, messages: Sequence[Message]) -> Said:
        said = self.by.chat_model.ask(messages, purpose="assess")
        self.sent += _size(messages)
        self.usage += said.usage
        return said

    def _note(self, name: str, asked: str, said: str, ids: tuple[str, ...] = ()) -> None:
        self.steps.append(Step(name=name, asked=asked, said=said, chunk_ids=ids))


def _size(messages: Sequence[Message]) -> int:
    """Bytes."""
    return sum(len(each.text.encode(errors="replace")) for each in messages)


def _distinct(hits: Iterable[Hit | None]) -> list[Hit]:
    """The first of each chunk."""
    first: dict[str, Hit] = {}
    for hit in hits:
        if hit is not None:
            first.setdefault(hit.chunk.id, hit)
    return list(first.values())
