"""Comparisons from pipeline files and judged questions to a verdict."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import ir_measures
import pytest

from components.errors import BadOption, Busy, Damaged, MillraceError, UserError
from components.phases import Done, Phase, plainly
from evals import kept
from evals.compare import plan as planning
from evals.compare import ranking
from evals.compare.outcome import Outcome
from evals.compare.plan import Plan
from evals.compare.request import Request
from evals.compare.run import run
from evals.datasets import catalogue
from evals.report import compare as report
from evals.report import files, history
from tests.cli import start
from tests.compare.data import DOCUMENTS, beir, pipeline

T = TypeVar("T")
MANY = ("nDCG@10", "RR@10", "RR", "AP", "P@3", "Success@1", "R@2")


class Counted:
    """What was really done."""

    def __init__(self) -> None:
        self.built: list[str] = []
        self.asked: dict[str, list[int]] = {}
        """How many questions have answers, as it is told."""

    def watch(self, phase: Phase[T], /) -> T:
        def tell(done: Done) -> None:
            if phase.name == "build":
                self.built.append(phase.of)
            else:
                self.asked.setdefault(phase.of, []).append(done.units)

        return phase.work(tell)


def planned(folder: Path, names: Sequence[Path], **more: Any) -> Plan:
    data = folder / "data"
    if not data.exists():
        beir(data, more.pop("questions", 12))
    request = Request(files=names, data=catalogue.load(str(data)), home=folder / "home", **more)
    return planning.plan(request)


def two(folder: Path) -> list[Path]:
    return [
        pipeline(folder, "words", retriever={"use": "sparse"}),
        pipeline(folder, "both", retriever={"use": "hybrid"}),
    ]


def told(outcome: Outcome) -> dict[str, Any]:
    """All but what is measured anew."""
    found = outcome.to_json()
    for each in found["systems"].values():
        del each["cost"]
    return found


def test_a_verdict_with_its_numbers(tmp_path: Path) -> None:
    outcome = run(planned(tmp_path, two(tmp_path)))
    found = outcome.to_json()
    assert json.loads(json.dumps(found)) == found
    assert list(found["systems"]) == ["words", "both"]
    assert found["systems"]["words"]["metrics"]["nDCG@10"] > 0.9
    assert found["data"]["queries"] == 12
    (first, *_) = found["comparisons"]
    assert (first["a"], first["b"], first["metric"]) == ("words", "both", "nDCG@10")
    assert set(first) >= {
        "difference", "ci_low", "ci_high", "p", "p_corrected", "effect_size",
        "minimal_detectable_difference", "wins", "losses", "ties", "verdict", "test", "seed",
        "per_query",
    }  # fmt: skip
    assert first["ci_low"] is None or first["ci_low"] <= first["difference"] <= first["ci_high"]
    assert first["wins"] + first["losses"] + first["ties"] == 12
    cost = found["systems"]["both"]["cost"]
    assert 0 < cost["milliseconds"]["total"]["p50"] <= cost["milliseconds"]["total"]["p99"]
    assert cost["vectors"] >= DOCUMENTS
    assert cost["index_bytes"] > 0
    assert "both is" in found["verdict"]


def test_the_written_files_give_other_tools_the_same_values(tmp_path: Path) -> None:
    outcome = run(planned(tmp_path, two(tmp_path)), timed=False)
    report.write(outcome, tmp_path / "out", tmp_path / "home")
    read: Any = ir_measures
    qrels = list(read.read_trec_qrels(str(tmp_path / "out" / "qrels.txt")))
    measures = [ir_measures.parse_measure(name) for name in outcome.metrics]
    for each in outcome.systems:
        ranked = list(read.read_trec_run(str(tmp_path / "out" / f"{each.name}.run")))
        found = ir_measures.calc_aggregate(measures, qrels, ranked)
        for measure, name in zip(measures, outcome.metrics, strict=True):
            assert each.intervals[name].mean == pytest.approx(found[measure], abs=1e-9)


def test_equal_scores_and_scores_of_two_stages_are_read_in_our_order(tmp_path: Path) -> None:
    """Documents that are equal but for their names, and a reranker that reads the first hits."""
    data = beir(tmp_path / "data")
    corpus = data / "corpus.jsonl"
    rows = [json.loads(line) for line in corpus.read_text().splitlines()]
    again = [{**row, "_id": str(row["_id"]) + end} for row in rows for end in (" twin", "~")]
    corpus.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *again]))
    few = pipeline(
        tmp_path, "few", retriever={"use": "dense"}, reranker={"use": "feedback", "depth": 3}
    )
    outcome = run(planned(tmp_path, [*two(tmp_path), few], metrics=MANY), timed=False)
    report.write(outcome, tmp_path / "out", tmp_path / "home")
    read: Any = ir_measures
    qrels = list(read.read_trec_qrels(str(tmp_path / "out" / "qrels.txt")))
    measures = {ir_measures.parse_measure(name): name for name in MANY}
    for each in outcome.systems:
        ranked = list(read.read_trec_run(str(tmp_path / "out" / f"{each.name}.run")))
        for found in ir_measures.iter_calc(list(measures), qrels, ranked):
            own = each.values[measures[found.measure]][found.query_id]
            assert own == pytest.approx(found.value, abs=1e-9)


def test_runs_have_the_scores_of_the_hits(tmp_path: Path) -> None:
    plan = planned(tmp_path, two(tmp_path))
    outcome = run(plan, timed=False)
    report.write(outcome, tmp_path / "out", tmp_path / "home")
    read: Any = ir_measures
    for each, system in zip(outcome.systems, plan.systems, strict=True):
        with system.searcher() as searcher:
            queries = plan.asked.data.queries()
            best = dict(zip(each.rankings, searcher.search(queries, 20).hits, strict=True))
        given: dict[str, dict[str, float]] = {}
        for row in read.read_trec_run(str(tmp_path / "out" / f"{each.name}.run")):
            given.setdefault(row.query_id, {})[row.doc_id] = row.score
        for id, hits in best.items():
            expected: dict[str, float] = {}
            for hit in hits:
                expected.setdefault(hit.chunk.document_id, hit.score)
            assert {unit: given[id][unit] for unit in expected} == pytest.approx(expected, rel=1e-5)


def test_what_is_shared_is_built_once_and_nothing_is_done_twice(tmp_path: Path) -> None:
    plan = planned(tmp_path, two(tmp_path))
    first, second = Counted(), Counted()
    before = run(plan, first.watch, timed=False)
    assert set(first.built) == {"words"}
    assert sum(first.asked["both"]) == 12
    assert told(run(plan, second.watch, timed=False)) == told(before)
    assert (second.built, second.asked) == ([], {})


def test_a_sweep_builds_what_differs(tmp_path: Path) -> None:
    file = pipeline(
        tmp_path,
        "sweep",
        splitter={"use": "sentences", "max_tokens": [16, 32, 48]},
        retriever={"use": ["dense", "sparse"]},
    )
    watch = Counted()
    outcome = run(planned(tmp_path, [file]), watch.watch, timed=False)
    assert [each.name for each in outcome.systems] == [
        f"sweep[max_tokens={size},retriever={use}]"
        for size in (16, 32, 48)
        for use in ("dense", "sparse")
    ]
    assert len(set(watch.built)) == 3
    # Six systems: each against the first.
    pairs = {(each.a, each.b) for each in outcome.comparisons}
    assert {a for a, _ in pairs} == {outcome.systems[0].name}
    assert len(pairs) == 5


def test_values_for_all_or_for_one(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        [*two(tmp_path), tmp_path / "both.yaml"],
        overrides=["splitter.max_tokens=20", "words:retriever.use=dense"],
    )
    assert [each.name for each in plan.systems] == ["words", "both", "both-2"]
    stages = [each.pipeline.stages for each in plan.systems]
    assert [each["splitter"].options["max_tokens"] for each in stages] == [20, 20, 20]
    assert [each["retriever"].use for each in stages] == ["dense", "hybrid", "hybrid"]
    with pytest.raises(BadOption, match="no system is called 'other'"):
        planned(tmp_path, two(tmp_path), overrides=["other:retriever.use=dense"])


def test_a_comparison_that_was_killed_goes_on(tmp_path: Path) -> None:
    names = two(tmp_path)
    plan = planned(tmp_path, names, questions=DOCUMENTS)
    whole = run(plan, timed=False)
    kept = {each.name: plan.file(each) for each in plan.systems}
    lines = {name: file.read_bytes() for name, file in kept.items()}
    # Torn in the middle of a line, as a kill leaves it; the other not begun.
    kept["words"].write_bytes(lines["words"][: len(lines["words"]) // 2])
    kept["both"].unlink()
    watch = Counted()
    again = run(plan, watch.watch, timed=False)
    assert told(again) == told(whole)
    assert watch.built == []
    assert {name: file.read_bytes() for name, file in kept.items()} == lines


def test_only_what_is_missing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "_BATCH", 5)
    plan = planned(tmp_path, two(tmp_path)[:1])
    run(plan, timed=False)
    (system,) = plan.systems
    file = plan.file(system)
    first = file.read_bytes().splitlines(keepends=True)
    assert len(first) == 3
    file.write_bytes(first[0] + first[1][:40])
    watch = Counted()
    run(plan, watch.watch, timed=False)
    assert watch.asked["words"] == [5, 10, 12]  # the first five were kept
    assert file.read_bytes() == b"".join(first)


def test_a_system_that_cannot_be_built_is_left_out_and_named(tmp_path: Path) -> None:
    bad = pipeline(tmp_path, "bad", splitter={"use": "whole", "max_tokens": 4})
    outcome = run(planned(tmp_path, [*two(tmp_path), bad]), timed=False)
    assert [each.name for each in outcome.systems] == ["words", "both"]
    assert list(outcome.excluded) == ["bad"]
    assert "document" in outcome.excluded["bad"]
    with pytest.raises(MillraceError, match="no system could be measured"):
        run(planned(tmp_path, [bad]), timed=False)


def test_documents_that_failed_are_told(tmp_path: Path) -> None:
    beir(tmp_path / "data")
    corpus = tmp_path / "data" / "corpus.jsonl"
    corpus.write_text(corpus.read_text() + json.dumps({"_id": "long", "text": "mill " * 90}) + "\n")
    whole = pipeline(tmp_path, "whole", splitter={"use": "whole", "max_tokens": 80})
    outcome = run(planned(tmp_path, [whole]), timed=False)
    assert outcome.to_json()["systems"]["whole"]["failed_documents"] == ["long"]
    report.write(outcome, tmp_path / "out", tmp_path / "home")
    text = (tmp_path / "out" / files.REPORT).read_text()
    assert "whole: 1 (long)" in text


def test_a_fault_of_the_machine_is_no_exclusion(tmp_path: Path) -> None:
    plan = planned(tmp_path, two(tmp_path))

    def broken(phase: Phase[T], /) -> T:
        if phase.name == "ask":
            raise OSError("the disk is gone")
        return plainly(phase)

    with pytest.raises(OSError, match="the disk is gone"):
        run(plan, broken, timed=False)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"metrics": ["goodness@3"]}, "no metric"),
        ({"metrics": ["coverage@100"]}, "no spans of evidence"),
        ({"baseline": "other"}, "no system is called 'other'"),
        ({"scoped": True}, "no scope"),
    ],
)
def test_mistakes_are_found_before_anything_runs(
    tmp_path: Path, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        planned(tmp_path, two(tmp_path), **more)
    assert not (tmp_path / "home").exists()


def test_slices_by_the_fields_of_the_questions(tmp_path: Path) -> None:
    outcome = run(planned(tmp_path, two(tmp_path), questions=20), timed=False)
    kinds = [each for each in outcome.slices if each.by == "kind"]
    assert [(each.value, each.questions) for each in kinds] == [("a", 10), ("b", 10)]
    assert all(set(each.means) == {"words", "both"} for each in kinds)


def test_equal_systems_are_alike(tmp_path: Path) -> None:
    twin = pipeline(tmp_path, "twin", retriever={"use": "sparse"})
    narrow = pipeline(tmp_path, "narrow", encoder={"use": "hashing", "width": 32})
    outcome = run(planned(tmp_path, [two(tmp_path)[0], twin, narrow]), timed=False)
    same, other, _ = outcome.likeness
    assert (same.jaccard[9], same.rank_similarity[9], same.cka) == (1.0, 1.0, None)
    assert other.cka is not None
    assert 0 < other.cka <= 1
    (comparison, *_) = outcome.comparisons
    assert (comparison.difference, comparison.p, comparison.ties) == (0.0, 1.0, 12)


def test_the_page_is_complete_in_itself(tmp_path: Path) -> None:
    plan = planned(tmp_path, two(tmp_path))
    for _ in range(2):
        outcome = run(plan)
        report.write(outcome, tmp_path / "out", tmp_path / "home")
    text = (tmp_path / "out" / files.REPORT).read_text()
    assert outcome.verdict in text
    # Differences, latency, likeness (of sets and of ranks), and over time since there are two.
    assert text.count("<svg") == 5
    assert not re.findall(r"(?:src|href)\s*=\s*[\"'](?!#)|@import|<script|url\((?!#)", text)
    assert len(history.history(outcome, tmp_path / "home")) == 2


def test_nothing_of_a_text_is_markup(tmp_path: Path) -> None:
    beir(tmp_path / "data")
    queries = tmp_path / "data" / "queries.jsonl"
    queries.write_text(queries.read_text().replace('"text": "', '"text": "<b onload=x> '))
    outcome = run(planned(tmp_path, two(tmp_path)), timed=False)
    report.write(outcome, tmp_path / "out", tmp_path / "home")
    assert "<b onload" not in (tmp_path / "out" / files.REPORT).read_text()


def test_an_index_of_its_own(tmp_path: Path) -> None:
    """Nothing is read or written where the pipelines' own indexes are."""
    live = pipeline(tmp_path, "live", index={"use": "qdrant_edge", "path": "store"})
    run(planned(tmp_path, [live]), timed=False)
    assert not (tmp_path / "store").exists()
    shutil.rmtree(tmp_path / "home")


