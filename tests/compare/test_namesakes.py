"""Questions whose id a document has: the question itself is no hit, another document is one."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evals.compare import plan as planning
from evals.compare.outcome import Outcome
from evals.compare.request import Request, read
from evals.compare.run import run
from evals.datasets import catalogue
from evals.datasets.judged import LeftOut
from evals.experiment.namesakes import namesakes
from evals.report import compare as report
from evals.report import files
from tests.cli import call
from tests.compare.data import pipeline, publish, served
from tests.evals.folders import made

TOPICS = (
    "zoos keep animals safe", "taxes pay for schools", "homework teaches discipline",
    "cars pollute the towns",
)  # fmt: skip
SAID = [f"People say that {topic} and this is right." for topic in TOPICS]
DENIED = [f"It is wrong to claim that {topic}." for topic in TOPICS]
NONE = LeftOut(0, ())


def debate(folder: Path, said: list[str] = SAID) -> Path:
    """Each argument asks for the one against it, and is itself in the corpus, as `said`."""
    corpus = [{"_id": f"t{n}-pro", "text": text} for n, text in enumerate(said)]
    corpus += [{"_id": f"t{n}-con", "text": text} for n, text in enumerate(DENIED)]
    queries = [{"_id": f"t{n}-pro", "text": text} for n, text in enumerate(SAID)]
    return Path(made(folder, corpus, queries, [f"t{n}-pro\tt{n}-con\t1" for n in range(4)]))


def numbered(folder: Path, judged: list[str] | None = None) -> Path:
    """Questions 1 to 4 and documents 1 to 4, which have nothing to do with each other."""
    corpus = [{"_id": str(n + 1), "text": text} for n, text in enumerate(DENIED)]
    queries = [{"_id": str(n + 1), "text": topic} for n, topic in enumerate(reversed(TOPICS))]
    own = judged or [f"{n + 1}\t{4 - n}\t1" for n in range(4)]
    return Path(made(folder, corpus, queries, own))


def compared(folder: Path, data: Path | str, **stages: dict[str, Any]) -> Outcome:
    own = {"retriever": {"use": "sparse"}, **stages}
    request = Request(
        files=[pipeline(folder, "words", **own)],
        data=catalogue.load(str(data)),
        metrics=("nDCG@10", "RR@10", "P@1"),
        home=folder / "home",
    )
    return run(planning.plan(request), timed=False)


@pytest.fixture(scope="module")
def argued(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A folder and what was found in it; no test changes its files."""
    folder = tmp_path_factory.mktemp("argued")
    return folder, compared(folder, debate(folder / "arguana"))


def test_the_question_itself_is_no_hit(tmp_path: Path, argued: tuple[Path, Outcome]) -> None:
    _, outcome = argued
    (system,) = outcome.systems
    assert {name: each.mean for name, each in system.intervals.items()} == {
        "nDCG@10": 1.0, "RR@10": 1.0, "P@1": 1.0,
    }  # fmt: skip
    for id, ranking in system.rankings.items():
        assert id not in ranking.units
        assert id not in {hit.document_id for hit in ranking.hits}
    report.write(outcome, tmp_path / "out", tmp_path / "home")
    written = (tmp_path / "out" / "words.run").read_text()
    assert all(row.split()[0] != row.split()[2] for row in written.splitlines())


def test_the_result_says_so(tmp_path: Path, argued: tuple[Path, Outcome]) -> None:
    folder, outcome = argued
    told = outcome.to_json()["systems"]["words"]
    ids = [f"t{n}-pro" for n in range(4)]
    assert told["questions_as_documents"] == {"count": 4, "first": ids}
    assert told["ids_in_common"] == {"count": 0, "first": []}
    (note,) = outcome.notes
    assert "documents of the corpus themselves" in note
    assert note.endswith(f"4 ({', '.join(ids)})")
    report.write(outcome, tmp_path / "out", tmp_path / "home")
    assert note in (tmp_path / "out" / files.REPORT).read_text()
    given = ("--data", folder / "arguana", "--home", folder / "home", "--no-timing")
    done = call("compare", folder / "words.yaml", "--out", tmp_path / "other", *given)
    assert f"note  {note}" in done.out


