"""Judgements in every form that people have them in."""

from __future__ import annotations

import gzip
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import SourceMissing
from evals.datasets import catalogue, qrels
from evals.datasets.judged import BadData, LeftOut
from evals.metrics import per_question
from evals.runs import write_judgements
from tests.evals.folders import made

TWO = {"q1": {"d1": 2}, "q2": {"d2": 1}}
FORMS = {
    "BEIR's": "query-id\tcorpus-id\tscore\nq1\td1\t2\nq2\td2\t1\n",
    "without names": "q1\td1\t2\nq2\td2\t1\n",
    "TREC's, tabs": "q1\t0\td1\t2\nq2\t0\td2\t1\n",
    "TREC's, blanks": "q1 0 d1 2\nq2 0 d2 1\n",
    "TREC's, columns": "q1   0   d1     2\n q2   0   d2     1 \n",
    "blanks and tabs": "q1 0 d1\t2\nq2\t0\td2\t1\n",
    "TREC's with another second column": "q1 Q0 d1 2\nq2 4.5 d2 1\n",
    "no second column": "q1\t\td1\t2\nq2\t\td2\t1\n",
    "three columns, blanks": "q1 d1 2\nq2 d2 1\n",
    "TREC's with names": "qid\titer\tdocid\trel\nq1\t0\td1\t2\nq2\t0\td2\t1\n",
    "TREC's with names, blanks": "topic iteration docno relevance\nq1 0 d1 2\nq2 0 d2 1\n",
    "names in another order": "relevance\tdoc_id\tquery_id\n2\td1\tq1\n1\td2\tq2\n",
    "what data frames write": "query_id\tdoc_id\trelevance\titeration\nq1\td1\t2\t0\nq2\td2\t1\t\n",
    "one name unknown": "query-id\tcorpus-id\tgain\nq1\td1\t2\nq2\td2\t1\n",
    "trailing tabs": "query-id\tcorpus-id\tscore\t\nq1\td1\t2\t\nq2\td2\t1\t\t\n",
    "blanks around": " q1\td1 \t 2\nq2 \td2\t1 \n",
    "as on Windows": "\ufeffquery-id\tcorpus-id\tscore\r\nq1\td1\t2\r\n\r\nq2\td2\t1\r\n",
    "no last line end": "\nq1\td1\t2\n\nq2\td2\t1",
    "twice": "q1\td1\t2\nq2\td2\t1\nq1\td1\t2.0\n",
    "other numbers": "q1\td1\t2.0\nq2\td2\t+1e0\n",
    "objects": '{"query-id": "q1", "corpus-id": "d1", "score": 2}\n'
    '\ufeff {"query-id": "q2", "corpus-id": "d2", "score": 1.0}\n',
    "objects with other names": '{"query_id": "q1", "doc_id": "d1", "relevance": "2"}\n'
    '{"qid": "q2", "docno": "d2 ", "iter": 0, "label": 1}\n',
}


def written(folder: Path, content: str, name: str = "test.tsv") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    packed = content.encode()
    file.write_bytes(gzip.compress(packed) if name.endswith(".gz") else packed)
    return file


