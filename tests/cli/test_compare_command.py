"""`millrace compare`: what it prints, writes and refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evals import kept
from tests.cli import Outcome, call
from tests.compare.data import beir, held, pipeline, publish, served, without_corpus


def compare(folder: Path, *arguments: str | Path) -> Outcome:
    if not (folder / "data").exists():
        beir(folder / "data")
    data = arguments if "--data" in arguments else (*arguments, "--data", folder / "data")
    return call("compare", *data, "--home", folder / "home", "--no-timing")


def test_one_json_object_and_a_folder(tmp_path: Path) -> None:
    words = pipeline(tmp_path, "words", retriever={"use": "sparse"})
    both = pipeline(tmp_path, "both", retriever={"use": "hybrid"})
    done = compare(tmp_path, words, both, "--json", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert list(done.json["systems"]) == ["words", "both"]
    written = json.loads((tmp_path / "out" / "outcome.json").read_text())
    assert {**written, "report": str(tmp_path / "out" / "report.html")} == done.json
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "outcome.json", "report.html", "qrels.txt", "words.run", "both.run",
    }  # fmt: skip


def test_a_table_and_a_sentence_for_a_person(tmp_path: Path) -> None:
    base = pipeline(tmp_path, "base")
    done = compare(tmp_path, base, "--set", "retriever.use=[dense, sparse]", "--metrics", "mrr,r@5")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split() == ["system", "RR", "R@5", "ms", "p50", "ms", "p95", "vectors"]
    assert lines[1].startswith("base[retriever=dense]")
    assert "RR over 12 questions: base[retriever=sparse] is" in done.out
    assert "base[retriever=dense] has answered 12 questions" in done.err


def test_a_first_look(tmp_path: Path) -> None:
    base = pipeline(tmp_path, "base")
    given = ("--set", "retriever.use=[dense, sparse]", "--limit", "5")
    done = compare(tmp_path, base, *given)
    assert done.code == 0, done.err
    assert "nDCG@10 over 5 of 12 questions, the first: base[retriever=sparse] is" in done.out
    assert "note  5 of 12 questions, the first: they need not be like the rest" in done.out


def test_times_of_new_questions_and_of_those_that_were_just_asked(tmp_path: Path) -> None:
    given = ("--data", beir(tmp_path / "data"), "--home", tmp_path / "home")
    done = call("compare", pipeline(tmp_path, "base"), *given)
    assert done.code == 0, done.err
    assert re.search(r"^base +\d\S* +\d\S* +\d\S* +\d+\.\d +\d+\.\d ", done.out, re.MULTILINE)
    assert re.search(r"^ms p50 of a question that was just asked: base \d+\.\d;", done.out, re.M)


def test_a_system_that_is_left_out_is_told_by_the_exit_code(tmp_path: Path) -> None:
    good = pipeline(tmp_path, "good")
    bad = pipeline(tmp_path, "bad", splitter={"use": "whole", "max_tokens": 4})
    done = compare(tmp_path, good, bad, "--json")
    assert done.code == 3
    assert list(done.json["excluded"]) == ["bad"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nothing-of-that-name"), "nothing-of-that-name"),
        (("--metrics", "goodness"), "no metric 'goodness'"),
        (("--split", "dev"), "dev"),
        (("--set", "encoder.nothing=1"), "has no option 'nothing'"),
        (("--margin", "0"), "margin"),
        (("--limit", "2", "--sample", "2"), "--limit and --sample exclude each other"),
        (("--sample", "0"), "--sample"),
    ],
)
def test_mistakes(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = compare(tmp_path, pipeline(tmp_path, "base"), *arguments)
    assert done.code == 2
    assert message in done.message
    assert not (tmp_path / "home").exists()


def test_what_is_live_against_a_candidate(tmp_path: Path) -> None:
    data, file = beir(tmp_path / "data"), served(tmp_path)
    first, second = publish(file), held(file, ["encoder.width=32"])
    qrels = data / "qrels" / "test.tsv"
    qrels.write_text(f"{qrels.read_text()}q0\tnowhere\t1\n")
    live = ("--live", file, "--data", without_corpus(data))
    done = compare(tmp_path, *live, "--candidate", second, "--set", "retriever.use=dense")
    assert done.code == 0, done.err
    assert done.out.splitlines()[1].startswith(f"mill@{first}")
    (verdict,) = [each for each in done.out.splitlines() if "over 12 questions" in each]
    assert verdict.startswith(f"nDCG@10 over 12 questions: mill@{second} is ")
    assert f" mill@{first}[live] (" in verdict
    absent = f"not held  mill@{second}: 1 relevant documents, nowhere is one"
    assert absent in done.out.splitlines()
    again = compare(tmp_path, *live, "--json").json
    assert list(again["systems"]) == [f"mill@{first}[live]"]
    assert again["systems"][f"mill@{first}[live]"]["absent_documents"]["count"] == 1


def test_what_was_live_is_replaced_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is busy, and it is no system to leave out: there is nothing to compare with."""
    data, file = beir(tmp_path / "data"), served(tmp_path)
    first, second = publish(file), held(file, ["encoder.width=32"])
    facts = tmp_path / "store" / "mill" / first / "generation.json"
    added = kept.add

    def replaced(*batch: Any) -> None:
        added(*batch)
        facts.write_text(json.dumps({**json.loads(facts.read_text()), "run_id": "another"}))

    monkeypatch.setattr(kept, "add", replaced)
    asked = ("--live", file, "--data", without_corpus(data), "--candidate", second)
    done = compare(tmp_path, *asked, "--json")
    assert done.code == 1
    assert (done.json["error"]["kind"], done.json["error"]["hint"]) == ("Moved", "compare again")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("p.yaml", "--live", "q.yaml"), "--live takes no other pipelines"),
        (("p.yaml", "--candidate", "x"), "--candidate goes with --live"),
        ((), "no pipeline to compare: name some, or one with --live"),
        (("--live", "q.yaml"), "q.yaml: no such pipeline file"),
    ],
)
def test_one_or_the_other(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = compare(tmp_path, *arguments)
    assert (done.code, done.message) == (2, message)
