"""The command, on a made-up folder and on FinanceBench's own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from components.errors import SourceMissing
from evals.datasets.judged import BadData
from evals.judging.__main__ import main
from evals.judging.halves import halves
from evals.judging.judgement import CLASSES
from evals.judging.labelled import labelled
from evals.judging.left_out import errors
from evals.judging.outcome import NUMERIC, OVERALL, Outcome, measure

_DATA = Path(os.environ.get("MILLRACE_DATA", Path(__file__).parents[3] / "shared" / "data"))
FINANCEBENCH = _DATA / "financebench"
OVERALL_KAPPA, NUMERIC_KAPPA, DECIDED, LENIENT = 0.869, 0.905, 268, 2
"""As measured on the half of the questions that no rule was chosen by."""


def answer(id: str, label: str, gold: str | int, text: str) -> dict[str, object]:
    return {
        "financebench_id": id,
        "question": f"What is {id} in millions?",
        "gold_answer": gold,
        "model_answer": text,
        "label": label,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ids = [f"q{number}" for number in range(5)]
    questions: list[dict[str, object]]
    questions = [{"financebench_id": id, "question_type": "even"} for id in ids]
    _write(tmp_path / "financebench_open_source.jsonl", questions)
    for run, label, text in (
        ("good", "Correct Answer", "It is 12."),
        ("bad", "Incorrect Answer", "It is 13."),
        ("shy", "Refusal", "I do not know."),
    ):
        rows = [answer(id, label, 12, text) for id in ids]
        _write(tmp_path / "human_labels" / f"{run}.jsonl", rows)
    return tmp_path


def _write(file: Path, rows: list[dict[str, object]]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def test_halves_are_of_questions_and_fixed() -> None:
    ids = [f"q{number}" for number in range(5)]
    found = halves(ids * 3)
    assert found == halves(reversed(ids))
    assert (len(found.tune), len(found.report)) == (2, 3)
    assert sorted(found.tune + found.report) == ids


def test_tables(folder: Path) -> None:
    found = CliRunner().invoke(main, [str(folder)])
    assert found.exit_code == 0
    assert "report: 3 questions" in found.output
    assert "people's share is within the interval in 2 of 2 runs" in found.output
    assert "1.000" in found.output


def test_json(folder: Path) -> None:
    found = json.loads(CliRunner().invoke(main, [str(folder), "--json"]).output)
    assert found["human_labels"]["bad"] == {"correct": 0, "incorrect": 5, "refused": 0}
    assert found["questions"]["numeric"] == ["q0", "q1", "q2", "q3", "q4"]
    assert found["report"]["numeric"]["kappa"]["value"] == 1
    assert found["report"]["even"]["answers"] == 9
    assert found["report"]["without refusals"]["answers"] == 6
    assert len(found["judgements"]) == 15
    # Without the good run the labels of the others have no right answer, and correct nothing.
    assert [each["run"] for each in found["left_out"]["runs"]] == ["bad", "shy"]
    assert {each["rule"] for each in found["judgements"]} == {"number", "refusal"}


def test_folder_without_answers(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        labelled(tmp_path)
    found = CliRunner().invoke(main, [str(tmp_path)])
    assert found.exit_code == 2


@pytest.mark.parametrize(
    "row",
    [
        answer("q0", "Perhaps", 12, "x"),
        answer("q9", "Refusal", 12, "x"),
        {**answer("q0", "Refusal", 12, "x"), "model_answer": None},
        {**answer("q0", "Refusal", 12, "x"), "gold_answer": None},
    ],
)
def test_bad_rows(folder: Path, row: dict[str, object]) -> None:
    _write(folder / "human_labels" / "other.jsonl", [row])
    with pytest.raises(BadData):
        labelled(folder)


@pytest.fixture(scope="module")
def financebench() -> Outcome:
    if not (FINANCEBENCH / "human_labels").is_dir():
        pytest.skip(f"no labelled answers in {FINANCEBENCH}")
    return measure(labelled(FINANCEBENCH))


def test_one_question_has_no_halves(folder: Path) -> None:
    some = [each for each in labelled(folder) if each.question_id == "q0"]
    with pytest.raises(BadData, match="2 questions"):
        measure(some)


def test_counts_of_labels(financebench: Outcome) -> None:
    runs = financebench.runs
    assert len(financebench.judged) == 976
    assert len(runs) == 16
    totals = {name: sum(each[name] for each in runs.values()) for name in runs["gpt-4_oracle"]}
    assert totals == {"correct": 450, "incorrect": 243, "refused": 283}
    assert (len(financebench.halves.tune), len(financebench.halves.report)) == (30, 31)


def test_agreement_with_people(financebench: Outcome) -> None:
    """May be raised when the judge gets better; never lowered."""
    overall = financebench.report[OVERALL]
    assert financebench.report[NUMERIC].kappa.mean >= NUMERIC_KAPPA - 0.02
    assert overall.kappa.mean >= OVERALL_KAPPA - 0.02
    assert overall.answers >= DECIDED - 5
    lenient = overall.confusion[CLASSES.index("incorrect")][CLASSES.index("correct")]
    assert lenient <= LENIENT + 1


def test_corrected_rates_are_nearer_to_peoples(financebench: Outcome) -> None:
    found = errors(financebench.left_out)
    assert len(financebench.left_out) == 16
    assert sum(each.covers for each in financebench.left_out) >= 15
    assert abs(found["corrected_difference"]) < 0.02 < abs(found["raw_difference"])
    assert found["corrected_distance"] < found["raw_distance"]
