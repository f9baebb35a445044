"""Queries without judgements, from a file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import SpecError
from components.values import Query
from evals.questions.draft import Draft
from evals.questions.queries import checksum, read
from evals.questions.review import write


def texts(path: Path) -> list[str]:
    return [each.text for each in read(path)]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_query_on_each_line(tmp_path: Path) -> None:
    file = written(tmp_path / "asked.txt", "\ufeff# of the mill\n\nwhich wheel?\r\n  how  deep \n")
    assert texts(file) == ["which wheel?", "how deep"]


@pytest.mark.parametrize("name", ["queries.jsonl", "queries.json", "queries.jsonl.gz"])
def test_a_row_for_each_query(tmp_path: Path, name: str) -> None:
    rows = [
        {"_id": "a", "text": "which wheel?", "answer": "the third"},
        {"id": 7, "query": "how deep?"},
        {"question": "how wide?"},
    ]
    told = "".join(json.dumps(row) + "\n" for row in rows).encode()
    file = tmp_path / name
    file.write_bytes(gzip.compress(told) if name.endswith(".gz") else told)
    found = read(file)
    assert [each.text for each in found] == ["which wheel?", "how deep?", "how wide?"]
    assert [each.id for each in found][:2] == ["a", "7"]


def test_the_folder_of_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    written(tmp_path / "queries.jsonl", '{"_id": "a", "text": "which wheel?"}\n')
    assert read(tmp_path) == [Query(id="a", text="which wheel?")]


def test_a_review_without_what_is_refused(tmp_path: Path) -> None:
    drafts = [
        Draft(
            question=f"which wheel is {each}?",
            answer="the third",
            evidence=("wheel",),
            document_id=each,
            start=0,
            passage="The wheel.",
        )
        for each in "abc"
    ]
    file = tmp_path / "review.yaml"
    write(drafts, file)
    for keep in ("no", "yes"):
        file.write_text(file.read_text().replace("keep:\n", f"keep: {keep}\n", 1))
    assert [each.id for each in read(file)] == [drafts[1].id, drafts[2].id]
    assert texts(file) == ["which wheel is b?", "which wheel is c?"]


def test_a_text_is_asked_once(tmp_path: Path) -> None:
    file = written(tmp_path / "asked.txt", "which wheel?\nhow deep?\nwhich  wheel?\n")
    assert texts(file) == ["which wheel?", "how deep?"]


def test_ids_do_not_depend_on_the_line(tmp_path: Path) -> None:
    first = written(tmp_path / "one.txt", "which wheel?\nhow deep?\n")
    second = written(tmp_path / "two.txt", "how deep?\n\n# a note\nwhich wheel?\n")
    assert sorted(each.id for each in read(first)) == sorted(each.id for each in read(second))


@pytest.mark.parametrize(
    ("name", "held", "message", "where"),
    [
        ("q.jsonl", '{"_id": "a", "text": "x"}\n\n{"_id": "b"}\n', "has no text", "q.jsonl line 3"),
        ("q.jsonl", '{"_id": "a", "text": 3}\n', "has no text", "q.jsonl line 1"),
        ("q.jsonl", '{"_id": "a"\n', "not JSON", "q.jsonl line 1"),
        ("q.jsonl", "[]\n", "not a JSON object", "q.jsonl line 1"),
        (
            "q.jsonl",
            '{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n',
            "two queries have the id 'a'",
            "q.jsonl line 2",
        ),
        ("q.jsonl", "", "there are no queries", "q.jsonl"),
        ("q.txt", "# nothing yet\n", "there are no queries", "q.txt"),
        ("q.yaml", "a: b\n", "list of questions", "q.yaml"),
    ],
)
def test_what_cannot_be_read(
    tmp_path: Path, name: str, held: str, message: str, where: str
) -> None:
    file = written(tmp_path / name, held)
    with pytest.raises(SpecError, match=message) as caught:
        read(file)
    assert caught.value.where == str(tmp_path / where)


def test_what_is_not_there_and_what_is_no_text(tmp_path: Path) -> None:
    for name in ("none.txt", "none.jsonl", "none.yaml"):
        with pytest.raises(SpecError, match="cannot be read"):
            read(tmp_path / name)
    with pytest.raises(SpecError, match="no queries"):
        read(tmp_path)
    (tmp_path / "q.txt").write_bytes(b"which wheel?\n\xff\n")
    with pytest.raises(SpecError, match="not UTF-8") as caught:
        read(tmp_path / "q.txt")
    assert caught.value.where == str(tmp_path / "q.txt line 2")


TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5)


@given(TEXTS, st.randoms())
def test_what_is_asked_has_one_checksum_in_any_order(asked: list[str], random: object) -> None:
    queries = [Query(text=each, id=str(at)) for at, each in enumerate(asked)]
    others = [Query(text=each, id=f"x{at}") for at, each in enumerate(asked)]
    random.shuffle(others)  # type: ignore[attr-defined]
    assert checksum(queries) == checksum(others)


@given(TEXTS, TEXTS)
def test_other_texts_have_another(first: list[str], second: list[str]) -> None:
    one, other = (checksum(Query(text=each) for each in own) for own in (first, second))
    assert (one == other) == ({*first} == {*second})


def test_a_filter_is_asked_too() -> None:
    assert checksum([Query(text="x")]) != checksum([Query(text="x", filter={"year": [1]})])
