"""From pipeline files and questions with answers to verdicts, and where answers were lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from components.errors import BadOption, Busy, MillraceError, Moved, SpecError
from components.phases import Phase, plainly
from components.values import Answer, Citation, Hit, Query
from evals.answers.outcome import OVERALL, Outcome, Row
from evals.answers.run import run
from evals.datasets.judged import BadData
from evals.judging.offline import judge
from evals.report import answers as report
from evals.report import files
from tests.answering.data import (
    KINDS,
    NONE,
    WHEELS,
    answering,
    data,
    gold,
    only,
    outcome,
    planned,
    recorded,
)
from tests.compare.data import publish, served

T = TypeVar("T")
RIGHT = gold()


def replay(folder: Path, *files: Path, **more: Any) -> Outcome:
    """Without an index, which recorded answers do not need."""
    return outcome(folder, *files, setting="closed_book", **more)


def test_rates_are_those_of_the_answers(tmp_path: Path) -> None:
    given = {
        **RIGHT,
        "turns-Cam": "It turns 1 time.",
        "load-Cam": "I cannot tell.",
        "load-Nene": "",
    }
    found = only(replay(tmp_path, recorded(tmp_path, "before", given)))
    assert found.whole.counts == {**NONE, "correct": 13, "incorrect": 1, "refused": 2}
    right = found.whole.rates["correct"]
    assert right.mean == pytest.approx(13 / 16)
    # By the formula, with z = 1.96.
    assert [right.low, right.high] == pytest.approx([0.5699, 0.9341], abs=1e-3)
    assert found.parts["turns"].rates["refused"].high > 0.1
    assert found.parts["turns"].counts["incorrect"] == 1
    assert found.parts["load"].counts["refused"] == 2
    assert set(found.parts) == {OVERALL, *KINDS}
    for row in found.rows:
        assert row.judged.judgement == judge(row.question.text, row.gold, row.answered.text)


def test_what_has_no_answer_has_failed_and_is_not_correct(tmp_path: Path) -> None:
    given = {id: text for id, text in RIGHT.items() if id.startswith("turns")}
    found = replay(tmp_path, recorded(tmp_path, "half", given))
    whole = only(found).whole
    assert whole.counts == {**NONE, "correct": 8, "failed": 8}
    assert whole.rates["correct"].mean == 0.5
    assert whole.rates["failed"].mean == 0.5
    assert (whole.losses["failed"], whole.losses["unmeasured"]) == (8, 0)
    assert found.incomplete
    assert "half 8 of 16 correct, 8 failed" in found.verdict
    assert only(found).parts["load"].rates["correct"].mean == 0.0
    assert not only(found).stopped


def test_a_system_that_dies_on_hard_questions_does_not_look_better(tmp_path: Path) -> None:
    hard = [id for id in RIGHT if id.startswith("load")]
    tries = {**RIGHT, **dict.fromkeys(hard, "It is 1.")}
    dies = {id: text for id, text in RIGHT.items() if id not in hard}
    found = replay(tmp_path, recorded(tmp_path, "tries", tries), recorded(tmp_path, "dies", dies))
    told = {each.metric: each for each in found.comparisons}
    assert set(told) == {"correct"}, "one endpoint"
    assert told["correct"].questions == 16
    assert told["correct"].comparisons == 1
    assert told["correct"].difference == 0.0
    rates = [each.whole.rates for each in found.systems]
    assert [each["incorrect"].mean for each in rates] == [0.5, 0.0]
    assert [each["failed"].mean for each in rates] == [0.0, 0.5], "it is seen where they went"


def test_who_fails_where_the_other_is_right_is_worse(tmp_path: Path) -> None:
    part = {id: text for id, text in RIGHT.items() if id.startswith("turns")}
    found = replay(tmp_path, recorded(tmp_path, "whole", RIGHT), recorded(tmp_path, "half", part))
    for each in found.comparisons:
        assert (each.difference, each.losses, each.verdict) == (-0.5, 8, "worse")


def test_no_worse_with_a_sure_loss_says_so(tmp_path: Path) -> None:
    found = replay(tmp_path, recorded(tmp_path, "a", RIGHT), recorded(tmp_path, "b", RIGHT))
    (first, *others) = found.comparisons
    lost = replace(first, verdict="no_worse", difference=-0.004, p_corrected=0.001)
    told = replace(found, comparisons=[lost, *others])
    assert "b is no worse than a, with a sure loss below the margin of 0.03 (" in told.verdict
    (tmp_path / "out").mkdir()
    report.write(told, tmp_path / "out")
    page = (tmp_path / "out" / files.REPORT).read_text()
    assert "with a sure loss below the margin of 0.03" in page
    assert "<th>failed</th>" in page


def test_p_is_corrected_for_the_systems_and_nothing_else(tmp_path: Path) -> None:
    part = {id: text for id, text in RIGHT.items() if id.startswith("turns")}
    systems = {"whole": RIGHT, "half": part, "none": {"load-Cam": "I cannot tell."}}
    found = replay(tmp_path, *(recorded(tmp_path, *each) for each in systems.items()))
    assert [each.metric for each in found.comparisons] == ["correct"] * 3
    assert {each.comparisons for each in found.comparisons} == {3}
    assert found.to_json()["schema"] == 2


def without_gold(folder: Path, *ids: str) -> None:
    rows = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    for row in rows:
        if row["_id"] in ids:
            del row["answer"]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def with_gold(folder: Path, id: str, answer: str) -> None:
    rows = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    rows = [{**row, "answer": answer} if row["_id"] == id else row for row in rows]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_prose_is_beyond_the_rules_and_leaves_nothing_to_do(tmp_path: Path) -> None:
    data(tmp_path / "data")
    with_gold(tmp_path / "data", "load-Cam", "As much as a strong man carries in a day.")
    found = replay(tmp_path, recorded(tmp_path, "right", RIGHT))
    told = only(found)
    assert told.whole.counts == {**NONE, "correct": 15, "unmeasured": 1}
    assert told.whole.rates["correct"].mean == told.undecided == 1
    assert not found.incomplete


def test_nobody_fails_where_nobody_can_be_right(tmp_path: Path) -> None:
    data(tmp_path / "data")
    without_gold(tmp_path / "data", "load-Cam", "load-Nene")
    part = {id: text for id, text in RIGHT.items() if not id.endswith("Cam")}
    found = replay(tmp_path, recorded(tmp_path, "a", RIGHT), recorded(tmp_path, "b", part))
    counts = [each.whole.counts for each in found.systems]
    assert counts[0] == {**NONE, "correct": 14, "unmeasured": 2}
    assert counts[1] == {**NONE, "correct": 13, "failed": 1, "unmeasured": 2}
    assert {each.questions for each in found.comparisons} == {14}


def test_what_the_data_set_lacks_is_nobodys_failure(tmp_path: Path) -> None:
    folder = data(tmp_path / "data")
    plan = planned(tmp_path, parrot(tmp_path), setting="oracle")
    lines = (folder / "corpus.jsonl").read_text().splitlines(keepends=True)
    (folder / "corpus.jsonl").write_text("".join(lines[:4]))
    whole = only(run(plan)).whole
    assert (whole.counts["unmeasured"], whole.counts["failed"]) == (8, 0)
    assert whole.losses["unmeasured"] == 8


@dataclass(frozen=True, kw_only=True)
class Parrot:
    """Says what it is told to, and cites the first `cites` hits."""

    says: str = "312"
    cites: int = 1
    concurrency: int = 3

    @property
    def facts(self) -> dict[str, object]:
        return {}

    def answer(self, query: Query, hits: Sequence[Hit]) -> Answer:
        named = [
            Citation(
                chunk_id=each.chunk.id, document_id=each.chunk.document_id, span=each.chunk.span
            )
            for each in hits[: self.cites]
        ]
        return Answer(text=self.says, citations=tuple(named))


def parrot(folder: Path, name: str = "parrot", **options: object) -> Path:
    return answering(folder, name, {"use": "tests.answering.test_answers:Parrot", **options})


def test_losses_say_where(tmp_path: Path) -> None:
    cited = only(outcome(tmp_path, parrot(tmp_path, "cites", says="1")))
    ignored = only(outcome(tmp_path, parrot(tmp_path, "ignores", says="1", cites=0)))
    refused = only(outcome(tmp_path, parrot(tmp_path, "refuses", says="I cannot tell.")))
    assert cited.whole.losses["used but wrong"] == 16
    assert ignored.whole.losses["no citation"] == 16
    assert refused.whole.losses["refused"] == 16
    blind = only(outcome(tmp_path, parrot(tmp_path, "blind", says="1"), hits=1, setting="shared"))
    for row in blind.rows:
        held = row.answered.retrieval["recall"]
        assert row.loss == ("used but wrong" if held else "not retrieved")


def test_settings_give_what_they_say(tmp_path: Path) -> None:
    file = parrot(tmp_path)
    rows: dict[str, Row] = {}
    for setting in ("shared", "oracle", "long_context", "closed_book"):
        found = only(outcome(tmp_path, file, setting=setting))
        rows[setting] = next(row for row in found.rows if row.question.id == "turns-Cam")
    wheel = "The wheel on the river Cam turns 338 times in an hour."
    assert [each.text for each in rows["oracle"].answered.given] == [wheel]
    (whole,) = rows["long_context"].answered.given
    assert whole.text.startswith("This is about a mill.")
    assert wheel in whole.text
    assert rows["closed_book"].answered.given == ()
    assert rows["closed_book"].loss == "from memory"
    shared = rows["shared"].answered
    assert len({each.document_id for each in shared.given}) > 1
    for row in rows.values():
        assert [each.text.strip() for each in row.answered.evidence] == [wheel]
    assert not rows["oracle"].answered.retrieval


def test_a_long_context_is_cut_at_its_length(tmp_path: Path) -> None:
    found = only(outcome(tmp_path, parrot(tmp_path), setting="long_context", characters=30))
    assert {len(row.answered.given[0].text) for row in found.rows} == {30}


def test_a_single_document_needs_a_scope(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="no scope"):
        planned(tmp_path, parrot(tmp_path), setting="single")


def test_wrong_companies_are_counted(tmp_path: Path) -> None:
    found = only(outcome(tmp_path, parrot(tmp_path), hits=4))
    for row in found.rows:
        own = [each.title == row.question.metadata["company"] for each in row.answered.given]
        assert row.answered.retrieval["wrong_company"] == pytest.approx(1 - sum(own) / len(own))


def test_figures_that_stand_nowhere_are_named(tmp_path: Path) -> None:
    found = only(outcome(tmp_path, parrot(tmp_path, says="It is 312.5 million or 338.", cites=10)))
    told = {row.question.id: row.answered.unsupported for row in found.rows}
    assert told["turns-Cam"] == ("312.5 million",)
    assert found.unsupported == 16


def test_nothing_is_done_again(tmp_path: Path) -> None:
    file = parrot(tmp_path)
    first = outcome(tmp_path, file)
    kept = {each: each.read_bytes() for each in (tmp_path / "home").rglob("*.jsonl")}
    assert kept
    assert outcome(tmp_path, file).to_json() == first.to_json()
    assert {each: each.read_bytes() for each in (tmp_path / "home").rglob("*.jsonl")} == kept


def test_another_answerer_is_asked_anew(tmp_path: Path) -> None:
    assert only(replay(tmp_path, parrot(tmp_path))).rows[0].answered.text == "312"
    changed = replay(tmp_path, parrot(tmp_path), overrides=("answerer.says=seven",))
    assert only(changed).rows[0].answered.text == "seven"


def test_a_sweep_of_answerers(tmp_path: Path) -> None:
    found = outcome(
        tmp_path, parrot(tmp_path), overrides=("answerer.cites=[0, 1]",), setting="oracle"
    )
    assert [each.name for each in found.systems] == ["parrot[cites=0]", "parrot[cites=1]"]


def test_what_is_written_can_be_replayed(tmp_path: Path) -> None:
    first = outcome(tmp_path, parrot(tmp_path, says="It turns 338 times."), setting="oracle")
    (tmp_path / "out").mkdir()
    report.write(first, tmp_path / "out")
    written = tmp_path / "out" / "answers" / "parrot.jsonl"
    again = answering(tmp_path, "again", {"use": "recorded", "path": str(written)})
    assert only(replay(tmp_path, again)).whole.counts == only(first).whole.counts
    told = json.loads((tmp_path / "out" / "outcome.json").read_text())
    assert len(told["systems"]["parrot"]["questions"]) == 16
    page = (tmp_path / "out" / files.REPORT).read_text()
    for row in only(first).rows:
        assert row.question.text in page
        assert row.answered.evidence[0].text in page


def test_the_page_escapes_what_it_shows(tmp_path: Path) -> None:
    found = replay(tmp_path, parrot(tmp_path, says="<script>alert(1)</script>"))
    (tmp_path / "out").mkdir()
    report.write(found, tmp_path / "out")
    page = (tmp_path / "out" / files.REPORT).read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize(
    ("given", "where"),
    [({"setting": "open"}, "--setting"), ({"baseline": "nobody"}, "--baseline")],
)
def test_mistakes_are_named(tmp_path: Path, given: dict[str, str], where: str) -> None:
    with pytest.raises(BadOption) as caught:
        planned(tmp_path, parrot(tmp_path), **given)
    assert caught.value.where == where


@pytest.mark.parametrize("limit", [float("inf"), float("nan"), -1.0])
def test_a_limit_is_an_amount(tmp_path: Path, limit: float) -> None:
    with pytest.raises(BadOption) as caught:
        planned(tmp_path, parrot(tmp_path), max_cost=limit)
    assert caught.value.where == "--max-cost"


def live(folder: Path, name: str, **options: object) -> Path:
    """A pipeline of the corpus `mill`, which it shares with others of that name."""
    told = json.loads(parrot(folder, name, **options).read_text())
    told |= {
        "name": "mill",
        "source": {"use": "jsonl", "path": "data/corpus.jsonl"},
        "index": {"use": "qdrant_edge", "path": "store"},
    }
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(told))
    return file


def test_two_answerers_of_one_live_index(tmp_path: Path) -> None:
    data(tmp_path / "data")
    one, other = live(tmp_path, "one", says="1"), live(tmp_path, "other", says="310")
    publish(one)
    found = outcome(tmp_path, one, other, live=True)
    names = [each.name for each in found.systems]
    assert len(set(names)) == 2
    assert [each.whole.counts["correct"] for each in found.systems] == [0, 1]
    assert len(found.comparisons) == 1
    told = outcome(tmp_path, one, other, live=True, overrides=("mill:answerer.says=two",))
    assert {row.answered.text for each in told.systems for row in each.rows} == {"two"}


@pytest.mark.parametrize("setting", ["oracle", "long_context"])
def test_what_is_live_has_no_documents_of_the_data_set(tmp_path: Path, setting: str) -> None:
    data(tmp_path / "data")
    with pytest.raises(BadOption, match="--live has none"):
        planned(tmp_path, live(tmp_path, "one"), live=True, setting=setting)


def test_each_of_several_gold_answers_is_right(tmp_path: Path) -> None:
    folder = data(tmp_path / "data")
    rows = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    for row in rows:
        row["answers"] = ["about 5,000 in all", row.pop("answer")]
        row["gold_answer"] = ""
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = only(replay(tmp_path, recorded(tmp_path, "before", RIGHT)))
    assert found.whole.counts["correct"] == 16
    assert found.rows[0].gold == f"about 5,000 in all | {RIGHT[found.rows[0].question.id]}"


def test_a_document_that_is_gone_takes_no_answer_with_it(tmp_path: Path) -> None:
    folder = data(tmp_path / "data")
    plan = planned(tmp_path, recorded(tmp_path, "before", RIGHT), setting="closed_book")
    lines = (folder / "corpus.jsonl").read_text().splitlines(keepends=True)
    (folder / "corpus.jsonl").write_text("".join(lines[:4]))
    found = only(run(plan))
    assert found.whole.counts["correct"] == 16
    assert sum(not row.answered.evidence for row in found.rows) == 8


def test_questions_without_answers_are_refused(tmp_path: Path) -> None:
    folder = data(tmp_path / "data")
    rows = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    for row in rows:
        del row["answer"]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(BadData, match="no question has an answer"):
        planned(tmp_path, parrot(tmp_path))


def test_a_broken_record_is_named_with_its_line(tmp_path: Path) -> None:
    file = recorded(tmp_path, "torn", RIGHT)
    (tmp_path / "torn.jsonl").write_text('{"question_id": "q", "answer": "a"}\n[]\n')
    with pytest.raises(SpecError) as caught:
        replay(tmp_path, file)
    assert caught.value.where.endswith("torn.jsonl line 2")


def test_there_is_a_river_for_every_fact() -> None:
    assert len(RIGHT) == len(WHEELS) * len(KINDS)


@pytest.mark.parametrize(("step", "of"), [("build", "a"), ("ask", "b")])
@pytest.mark.parametrize("kind", [Busy, Moved])
def test_what_is_right_the_next_time_leaves_no_system_out(
    tmp_path: Path, step: str, of: str, kind: type[MillraceError]
) -> None:
    pipelines = [recorded(tmp_path, each, RIGHT) for each in "ab"]
    plan = planned(tmp_path, *pipelines)

    def failing(phase: Phase[T], /) -> T:
        if (phase.name, phase.of) == (step, of):
            raise kind("not now")
        return plainly(phase)

    with pytest.raises(kind):
        run(plan, failing)


def rescoped(folder: Path, name: str, corpus: bool = True) -> str:
    """The data set's scope, the company, under another name."""
    made = data(folder / "data")
    for file in [made / "queries.jsonl", *([made / "corpus.jsonl"] if corpus else [])]:
        file.write_text(file.read_text().replace('"company"', f'"{name}"'))
    return f"{made}?scope={name}"


@pytest.mark.parametrize("scope", ["version", "section", "place"])
def test_a_scope_is_the_documents_own_field(tmp_path: Path, scope: str) -> None:
    asked = rescoped(tmp_path, scope)
    found = only(outcome(tmp_path, parrot(tmp_path), setting="single", data=asked))
    for row in found.rows:
        assert {each.title for each in row.answered.given} == {row.question.metadata[scope]}


def test_a_scope_that_no_document_has_stops_the_answers(tmp_path: Path) -> None:
    asked = rescoped(tmp_path, "place", corpus=False)
    file = served(tmp_path, answerer={"use": "tests.answering.test_answers:Parrot"})
    publish(file)
    with pytest.raises(BadData, match="the scope finds nothing: no document has the field 'place'"):
        outcome(tmp_path, file, setting="single", data=asked, live=True)
