"""Served generations judged as they are."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from components import spec
from components.corpus.search import search
from components.errors import Busy, DiskFull, Moved, NothingLive, SourceMissing, UserError
from components.phases import Done, Phase
from components.retrievers import weights
from components.values import Query
from evals import kept
from evals.compare import plan as planning
from evals.compare import ranking, request
from evals.compare.costs import one_by_one
from evals.compare.evaluate import evaluate
from evals.compare.outcome import Outcome
from evals.compare.plan import Plan
from evals.compare.run import run
from evals.datasets import beir as layout
from evals.datasets import catalogue
from evals.experiment.live import served as generations
from evals.experiment.systems import serving
from evals.report import compare as report
from evals.report import files
from infra.settings import settings
from tests import full_disk
from tests.compare.data import DOCUMENTS, beir, held, pipeline, publish, served, without_corpus
from tests.corpora import held_in

T = TypeVar("T")
NARROW = ("encoder.width=32", "splitter.max_tokens=48")


@dataclass(frozen=True)
class Mill:
    """A served corpus that no test changes."""

    folder: Path
    data: Path
    file: Path
    live: str
    candidate: str


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Mill:
    folder = tmp_path_factory.mktemp("mill")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MILLRACE_CACHE_BYTES", "0")
        settings.cache_clear()
        data, file = beir(folder / "data"), served(folder)
        live = publish(file)
        return Mill(folder, without_corpus(data), file, live, held(file, NARROW))


def planned(folder: Path, live: Path, data: Path, **more: Any) -> Plan:
    return planning.plan(request.read(live=live, data=str(data), home=folder / "home", **more))


def measured(folder: Path, live: Path, data: Path, **more: Any) -> Outcome:
    return run(planned(folder, live, data, **more), timed=False)


def asked(plan: Plan) -> list[str]:
    """Names of the systems that are asked anything."""
    found: dict[str, int] = {}

    def watch(phase: Phase[T], /) -> T:
        return phase.work(lambda done: found.update({phase.of: done.units}))

    run(plan, watch, timed=False)
    return list(found)


def contents(folder: Path) -> dict[str, bytes]:
    """What every file holds; locks apart."""
    return {
        str(each.relative_to(folder)): held_in(each)
        for each in sorted(folder.rglob("*"))
        if each.is_file() and each.suffix != ".lock"
    }


def test_two_generations_give_what_their_pipelines_give(
    tmp_path: Path, store: tuple[str, ...]
) -> None:
    """Each by its own encoder: the same values as of indexes that the comparison builds."""
    data = beir(tmp_path / "data")
    index = {"use": "qdrant"} if store else {"use": "qdrant_edge", "path": "store"}
    file = served(tmp_path, index=index)
    first = publish(file)
    second = held(file, NARROW)
    outcome = measured(tmp_path, file, without_corpus(data), candidates=[second])
    assert [each.name for each in outcome.systems] == [f"mill@{first}[live]", f"mill@{second}"]
    told = outcome.to_json()["systems"]
    assert [(each["generation"], each["live"]) for each in told.values()] == [
        (first, True),
        (second, False),
    ]
    assert [each["stages"]["encoder"]["width"] for each in told.values()] == [64, 32]
    cost = told[f"mill@{first}[live]"]["cost"]
    assert (cost["embedding_seconds"], cost["vectors"] > DOCUMENTS) == (None, True)
    assert (cost["index_bytes"] is None) == bool(store)
    narrow = pipeline(
        tmp_path,
        "narrow",
        splitter={"use": "sentences", "max_tokens": 48},
        encoder={"use": "hashing", "width": 32},
    )
    built = planning.plan(
        request.read(
            pipelines=[pipeline(tmp_path, "wide"), narrow], data=str(data), home=tmp_path / "home"
        )
    )
    expected = run(built, timed=False)
    for ours, theirs in zip(outcome.systems, expected.systems, strict=True):
        assert ours.values == theirs.values
        assert ours.built.chunks == theirs.built.chunks
    assert outcome.systems[0].rankings != outcome.systems[1].rankings


def test_nothing_of_the_store_changes(tmp_path: Path, mill: Mill) -> None:
    before = contents(mill.folder)
    outcome = run(planned(tmp_path, mill.file, mill.data, candidates=[mill.candidate]))
    report.write(outcome, tmp_path / "out", tmp_path / "home")
    assert contents(mill.folder) == before
    assert {each.name for each in (tmp_path / "home").iterdir()} == {
        "rankings",
        "history",
        "statistics",
        "likeness",
    }
    assert "[live]" in (tmp_path / "out" / files.REPORT).read_text()


def test_the_live_one_alone(tmp_path: Path, mill: Mill) -> None:
    outcome = measured(tmp_path, mill.file, mill.data)
    assert [each.generation for each in outcome.systems] == [mill.live]
    assert (outcome.comparisons, outcome.excluded) == ([], {})
    assert outcome.verdict == "nDCG@10: one system, nothing to compare."


def test_serving_stages_may_be_others(tmp_path: Path, mill: Mill) -> None:
    overrides = ("mill:retriever.use=[dense, sparse]",)
    outcome = measured(tmp_path, mill.file, mill.data, overrides=overrides)
    assert [each.name for each in outcome.systems] == [
        f"mill[retriever=dense]@{mill.live}[live]",
        f"mill[retriever=sparse]@{mill.live}[live]",
    ]
    assert outcome.systems[0].rankings != outcome.systems[1].rankings


def test_other_weights_are_other_answers(
    tmp_path: Path, mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody need raise a revision for that. Of what reads no weights the answers are kept."""
    overrides = ("mill:retriever.use=[hybrid, dense]",)

    def both() -> list[Any]:
        systems = planned(tmp_path, mill.file, mill.data, overrides=overrides).systems
        return [serving(each) for each in systems]

    before, text = both(), weights.text()
    assert both() == before
    monkeypatch.setattr(weights, "text", lambda: text.replace("0.31", "0.32"))
    hybrid, dense = both()
    assert hybrid != before[0]
    assert dense == before[1]


