"""The file that says which judge is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.endpoint.ledger import Ledger
from components.errors import SpecError
from evals.judging.judge_file import model_judge, read
from evals.judging.model_judge import ModelJudge
from tests.endpoint.server import chat_server
from tests.judging.chat import Scripted

LEAST = "endpoint: http://127.0.0.1:9/v1\nmodel: a-model\n"
SECRET = "sk-very-secret"


def file(folder: Path, text: str) -> Path:
    made = folder / "judge.yaml"
    made.write_text(text, encoding="utf-8")
    return made


def refused(folder: Path, text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        read(file(folder, text))
    assert "judge.yaml" in caught.value.where
    return caught.value


def test_what_need_not_be_said(tmp_path: Path) -> None:
    found = read(file(tmp_path, LEAST))
    assert found.prompt == ModelJudge(model=Scripted([])).prompt
    assert (found.repeats, found.ragas, found.input_price) == (1, (), 0)


def test_all_that_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("{question} {gold} {answer} {verdict}", encoding="utf-8")
    text = f"""{LEAST}
key: MY_KEY
prompt: own.txt
repeats: 3
temperature: 0.7
max_tokens: 200
seconds: 5
input_price: 0.5
output_price: 1
ragas: [faithfulness, context_recall]
"""
    found = read(file(tmp_path, text))
    judge = model_judge(found, Ledger())
    assert found.ragas == ("faithfulness", "context_recall")
    assert judge.prompt == "{question} {gold} {answer} {verdict}"
    assert judge.repeats == 3
    assert judge.facts["model"] == {
        "address": "http://127.0.0.1:9/v1",
        "model": "a-model",
        "temperature": 0.7,
        "max_tokens": 200,
    }


def test_the_judge_of_a_file_asks_with_its_key_and_prices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    ledger = Ledger()
    with chat_server([json.dumps({"verdict": "refused", "why": "It does not know."})]) as server:
        text = f"endpoint: {server.address}\nmodel: m\nkey: MY_KEY\ninput_price: 1000\n"
        judge = model_judge(read(file(tmp_path, text)), ledger)
        found = judge.judge("How many?", "12", "I do not know.")
    assert found.judgement.verdict == "refused"
    assert server.asked[0].headers["authorization"] == f"Bearer {SECRET}"
    assert ledger.totals.cost == pytest.approx(11 * 1000 / 1e6)
    assert SECRET not in json.dumps(judge.facts)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("model: m\n", "'endpoint' is missing", "https://"),
        ("endpoint: http://a/v1\n", "'model' is missing", ""),
        (LEAST + "repeat: 3\n", "unknown key 'repeat'", "repeats"),
        (LEAST + "3: 3\n", "unknown key '3'", "repeats"),
        (LEAST + "repeats: 0\n", "greater than or equal to 1, not 0", ""),
        (LEAST + "repeats: '2'\n", "valid integer, not '2'", ""),
        (LEAST + "input_price: -1\n", "greater than or equal to 0", ""),
        (LEAST + "output_price: .inf\n", "finite", ""),
        (LEAST + "seconds: 0\n", "greater than 0", ""),
        (LEAST + "ragas: [faithfulnes]\n", "not 'faithfulnes'", "answer_correctness"),
        (LEAST + "ragas: faithfulness\n", "not 'faithfulness'", "context_recall"),
        (LEAST + "prompt: none.txt\n", "no such file", ""),
        ("- a\n", "mapping", "endpoint"),
        ("a: [\n", "not valid YAML", ""),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str, hint: str) -> None:
    if "prompt" in text:
        with pytest.raises(SpecError, match=message):
            read(file(tmp_path, text))
        return
    error = refused(tmp_path, text)
    assert message in str(error)
    assert hint in error.hint


def test_a_prompt_without_a_place_for_the_answer(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("{question} {gold}", encoding="utf-8")
    error = refused(tmp_path, LEAST + "prompt: own.txt\n")
    assert "{answer}" in str(error)


@pytest.mark.parametrize("path", ["~nobody-of-that-name/x", '"a\\0b"'])
def test_a_prompt_at_a_path_that_is_none(tmp_path: Path, path: str) -> None:
    with pytest.raises(SpecError):
        read(file(tmp_path, f"{LEAST}prompt: {path}\n"))


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file"):
        read(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "text",
    [
        f"endpoint: http://a/v1\nmodel: m\nkey: {SECRET}\n",
        f"endpoint: http://me:{SECRET}@a/v1\nmodel: m\n",
        f"endpoint: http://a/v1?key={SECRET}\nmodel: m\n",
        f"endpoint: http://a/v1\nmodel: m\napi_key: {SECRET}\n",
        f"endpoint: http://a/v1\nmodel: m\nkey: [{SECRET}]\n",
    ],
)
def test_a_key_in_the_file_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    error = refused(tmp_path, text)
    assert SECRET not in f"{error} {error.where} {error.hint}"