def test_a_document_that_merely_has_the_number_of_a_question_counts(tmp_path: Path) -> None:
    outcome = compared(tmp_path, numbered(tmp_path / "cranfield"), retriever={"use": "dense"})
    (system,) = outcome.systems
    assert system.namesakes.itself == NONE
    assert system.namesakes.another == LeftOut(4, ("1", "2", "3", "4"))
    assert "of another text" in outcome.notes[0]
    for id, ranking in system.rankings.items():
        assert ranking.units[0] == str(5 - int(id))
        assert id in ranking.units, "it takes a rank"


def test_a_document_that_is_judged_relevant_counts_whatever_its_text(tmp_path: Path) -> None:
    data = debate(tmp_path / "arguana")
    qrels = data / "qrels" / "test.tsv"
    qrels.write_text(qrels.read_text() + "\nt0-pro\tt0-pro\t1\nt1-pro\tt1-pro\t0\n")
    (system,) = compared(tmp_path, data).systems
    assert system.rankings["t0-pro"].units[:2] == ("t0-pro", "t0-con")
    assert system.namesakes.itself == LeftOut(3, ("t1-pro", "t2-pro", "t3-pro"))
    assert system.values["nDCG@10"]["t0-pro"] == 1.0


def test_a_text_that_the_corpus_has_in_another_form(tmp_path: Path) -> None:
    asked = [f"{text} Überall." for text in SAID]
    held = [
        {"title": "A debate", "text": asked[0]},
        {"text": f"{asked[1]}\nAnd so on, for a page."},
        {"title": "", "text": asked[2].upper().replace(" ", "  ").rstrip(".")},
        {"text": unicodedata.normalize("NFD", asked[3])},
    ]
    corpus = [{"_id": f"t{n}", **row} for n, row in enumerate(held)]
    corpus += [{"_id": f"d{n}", "text": text} for n, text in enumerate(DENIED)]
    queries = [{"_id": f"t{n}", "text": text} for n, text in enumerate(asked)]
    data = made(tmp_path / "data", corpus, queries, [f"t{n}\td{n}\t1" for n in range(4)])
    (system,) = compared(tmp_path, data).systems
    assert system.namesakes.itself.count == 4
    assert system.intervals["P@1"].mean == 1.0


def test_a_question_that_is_the_title_of_its_document(tmp_path: Path) -> None:
    corpus = [{"_id": f"p{n}", "title": text, "text": DENIED[n]} for n, text in enumerate(TOPICS)]
    queries = [{"_id": f"p{n}", "text": text} for n, text in enumerate(TOPICS)]
    data = made(tmp_path / "scidocs", corpus, queries, ["p0\tp1\t1", "p1\tp2\t1", "p2\tp3\t1"])
    (system,) = compared(tmp_path, data).systems
    assert system.namesakes.itself == LeftOut(3, ("p0", "p1", "p2"))


def test_a_few_words_may_differ_in_a_long_text_and_none_in_a_short_one(tmp_path: Path) -> None:
    long = " ".join(f"word{n}" for n in range(30))
    corpus = [
        {"_id": "long", "text": f"{long} end"}, {"_id": "half", "text": long},
        {"_id": "short", "text": "Who owns the old mill?"},
        {"_id": "longer", "text": "Who never built the old mill?"},
        {"_id": "other", "text": "Something."},
    ]  # fmt: skip
    queries = [
        {"_id": "long", "text": long}, {"_id": "half", "text": long[:100]},
        {"_id": "short", "text": "Who built the old mill?"},
        {"_id": "longer", "text": "Who built the old mill?"},
    ]  # fmt: skip
    judged = [f"{each['_id']}\tother\t1" for each in queries]
    (system,) = compared(tmp_path, made(tmp_path / "data", corpus, queries, judged)).systems
    assert system.namesakes.itself == LeftOut(1, ("long",))
    assert system.namesakes.another == LeftOut(3, ("half", "short", "longer"))


@pytest.mark.parametrize("splitter", ["tokens", "sentence"])
def test_all_chunks_of_the_question_are_no_hits(tmp_path: Path, splitter: str) -> None:
    """However it is cut, and what would have stood behind them is ranked."""
    long = [" ".join(f"{text} It is {n}." for n in range(12)) for text in SAID]
    corpus = [{"_id": f"q{n}", "text": text} for n, text in enumerate(long)]
    corpus += [{"_id": f"d{n}", "text": f"{DENIED[n % 4]} Number {n}."} for n in range(40)]
    queries = [{"_id": f"q{n}", "text": text} for n, text in enumerate(long)]
    data = made(tmp_path / "data", corpus, queries, [f"q{n}\td{n}\t1" for n in range(4)])
    size = {} if splitter == "sentence" else {"max_tokens": 16}
    (system,) = compared(
        tmp_path, data, splitter={"use": splitter, **size}, retriever={"use": "dense"}
    ).systems
    assert system.namesakes.itself.count == 4
    for id, ranking in system.rankings.items():
        assert id not in ranking.units
        assert len(ranking.units) == 20


