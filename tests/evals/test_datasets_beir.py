from __future__ import annotations

import gzip
import re
import unicodedata
from pathlib import Path
from typing import Any, Literal

import pytest

from components.errors import BadOption, SourceMissing
from evals.datasets import catalogue
from evals.datasets.judged import BadData, Evidence, LeftOut
from tests.evals.folders import CORPUS, QRELS, QUERIES, documents, made

Form = Literal["NFC", "NFD"]


def test_a_folder(tmp_path: Path) -> None:
    data = catalogue.load(made(tmp_path / "mill"))
    assert (data.name, data.split, data.unit, data.scope) == ("mill", "test", "document", "")
    assert data.judgements == {"q1": {"d1": 2, "3": 0}, "q2": {"d2": 1}}
    first, second = data.questions
    assert (first.id, first.text, first.type) == ("q1", "What turns?", "what")
    assert first.metadata == {"site": "mill", "type": "what", "answers": ["wheel"]}
    assert second.metadata == {"site": "weir"}
    assert data.left_out == {}
    assert data.evidence == {}
    found = documents(data)
    assert set(found) == {"d1", "d2", "3"}
    assert found["d1"].text == "One\nThe wheel turns."
    assert [(each.id, each.text, each.filter) for each in data.queries()] == [
        ("q1", "What turns?", {}),
        ("q2", "What holds?", {}),
    ]


def test_judgements_need_no_header(tmp_path: Path) -> None:
    with_one = catalogue.load(made(tmp_path / "with"))
    without = catalogue.load(made(tmp_path / "without", header=None))
    assert without.judgements == with_one.judgements


@pytest.mark.parametrize("judged", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_ids_in_either_form_are_the_same(tmp_path: Path, stored: Form, judged: Form) -> None:
    def of(form: Form, text: str) -> str:
        return unicodedata.normalize(form, text)

    corpus = [{**CORPUS[0], "_id": of(stored, "Übergabe")}, *CORPUS[1:]]
    queries = [{**QUERIES[0], "_id": of(stored, "frage-ä")}, QUERIES[1]]
    qrels = [of(judged, "frage-ä\tÜbergabe\t2"), "q2\td2\t1"]
    data = catalogue.load(made(tmp_path, corpus, queries, qrels))
    assert data.left_out == {}
    assert data.judgements["frage-ä"] == {"Übergabe": 2}
    assert "Übergabe" in documents(data)
    spans = {of(judged, "Übergabe"): [[0, 3]]}
    queries = [{**QUERIES[0], "_id": "frage-ä", "evidence_char_spans": spans}]
    told = catalogue.load(made(tmp_path / "spans", corpus, queries, qrels[:1]))
    assert [each.document_id for each in told.evidence["frage-ä"]] == ["Übergabe"]


def test_the_scope_becomes_the_filter(tmp_path: Path) -> None:
    folder = made(tmp_path)
    data = catalogue.load(f"{folder}?scope=site")
    assert [each.filter for each in data.queries(scoped=True)] == [
        {"site": ["mill"]},
        {"site": ["weir"]},
    ]
    assert all(each.filter == {} for each in data.queries())
    with pytest.raises(BadData, match="has no scope"):
        catalogue.load(folder).queries(scoped=True)
    made(tmp_path / "policyqa")
    assert catalogue.load("policyqa", root=tmp_path).scope == "site"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({**QUERIES[0], "site": "weir"}, "of another site"),
        ({"_id": "q1", "text": "What turns?"}, "lacks the field 'site'"),
    ],
)
def test_a_scope_without_its_documents(tmp_path: Path, query: dict[str, Any], message: str) -> None:
    folder = made(tmp_path, queries=[query, QUERIES[1]])
    with pytest.raises(BadData, match=message):
        catalogue.load(folder, scope="site")


@pytest.mark.parametrize("value", [{"river": "Nene"}, [], [["a"]], [None], 2**70])
def test_a_scope_that_nothing_can_be_filtered_by(tmp_path: Path, value: Any) -> None:
    folder = made(
        tmp_path,
        corpus=[{**row, "site": value} for row in CORPUS],
        queries=[{**row, "site": value} for row in QUERIES],
    )
    with pytest.raises(BadData, match="nothing to filter by in 'site'") as caught:
        catalogue.load(folder, scope="site")
    assert caught.value.where.endswith("queries.jsonl")
    assert caught.value.hint


