"""The answerer that searches for what is missing before it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.answerers.assessment import assessment
from components.answerers.iterative import Iterative
from components.endpoint.ledger import Ledger
from components.errors import BadOption
from components.registry import build, resolve
from components.stages import Search
from components.values import Answer, Hit, Query, Usage
from tests.contracts.answerer import AnswererContract, hits_of
from tests.endpoint.server import Asked, ChatServer, Reply, chat_server

pytest.importorskip("openai")
QUERY = Query(text="Did sales grow in 1903?", id="q1", filter={"year": [2020]})
ALL = hits_of([f"Sales of {1900 + at} were {at}." for at in range(20)])
GIVEN = ALL[:2]
ENOUGH = json.dumps({"enough": True})


def lacks(*questions: str) -> str:
    return json.dumps({"enough": False, "missing": "a year", "questions": questions})


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with chat_server() as made:
        yield made


class Searched:
    """A search that finds passages by the numbers in a question, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Query, int]] = []

    def __call__(self, query: Query, k: int) -> list[Hit]:
        self.asked.append((query, k))
        return [ALL[int(word) % 20] for word in query.text.split() if word.isdigit()][:k]


def by(model: ChatServer, search: Search | None = None, **more: Any) -> Iterative:
    ledger = more.pop("ledger", None)
    given = {"endpoint": model.address, "model": "tiny", "key": "MY_KEY", **more}
    choice = resolve("answerer", "iterative", given)
    made: Iterative = build("answerer", choice, search=search, ledger=ledger)
    return made


def names(answer: Answer) -> list[str]:
    return [step.name for step in answer.steps]


def _judging_the_passages(asked: Asked) -> str:
    if "JSON" not in asked.question:
        return "By [1] and [2], not [900]."
    return ENOUGH if "- more 3" in asked.question else lacks("more 3", "more 1 4")


class TestContract(AnswererContract):
    @pytest.fixture(params=["searching", "alone"])
    def answerer(self, request: pytest.FixtureRequest, model: ChatServer) -> Iterative:
        model.script = _judging_the_passages
        return by(model, _found if request.param == "searching" else None)


def _found(query: Query, k: int) -> list[Hit]:
    return hits_of([f"Passage {at}" for at in range(100)])[95 : 95 + k]


def test_enough_at_once(model: ChatServer) -> None:
    model.script = [Reply(ENOUGH, usage=(50, 5)), Reply("Yes [2].", usage=(60, 6))]
    search = Searched()
    made = by(model, search).answer(QUERY, GIVEN)
    assert names(made) == ["assess", "answer"]
    assert search.asked == []
    assert made.found == ()
    assert made.text == "Yes [2]."
    assert [each.chunk_id for each in made.citations] == ["0001"]
    assert made.usage == Usage(calls=2, input_tokens=110, output_tokens=11)


def test_what_is_missing_is_searched_for(model: ChatServer) -> None:
    model.script = [lacks("sales 2 3 1", "sales 4"), lacks("sales 5"), ENOUGH, "Yes [1][3][4]."]
    search = Searched()
    made = by(model, search, k=3).answer(QUERY, GIVEN)
    assert names(made) == ["assess", "search", "search", "assess", "search", "assess", "answer"]
    assert [(query.text, k) for query, k in search.asked] == [
        ("sales 2 3 1", 3), ("sales 4", 3), ("sales 5", 3),
    ]  # fmt: skip
    assert all((query.id, query.filter) == ("q1", QUERY.filter) for query, _ in search.asked)
    first, last = made.steps[1], made.steps[-1]
    assert (first.asked, first.chunk_ids) == ("sales 2 3 1", ("0002", "0003", "0001"))
    assert first.said == "3 passages, 2 of them new"
    # The best of every list stand first, each passage once.
    assert last.chunk_ids == ("0000", "0002", "0004", "0005", "0001", "0003")
    assert [each.chunk_id for each in made.citations] == ["0000", "0004", "0005"]
    assert [hit.chunk.id for hit in made.found] == ["0002", "0003", "0004", "0005"]
    second = model.asked[1].question
    for text in ("Sales of 1903 were 3.", "- sales 2 3 1\n- sales 4", QUERY.text):
        assert text in second


def test_searches_are_counted(model: ChatServer) -> None:
    numbers = count()
    model.script = lambda asked: (
        lacks(*(f"sales {next(numbers)}" for _ in range(3))) if "JSON" in asked.question else "Yes."
    )
    search = Searched()
    made = by(model, search, steps=3, width=2).answer(QUERY, GIVEN)
    assert names(made) == ["assess", "search", "search", "assess", "search", "answer"]
    assert len(search.asked) == 3


def test_a_question_is_searched_for_once(model: ChatServer) -> None:
    model.script = [lacks("sales 4", "Sales  4", " ", QUERY.text), lacks("SALES 4"), "Yes."]
    search = Searched()
    made = by(model, search).answer(QUERY, GIVEN)
    assert names(made)[:2] == ["assess", "search"]
    assert [query.text for query, _ in search.asked] == ["sales 4"]
    assert names(made)[-1] == "answer"


def test_no_question_for_what_is_missing(model: ChatServer) -> None:
    model.script = [lacks(), "It cannot be answered."]
    made = by(model, Searched()).answer(QUERY, GIVEN)
    assert names(made) == ["assess", "answer"]


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        (["What?", ENOUGH], ["assess", "assess", "answer"]),
        (["What?", '{"questions": []}'], ["assess", "assess", "answer"]),
        (["What?", lacks("sales 4"), ENOUGH], ["assess", "assess", "search", "assess", "answer"]),
    ],
)
def test_a_judgement_that_cannot_be_read_is_asked_for_again_once(
    model: ChatServer, replies: list[str], expected: list[str]
) -> None:
    model.script = [*replies, "Yes."]
    made = by(model, Searched()).answer(QUERY, GIVEN)
    assert names(made) == expected
    assert made.text == "Yes."
    assert made.steps[0].said == "(cannot be read) What?"
    assert [each["role"] for each in model.asked[1].body["messages"]] == [
        "user", "assistant", "user",
    ]  # fmt: skip
    assert made.usage.calls == len(model.asked)


