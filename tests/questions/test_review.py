"""The file that a person edits, and the data set that comes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from components.errors import BadOption, SpecError
from evals.datasets import catalogue
from evals.questions.draft import Draft
from evals.questions.review import accept, read, write
from tests.corpora import Corpus

PASSAGE = "The mill at Abingdon was built in 1742.\n\n  It ground wheat: 9 tons # a year."
DRAFTS = [
    Draft(
        question="When did Abingdon get its mill?",
        answer="1742",
        evidence=("The mill at Abingdon was built in 1742.",),
        document_id="mills.md",
        start=100,
        passage=PASSAGE,
        page=3,
    ),
    Draft(
        question="What did they grind: wheat or rye?",
        answer="yes",
        evidence=("It ground wheat", "9 tons # a year."),
        document_id="mills.md",
        start=900,
        passage=PASSAGE,
    ),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "review.yaml"
    write(DRAFTS, made)
    return made


def edit(file: Path, old: str, new: str, count: int = 1) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, count), encoding="utf-8")


def test_what_is_written_is_read(file: Path) -> None:
    assert read(file) == [(each, None) for each in DRAFTS]
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# Generated questions.")
    assert "  passage: |-\n    The mill at Abingdon was built in 1742.\n\n" in text


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
LINES = st.text(st.sampled_from("a b:#-'\"|>{\n\t\x85\ufeff"), min_size=1)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS | LINES, TEXTS | LINES, TEXTS | LINES)
@example("two  blanks " * 30 + "end", "plain " * 50 + "words", "no: \n end")
@example("two lines\nand a blank one\n\n", "yes", "no")
@example("\n\n- keep:\n- keep:", "yes", "~")
def test_no_text_loses_a_character(
    tmp_path: Path, passage: str, document: str, evidence: str
) -> None:
    draft = Draft(
        question=" ".join(passage.split()) or "?",
        answer=" ".join(document.split()),
        evidence=(evidence,),
        document_id=document,
        start=0,
        passage=passage,
    )
    both = [draft, replace(draft, start=1)]
    made = tmp_path / "any.yaml"
    made.unlink(missing_ok=True)
    write(both, made)
    assert read(made) == [(each, None) for each in both]


def test_a_review_is_never_written_over(file: Path) -> None:
    edit(file, "keep:", "keep: yes")
    before = file.read_bytes()
    with pytest.raises(BadOption):
        write(DRAFTS, file)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("written", "keep"),
    [("yes", True), ("Yes", True), ("true", True), ("no", False), ("NO", False), ("", None)],
)
def test_yes_and_no(file: Path, written: str, keep: bool | None) -> None:
    edit(file, "keep:", f"keep: {written}")
    assert [said for _, said in read(file)] == [keep, None]


def test_a_data_set_of_what_is_kept(file: Path, tmp_path: Path) -> None:
    edit(file, "keep:\n  question: When did Abingdon get its mill?", "keep: no\n  question: Hm?")
    edit(file, "keep:\n", "keep: yes\n")
    edit(file, "answer: yes", "answer: 1742")
    edit(file, "What did they grind: wheat or rye?", "What was ground?")
    found = accept(file, tmp_path / "mine")
    assert (found.kept, found.refused, found.open) == (1, 1, 0)
    data = catalogue.load(str(tmp_path / "mine"), corpus=False)
    [question] = data.questions
    assert (question.text, question.type) == ("What was ground?", "generated")
    assert question.metadata["answer"] == "1742"
    assert data.unit == "span"
    quotes = [PASSAGE[each.start - 900 : each.end - 900] for each in data.evidence[question.id]]
    assert quotes == ["It ground wheat", "9 tons # a year."]
    assert {each.document_id for each in data.evidence[question.id]} == {"mills.md"}


def test_the_data_set_judges_an_index(corpus: Corpus, tmp_path: Path) -> None:
    """Offsets are those of the index: a search finds the evidence in the text it has stored."""
    corpus.fill(3)
    corpus.refresh()
    chunk = sorted(corpus.stored().chunks.values(), key=lambda each: each.ordinal)[-1]
    draft = Draft(
        question="What is it?",
        answer="It",
        evidence=(chunk.text[3:20],),
        document_id=chunk.document_id,
        start=chunk.span.start,
        passage=chunk.text,
    )
    write([draft], tmp_path / "review.yaml")
    edit(tmp_path / "review.yaml", "keep:", "keep: yes")
    accept(tmp_path / "review.yaml", tmp_path / "mine")
    data = catalogue.load(str(tmp_path / "mine"), corpus=False)
    [evidence] = data.evidence[draft.id]
    text = (corpus.documents / chunk.document_id).read_text(encoding="utf-8")
    assert text[evidence.start : evidence.end] == chunk.text[3:20]


def test_edited_evidence_is_found_again(file: Path, tmp_path: Path) -> None:
    edit(file, "keep:", "keep: yes")
    edit(file, "- The mill at Abingdon was built in 1742.", "- The mill\n  - built in 1742")
    accept(file, tmp_path / "mine")
    row = json.loads((tmp_path / "mine" / "queries.jsonl").read_text(encoding="utf-8"))
    assert row["evidence_char_spans"] == {"mills.md": [[100, 108], [125, 138]]}


@pytest.mark.parametrize(
    ("old", "new", "message", "where"),
    [
        ("- The mill at", "- A mill at", "not verbatim", "question 1: evidence"),
        ("document: mills.md", "document: mill.md", "was changed", "question 1"),
        ("start: 100", "start: 101", "was changed", "question 1"),
        ("    The mill at", "    A mill at", "was changed", "question 1"),
        ("keep: yes", "keep: maybe", "valid boolean", "question 1: keep"),
        ("answer: '1742'", "answer: [1742]", "valid string", "question 1: answer"),
        ("answer:", "anser:", "field required", "question 1: answer"),
        ("keep: yes", "keep: yes\n  keep: no", "duplicate key", "review.yaml"),
    ],
)
def test_what_a_person_may_get_wrong(
    file: Path, tmp_path: Path, old: str, new: str, message: str, where: str
) -> None:
    edit(file, "keep:", "keep: yes")
    edit(file, old, new)
    with pytest.raises(SpecError, match=message) as caught:
        accept(file, tmp_path / "mine")
    assert where in caught.value.where
    assert not (tmp_path / "mine").exists()


def test_a_question_is_there_once(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(text + text, encoding="utf-8")
    with pytest.raises(SpecError, match="twice"):
        read(file)


def test_nothing_kept_and_nothing_to_read(file: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no question is kept"):
        accept(file, tmp_path / "mine")
    with pytest.raises(SpecError, match="cannot be read"):
        read(tmp_path / "none.yaml")
    file.write_text("a: b", encoding="utf-8")
    with pytest.raises(SpecError, match="list of questions"):
        read(file)


def test_a_data_set_is_never_written_over(file: Path, tmp_path: Path) -> None:
    edit(file, "keep:", "keep: yes")
    (tmp_path / "mine").mkdir()
    with pytest.raises(BadOption):
        accept(file, tmp_path / "mine")