def test_an_index_that_is_gone_is_built_again(tmp_path: Path) -> None:
    plan = planned(tmp_path, two(tmp_path))
    whole = run(plan, timed=False)
    shutil.rmtree(plan.systems[0].index)
    watch = Counted()
    again = run(plan, watch.watch, timed=False)
    assert told(again) == told(whole)
    assert watch.built


def test_splits_of_one_corpus_share_its_index(tmp_path: Path) -> None:
    plan = planned(tmp_path, two(tmp_path)[:1])
    run(plan, timed=False)
    folder = tmp_path / "data"
    test = folder / "qrels" / "test.tsv"
    lines = test.read_text().splitlines(keepends=True)
    (folder / "qrels" / "dev.tsv").write_text("".join(lines[:4]))
    other = planning.plan(replace(plan.request, data=catalogue.load(str(folder), "dev")))
    watch = Counted()
    run(other, watch.watch, timed=False)
    assert (watch.built, [*watch.asked]) == ([], ["words"])


def test_a_baseline_that_is_left_out_is_not_replaced(tmp_path: Path) -> None:
    bad = pipeline(tmp_path, "bad", splitter={"use": "whole", "max_tokens": 4})
    outcome = run(planned(tmp_path, [*two(tmp_path), bad], baseline="bad"), timed=False)
    assert outcome.comparisons == []
    assert "bad could not be measured" in outcome.verdict
    assert len(outcome.systems) == 2