def test_the_checksum_is_of_data_and_split(tmp_path: Path) -> None:
    folder = made(tmp_path / "one")
    made(tmp_path / "one", split="dev")
    first = catalogue.load(folder).checksum
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert catalogue.load(made(tmp_path / "two")).checksum == first
    others = [
        catalogue.load(folder, "dev").checksum,
        catalogue.load(made(tmp_path / "a", corpus=[*CORPUS, {"_id": "d4", "text": "x"}])).checksum,
        catalogue.load(made(tmp_path / "b", queries=[QUERIES[0] | {"x": 1}, QUERIES[1]])).checksum,
        catalogue.load(made(tmp_path / "c", qrels=[*QRELS, "q2\td1\t0"])).checksum,
    ]
    assert len({first, *others}) == 5


def test_what_cannot_be_measured_is_named(tmp_path: Path) -> None:
    queries = [
        *QUERIES,
        {"_id": "none", "text": "Judged nowhere?"},
        {"_id": "other", "text": "Judged in dev?"},
        {"_id": "zero", "text": "Judged as not relevant?"},
        {"_id": "blank", "text": " "},
        {"_id": "lost", "text": "Only in a document that is not there?"},
    ]
    qrels = [
        *QRELS, "q2\tgone\t1", "q2\tempty\t1", "nobody\td1\t1", "zero\td1\t0", "blank\td1\t1",
        "lost\tgone\t1",
    ]  # fmt: skip
    corpus = [*CORPUS, {"_id": "empty", "title": " ", "text": ""}]
    folder = made(tmp_path, corpus, queries, qrels)
    made(tmp_path, corpus, queries, ["other\td1\t1"], split="dev")
    data = catalogue.load(folder)
    assert [each.id for each in data.questions] == list(data.judgements) == ["q1", "q2"]
    assert data.judgements["q2"] == {"d2": 1}
    assert data.left_out == {
        "judgements of unknown documents": LeftOut(3, ("q2 gone", "q2 empty", "lost gone")),
        "judgements of unknown questions": LeftOut(1, ("nobody",)),
        "questions without a relevant document": LeftOut(2, ("zero", "lost")),
        "questions without text": LeftOut(1, ("blank",)),
        "questions without judgements": LeftOut(1, ("none",)),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"corpus": [*CORPUS, {"_id": "3", "text": "x"}]}, "two documents have the id '3'"),
        ({"queries": [*QUERIES, QUERIES[0]]}, "two questions have the id 'q1'"),
        ({"corpus": [{"text": "x"}]}, "a document has no _id"),
        ({"queries": [{"text": "x"}]}, "a question has no _id"),
        ({"qrels": []}, "no question of the split 'test' can be measured"),
        ({"qrels": ["q1\tgone\t1"]}, "no question of the split 'test' can be measured"),
        ({"qrels": [*QRELS, "q1\td1\t1"]}, "'q1' has two grades for 'd1'"),
        ({"qrels": [*QRELS, "q1 d1 1"]}, "not a judgement"),
        ({"qrels": [*QRELS, "q1\td2\thigh"]}, "not a judgement"),
        ({"queries": [{**QUERIES[0], "evidence_char_spans": [1, 2]}]}, "not a list of spans"),
    ],
)
def test_what_contradicts_itself_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    folder = made(tmp_path, **change)
    with pytest.raises(BadData, match=message) as caught:
        catalogue.load(folder)
    assert caught.value.where
    assert caught.value.exit_code == 2


def test_lines_that_are_not_json(tmp_path: Path) -> None:
    folder = made(tmp_path)
    with (tmp_path / "queries.jsonl").open("a") as file:
        file.write("[]\n")
    with pytest.raises(BadData, match="not a JSON object") as caught:
        catalogue.load(folder)
    assert caught.value.where.endswith("queries.jsonl line 3")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    folder = made(tmp_path, split="dev")
    with pytest.raises(SourceMissing, match="no split 'test'") as caught:
        catalogue.load(folder)
    assert caught.value.hint == "there are: dev"
    (tmp_path / "queries.jsonl").unlink()
    with pytest.raises(SourceMissing, match=r"no queries\.jsonl"):
        catalogue.load(folder, "dev")


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "mill")
    with pytest.raises(SourceMissing, match="no data set is called 'mil'") as caught:
        catalogue.load("mil", root=tmp_path)
    for name in ("mill", "limit", "limit-small", "needle", "passkey", "sample", "mteb:TASK"):
        assert name in caught.value.hint
    with pytest.raises(SourceMissing):
        catalogue.load("mill")
    monkeypatch.setenv("MILLRACE_DATA", str(tmp_path))
    assert catalogue.load("mill").name == "mill"
    with pytest.raises(BadOption, match="'mill' has no option 'seed'") as wrong:
        catalogue.load("mill?seed=3")
    assert wrong.value.hint == "its options: unit, scope"