def test_a_state_is_asked_once(tmp_path: Path, store: tuple[str, ...]) -> None:
    """Until its documents change; a store that was begun anew is another one, whatever its names
    are.
    """
    data = beir(tmp_path / "data")
    alone = without_corpus(data)
    index = {"use": "qdrant"} if store else {"use": "qdrant_edge", "path": "store"}
    file = served(tmp_path, index=index)
    first = publish(file)
    assert len(asked(planned(tmp_path, file, alone))) == 1
    assert asked(planned(tmp_path, file, alone)) == []
    corpus = data / "corpus.jsonl"
    lines = corpus.read_text().splitlines(keepends=True)
    corpus.write_text("".join(lines[1:]))
    second = publish(file)
    before, after = measured(tmp_path, file, alone, candidates=[first]).systems[::-1]
    assert (before.generation, after.generation) == (first, second)
    assert before.values["nDCG@10"]["q0"] > after.values["nDCG@10"]["q0"] == 0
    assert asked(planned(tmp_path, file, alone)) == []
    if store:
        return
    shutil.rmtree(tmp_path / "store")
    corpus.write_text("".join(lines[2:]))
    assert publish(file) == first
    (again,) = measured(tmp_path, file, alone).systems
    assert again.values["nDCG@10"]["q0"] == again.values["nDCG@10"]["q1"] == 0


def test_one_generation_by_a_plain_call(tmp_path: Path, mill: Mill) -> None:
    data = catalogue.load(str(mill.data), corpus=False)
    (system,) = generations(spec.read(mill.file))
    found = evaluate(system, data, ["ndcg@10", "recall@5"])
    assert list(found.values) == ["nDCG@10", "R@5"]
    assert list(found.values["R@5"]) == [each.id for each in data.questions]
    assert evaluate(system, data, ["ndcg@10", "recall@5"], home=tmp_path / "home") == found
    (own,) = measured(tmp_path, mill.file, mill.data, metrics=["nDCG@10", "R@5"]).systems
    assert (own.values, own.absent) == (found.values, found.absent)