def test_systems_of_which_one_lacks_the_document(tmp_path: Path) -> None:
    long = [f"{text} {'Yes. ' * 40}" for text in SAID]
    data = debate(tmp_path / "arguana", [f"{SAID[0]}\n{long[0]}", *SAID[1:]])
    request = Request(
        files=[
            pipeline(tmp_path, "all", retriever={"use": "sparse"}),
            pipeline(tmp_path, "short", splitter={"use": "whole", "max_tokens": 40}),
        ],
        data=catalogue.load(str(data)),
        home=tmp_path / "home",
    )
    outcome = run(planning.plan(request), timed=False)
    assert [each.namesakes.itself.count for each in outcome.systems] == [4, 3]
    assert [note.partition(":")[0] for note in outcome.notes] == ["all", "short"]


def test_what_is_served_is_judged_alike(tmp_path: Path, store: tuple[str, ...]) -> None:
    """Where the data set has no corpus at hand, the index has the texts."""
    data = debate(tmp_path / "data")
    index = {"use": "qdrant"} if store else {"use": "qdrant_edge", "path": "store"}
    file = served(tmp_path, index=index, retriever={"use": "sparse"})
    publish(file)
    (data / "corpus.jsonl").unlink()
    plan = planning.plan(read(live=file, data=str(data), home=tmp_path / "home"))
    (system,) = run(plan, timed=False).systems
    assert system.namesakes.itself.count == 4
    assert system.intervals["RR@10"].mean == 1.0


def test_what_is_kept_says_so_again(argued: tuple[Path, Outcome]) -> None:
    folder, outcome = argued
    kept = sorted((folder / "home" / "rankings").glob("*.jsonl"))
    again = compared(folder, folder / "arguana")
    assert again.to_json() == outcome.to_json()
    assert sorted((folder / "home" / "rankings").glob("*.jsonl")) == kept
    batches = (json.loads(line) for file in kept for line in file.read_text().splitlines())
    assert {each["namesake"] for batch in batches for each in batch.values()} == {"itself"}


def test_fractions_are_told_in_the_result(tmp_path: Path) -> None:
    outcome = compared(tmp_path, numbered(tmp_path / "data", ["1\t4\t0.5", "2\t3\t0.25"]))
    assert outcome.to_json()["data"]["grade_scale"] == 4
    assert "multiplied by 4" in outcome.notes[0]
    report.write(outcome, tmp_path / "out", tmp_path / "home")
    assert (tmp_path / "out" / "qrels.txt").read_text() == "1 0 4 2\n2 0 3 1\n"


class Counted:
    """A reader that counts what is asked of it."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.asked: list[Sequence[str]] = []

    def chunks(self, *ids: str) -> Any:
        self.asked.append(ids)
        return self._reader.chunks(*ids)


@pytest.mark.parametrize("count", [1, 4, 100, 130])
def test_documents_of_many_questions_are_read_at_once(tmp_path: Path, count: int) -> None:
    """Each request to a server is a way there and back."""
    corpus = [{"_id": f"é{n}", "text": f"{SAID[n % 4]} For the {n}th time."} for n in range(count)]
    corpus += [{"_id": f"d{n}", "text": text} for n, text in enumerate(DENIED)]
    queries = [{"_id": unicodedata.normalize("NFD", row["_id"]), "text": row["text"]}
               for row in corpus[:count]]  # fmt: skip
    folder = made(tmp_path / "data", corpus, queries, [f"é{n}\td{n % 4}\t1" for n in range(count)])
    data = catalogue.load(str(folder))
    request = Request(
        files=[pipeline(tmp_path, "words")], data=data, metrics=("P@1",), home=tmp_path / "home"
    )
    plan = planning.plan(request)
    run(plan, timed=False)
    with plan.systems[0].opened() as reader:
        counted: Any = Counted(reader)
        found = namesakes(counted, data, list(data.queries()))
    assert set(found.values()) == {"itself"}
    assert len(found) == count
    assert len(counted.asked) == (count + 99) // 100