SPANS: list[dict[str, Any]] = [
    {"_id": "q1", "text": "a?", "evidence_char_spans": {"d1": [[2, 7], [8, 13]], "d2": [[0, 3]]}},
    {"_id": "q2", "text": "b?", "doc": "d2", "references": [{"start": 4, "end": 99}]},
    {"_id": "q3", "text": "c?", "doc": "d2", "references": [{"start": 0, "end": 3}]},
]
TEXTS: list[dict[str, Any]] = [
    {"_id": "d1", "title": "T", "text": "\n first second \n"},
    {"_id": "d2", "title": "T", "text": "one two"},
]


def test_spans_of_evidence_are_those_of_the_text_that_is_indexed(tmp_path: Path) -> None:
    queries = [SPANS[0], SPANS[2]]
    data = catalogue.load(made(tmp_path, TEXTS, queries, ["q1\td1\t2", "q1\td2\t0", "q3\td2\t1"]))
    assert data.unit == "span"
    assert data.judgements == {"q1": {"d1#0-5": 2, "d1#6-11": 2}, "q3": {"d2#0-3": 1}}
    texts = {id: each.text for id, each in documents(data).items()}
    assert [texts[e.document_id][e.start : e.end] for e in data.evidence["q1"]] == [
        "first",
        "secon",
    ]
    assert data.evidence["q1"][0] == Evidence("d1", 0, 5, 2)
    assert data.evidence["q1"][0].grade == 2


def test_evidence_that_cannot_be_found_is_named(tmp_path: Path) -> None:
    data = catalogue.load(made(tmp_path, TEXTS, SPANS, ["q1\td1\t1", "q2\td2\t1", "q3\td2\t1"]))
    assert [each.id for each in data.questions] == ["q1", "q3"]
    assert data.left_out == {
        "evidence outside of the relevant documents": LeftOut(2, ("q1 d2#0-3", "q2 d2#4-99")),
        "questions without evidence": LeftOut(1, ("q2",)),
    }


def test_documents_are_the_units_where_a_question_comes_without_spans(tmp_path: Path) -> None:
    queries = [SPANS[0], {"_id": "q2", "text": "b?"}]
    folder = made(tmp_path, TEXTS, queries, ["q1\td1\t1", "q1\td2\t1", "q2\td2\t1"])
    data = catalogue.load(folder)
    assert data.unit == "document"
    assert data.judgements["q2"] == {"d2": 1}
    assert set(data.evidence) == {"q1"}
    spans = catalogue.load(f"{folder}?unit=span")
    assert [each.id for each in spans.questions] == ["q1"]
    assert spans.left_out == {"questions without evidence": LeftOut(1, ("q2",))}
    with pytest.raises(BadData, match="no spans of evidence"):
        catalogue.load(made(tmp_path / "plain"), unit="span")
    with pytest.raises(BadOption, match="unit must be"):
        catalogue.load(folder, unit="page")


def packed(file: Path) -> None:
    file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()


def test_every_file_may_be_packed(tmp_path: Path) -> None:
    plain = catalogue.load(made(tmp_path / "plain"))
    folder = Path(made(tmp_path / "packed"))
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        packed(folder / name)
        data = catalogue.load(str(folder))
        assert (data.questions, data.judgements) == (plain.questions, plain.judgements)
        assert documents(data) == documents(plain)
    assert "packed" in catalogue.names(tmp_path)
    alone = catalogue.load(str(folder), corpus=False)
    assert (alone.questions, alone.judgements) == (plain.questions, plain.judgements)


def test_a_packed_file_that_is_cut_off_is_no_smaller_data_set(tmp_path: Path) -> None:
    corpus = [{"_id": f"d{n}", "text": f"{n * 7919} wheels"} for n in range(500)]
    folder = Path(made(tmp_path, corpus, qrels=["q1\td1\t1"]))
    packed(folder / "corpus.jsonl")
    file = folder / "corpus.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-900])
    with pytest.raises(BadData, match="damaged") as caught:
        catalogue.load(str(folder))
    assert re.fullmatch(rf"{re.escape(str(file))} line \d+", caught.value.where)


