"""What a data set's texts and questions are like."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evals.compare.slices import slices
from evals.compare.texts import statistics
from evals.datasets import catalogue
from evals.datasets.judged import Judged, Question

SCIFACT = Path(__file__).parents[3] / "shared" / "data" / "scifact"
DOCUMENTS = {
    "a": "The mill turns; the Mill stops.",
    "b": "A weir holds the water back, and back it goes.",
    "c": "Straße",
}
QUESTIONS = {"q1": "Which MILL turns?", "q2": "water and STRASSE", "q3": "!?"}
JUDGED = {"q1": {"a": 1, "b": 0}, "q2": {"b": 2, "c": 1}, "q3": {"a": 1}}


def data_of(
    folder: Path,
    documents: Mapping[str, str] = DOCUMENTS,
    questions: Mapping[str, str] = QUESTIONS,
    judged: Mapping[str, Mapping[str, int]] = JUDGED,
) -> Judged:
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    for name, texts in (("corpus", documents), ("queries", questions)):
        rows = [json.dumps({"_id": id, "text": text}) for id, text in texts.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(rows))
    lines = [f"{q}\t{d}\t{grade}" for q, own in judged.items() for d, grade in own.items()]
    head = "query-id\tcorpus-id\tscore\n"
    (folder / "qrels" / "test.tsv").write_text(head + "\n".join(lines))
    return catalogue.load(str(folder))


def test_by_hand(tmp_path: Path) -> None:
    found = statistics(data_of(tmp_path))
    assert {name: round(value, 6) for name, value in found.items()} == {
        "questions": 3,
        "words_per_question_mean": 2.0,
        "words_per_question_median": 3.0,
        "words_per_question_p95": 3.0,
        "relevant_per_question_mean": round(4 / 3, 6),
        "one_relevant_share": round(2 / 3, 6),
        "documents": 3,
        "words_per_document_mean": round(17 / 3, 6),
        "words_per_document_median": 6.0,
        "words_per_document_p95": 9.6,
        "question_terms": 6,  # which, mill, turns, water, and, strasse
        "terms_in_corpus_share": round(5 / 6, 6),
        "terms_in_relevant_share": round((2 / 3 + 1) / 2, 6),  # q3 has no words
    }


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_as_counted_the_long_way(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)

    def text() -> str:
        return " ".join(chance.choice(["Ab", "cd,", "EF", "gh.", "ij-kl", "12"]) for _ in range(6))

    documents = {f"d{n}": text() for n in range(5)}
    questions = {f"q{n}": text() for n in range(4)}
    judged = {id: dict.fromkeys(chance.sample(sorted(documents), 2), 1) for id in questions}
    found = statistics(data_of(tmp_path, documents, questions, judged))
    words = {id: re.findall(r"\w+", text.lower()) for id, text in documents.items()}
    asked = {id: {*re.findall(r"\w+", text.lower())} for id, text in questions.items()}
    terms, corpus = set().union(*asked.values()), set().union(*words.values())
    relevant = {id: set().union(*(words[each] for each in judged[id])) for id in questions}
    lengths = [len(each) for each in words.values()]
    assert found["words_per_document_mean"] == pytest.approx(fmean(lengths))
    assert found["words_per_document_median"] == pytest.approx(median(lengths))
    assert found["words_per_document_p95"] == pytest.approx(np.percentile(lengths, 95))
    assert found["question_terms"] == len(terms)
    assert found["terms_in_corpus_share"] == pytest.approx(len(terms & corpus) / len(terms))
    assert found["terms_in_relevant_share"] == pytest.approx(
        fmean(len(own & relevant[id]) / len(own) for id, own in asked.items())
    )


def test_the_corpus_is_read_once(tmp_path: Path) -> None:
    data, home = data_of(tmp_path / "data"), tmp_path / "home"
    first = statistics(data, home)
    (tmp_path / "data" / "corpus.jsonl").unlink()
    assert statistics(data, home) == first
    changed = data_of(tmp_path / "data", {**DOCUMENTS, "d": "new"})
    assert statistics(changed, home)["documents"] == 4


def test_documents_that_cannot_be_read_are_not_counted(tmp_path: Path) -> None:
    data = data_of(tmp_path)
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(corpus.read_text() + '\n{"_id": "empty", "text": ""}\nno JSON\n')
    assert statistics(data) == statistics(data_of(tmp_path))


def test_parts_of_documents_are_words_of_the_document(tmp_path: Path) -> None:
    data = data_of(tmp_path)
    pages = {q: {f"{d}#0": grade for d, grade in own.items()} for q, own in JUDGED.items()}
    assert statistics(replace(data, unit="page", judgements=pages)) == statistics(data)


def test_without_a_corpus_only_questions(tmp_path: Path) -> None:
    found = statistics(replace(data_of(tmp_path), source={}))
    assert found["questions"] == 3
    assert not [name for name in found if "document" in name or "terms" in name]


@pytest.mark.skipif(not SCIFACT.is_dir(), reason="the data sets are not here")
def test_scifact() -> None:
    found: Any = statistics(catalogue.load(str(SCIFACT)))
    # BEIR's own table: 5,183 documents, 300 questions, 1.1 relevant, lengths of 214 and 12.4.
    assert (found["documents"], found["questions"]) == (5183, 300)
    assert found["relevant_per_question_mean"] == pytest.approx(1.13, abs=0.01)
    assert found["words_per_document_mean"] == pytest.approx(213.6, rel=0.1)
    assert found["words_per_question_mean"] == pytest.approx(12.4, rel=0.1)


def test_slices_by_numbers_and_by_fields_of_our_names(tmp_path: Path) -> None:
    questions = [
        Question(f"q{n}", "why " * (1 + n // 10), metadata={"depth": n / 29, "length": n % 2})
        for n in range(30)
    ]
    data = Judged(
        name="made", split="test", questions=tuple(questions), source={}, checksum="",
        judgements={each.id: {"d": 1} for each in questions}, scope="length",
    )  # fmt: skip
    values = {"RR": {each.id: each.metadata["depth"] for each in questions}}
    measured: Any = SimpleNamespace(name="one", values=values)
    found = slices(data, [measured], "RR")
    by = [(each.by, each.value, each.questions) for each in found]
    assert by == [
        ("length", "1: up to 2 words", 20), ("length", "2: to 3 words", 10),
        ("depth", "1: up to 0.344828", 11), ("depth", "2: to 0.689655", 10),
        ("depth", "3: over 0.689655", 9),
        ("length of the data set", "0", 15), ("length of the data set", "1", 15),
    ]  # fmt: skip
    assert found[2].means["one"] == pytest.approx(fmean(n / 29 for n in range(11)))
