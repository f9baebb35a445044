"""The answerer that asks a chat model once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from components import spec
from components.answerers import prompt as prompts
from components.answerers.chat import Chat
from components.endpoint.ledger import Ledger
from components.errors import BadOption, GuardStopped, Unavailable
from components.registry import build, resolve
from components.values import Query, Usage
from tests.contracts.answerer import AnswererContract, hits_of
from tests.endpoint.server import Asked, ChatServer, Reply, chat_server

pytest.importorskip("openai")
QUERY = Query(text="How long is the notice period?")
HITS = hits_of(["Three months.", "Six weeks.", "No notice."])


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with chat_server() as made:
        yield made


def chat(model: ChatServer, ledger: Ledger | None = None, **options: Any) -> Chat:
    given = {"endpoint": model.address, "model": "tiny", "key": "MY_KEY", **options}
    made: Chat = build("answerer", resolve("answerer", "chat", given), ledger=ledger)
    return made


class TestContract(AnswererContract):
    @pytest.fixture(params=["context_first", "closed_book"])
    def answerer(self, request: pytest.FixtureRequest, model: ChatServer) -> Chat:
        model.script = lambda _: "By [1] and [3], not [2, 900]. [1]"
        return chat(model, prompt=request.param, stream=request.param == "closed_book")


@pytest.mark.parametrize("component", ["chat", "iterative"])
@pytest.mark.parametrize("name", ["key", "endpoint"])
@pytest.mark.parametrize("value", [47114711, ["sk-4711"], {"sk-4711": 1}, "sk-4711", 4711.5])
def test_a_key_in_the_wrong_place_is_refused_unseen(
    component: str, name: str, value: object
) -> None:
    given = {"endpoint": "http://127.0.0.1:9/v1", "model": "tiny", name: value}
    with pytest.raises(BadOption) as caught:
        build("answerer", resolve("answerer", component, given))
    assert "4711" not in f"{caught.value} {caught.value.where} {caught.value.hint}"
    assert name in caught.value.where


def test_what_the_model_reads_and_what_comes_of_it(model: ChatServer) -> None:
    model.script = [Reply("Three months [1], once six weeks [2].", usage=(100, 20))]
    made = chat(model, input_price=1.0, output_price=10.0).answer(QUERY, HITS)
    (asked,) = model.asked
    for text in ("[1] Sales", "Three months.", "[2] d1, pages 2-3", "Six weeks.", QUERY.text):
        assert text in asked.question
    assert made.text == "Three months [1], once six weeks [2]."
    assert [each.chunk_id for each in made.citations] == ["0000", "0001"]
    assert made.usage == Usage(calls=1, input_tokens=100, output_tokens=20, cost=300 / 1e6)
    (step,) = made.steps
    assert (step.name, step.asked, step.said) == ("answer", QUERY.text, made.text)
    assert step.chunk_ids == ("0000", "0001", "0002")


def test_a_cut_answer_has_a_step_that_says_so(model: ChatServer) -> None:
    model.script = [Reply("Three mon", finish="length")]
    made = chat(model, max_tokens=3).answer(QUERY, HITS)
    assert [(step.name, step.said) for step in made.steps[1:]] == [("cut", "3")]


def test_passages_that_there_is_no_room_for_are_not_read_nor_cited(model: ChatServer) -> None:
    model.script = ["[1] [2] [3]"]
    made = chat(model, context_characters=60).answer(QUERY, HITS)
    assert made.steps[0].chunk_ids == ("0000", "0001")
    assert [each.chunk_id for each in made.citations] == ["0000", "0001"]
    assert "No notice." not in model.asked[0].question


def test_the_order_of_question_and_passages(model: ChatServer) -> None:
    places = {}
    for name in ("context_first", "question_first"):
        chat(model, prompt=name).answer(QUERY, HITS)
        asked = model.asked[-1].question
        places[name] = (asked.index("Three months."), asked.index(QUERY.text))
    assert places["context_first"][0] < places["context_first"][1]
    assert places["question_first"][0] > places["question_first"][1]


def test_with_a_closed_book_nothing_is_read_or_cited(model: ChatServer) -> None:
    model.script = ["I know it [1]."]
    made = chat(model, prompt="closed_book").answer(QUERY, HITS)
    assert "Three months." not in model.asked[0].question
    assert (made.citations, made.steps[0].chunk_ids) == ((), ())


def test_braces_in_texts_are_no_places(model: ChatServer) -> None:
    hits = hits_of(["A {question} {nothing} {0} {"])
    chat(model).answer(Query(text="Is {context} a place?"), hits)
    asked = model.asked[0].question
    assert asked.count("A {question} {nothing} {0} {") == 1
    assert asked.count("Is {context} a place?") == 1


def test_a_prompt_of_ones_own(model: ChatServer, tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text('Reply {"json": true}. {context} Ünd: {question}?', encoding="utf-8")
    by = chat(model, prompt=str(file))
    before = by.facts
    file.write_text("{question}")  # which is heard of by the next one only
    by.answer(QUERY, HITS[:1])
    assert model.asked[0].question == (
        f'Reply {{"json": true}}. [1] Sales\nThree months. Ünd: {QUERY.text}?'
    )
    assert by.facts == before
    assert chat(model, prompt=str(file)).facts != before


def test_a_pipeline_file_names_a_prompt_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("{context} {question}")
    file = tmp_path / "p.yaml"
    file.write_text(
        "name: p\nsource: {use: files, path: .}\n"
        "answerer: {use: chat, endpoint: 'http://127.0.0.1:1/v1', model: m, prompt: ./mine.txt}\n"
    )
    made = spec.load(file).build("answerer")
    assert made.prompt == str(tmp_path / "mine.txt")
    assert made.asked_by.text == "{context} {question}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Only {context}", "no place {question}"),
        ("{question} {contexts}", "{contexts}"),
        (b"\xff {question}", "UTF-8"),
        (None, "No such file"),
    ],
)
def test_a_prompt_that_cannot_be_used(
    model: ChatServer, tmp_path: Path, text: str | bytes | None, told: str
) -> None:
    file = tmp_path / "mine.txt"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadOption) as caught:
        chat(model, prompt=str(file))
    assert told in str(caught.value)
    assert caught.value.where == str(file)


def test_a_prompt_that_is_not_there(model: ChatServer) -> None:
    for name in ("mine.txt", "assess", "../chat"):
        with pytest.raises(BadOption) as caught:
            chat(model, prompt=name)
        assert "prompt" in str(caught.value)


@pytest.mark.parametrize("name", prompts.NAMES)
def test_built_in_prompts_have_their_places(name: str) -> None:
    expected = {"question"} if name == "closed_book" else {"question", "context"}
    assert prompts.load(name).places == expected


def test_facts(model: ChatServer) -> None:
    made = chat(model, prompt="question_first", max_tokens=7).facts
    assert made == {
        "address": model.address, "model": "tiny", "temperature": 0.0, "max_tokens": 7,
        "prompt": prompts.load("question_first").sha256,
    }  # fmt: skip
    assert json.dumps(made)
    assert made["prompt"] != chat(model).facts["prompt"]


def test_many_questions_at_once_share_a_ledger(model: ChatServer, tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"

    def reply(asked: Asked) -> Reply:
        number = len(asked.question.rpartition("?")[2])
        return Reply(f"{number}", hang=0.02, usage=(number, 1))

    model.script = reply
    by = chat(model, Ledger(file, limit=1e9), input_price=1e6, output_price=1e6)
    questions = [Query(text=f"How many?{'x' * at}") for at in range(12)]
    with ThreadPoolExecutor(by.concurrency) as pool:
        answers = list(pool.map(lambda query: by.answer(query, HITS), questions))
    assert [each.text for each in answers] == [str(at) for at in range(12)]
    assert 1 < model.most_at_once <= by.concurrency == 4
    known = Ledger(file).totals.known
    assert known == sum((each.usage for each in answers), Usage())
    assert known.cost == sum(a + b for a, b in model.reported)


def test_failures_are_told(model: ChatServer) -> None:
    model.script = lambda _: Reply(status=503)
    with pytest.raises(Unavailable):
        chat(model, retries=0).answer(QUERY, HITS)
    with pytest.raises(GuardStopped):
        chat(model, Ledger(limit=0.0), input_price=1.0).answer(QUERY, HITS)
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint": "nowhere"},
        {"key": "sk-very-secret"},
        {"seconds": 0},
        {"temperature": -1},
        {"max_tokens": 0},
        {"input_price": -1.0},
        {"concurrency": 0},
    ],
)
def test_options_that_are_refused(model: ChatServer, options: dict[str, Any]) -> None:
    with pytest.raises(BadOption):
        chat(model, **options)