def test_absent_documents_are_told_and_count(tmp_path: Path) -> None:
    data = beir(tmp_path / "data")
    file = served(tmp_path)
    qrels = data / "qrels" / "test.tsv"
    # q0 and q1 have a second relevant document that is nowhere, q2 that one alone; grade 0 is none.
    judged = qrels.read_text().replace("q2\td2\t1\n", "q2\tgone\t1\n")
    qrels.write_text(f"{judged}q0\tgone\t1\nq1\tlost\t2\nq3\tnever\t0\n")
    publish(file)
    corpus = data / "corpus.jsonl"
    lines = corpus.read_text().splitlines(keepends=True)
    corpus.write_text("".join([*lines[:3], *lines[4:]]))  # without d3
    publish(file)
    live = generations(spec.read(file))[0].served
    assert live
    outcome = measured(tmp_path, file, data, candidates=[live.generation.base])
    after, before = outcome.to_json()["systems"].values()
    assert after["absent_documents"] == {"count": 3, "first": ["gone", "lost", "d3"]}
    assert after["questions_without_documents"] == {"count": 2, "first": ["q2", "q3"]}
    assert before["absent_documents"] == {"count": 2, "first": ["gone", "lost"]}
    assert before["questions_without_documents"] == {"count": 1, "first": ["q2"]}
    assert after["metrics"]["R@100"] == pytest.approx((9 - 1 + 0.5 + 0.5) / 12)
    report.write(outcome, tmp_path / "out", tmp_path / "home")
    text = (tmp_path / "out" / files.REPORT).read_text()
    assert "3 (gone, lost, d3); questions that nothing in it answers: 2" in text


def test_failed_documents_that_nothing_finds(tmp_path: Path) -> None:
    data = beir(tmp_path / "data")
    corpus = data / "corpus.jsonl"
    corpus.write_text(corpus.read_text() + json.dumps({"_id": "long", "text": "mill " * 90}) + "\n")
    file = served(tmp_path, splitter={"use": "whole", "max_tokens": 80})
    publish(file)
    (only,) = measured(tmp_path, file, data).systems
    assert only.built.failed == ("long",)


def test_an_index_that_changes_meanwhile_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "_BATCH", 5)
    data = beir(tmp_path / "data")
    file = served(tmp_path)
    name = publish(file)
    plan = planned(tmp_path, file, data)
    facts = tmp_path / "store" / "mill" / name / "generation.json"
    told = json.loads(facts.read_text())
    counted: list[int] = []

    def asking(done: Done) -> None:
        counted.append(done.units)
        if len(counted) == 2:  # after the first batch: as when it is written again
            facts.write_text(json.dumps({**told, "run_id": "another"}))

    def watch(phase: Phase[T], /) -> T:
        return phase.work(asking)

    with pytest.raises(Moved, match="has changed"):
        run(plan, watch, timed=False)
    assert counted == [0, 5]
    assert len(kept.read(plan.file(plan.systems[0]))) == 5