@pytest.mark.parametrize(
    ("document", "question"),
    [
        ({"id": "d1", "contents": "One\nThe wheel turns."}, {"id": "q1", "contents": "Turns?"}),
        ({"docid": "d1", "title": "One", "text": "The wheel turns."},
         {"qid": 5, "query": "Turns?"}),
        ({"docno": "d1", "text": "One\nThe wheel turns."}, {"query_id": "q1", "text": "Turns?"}),
        ({"_id": "d1", "id": "x", "contents": "One\nThe wheel turns."},
         {"_id": "q1", "id": "y", "question": "Turns?", "text": None}),
    ],
)  # fmt: skip
def test_other_names_of_ids_and_texts(
    tmp_path: Path, document: dict[str, Any], question: dict[str, Any]
) -> None:
    id = "5" if "qid" in question else "q1"
    data = catalogue.load(made(tmp_path, [document], [question], [f"{id} 0 d1 1"], header=None))
    assert data.judgements == {id: {"d1": 1}}
    assert [(each.id, each.text) for each in data.questions] == [(id, "Turns?")]
    assert documents(data)["d1"].text == "One\nThe wheel turns."


def test_what_is_an_id_or_a_text_is_no_field_of_a_question(tmp_path: Path) -> None:
    queries: list[dict[str, Any]]
    queries = [{"qid": "q1", "query": "Turns?", "id": "other", "site": "mill"}]
    data = catalogue.load(made(tmp_path / "a", queries=queries, qrels=["other\td1\t1"]))
    assert data.questions[0].metadata == {"qid": "q1", "site": "mill"}
    queries = [{"_id": "q1", "text": "Turns?", "query": "as typed", "id": 5}]
    data = catalogue.load(made(tmp_path / "b", queries=queries, qrels=["q1\td1\t1"]))
    assert data.questions[0].metadata == {"query": "as typed", "id": 5}


def test_fields_below_metadata_are_fields(tmp_path: Path) -> None:
    corpus = [{**row, "metadata": {"site": row["site"], "year": 2020}} for row in CORPUS]
    queries = [{**row, "metadata": {"site": row["site"], "type": "what", "x": {}}}
               for row in QUERIES]  # fmt: skip
    for row in (*corpus, *queries):
        del row["site"]
    folder = made(tmp_path, corpus, queries)
    data = catalogue.load(f"{folder}?scope=site")
    assert [each.filter for each in data.queries(scoped=True)] == [
        {"site": ["mill"]}, {"site": ["weir"]},
    ]  # fmt: skip
    assert [each.type for each in data.questions] == ["what", "what"]
    assert documents(data)["d1"].metadata == {"site": "mill", "year": 2020}
    queries[0]["metadata"] = {"site": "weir"}
    with pytest.raises(BadData, match="of another site"):
        catalogue.load(made(tmp_path, corpus, queries), scope="site")
    empty = [{**row, "metadata": {}} for row in CORPUS]
    assert documents(catalogue.load(made(tmp_path / "empty", empty)))["d1"].metadata == {
        "site": "mill"
    }


def test_blanks_around_ids_do_not_count(tmp_path: Path) -> None:
    corpus = [{"_id": "d1 ", "text": "The wheel turns."}, {"_id": " d2", "text": "Grain."}]
    queries = [{"_id": "q1\n", "text": "Turns?"}]
    data = catalogue.load(made(tmp_path, corpus, queries, ["q1\td1\t1", " q1 \t d2\t0"]))
    assert data.judgements == {"q1": {"d1": 1, "d2": 0}}
    assert set(documents(data)) == {"d1", "d2"}
    spans = [{**queries[0], "evidence_char_spans": {"d1 ": [[0, 3]]}}]
    data = catalogue.load(made(tmp_path, corpus, spans, ["q1\td1\t1"]))
    assert data.judgements == {"q1": {"d1#0-3": 1}}


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("corpus.jsonl", b'{"text": "x"}', "a document has no _id"),
        ("corpus.jsonl", b'{"_id": "3"}', "two documents have the id '3'"),
        ("corpus.jsonl", b'{"_id": "\xff"}', "not UTF-8"),
        ("queries.jsonl", b'{"text": "x"}', "a question has no _id"),
        ("queries.jsonl", b'{"_id": "q1", "text": "x"}', "two questions have the id 'q1'"),
        ("queries.jsonl", b'{"_id": "q9", "text', "not JSON"),
        ("queries.jsonl", b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_with_its_line(
    tmp_path: Path, name: str, line: bytes, message: str
) -> None:
    file = Path(made(tmp_path)) / name
    before = file.read_bytes()
    file.write_bytes(before + b"\n\n" + line + b"\n")
    with pytest.raises(BadData, match=message) as caught:
        catalogue.load(str(tmp_path))
    number = before.count(b"\n") + 3
    assert caught.value.where == f"{file} line {number}"
