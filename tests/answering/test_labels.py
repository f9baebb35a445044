"""Labels that a person gives: drawn, filled in, read back, and the rates that come of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from components.errors import BadOption, SpecError
from evals.answers.outcome import Outcome, Rate
from evals.answers.run import run
from evals.answers.sampling import sample
from evals.judging.judgement import Verdict
from evals.judging.label_file import Answer, read, write
from evals.report import answers as report
from evals.report import files
from tests.answering.data import gold, only, outcome, planned, recorded
from tests.answering.test_paid import VARIABLE, judging, opinionated, verdict
from tests.endpoint.server import chat_server

RIGHT = gold()
GIVEN = {
    **{id: text if id.startswith("turns") else "It is 1." for id, text in RIGHT.items()},
    "load-Cam": "I cannot tell.",
}
"""Eight right answers, seven wrong ones and a refusal."""


def replay(folder: Path, **more: object) -> Outcome:
    file = recorded(folder, "before", GIVEN)
    return outcome(folder, file, setting="closed_book", **more)


def drawn(folder: Path, count: int = 10, **more: object) -> list[Answer]:
    plan = planned(folder, recorded(folder, "before", GIVEN), setting="closed_book", **more)
    return sample(run(plan), plan, count)


def by_truth(answer: Answer) -> Verdict:
    """What a person says."""
    if answer.text.startswith("I cannot"):
        return "refused"
    return "correct" if answer.text == RIGHT[answer.question_id] else "incorrect"


def filled(
    folder: Path, answers: list[Answer], said: Callable[[Answer], Verdict | None] = by_truth
) -> Path:
    file = folder / f"labels-{len(list(folder.glob('labels-*')))}.yaml"
    write([replace(each, human=said(each)) for each in answers], file)
    return file


def rates(found: Outcome) -> dict[str, Rate]:
    return {each.by: each for each in only(found).correct}


def test_a_sample_holds_some_of_every_verdict(tmp_path: Path) -> None:
    found = drawn(tmp_path)
    assert len(found) == 10
    strata = Counter(each.drawn for each in found)
    assert all(each and each.labels == count for each, count in strata.items())
    assert sorted(each.answers for each in strata if each) == [1, 7, 8]
    assert {each.system for each in found} == {"before"}
    assert drawn(tmp_path) == found, "it is the same again"
    assert len({each.id for each in found}) == 10


def test_a_sample_too_small_for_its_strata_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="too few") as caught:
        drawn(tmp_path, 4)
    assert caught.value.hint == "5 or more"


def test_a_person_is_not_told_what_the_judge_says(tmp_path: Path) -> None:
    text = filled(tmp_path, drawn(tmp_path), lambda _: None).read_text()
    rows = text[text.index("- label:") :]
    assert not re.search(r"correct|refused|rule", rows)


def test_labels_of_all_answers_are_the_rate(tmp_path: Path) -> None:
    labels = filled(tmp_path, drawn(tmp_path, 16))
    found = rates(replay(tmp_path, labels=labels))
    people = found["people"]
    assert people.judged == 16
    assert people.corrected
    assert people.corrected.mean == pytest.approx(0.5)
    assert people.corrected.low < 0.35
    assert people.corrected.high > 0.65
    assert found["rules"].raw == 0.5
    assert found["rules"].corrected is None, "of no other answers are there labels"


def test_people_who_differ_from_the_rules_are_believed(tmp_path: Path) -> None:
    def stricter(answer: Answer) -> Verdict:
        return "incorrect" if answer.question_id == "turns-Nene" else by_truth(answer)

    found = rates(replay(tmp_path, labels=filled(tmp_path, drawn(tmp_path, 16), stricter)))
    assert found["people"].corrected
    assert found["people"].corrected.mean == pytest.approx(7 / 16)


def test_a_file_that_is_half_filled_is_a_smaller_sample(tmp_path: Path) -> None:
    answers = drawn(tmp_path, 16)
    half = {each.id for each in answers[:8]}
    whole = rates(replay(tmp_path, labels=filled(tmp_path, answers)))["people"]
    labels = filled(tmp_path, answers, lambda each: by_truth(each) if each.id in half else None)
    part = rates(replay(tmp_path, labels=labels))["people"]
    assert (part.judged, whole.judged) == (8, 16)
    assert part.corrected
    assert whole.corrected
    assert part.corrected.mean == pytest.approx(0.5, abs=0.07)
    wide, narrow = (each.high - each.low for each in (part.corrected, whole.corrected))
    assert wide > narrow
    # Of each beginning of the file: as many of each stratum as there are of it, nearly.
    strata = Counter(each.drawn.answers for each in answers[:8] if each.drawn)
    assert 3 <= strata[7] <= 4
    assert 3 <= strata[8] <= 5


def test_labels_of_other_answers_correct_the_rules(tmp_path: Path) -> None:
    labels = filled(tmp_path, drawn(tmp_path, 16))
    others = {**GIVEN, "turns-Cam": "I cannot tell."}
    found = outcome(
        tmp_path, recorded(tmp_path, "after", others), setting="closed_book", labels=labels
    )
    told = rates(found)
    assert "people" not in told
    assert told["rules"].labels == 16
    assert told["rules"].corrected
    assert told["rules"].corrected.mean == pytest.approx(7 / 16)
    assert told["rules"].corrected.low <= 7 / 16 <= told["rules"].corrected.high


def test_labels_of_answers_that_have_changed_are_not_labels_of_these(tmp_path: Path) -> None:
    labels = filled(tmp_path, drawn(tmp_path, 16))
    changed = {**GIVEN, "turns-Cam": "It is 5."}
    file = recorded(tmp_path, "before", changed)
    told = rates(outcome(tmp_path, file, setting="closed_book", labels=labels))
    assert told["people"].corrected is None
    assert "changed" in told["people"].why
    assert told["rules"].corrected


def test_labels_that_cannot_correct_say_why(tmp_path: Path) -> None:
    labels = filled(tmp_path, drawn(tmp_path, 16), lambda _: "incorrect")
    found = outcome(
        tmp_path, recorded(tmp_path, "after", RIGHT), setting="closed_book", labels=labels
    )
    told = rates(found)["rules"]
    assert told.corrected is None
    assert "some that are not" in told.why


def test_what_a_stratum_stands_for(tmp_path: Path) -> None:
    """Two labels of eight wrong answers count as much as all of them."""
    few = [each for each in drawn(tmp_path, 16) if not each.text.startswith("I cannot")]
    wrong = [each for each in few if by_truth(each) == "incorrect"]
    kept = {each.id for each in few if by_truth(each) == "correct"} | {wrong[0].id, wrong[1].id}
    labels = filled(tmp_path, few, lambda each: by_truth(each) if each.id in kept else None)
    read_back = read(labels)
    from evals.answers.labels import weighted

    weights = {
        each.human: each.weight for each in weighted(read_back, {e.id: () for e in read_back})
    }
    assert weights == {"correct": 1.0, "incorrect": 3.5}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("- label:\n", "- label: perhaps\n", "'perhaps' is no label"),
        ("  answer: ", "  answer: not ", "was changed"),
        ("  of: 8", "  of: 80", "was changed"),
        ("- label:\n", "- labels: correct\n", "extra inputs"),
        ("- label:", "label:", "YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    file = filled(tmp_path, drawn(tmp_path), lambda _: None)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(SpecError, match=message) as caught:
        read(file)
    assert str(file) in caught.value.where


def test_no_label_at_all_is_a_mistake(tmp_path: Path) -> None:
    file = filled(tmp_path, drawn(tmp_path), lambda _: None)
    with pytest.raises(SpecError, match="no answer has a label"):
        planned(tmp_path, recorded(tmp_path, "before", GIVEN), labels=file)
    with pytest.raises(SpecError, match="cannot be read"):
        planned(tmp_path, recorded(tmp_path, "before", GIVEN), labels=tmp_path / "none.yaml")


def test_a_file_with_labels_is_never_written_over(tmp_path: Path) -> None:
    answers = drawn(tmp_path)
    file = filled(tmp_path, answers)
    before = file.read_bytes()
    with pytest.raises(BadOption, match="such a file"):
        write(answers, file)
    assert file.read_bytes() == before


def test_labels_of_ones_own_need_no_more_than_the_answer(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "- {label: Correct, question: How many?, gold: 12, answer: It is 12., question_id: q}\n"
        "- {label: , question: How many?, gold: [12, 13], answer: It is 14., question_id: q}\n"
    )
    first, second = read(file)
    assert (first.human, second.human) == ("correct", None)
    assert second.golds == (12, 13)


def test_rules_and_model_stand_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model takes two wrong answers for right ones."""
    monkeypatch.setenv(VARIABLE, "key")
    lenient = ("load-Bourne", "load-Ouse")

    def says(id: str, _: int) -> str:
        return verdict("correct" if id.startswith("turns") or id in lenient else "incorrect")

    with chat_server(opinionated(says)) as server:
        judge = judging(tmp_path, server)
        found = replay(tmp_path, judge=judge)
        system = only(found)
        raw = {each.by: each.raw for each in system.correct}
        assert raw == {"rules": 0.5, "model": 10 / 16, "rules and model": pytest.approx(8 / 13)}
        assert system.disagreements == {
            ("incorrect", "correct"): ["load-Bourne", "load-Ouse"],
            ("refused", "incorrect"): ["load-Cam"],
        }
        assert len(server.asked) == 16
        labels = filled(tmp_path, drawn(tmp_path, 16, judge=judge))
        again = rates(replay(tmp_path, judge=judge, labels=labels))
        assert len(server.asked) == 16, "what was said of these answers is known"
        assert again["people"].corrected
        assert again["people"].corrected.mean == pytest.approx(0.5)

        others = {**GIVEN, "turns-Cam": "It is 5."}
        file = recorded(tmp_path, "after", others)
        after = outcome(tmp_path, file, setting="closed_book", judge=judge, labels=labels)
        assert len(server.asked) == 16 + 16 + 1, "and of the label of another answer it is asked"
        told = rates(after)
        assert set(told) == {"rules", "model", "rules and model"}
        assert {each.labels for each in told.values()} == {16}
        # Of ten answers that it called correct, eight are.
        both, model = told["rules and model"].corrected, told["model"].corrected
        assert both
        assert model
        assert both.mean == pytest.approx(0.5, abs=0.07)
        assert both.high - both.low < model.high - model.low
    (tmp_path / "out").mkdir()
    report.write(after, tmp_path / "out")
    page = (tmp_path / "out" / files.REPORT).read_text()
    assert "as people would" in page
    assert "Rules and model disagree" in page
    written = after.to_json()["systems"]["after"]
    assert [each["by"] for each in written["correct"]] == list(told)
    assert written["disagreements"][0]["questions"]