@pytest.mark.parametrize("name", ["test.tsv", "test.txt.gz"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(tmp_path: Path, form: str, name: str) -> None:
    assert qrels.read(written(tmp_path, FORMS[form], name)) == qrels.Graded(TWO)


@pytest.mark.parametrize(
    ("content", "judged"),
    [
        ("q 1\tmy file.md\t1\n", {"q 1": {"my file.md": 1}}),
        ("q 1\t0\tmy file.md\t-1\n", {"q 1": {"my file.md": -1}}),
        ("1\t2\t0\n1\t3\t1\n", {"1": {"2": 0, "3": 1}}),
        ('{"query-id": 1, "corpus-id": 2, "score": 0}', {"1": {"2": 0}}),
        ("topic-1 0 rel 1\n", {"topic-1": {"rel": 1}}),
        ("", {}),
    ],
)
def test_ids_as_they_are(tmp_path: Path, content: str, judged: dict[str, dict[str, int]]) -> None:
    assert qrels.read(written(tmp_path, content)).judgements == judged


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("q1\td1\t1\nq1\td2\n", 2, "2 columns instead of 3"),
        ("q1\td1\t1\n\nq1 d2 1\n", 3, "1 column instead of 3"),
        ("q1 0 d1 1\nq1 0 my file.md 1\n", 2, "5 columns instead of 4"),
        ("q1 0 d1 1\nq1 d1 1\n", 2, "3 columns instead of 4"),
        ("query-id\tcorpus-id\tscore\nq1\t0\td1\t1\n", 2, "4 columns instead of 3"),
        ("q1\td1\thigh\nq1\td2\t1\n", 1, "grade is no number"),
        ("q1\td1\t1\nq1\td2\t0,5\n", 2, "grade is no number"),
        ("q1\td1\tnan\n", 1, "grade is no number"),
        ("q1\td1\t1\nq1\td2\t1_0\n", 2, "grade is no number"),
        ("q1\td1\t1e9\n", 1, "above 1,000,000"),
        ("q1\td1\t1e-30\n", 1, "below 1e-09"),
        ("q1\t0\td1\t1\nq1\t0\t\t1\n", 2, "an id each"),
        ("q1,d1,1\n", 1, "1 column"),
        ("query-id\tcorpus-id\tscore\nquery-id\tcorpus-id\tscore\n", 2, "grade is no number"),
        ("q1\td1\t1\nq1\td1\t2\n", 2, "two grades for 'd1'"),
        ('{"query-id": "q1", "corpus-id": "d1"}\n', 1, "grade is no number"),
        ('{"query-id": "q1", "score": 1}\n', 1, "an id each"),
        ('{"query-id": "q1", "corpus-id": "d1", "score": true}\n', 1, "grade is no number"),
        ('{"query-id": "q1", "corpus-id": "d1", "score": 1}\n{"que', 2, "not JSON"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(
    tmp_path: Path, content: str, line: int, message: str
) -> None:
    file = written(tmp_path, content)
    with pytest.raises(BadData, match=message) as caught:
        qrels.read(file)
    assert caught.value.where == f"{file} line {line}"


def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "test.tsv"
    file.write_bytes(b"q1\td1\t1\nq1\t\xff\t1\n")
    with pytest.raises(BadData, match="not UTF-8") as caught:
        qrels.read(file)
    assert caught.value.where == f"{file} line 2"
    file.write_bytes(FORMS["BEIR's"].encode("utf-16"))
    with pytest.raises(BadData, match="not UTF-8"):
        qrels.read(file)


def test_a_packed_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    packed = gzip.compress("".join(f"q{n}\td{n * 7919 % 10007}\t1\n" for n in range(999)).encode())
    file = tmp_path / "test.tsv.gz"
    file.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(BadData, match="damaged") as caught:
        qrels.read(file)
    assert caught.value.where.startswith(f"{file} line ")


@pytest.mark.parametrize(
    ("grades", "whole", "scale"),
    [
        (["0.5", "1.0"], [1, 2], 2),
        (["0.5", "0", "-0.5"], [1, 0, -1], 2),
        (["0.25", "0.1", "1"], [5, 2, 20], 20),
        (["0.333", "0.667"], [333, 667], 1000),
        (["1.5", "3.0"], [3, 6], 2),
        # More digits than metrics can count to: rounded, and what is above 0 stays so.
        (["0.123456789", "1", "0.000000001"], [12346, 100_000, 1], 100_000),
        (["12.3456789"], [12_346], 1_000),
        (["500000.5"], [500_000], 1),
        (["250000", "0"], [250_000, 0], 1),
    ],
)
def test_fractions_become_whole_numbers(
    tmp_path: Path, grades: list[str], whole: list[int], scale: int
) -> None:
    lines = [f"q\td{number}\t{grade}\n" for number, grade in enumerate(grades)]
    found = qrels.read(written(tmp_path, "".join(lines)))
    assert [*found.judgements["q"].values()] == whole
    assert found.scale == scale


def test_fractions_are_gains_as_they_are(tmp_path: Path) -> None:
    """nDCG is that of the grades given, and binary metrics take all above 0 for relevant."""
    file = written(tmp_path, "q\ta\t0.5\nq\tb\t1\nq\tc\t0.1\nq\td\t0\n")
    judged = qrels.read(file).judgements
    found = per_question(judged, {"q": ["a", "d", "c", "b"]}, ("nDCG@10", "R@3", "RR@10", "P@1"))
    gain = 0.5 + 0.1 / 2 + 1 / math.log2(5)
    ideal = 1 + 0.5 / math.log2(3) + 0.1 / 2
    assert found["nDCG@10"]["q"] == pytest.approx(gain / ideal)
    assert found["R@3"]["q"] == pytest.approx(2 / 3)
    assert found["RR@10"]["q"] == found["P@1"]["q"] == 1.0


@given(
    st.dictionaries(
        st.text("abcäß 1", min_size=1).filter(str.strip),
        st.dictionaries(st.sampled_from(["d1", "d2", "Ω"]), st.integers(-2, 9), min_size=1),
        max_size=4,
    )
)
def test_what_we_write_we_read(judged: dict[str, dict[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "qrels.txt"
        plain = {id.strip().replace(" ", "_"): grades for id, grades in judged.items()}
        write_judgements(plain, file)
        assert qrels.read(file).judgements == plain
        theirs: dict[str, dict[str, int]] = {}
        read: Any = ir_measures.read_trec_qrels
        for each in read(str(file)):
            theirs.setdefault(each.query_id, {})[each.doc_id] = each.relevance
        assert theirs == plain


def test_splits_in_any_form(tmp_path: Path) -> None:
    folder = Path(made(tmp_path))
    for name in ("dev.txt", "train.tsv.gz", "held.jsonl", "more.jsonl.gz", "a.b.qrels", "test.txt"):
        written(folder, FORMS["TREC's, blanks"].replace("q1", "q9"), f"qrels/{name}")
    written(folder, "", "qrels/._test.tsv")
    assert [*qrels.splits(folder)] == ["a.b", "dev", "held", "more", "test", "train"]
    assert qrels.of_split(folder, "test").name == "test.tsv", "BEIR's own form first"
    with pytest.raises(SourceMissing, match="no split 'tset'") as caught:
        qrels.of_split(folder, "tset")
    assert caught.value.hint == "there are: a.b, dev, held, more, test, train"


def test_a_file_beside_the_questions_is_the_split_test(tmp_path: Path) -> None:
    folder = Path(made(tmp_path, split="dev"))
    written(folder, FORMS["objects"], "qrels.jsonl.gz")
    assert [*qrels.splits(folder)] == ["dev", "test"]
    assert catalogue.load(str(folder)).judgements == TWO
    written(folder, "q1 0 3 1\n", "qrels/test.txt")
    assert catalogue.load(str(folder)).judgements == {"q1": {"3": 1}}


def test_a_split_that_nobody_asks_for_stops_nothing(tmp_path: Path) -> None:
    folder = Path(made(tmp_path))
    written(folder, "Where these are from.\n", "qrels/README.txt")
    data = catalogue.load(str(folder))
    assert data.left_out == {"other splits that cannot be read": LeftOut(1, ("README",))}
    with pytest.raises(BadData, match="not a judgement"):
        catalogue.load(str(folder), "README")


def test_fractions_are_told(tmp_path: Path) -> None:
    data = catalogue.load(made(tmp_path, qrels=["q1\td1\t0.5", "q2\td2\t1"]))
    assert data.judgements == {"q1": {"d1": 1}, "q2": {"d2": 2}}
    assert data.grade_scale == 2
    assert catalogue.load(str(tmp_path), corpus=False).grade_scale == 2
    assert catalogue.load(made(tmp_path / "whole")).grade_scale == 1


def test_a_row_of_an_unknown_split_is_json_too(tmp_path: Path) -> None:
    made(tmp_path)
    rows = [{"query-id": "q1", "corpus-id": "3", "score": 1}]
    written(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "qrels/dev.jsonl")
    assert catalogue.load(str(tmp_path), "dev").judgements == {"q1": {"3": 1}}
