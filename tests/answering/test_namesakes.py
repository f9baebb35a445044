"""Questions that are documents of the corpus: nobody is given the question as its own answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.answers import asking
from evals.answers.run import run
from evals.datasets.judged import LeftOut
from evals.report import answers as report
from evals.report import files
from tests.answering.data import answering, only, outcome, planned
from tests.cli import call
from tests.endpoint.server import Asked, Reply, chat_server

TOPICS = ("zoos keep animals", "taxes pay for schools", "homework teaches much", "cars are loud")
SAID = [f"People say that {topic} and this is right." for topic in TOPICS]
DENIED = [f"It is wrong to claim that {topic}, as {n + 7} of them know." for n, topic in
          enumerate(TOPICS)]  # fmt: skip
IDS = tuple(f"t{n}" for n in range(4))


def debate(folder: Path, held: list[str] = SAID) -> Path:
    """Each argument asks for the one against it, and is itself in the corpus, as `held`."""
    corpus = [{"_id": f"t{n}", "text": text} for n, text in enumerate(held)]
    corpus += [{"_id": f"d{n}", "text": text} for n, text in enumerate(DENIED)]
    queries = [{"_id": f"t{n}", "text": text, "answer": str(n + 7)} for n, text in enumerate(SAID)]
    (folder / "qrels").mkdir(parents=True)
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    judged = "".join(f"t{n}\td{n}\t1\n" for n in range(4))
    (folder / "qrels" / "test.tsv").write_text(judged)
    return folder


def extracting(folder: Path) -> Path:
    return answering(folder, "words", {"use": "extractive"})


@pytest.mark.parametrize("hits", [1, 2, 4])
def test_a_question_is_not_answered_from_itself(tmp_path: Path, hits: int) -> None:
    """And what would have stood behind it is given."""
    debate(tmp_path / "data")
    system = only(outcome(tmp_path, extracting(tmp_path), hits=hits))
    for row in system.rows:
        given = [each.document_id for each in row.answered.given]
        assert row.question.id not in given
        assert len(given) == hits
        assert given[0] == f"d{row.question.id[1:]}"
        assert row.answered.retrieval["rr"] == 1.0
    assert system.namesakes.itself == LeftOut(4, IDS)


def test_all_its_chunks_are_left_out(tmp_path: Path) -> None:
    long = [f"{text} {' '.join(f'It is {n} times so.' for n in range(40))}" for text in SAID]
    debate(tmp_path / "data", [f"{text}\n{long[n]}" for n, text in enumerate(SAID)])
    system = only(outcome(tmp_path, extracting(tmp_path), hits=6))
    for row in system.rows:
        assert row.question.id not in {each.document_id for each in row.answered.given}
        assert len(row.answered.given) == 6


def test_another_document_of_its_id_and_one_that_is_judged_are_given(tmp_path: Path) -> None:
    others = [f"{text} Others say much of the opposite, and at length." for text in SAID[1:]]
    data = debate(tmp_path / "data", [SAID[0], *others])
    with (data / "qrels" / "test.tsv").open("a") as judged:
        judged.write("t0\tt0\t1\n")
    system = only(outcome(tmp_path, extracting(tmp_path), hits=8))
    assert system.namesakes.itself.count == 0
    assert system.namesakes.another == LeftOut(3, IDS[1:])
    for row in system.rows:
        assert row.question.id in {each.document_id for each in row.answered.given}


def test_the_result_says_so(tmp_path: Path) -> None:
    data = debate(tmp_path / "data")
    file = extracting(tmp_path)
    found = outcome(tmp_path, file)
    assert only(found).to_json()["questions_as_documents"] == {"count": 4, "first": list(IDS)}
    told = "documents of the corpus themselves, which are not counted as hits: 4"
    (tmp_path / "out").mkdir()
    report.write(found, tmp_path / "out")
    assert told in (tmp_path / "out" / files.REPORT).read_text()
    done = call("answers", file, "--data", data, "--home", tmp_path / "home",
                "--out", tmp_path / "other")  # fmt: skip
    assert "note  questions that are documents of the corpus themselves" in done.out


def test_an_answer_from_before_that_was_given_itself_is_asked_anew(tmp_path: Path) -> None:
    """Others are not: they may have been paid for."""
    debate(tmp_path / "data")
    plan = planned(tmp_path, extracting(tmp_path))
    (system,) = plan.systems
    run(plan)
    rows: dict[str, Any] = {
        id: {name: value for name, value in json.loads(json.dumps(raw)).items()
             if name != "namesake"}
        for line in plan.file(system).read_text().splitlines()
        for id, raw in json.loads(line).items()
    }  # fmt: skip
    rows["t2"]["given"][0]["document_id"] = "t2"
    plan.file(system).write_text("".join(json.dumps({id: r}) + "\n" for id, r in rows.items()))
    assert [each.id for each in asking.waiting(plan, system)] == ["t2"]
    run(plan)
    assert asking.waiting(plan, system) == []
    assert "t2" not in {e.document_id for e in asking.answers(plan, system)["t2"].given}


def test_nor_does_a_search_of_the_answerers_own_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai")
    monkeypatch.setenv("MY_KEY", "secret")
    debate(tmp_path / "data")

    def said(asked: Asked) -> Reply:
        if "JSON" in asked.question:
            lacking = {"enough": False, "missing": "more", "questions": [TOPICS[0], TOPICS[2]]}
            return Reply(json.dumps(lacking))
        return Reply("It is 7 [1].")

    with chat_server(said) as server:
        own = {"use": "iterative", "endpoint": server.address, "model": "m", "key": "MY_KEY"}
        found = outcome(tmp_path, answering(tmp_path, "chat", own), hits=2)
    rows = only(found).rows
    assert any(row.answered.found for row in rows)
    for row in rows:
        assert row.question.id not in {each.document_id for each in row.answered.passages}
