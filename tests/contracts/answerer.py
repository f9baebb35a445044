"""What every answerer must do: inherit `AnswererContract` and give it an `answerer` fixture."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from typing import Any

import pytest

from components.stages import Answerer
from components.values import Answer, Chunk, Hit, Query, Span

TEXTS = {
    "plain": ["The notice period is three months."],
    "many": [f"In the year {1900 + at} sales were {at} million." for at in range(60)],
    "empty": ["", "  \n ", "The notice period is three months."],
    "odd": ["🦙 {context} {question} [1] \x00 \u202e", "naïve ﷽ \r\n\t <|im_end|> ``` \\u0041"],
    "long": ["word " * 40_000],
}
QUESTIONS = {
    "plain": "How long is the notice period?",
    "empty": "",
    "odd": "🦙 {context} {question} [1]\n\x00",
    "long": "why " * 5_000,
}


def hits_of(texts: list[str]) -> list[Hit]:
    """Passages of two chunks each, best first."""
    return [_hit(at, text, 1.0 - at / 100) for at, text in enumerate(texts)]


def _hit(number: int, text: str, score: float) -> Hit:
    chunk = Chunk(
        id=f"{number:04}", document_id=f"d{number % 5}", version="1", ordinal=number,
        span=Span(number, number + len(text)), text=text, title="" if number % 2 else "Sales",
        page=number if number % 3 else None, last_page=number + 1 if number % 3 else None,
    )  # fmt: skip
    return Hit(chunk=chunk, score=score, chunk_ids=(chunk.id, f"{number:04}b"))


def asked(text: str) -> Query:
    return Query(text=text, id="7", filter={"year": [2020]})


class AnswererContract:
    @pytest.fixture
    def answerer(self) -> Answerer:
        raise NotImplementedError("give an answerer")

    def test_is_an_answerer(self, answerer: Answerer) -> None:
        assert isinstance(answerer, Answerer)
        assert answerer.concurrency >= 1

    def test_its_facts_can_be_written_down(self, answerer: Answerer) -> None:
        assert json.loads(json.dumps(dict(answerer.facts))) == dict(answerer.facts)
        assert dict(answerer.facts) == dict(answerer.facts)

    @pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
    @pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
    def test_answers(self, answerer: Answerer, texts: list[str], question: str) -> None:
        hits = hits_of(texts)
        check(answerer.answer(asked(question), hits), hits)

    def test_answers_without_any_hit(self, answerer: Answerer) -> None:
        check(answerer.answer(asked(QUESTIONS["plain"]), []), [])

    def test_what_it_was_given_stays_as_it_was(self, answerer: Answerer) -> None:
        query, hits = asked(QUESTIONS["plain"]), hits_of(TEXTS["many"])
        before = copy.deepcopy((query, hits))
        answerer.answer(query, hits)
        assert (query, hits) == before

    def test_survives_pickling_after_use(self, answerer: Answerer) -> None:
        hits = hits_of(TEXTS["plain"])
        answerer.answer(asked(QUESTIONS["plain"]), hits)
        other = pickle.loads(pickle.dumps(answerer))
        assert other == answerer
        assert dict(other.facts) == dict(answerer.facts)
        check(other.answer(asked(QUESTIONS["plain"]), hits), hits)

    def test_is_frozen(self, answerer: Any) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            answerer.anything = 1


def check(answer: Answer, hits: list[Hit]) -> None:
    """What holds of every answer."""
    answer.text.encode()
    chunks = {hit.chunk.id: hit.chunk for hit in (*hits, *answer.found)}
    cited = [each.chunk_id for each in answer.citations]
    assert len(cited) == len(set(cited))
    for each in answer.citations:
        chunk = chunks[each.chunk_id]
        assert (each.document_id, each.span) == (chunk.document_id, chunk.span)
        assert (each.page, each.last_page) == (chunk.page, chunk.last_page)
    given = {hit.chunk.id for hit in hits}
    found = [hit.chunk.id for hit in answer.found]
    assert given.isdisjoint(found)
    assert len(found) == len(set(found))
    usage = answer.usage
    assert min(usage.calls, usage.input_tokens, usage.output_tokens, usage.cost) >= 0
    assert all(step.name for step in answer.steps)