@pytest.mark.parametrize("override", ["source.template={title}", "index.path=elsewhere"])
def test_what_a_comparison_sets_itself_is_refused(tmp_path: Path, override: str) -> None:
    with pytest.raises(BadOption, match="has its data set as source"):
        planned(tmp_path, two(tmp_path), overrides=[override])


def test_kept_answers_that_are_damaged_are_named(tmp_path: Path) -> None:
    plan = planned(tmp_path, two(tmp_path)[:1])
    run(plan, timed=False)
    file = plan.file(plan.systems[0])
    file.write_bytes(b"{}}\n" + file.read_bytes())
    with pytest.raises(Damaged, match="damaged") as caught:
        run(plan, timed=False)
    assert "line 1" in caught.value.where


def test_names_of_files_never_meet() -> None:
    names = ["a b", "a:b", "a_b", "a/b", "é" * 200, "é" * 199 + "e", "x" * 300, "x" * 301]
    found = [files.file_name(each) for each in names]
    assert len(set(found)) == len(names)
    assert found[2] == "a_b"
    assert all(len(each.encode()) <= 170 and "/" not in each for each in found)


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="nothing can be written"):
        files.ready(tmp_path / "file" / "out")


def test_an_index_is_built_by_one_comparison_at_a_time(tmp_path: Path) -> None:
    plan = planned(tmp_path, two(tmp_path))
    with kept.making(Path(plan.systems[0].index) / "built.json"), pytest.raises(Busy):
        run(plan, timed=False)
    assert run(plan, timed=False).systems


def test_two_reports_of_the_same_second_have_each_their_own_folder(tmp_path: Path) -> None:
    assert files.folder("sample", tmp_path) != files.folder("sample", tmp_path)


@pytest.mark.slow
def test_of_two_that_begin_at_once_one_concludes_and_both_are_right(tmp_path: Path) -> None:
    beir(tmp_path / "data", 12)
    names = map(str, two(tmp_path))
    given = (*names, f"--data={tmp_path}/data", f"--home={tmp_path}/home")
    with ThreadPoolExecutor(2) as both:
        runs = [both.submit(start, "compare", *given, "--no-timing", "--json") for _ in range(2)]
        ended = [each.result() for each in runs]
    assert {each.code for each in ended} in ({0}, {0, 6})
    alone = start("compare", *given, "--no-timing", "--json").json["systems"]
    for each in ended:
        if each.code == 0:
            assert each.json["systems"] == alone