def test_what_is_served_can_be_searched_while_it_is_measured(
    tmp_path: Path, mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(tmp_path, mill.file, mill.data)
    monkeypatch.setenv("MILLRACE_READER_WAIT", "0.2")
    settings.cache_clear()
    readings = one_by_one(plan.systems, plan.request.data.queries(scoped=False))
    next(readings)
    assert search(spec.load(mill.file), [Query(text="mill")], 1).hits[0]
    assert list(readings)


def test_two_comparisons_at_once(tmp_path: Path, mill: Mill) -> None:
    plan = planned(tmp_path, mill.file, mill.data)
    own = plan.file(plan.systems[0])
    with kept.adding(own):
        own.write_bytes(b'{"q0": ')  # the other one is in the middle of a line
        with pytest.raises(Busy, match="another run"):
            run(plan, timed=False)
        assert own.read_bytes() == b'{"q0": '
    run(plan, timed=False)
    with kept.adding(own):  # what is complete is read by anybody
        assert run(plan, timed=False).systems


def test_half_a_batch_on_a_full_disk_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.jsonl"
    with kept.adding(file):
        kept.add(file, {"q0": 1})
        with monkeypatch.context() as patch:
            full_disk.fill(patch, 5)
            with pytest.raises(DiskFull) as caught:
                kept.add(file, {"q1": 2})
        kept.add(file, {"q2": 3})
    assert caught.value.where == str(file)
    assert kept.read(file) == {"q0": 1, "q2": 3}


def test_pipelines_need_a_corpus(tmp_path: Path, mill: Mill) -> None:
    with pytest.raises(SourceMissing, match=r"no corpus\.jsonl") as caught:
        catalogue.load(str(mill.data))
    assert "--live" in caught.value.hint
    found = catalogue.load(str(mill.data), corpus=False)
    assert found.source == {}
    with pytest.raises(UserError, match="no corpus to build indexes of"):
        planning.plan(request.Request(files=[mill.file], data=found, home=tmp_path / "home"))


def test_spans_without_a_corpus(tmp_path: Path) -> None:
    """The same evidence, where the texts do not begin with blanks; coverage is measured."""
    data = beir(tmp_path / "data", 4)
    texts = {row["_id"]: row["text"] for row in map(json.loads, (data / "corpus.jsonl").open())}
    queries = data / "queries.jsonl"
    rows = [json.loads(line) for line in queries.read_text().splitlines()]
    for number, row in enumerate(rows):
        start = texts[f"d{number}"].index(row["text"])
        row["evidence_char_spans"] = {f"d{number}": [[start, start + len(row["text"])]]}
    queries.write_text("".join(json.dumps(row) + "\n" for row in rows))
    whole, alone = layout.load(data), layout.load(data, corpus=False)
    assert (alone.unit, alone.evidence) == ("span", whole.evidence)
    file = served(
        tmp_path, source={"use": "jsonl", "path": "data/corpus.jsonl", "template": "{text}"}
    )
    publish(file)
    (found,) = measured(tmp_path, file, data).systems
    assert found.intervals["coverage@2000"].mean > 0.9


def test_a_scope_without_a_corpus(tmp_path: Path) -> None:
    data = beir(tmp_path / "data")
    found = catalogue.load(f"{data}?scope=kind", corpus=False)
    assert found.queries(scoped=True)[1].filter == {"kind": ["b"]}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"candidates": ["0009-0000000000000000"]}, "no generation is called"),
        ({"candidates": ["../0001"]}, "no generation is called"),
        ({"overrides": ["encoder.width=32"]}, "keeps its encoder"),
        ({"overrides": ["mill:index.path=x"]}, "keeps its index"),
        ({"overrides": ["other:retriever.use=dense"]}, "no system is called 'other'"),
        ({"pipelines": ["x.yaml"]}, "takes no other pipelines"),
    ],
)
def test_mistakes(tmp_path: Path, mill: Mill, more: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        planned(tmp_path, mill.file, mill.data, **more)
    assert not (tmp_path / "home").exists()


def test_generations_that_there_are(tmp_path: Path) -> None:
    data = beir(tmp_path / "data")
    file = served(tmp_path)
    with pytest.raises(NothingLive):
        planned(tmp_path, file, data)
    first = publish(file, NARROW)
    with pytest.raises(UserError, match="is live"):
        planned(tmp_path, file, data, candidates=[first])
    second = held(file)
    with pytest.raises(UserError, match="no generation") as caught:
        planned(tmp_path, file, data, candidates=["x"])
    assert caught.value.hint == f"there are: {first} (live), {second}"
    facts = tmp_path / "store" / "mill" / second / "generation.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "finished_at": ""}))
    with pytest.raises(UserError, match="not finished"):
        planned(tmp_path, file, data, candidates=[second])


def test_a_sweep_over_what_is_stored_is_no_live_pipeline(tmp_path: Path) -> None:
    data = beir(tmp_path / "data")
    file = served(tmp_path, encoder={"use": "hashing", "width": [32, 64]})
    with pytest.raises(UserError, match="encoder lists several values"):
        planned(tmp_path, file, data)


def test_what_is_live_is_measured_as_it_is_and_by_the_file_besides(tmp_path: Path) -> None:
    beir(tmp_path / "data")
    file = served(tmp_path, retriever={"use": "hybrid"})
    name = publish(file)
    (alone,) = generations(spec.read(file))
    assert (alone.name, alone.live) == (f"mill@{name}[live]", True)
    file = served(tmp_path, retriever={"use": "dense"})
    now, own = generations(spec.read(file))
    assert (now.name, now.live) == (f"mill@{name}[live]", True)
    assert (own.name, own.live) == (f"mill@{name}", False)
    assert [each.pipeline.stages["retriever"].use for each in (now, own)] == ["hybrid", "dense"]