def test_it_is_not_asked_for_again_where_tokens_are_short(model: ChatServer) -> None:
    model.script = lambda asked: Reply("Well.", usage=(900, 50))
    made = by(model, Searched(), max_tokens=50, tokens=2_000).answer(QUERY, GIVEN)
    assert names(made) == ["assess", "answer"]
    assert made.usage.input_tokens + made.usage.output_tokens <= 2_000


def test_without_a_search_it_asks_once(model: ChatServer) -> None:
    model.script = ["Yes [1]."]
    made = by(model).answer(QUERY, GIVEN)
    assert names(made) == ["answer"]
    assert len(model.asked) == 1


def test_no_hits_and_nothing_found(model: ChatServer) -> None:
    model.script = [lacks("nothing"), lacks("nothing else"), ENOUGH, "Nobody knows."]
    made = by(model, Searched()).answer(QUERY, [])
    assert made.text == "Nobody knows."
    assert (made.found, made.citations) == ((), ())
    assert "(no passages)" in model.asked[0].question


def test_tokens_are_bounded(model: ChatServer) -> None:
    numbers = count()

    def reply(asked: Asked) -> Reply:
        judging = "JSON" in asked.question
        text = lacks(f"sales {next(numbers)}") if judging else "Yes."
        return Reply(text, usage=(len(asked.question) // 4, 50))

    model.script = reply
    for bound in (1_000, 2_000, 4_000, 8_000):
        model.asked.clear()
        made = by(
            model, Searched(), steps=100, max_tokens=50, tokens=bound
        ).answer(QUERY, GIVEN)  # fmt: skip
        assert names(made)[-1] == "answer"
        assert made.usage.input_tokens + made.usage.output_tokens <= bound
        assert bound < 4_000 or len(model.asked) > bound / 1_000


def test_where_tokens_suffice_for_the_answer_only_it_is_just_asked_for(model: ChatServer) -> None:
    made = by(model, Searched(), tokens=10).answer(QUERY, GIVEN)
    assert names(made) == ["answer"]


def test_every_call_is_in_the_ledger_by_its_purpose(model: ChatServer, tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    model.script = [
        Reply(lacks("sales 3"), usage=(16, 2)), Reply(status=429, headers={"Retry-After": "0"}),
        Reply(ENOUGH, usage=(32, 4)), Reply("Yes.", usage=(64, 8)),
    ]  # fmt: skip
    made = by(
        model, Searched(), ledger=Ledger(file), input_price=1e6, output_price=1e6
    ).answer(QUERY, GIVEN)  # fmt: skip
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    purposes = [row["purpose"] for row in rows if row["state"] == "begun"]
    assert purposes == ["assess", "assess", "assess", "answer"]
    assert Ledger(file).totals.known == made.usage
    assert made.usage == Usage(calls=3, input_tokens=112, output_tokens=14, cost=126.0)


def test_a_prompt_without_passages_is_refused(model: ChatServer) -> None:
    with pytest.raises(BadOption, match="no use for a search"):
        by(model, prompt="closed_book")


def test_facts_have_both_prompts(model: ChatServer) -> None:
    facts = by(model).facts
    assert facts["prompt"] != facts["assess"]
    assert facts["model"] == "tiny"


AROUND: dict[str, Callable[[str], str]] = {
    "alone": lambda text: text,
    "code": lambda text: f"```json\n{text}\n```",
    "words": lambda text: f"Sure! Here it is: {text} Hope {{that}} helps.",
    "thought": lambda text: f'<think>{{"enough": true}} or {{"a": [1]}}? {{</think>{text}',
    "lines": lambda text: json.dumps(json.loads(text), indent=2),
}


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_a_judgement_is_read_from_what_stands_around_it(around: Callable[[str], str]) -> None:
    found = assessment(around(lacks("sales {4}", " sales  {4} ", "")))
    assert found is not None
    assert (found.enough, found.missing, found.questions) == (False, "a year", ("sales {4}",))


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "[]", "true", '{"enough": 7}', '{"enough": "perhaps"}', '{"missing": "x"}',
        '{"enough": null}', '{"enough": false, "questions": [1]}',
        '{"a":' * 5000,
    ],
)  # fmt: skip
def test_what_is_no_judgement(text: str) -> None:
    assert assessment(text) is None


@pytest.mark.parametrize(
    ("text", "missing", "questions"),
    [
        ('{"enough": false, "missing": "the\nmill", "questions": ["Where?"]}', "the\nmill", 1),
        ('{"enough": false, "missing": null, "questions": "Where?"}', "", 1),
        ('{"enough": false, "missing": ["a", "b"], "questions": null}', "a b", 0),
        ('{"enough": true} {"enough": false, "questions": ["Where?"]}', "", 1),
    ],
)
def test_a_judgement_is_read_as_models_write_it(text: str, missing: str, questions: int) -> None:
    found = assessment(text)
    assert found is not None
    assert (found.enough, found.missing) == (False, missing)
    assert found.questions == ("Where?",) * questions


def test_half_characters_reach_no_search() -> None:
    found = assessment('{"enough": false, "questions": ["a \\ud800 b"]}')
    assert found is not None
    assert found.questions == ("a ? b",)


@given(st.text(alphabet='{}[]":,enough tru\\', max_size=80))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    assessment(text)
