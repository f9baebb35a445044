"""Documents that are asked for in words of their own."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import wrap
from typing import Any

import pytest

from components.errors import BadOption, SourceMissing
from evals.datasets import catalogue
from evals.datasets.judged import BadData, Judged
from tests.evals.folders import documents, made
from tests.sources.test_extract import pdf

_WORDS = "one two three four five six seven eight nine ten eleven"


def manual(number: int, abstract: str, *, mark: str = "=", after: str = "") -> dict[str, Any]:
    """A long document with a section of its own, in reStructuredText."""
    text = f"Number: {number}\n\nAbstract\n{mark * 8}\n\n{abstract}\n\n{after}"
    text += f"Motive\n{mark * 8}\n\nBecause of {number}.\n"
    return {"_id": f"m{number}", "title": f"Manual {number}", "text": text}


def corpus_alone(folder: Path, rows: list[dict[str, Any]]) -> str:
    folder.mkdir(parents=True)
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder)


def texts(data: Judged) -> dict[str, str]:
    """Of questions, by the document that is right."""
    return {next(iter(data.judgements[each.id])): each.text for each in data.questions}


def test_an_abstract_asks_for_the_document_that_it_is_taken_out_of(tmp_path: Path) -> None:
    rows = [
        manual(0, f"Zero\nis {_WORDS}."),
        manual(1, f"One is {_WORDS}.", mark="-", after="Part of it\n^^^^^^^^^^\n\nStill it.\n\n"),
        {"_id": "m2", "title": "None", "text": "No section at all."},
        manual(3, "Too short."),
    ]
    corpus_alone(tmp_path / "manuals", rows)
    data = catalogue.load("known:manuals?by=abstract", root=tmp_path, cache=tmp_path / "cache")
    assert (data.name, data.unit, data.split) == ("known-manuals-abstract", "document", "test")
    assert texts(data) == {
        "m0": f"Zero is {_WORDS}.",
        "m1": f"One is {_WORDS}. Part of it ^^^^^^^^^^ Still it.",
    }
    held = documents(data)
    assert set(held) == {"m0", "m1", "m2", "m3"}
    assert held["m0"].text == "Manual 0\nNumber: 0\n\nMotive\n========\n\nBecause of 0."
    assert held["m1"].text == "Manual 1\nNumber: 1\n\nMotive\n--------\n\nBecause of 1."
    assert data.left_out == {}


def test_a_level_above_ends_the_abstract_and_the_last_section_ends_with_the_text(
    tmp_path: Path,
) -> None:
    above = f"Top\n===\n\nIn\n--\n\nx\n\nABSTRACT\n--------\n{_WORDS}\n\nNext\n====\n\nThe rest."
    last = f"Why\n===\n\nSo.\n\nAbstract\n========\n\n{_WORDS}, at last.\n"
    rows = [{"_id": "a", "title": "", "text": above}, {"_id": "b", "title": "", "text": last}]
    folder = corpus_alone(tmp_path / "x", rows)
    data = catalogue.load(f"known:{folder}?by=abstract", cache=tmp_path / "cache")
    assert texts(data) == {"a": _WORDS, "b": f"{_WORDS}, at last."}
    assert documents(data)["a"].text.endswith("x\n\nNext\n====\n\nThe rest.")
    assert documents(data)["b"].text == "Why\n===\n\nSo."


def test_answers_about_a_meeting_ask_for_it(tmp_path: Path) -> None:
    rows = [{"_id": f"d{n}", "title": "", "text": f"Talk {n}. And more of it."} for n in range(3)]
    asked = [
        {
            "_id": f"q{n}-{i}", "text": "?", "evidence_char_spans": {f"d{n}": [[0, 6]]},
            "answers": {f"d{n}": f"In {n} they said {i},\nand that for long."},
        }
        for n in range(2) for i in range(4 if n == 0 else 2)
    ]  # fmt: skip
    folder = made(tmp_path / "talks", rows, asked, ["q0-0\td0\t1"])
    data = catalogue.load(f"known:{folder}?by=answers", cache=tmp_path / "cache")
    (text,) = texts(data).values()
    assert list(texts(data)) == ["d0"]  # d1 has two answers, d2 none
    said = [each for each in range(4) if f"In 0 they said {each}, and that for long." in text]
    assert len(said) == 3
    own = catalogue.load(folder)
    assert (data.source, data.corpus) == (own.source, own.corpus)  # one index serves both
    assert (data.unit, own.unit) == ("document", "span")
    assert data.checksum != own.checksum


def test_a_sentence_with_its_figures_asks_for_the_filing(tmp_path: Path) -> None:
    told = "Sales of the whole {} division rose again to $1,200, or {}%, from 1,100 a year before."
    shared = "All of our new offices in 12 states and 3 countries opened on 24 days of that month."
    for name, rise in (("A_2020_10K", 7.5), ("B_2021_10K", 8.5)):
        table = f"Balances in {name[0]} 12 13 14 15 16 17 18 19 20 21 all told were as follows."
        lines = wrap(f"{told.format(name[0], rise)} {shared} {table} It rained.", 60)
        file = tmp_path / "fb" / "pdfs" / f"{name}.pdf"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pdf(["A cover."], lines))
    asked = {
        "financebench_id": "f0", "question": "?", "doc_name": "A_2020_10K",
        "evidence": [{"doc_name": "A_2020_10K", "evidence_page_num": 1}],
    }  # fmt: skip
    (tmp_path / "fb" / "financebench_open_source.jsonl").write_text(json.dumps(asked))
    data = catalogue.load("known:fb?by=figures", root=tmp_path, cache=tmp_path / "cache")
    assert texts(data) == {
        "A_2020_10K": told.format("A", 7.5),
        "B_2021_10K": told.format("B", 8.5),
    }  # what both filings say asks for neither, and rows of a table are no sentence
    own = catalogue.load("fb", root=tmp_path)
    assert (data.source, data.corpus, data.unit) == (own.source, own.corpus, "document")


def test_the_seed_draws_the_questions(tmp_path: Path) -> None:
    folder = corpus_alone(tmp_path / "x", [manual(n, f"{n} is {_WORDS}.") for n in range(30)])

    def drawn(options: str) -> list[str]:
        name = f"known:{folder}?by=abstract&questions=9{options}"
        return [each.id for each in catalogue.load(name, cache=tmp_path / "cache").questions]

    assert len(drawn("")) == 9
    assert drawn("") == drawn("&seed=0") != drawn("&seed=1")


def test_a_corpus_that_changes_is_asked_for_anew(tmp_path: Path) -> None:
    folder = corpus_alone(tmp_path / "x", [manual(0, f"Zero is {_WORDS}.")])
    name = f"known:{folder}?by=abstract"
    before = catalogue.load(name, cache=tmp_path / "cache")
    row = json.dumps(manual(0, f"Nought is {_WORDS}."))
    (tmp_path / "x" / "corpus.jsonl").write_text(f"{row}\n")
    after = catalogue.load(name, cache=tmp_path / "cache")
    assert texts(after) == {"m0": f"Nought is {_WORDS}."}
    assert before.checksum != after.checksum


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("known:x", BadOption, "by must be one of abstract, answers, figures, not ''"),
        ("known:x?by=summary", BadOption, "not 'summary'"),
        ("known:x?by=abstract&questions=0", BadOption, "questions must be 1 or more, not 0"),
        ("known:x?by=abstract&seed=a", BadOption, "seed must be a number"),
        ("known:x?by=abstract&unit=page", BadOption, "has no option 'unit'"),
        ("known:y?by=abstract", SourceMissing, "no data set is called 'y'"),
        ("known:x?by=answers", SourceMissing, "no queries.jsonl"),
        ("known:x?by=figures", BadData, "no document has a sentence with 3 figures"),
        ("known:empty?by=abstract", SourceMissing, "no corpus.jsonl"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_told(
    tmp_path: Path, name: str, error: type[Exception], told: str
) -> None:
    corpus_alone(tmp_path / "x", [manual(0, f"Zero is {_WORDS}.")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=told):
        catalogue.load(name, root=tmp_path, cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*"))


def test_a_split_that_is_not_made_is_told(tmp_path: Path) -> None:
    folder = corpus_alone(tmp_path / "x", [manual(0, f"Zero is {_WORDS}.")])
    with pytest.raises(SourceMissing, match="no split 'dev'"):
        catalogue.load(f"known:{folder}?by=abstract", "dev", cache=tmp_path / "cache")
