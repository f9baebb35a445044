"""`millrace models`."""

from __future__ import annotations

import pytest

from components.encoders.profiles import known
from tests.cli import call


def test_json_lists_every_model_with_all_that_is_known() -> None:
    done = call("models", "--json")
    assert (done.code, done.err, done.json["schema"]) == (0, "", 1)
    listed = {each["name"]: each for each in done.json["models"]}
    assert list(listed) == list(known())
    e5 = listed["e5-base-v2"]
    assert (e5["query_prompt"], e5["document_prompt"]) == ("query: ", "passage: ")
    assert (e5["width"], e5["late"], e5["late_error"], e5["error"]) == (768, True, None, None)
    gemma = listed["embeddinggemma-300m"]
    assert "dense" in gemma["error"]
    assert listed["starbucks-msmarco"]["revision"] is listed["starbucks-msmarco"]["licence"] is None


def test_one_model_by_its_name_or_its_id() -> None:
    (named,) = call("models", "e2rank-4b", "--json").json["models"]
    (by_id,) = call("models", "Alibaba-NLP/E2Rank-4B", "--json").json["models"]
    assert named == by_id
    assert named["late_error"].startswith("pools by its last token")
    assert (named["eos"], named["width"]) == ("<|endoftext|>", 2560)


def test_the_table_names_every_model_and_marks_those_that_cannot_be_used() -> None:
    done = call("models")
    assert (done.code, done.err) == (0, "")
    lines = {line.split()[0]: line for line in done.out.split("\n")[1:] if line.strip()}
    assert set(known()) <= set(lines)
    for name, profile in known().items():
        assert lines[name].startswith(f"{name} *") == bool(profile.refusal)


def test_spaces_of_a_prompt_can_be_seen() -> None:
    done = call("models", "kalm-mini-instruct-v1.5")
    assert r'"Instruct: {task} \n Query: "' in done.out


@pytest.mark.parametrize("columns", ["60", "100"])
def test_the_tables_fit_their_width(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for arguments in ((), ("nv-embed-v2",)):
        assert max(map(len, call("models", *arguments).out.split("\n"))) <= int(columns)


def test_an_unknown_name() -> None:
    done = call("models", "nope")
    assert done.code == 2
    assert "no model is called 'nope'" in done.err
