"""`millrace answers` and `millrace questions`: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.answering.data import answering, data, gold, recorded
from tests.answering.test_paid import KEY, PRICES, VARIABLE
from tests.cli import Outcome, call
from tests.compare.data import publish, served
from tests.endpoint.server import Asked, Reply, chat_server


def answers(folder: Path, *arguments: str | Path) -> Outcome:
    if not (folder / "data").exists():
        data(folder / "data")
    given = ("--data", folder / "data", "--home", folder / "home")
    return call("answers", *arguments, *given)


def test_one_json_object_and_a_folder(tmp_path: Path) -> None:
    file = recorded(tmp_path, "before", gold())
    places = ("--setting", "closed_book", "--out", tmp_path / "out", "--json")
    done = answers(tmp_path, file, *places)
    assert done.code == 0, done.err
    written = json.loads((tmp_path / "out" / "outcome.json").read_text())
    assert {**written, "report": str(tmp_path / "out" / "report.html")} == done.json
    assert done.json["systems"]["before"]["parts"]["all"]["counts"]["correct"] == 16
    held = {each.name for each in (tmp_path / "out").iterdir()}
    assert held == {"outcome.json", "report.html", "answers"}


def test_tables_and_sentences_for_a_person(tmp_path: Path) -> None:
    right = recorded(tmp_path, "right", gold())
    half = recorded(tmp_path, "half", gold(("turns",)))
    done = answers(tmp_path, right, half, "--setting", "closed_book")
    assert done.code == 3
    lines = done.out.splitlines()
    assert lines[0].split() == [
        "system", "questions", "correct", "incorrect", "refused", "failed", "unmeasured", "recall",
    ]  # fmt: skip
    assert lines[1].split()[:5] == ["right", "all", "(16)", "16", "1.00"]
    assert any(line.split()[:3] == ["half", "load", "(8)"] for line in lines)
    assert "right 16 of 16 correct; half 8 of 16 correct, 8 failed" in done.out
    assert "half: 16 answers" in done.err


def test_a_first_look(tmp_path: Path) -> None:
    file = recorded(tmp_path, "before", gold())
    done = answers(tmp_path, file, "--setting", "closed_book", "--sample", "6")
    assert done.code == 0, done.err
    asked = "6 of 16 questions, drawn at random"
    assert f"over {asked}: before 6 of 6 correct." in done.out.splitlines()
    assert f"note  {asked} (seed 0): all of them may show what these do not" in done.out
    assert "for all questions  10 answers to go, about " in done.out
    more = answers(tmp_path, file, "--setting", "closed_book", "--limit", "20", "--json")
    assert more.err.splitlines()[0] == (
        "millrace: --limit 20: there are 16 questions, all are asked"
    )
    assert more.json["data"]["part"] is None
    both = answers(tmp_path, file, "--sample", "6", "--limit", "6")
    assert both.code == 2
    assert both.message.startswith("--limit and --sample exclude each other (")


def test_a_sample_is_labelled_and_given_back(tmp_path: Path) -> None:
    wrong = {id: "It is 1." for id in gold(("load",))}
    file = recorded(tmp_path, "before", {**gold(("turns",)), **wrong})
    labels = tmp_path / "labels.yaml"
    closed = (file, "--setting", "closed_book")
    done = answers(tmp_path, *closed, "--label-sample", labels, "--label-count", "12")
    assert done.code == 0, done.err
    assert "12 answers to label are in" in done.err
    again = answers(tmp_path, *closed, "--label-sample", labels)
    assert "there is such a file already" in again.message
    empty = answers(tmp_path, *closed, "--labels", labels)
    assert empty.code == 2
    assert "no answer has a label" in empty.message

    rows = labels.read_text().split("\n- label:")
    right = [" correct" if "question_id: turns" in row else " incorrect" for row in rows[1:]]
    filled = zip(right, rows[1:], strict=True)
    labels.write_text(rows[0] + "".join(f"\n- label:{word}{row}" for word, row in filled))
    told = answers(tmp_path, *closed, "--labels", labels)
    assert told.code == 0, told.err
    (people,) = [each for each in told.out.splitlines() if each.split()[1:2] == ["people"]]
    assert people.split()[:5] == ["before", "people", "12", "–", "0.50"]
    assert "as people would" in told.out


def test_a_sentence_for_a_wrong_setting(tmp_path: Path) -> None:
    done = answers(tmp_path, recorded(tmp_path, "before", gold()), "--setting", "open")
    assert done.code == 2
    assert "no setting 'open'" in done.message


def asks(asked: Asked) -> Reply:
    """A question about the wheel of the passage."""
    words = asked.question.split()
    number = next((each for each in words if each.isdecimal() and int(each) > 300), "")
    if not number:
        return Reply("There is nothing to ask.")
    sentence = next(each for each in asked.question.splitlines() if number in each)
    river = sentence.split(" turns")[0].split()[-1]
    told = {
        "question": f"How fast turns {river}?",
        "answer": number,
        "evidence": [sentence.strip()],
    }
    return Reply(json.dumps(told), usage=(40, 20))


def test_questions_of_ones_own_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    data(tmp_path / "data")
    file = answering(tmp_path, "own", {"use": "extractive"})
    told = json.loads(file.read_text())
    told |= {
        "source": {"use": "jsonl", "path": "data/corpus.jsonl"},
        "index": {"use": "qdrant_edge", "path": "store"},
    }
    file.write_text(json.dumps(told))
    publish(file)
    with chat_server(asks) as server:
        model = {"endpoint": server.address, "model": "m", "key": VARIABLE, **PRICES}
        (tmp_path / "model.yaml").write_text(json.dumps(model))
        review = tmp_path / "review.yaml"
        write = ("questions", "write", file, "--model", tmp_path / "model.yaml")
        poor = call(*write, "--review", review, "-n", "4", "--max-cost", "0")
        assert poor.code == 4
        assert not review.exists()
        done = call(*write, "--review", review, "-n", "4", "--json")
        assert done.code == 0, done.err
    assert done.json["questions"] == 4
    assert done.json["left_out"]
    assert done.json["ledger"]["known"]["calls"] == len(server.asked)
    review.write_text(review.read_text().replace("keep:\n", "keep: yes\n", 3))
    kept = call("questions", "accept", review, "--to", tmp_path / "mine", "--json")
    assert kept.code == 0, kept.err
    assert (kept.json["kept"], kept.json["open"]) == (3, 1)
    asked = call(
        *("answers", file, "--live", "--data", tmp_path / "mine", "--home", tmp_path / "home"),
        "--json",
    )
    assert asked.code == 0, asked.err
    (system,) = asked.json["systems"].values()
    assert system["parts"]["all"]["retrieval"]["recall"] == 1.0
    assert len(system["questions"]) == 3


def test_known_items_of_ones_own_documents(tmp_path: Path) -> None:
    rivers = ("Thames", "Cherwell", "Windrush", "Evenlode", "Glyme", "Ock", "Thame", "Ray")
    rows = [{"_id": each, "title": f"Mills of the {each}", "text": "One."} for each in rivers]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    file = served(tmp_path)
    publish(file)
    draw = ("questions", "known-items", file, "-n", "6", "--review")
    done = call(*draw, tmp_path / "review.yaml", "--json")
    assert done.code == 0, done.err
    assert done.json["questions"] == 6
    assert done.json["kinds"] == {"title": 6}
    assert sum(done.json["strata"].values()) == 6
    assert done.json["divided_by"] == ""
    again = call(*draw, tmp_path / "again.yaml")
    assert again.out.splitlines()[:2] == ["6 questions", "made of  6  title"]
    assert again.out.splitlines()[2].endswith("strata by length")
    review, same = ((tmp_path / each).read_text() for each in ("review.yaml", "again.yaml"))
    assert review == same
    taken = call(*draw, tmp_path / "review.yaml")
    assert (taken.code, "there is such a file already" in taken.message) == (2, True)
    assert (tmp_path / "review.yaml").read_text() == review


def test_nothing_to_make_known_items_of(tmp_path: Path) -> None:
    file = served(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "corpus.jsonl").write_text('{"_id": "a", "text": "It was."}\n')
    draw = ("questions", "known-items", file, "--review", tmp_path / "review.yaml")
    early = call(*draw)
    assert early.code == 2, "nothing is live"
    publish(file)
    done = call(*draw, "--json")
    assert (done.code, done.json["questions"], done.json["kinds"]) == (3, 0, {})
    assert not (tmp_path / "review.yaml").exists()
