"""The table of what the defaults are worth, on small sets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from components import spec
from components.errors import BadOption, SourceMissing
from components.phases import Phase, Runner, plainly
from evals.compare.plan import plan
from evals.compare.request import Request
from evals.datasets import catalogue
from evals.defaults import sets
from evals.defaults.__main__ import main
from evals.defaults.show import show
from evals.defaults.table import SYSTEMS, Table, Wanted, measure, pipelines
from evals.significance.rules import Rules
from tests.compare.data import beir, pipeline
from tests.corpora import prose
from tests.evals.folders import made

T = TypeVar("T")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, and a home whose indexes and answers all tests have in common."""
    folder = tmp_path_factory.mktemp("defaults")
    beir(folder / "mill")
    return folder


@pytest.fixture
def mill(tmp_path: Path, shared: Path) -> Path:
    """Systems, of which `near` knows one word from no other, and a list of one set."""
    (tmp_path / "systems").mkdir()
    (tmp_path / "home").symlink_to(shared, target_is_directory=True)
    pipeline(tmp_path / "systems", "words", retriever={"use": "sparse"})
    pipeline(tmp_path / "systems", "new", retriever={"use": "hybrid", "dense_weight": 0.0})
    pipeline(tmp_path / "systems", "near", retriever={"use": "dense"}, encoder=_narrow())
    whole = {"use": "whole", "max_tokens": 10_000}
    pipeline(tmp_path / "systems", "documents", splitter=whole, retriever={"use": "sparse"})
    listed(tmp_path, shared / "mill")
    return shared / "mill"


def listed(folder: Path, *data: Any, candidates: Sequence[str] = ("new",)) -> None:
    entries = ", ".join(f'{{ data = "{each}" }}' for each in data)
    (folder / "sets.toml").write_text(
        f'candidates = {json.dumps(candidates)}\nof_documents = ["documents"]\nsets = [{entries}]\n'
    )


def _narrow() -> dict[str, Any]:
    return {"use": "hashing", "width": 1}


def measured(folder: Path, *, questions: int = 500, watch: Runner = plainly) -> Table:
    wanted = Wanted(
        listed=sets.read(folder / "sets.toml"),
        files=pipelines(folder / "systems"),
        home=folder / "home",
        questions=questions,
        seed=0,
        rules=Rules(),
    )
    return measure(wanted, watch)


def command(folder: Path, *options: str) -> Result:
    named = {"sets": "sets.toml", "systems": "systems", "home": "home"}
    places = [part for name, at in named.items() for part in (f"--{name}", str(folder / at))]
    return CliRunner().invoke(main, [*places, *options])


def test_every_candidate_is_compared_with_every_other_system(tmp_path: Path, mill: Path) -> None:
    table = measured(tmp_path)
    assert table.systems == ["documents", "near", "words", "new"]
    (row,) = table.rows
    assert (row.unit, row.questions, row.sampled_from) == ("document", 12, 12)
    told = {each.a: each for each in row.comparisons}
    assert set(told) == {"documents", "near", "words"}
    assert {each.b for each in told.values()} == {"new"}
    assert told["near"].verdict == "better"
    assert told["words"].verdict == "no_worse"
    assert told["near"].difference == pytest.approx(row.means["new"] - row.means["near"])
    assert {each.comparisons for each in told.values()} == {3}
    assert table.behind("new") == {}


def test_what_lies_behind_the_best_is_named_with_its_interval(tmp_path: Path, mill: Path) -> None:
    listed(tmp_path, mill, candidates=["near"])
    table = measured(tmp_path)
    (found,) = table.behind("near").values()
    (row,) = table.rows
    assert found.difference == pytest.approx(row.means["near"] - max(row.means.values()))
    told = table.to_json()["behind"]["near"][row.name]
    assert told["interval"] == [found.ci_low, found.ci_high]
    assert told["verdict"] == "worse"
    assert told["best"] == found.a
    console = Console(record=True, width=200, file=StringIO())
    show(table, console)
    assert f"{row.name}: {found.a} is ahead" in console.export_text()


def test_a_set_that_cannot_be_read_is_named_and_the_rest_goes_on(
    tmp_path: Path, mill: Path
) -> None:
    (tmp_path / "torn").mkdir()
    made(tmp_path / "torn", qrels=["q1\td1\tmuch"])
    made(tmp_path / "fine")
    listed(tmp_path, "nowhere", tmp_path / "torn", tmp_path / "fine", f"{tmp_path / 'fine'}?x=1")
    table = measured(tmp_path)
    assert [each.name for each in table.rows] == [str(tmp_path / "fine")]
    assert [*table.failed] == ["nowhere", str(tmp_path / "torn"), f"{tmp_path / 'fine'}?x=1"]
    assert "no data set is called 'nowhere'" in table.failed["nowhere"]
    assert "has no option 'x'" in table.failed[f"{tmp_path / 'fine'}?x=1"]


def test_a_system_that_fails_on_a_set_is_named_and_the_others_are_measured(
    tmp_path: Path, mill: Path
) -> None:
    short = {"use": "whole", "max_tokens": 1}
    pipeline(tmp_path / "systems", "short", splitter=short, retriever={"use": "sparse"})
    table = measured(tmp_path)
    (row,) = table.rows
    assert [*row.left_out] == ["short"]
    assert set(row.means) == {"documents", "near", "words", "new"}
    assert table.mean("short", table.rows) is None
    assert "short is left out" in command(tmp_path).output


def test_documents_that_a_system_cannot_use_are_told(tmp_path: Path, mill: Path) -> None:
    rows = [{"_id": f"d{n}", "title": "", "text": prose(n, 1 + 9 * n)} for n in range(3)]
    asked = [{"_id": "q", "text": prose(0, 1)}]
    listed(tmp_path, made(tmp_path / "long", rows, asked, ["q\td0\t1"]))
    short = {"use": "whole", "max_tokens": 40}
    pipeline(tmp_path / "systems", "short", splitter=short, retriever={"use": "sparse"})
    (row,) = measured(tmp_path).rows
    assert row.failed == {"short": 2}
    assert row.left_out == {}
    assert "documents that short could not use: 2" in command(tmp_path).output


def test_a_candidate_that_fails_is_compared_with_nothing(tmp_path: Path, mill: Path) -> None:
    short = {"use": "whole", "max_tokens": 1}
    pipeline(tmp_path / "systems", "new", splitter=short, retriever={"use": "sparse"})
    (row,) = measured(tmp_path).rows
    assert row.comparisons == []
    assert "new" in row.left_out
    assert command(tmp_path).exit_code == 0


def test_where_parts_are_judged_whole_documents_are_not_asked(tmp_path: Path, mill: Path) -> None:
    rows = [{"_id": f"d{n}", "title": "", "text": f"Talk {n}. And more."} for n in range(3)]
    asked = [{"_id": "q", "text": "Talk 1", "evidence_char_spans": {"d1": [[0, 6]]}}]
    made(tmp_path / "talks", rows, asked, ["q\td1\t1"])
    talks = tmp_path / "talks"
    listed(tmp_path, talks, f"{talks}?unit=document")
    table = measured(tmp_path)
    by_span, by_document = table.rows
    assert (by_span.unit, by_document.unit) == ("span", "document")
    assert "documents" not in by_span.means
    assert "documents" in by_document.means
    assert table.whole(table.systems) == [by_document]
    assert table.mean("documents", table.rows) is None
    shown = " ".join(command(tmp_path).stdout.split())
    assert "mean of 2 sets" in shown
    assert "mean of 1 set " in shown


def test_a_sample_is_asked_and_told(tmp_path: Path, mill: Path) -> None:
    found = command(tmp_path, "--questions", "7")
    assert "7 of 12" in found.stdout
    told = json.loads((tmp_path / "home" / "defaults.json").read_text())
    assert (told["sets"][0]["questions"], told["sets"][0]["sampled_from"]) == (7, 12)


def test_what_was_answered_is_not_asked_again(tmp_path: Path, mill: Path) -> None:
    done: list[str] = []

    def watch(phase: Phase[T], /) -> T:
        done.append(f"{phase.name} {phase.of}")
        return plainly(phase)

    first = measured(tmp_path, questions=11, watch=watch)
    assert {f"ask {name}" for name in first.systems} <= {*done}
    done.clear()
    assert measured(tmp_path, questions=11, watch=watch).to_json() == first.to_json()
    assert done == []


def test_the_command(tmp_path: Path, mill: Path) -> None:
    found = command(tmp_path, "--json", "--leave-out", "near")
    told = json.loads(found.stdout)
    assert told["systems"] == ["documents", "words", "new"]
    assert told["means"] == told["sets"][0]["means"]
    assert json.loads((tmp_path / "home" / "defaults.json").read_text()) == told
    for options, said in (
        (["--only", "elsewhere"], "no set is called 'elsewhere'"),
        (["--leave-out", "elsewhere"], "no system is called 'elsewhere'"),
        (["--leave-out", "new"], "none of the candidates is there: new"),
        (["--margin", "0"], "margin is 0"),
        (["--systems", str(mill)], "no pipeline is there"),
    ):
        failed = command(tmp_path, *options)
        assert failed.exit_code == 2
        assert said in failed.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sets = [", "not TOML"),
        ('candidates = ["x"]', "sets: Field required"),
        ('candidates = ["x"]\nsets = [{ data = 1 }]', "sets.0.data"),
        ('candidates = ["x"]\nsets = [{ data = "x", scope = true }]', "sets.0.scope"),
    ],
)
def test_a_list_that_is_none_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "sets.toml"
    file.write_text(text)
    with pytest.raises(BadOption, match=said) as error:
        sets.read(file)
    assert error.value.where == str(file)
    with pytest.raises(SourceMissing):
        sets.read(tmp_path / "nowhere.toml")


def test_the_list_that_is_shipped_names_systems_that_are_there(tmp_path: Path) -> None:
    pytest.importorskip("llama_index.core")
    files = pipelines(SYSTEMS)
    names = [spec.load_name(each) for each in files]
    own = sets.read()
    assert {*own.candidates, *own.of_documents} <= {*names}
    assert len({each.name for each in own.sets}) == len(own.sets)
    data = catalogue.load(str(beir(tmp_path / "mill")))
    found = plan(Request(files=files, data=data, home=tmp_path / "home"))
    shared: dict[str, list[str]] = {}
    for each in found.systems:
        shared.setdefault(each.index, []).append(each.name)
    chunks = ["bm25", "default", "default-late", "dense", "hybrid"]
    chunks += ["scores", "scores-documents", "shipped"]
    assert chunks in [sorted(each) for each in shared.values()]
    assert len(shared) == 4
