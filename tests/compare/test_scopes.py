"""Scopes called as one of Millrace's own fields are, and scopes that no document has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.errors import MillraceError
from evals.compare import plan as planning
from evals.compare.outcome import Outcome
from evals.compare.request import Request
from evals.compare.run import run
from evals.datasets import catalogue
from tests.cli import call
from tests.compare.data import beir, pipeline, publish, served, without_corpus

SCOPES = ("section", "page", "version", "start", "document_id", "kind", "region")


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def data(folder: Path, names: tuple[str, ...] = SCOPES) -> Path:
    """Every question has its right document alone in its own scope, of each of the names."""
    made = beir(folder / "data", 4)
    for file in ("corpus.jsonl", "queries.jsonl"):
        told = rows(made / file)
        for row in told:
            row["text"] = "Which valve is opened first?"
            row.update(dict.fromkeys(names, f"area {row['_id'][1:]}"))
        write(made / file, told)
    return made


def compared(folder: Path, name: str, **more: Any) -> Outcome:
    told = catalogue.load(name, corpus="live" not in more)
    return run(planning.plan(Request(data=told, home=folder / "home", scoped=True, **more)))


@pytest.mark.parametrize("scope", [*SCOPES, "metadata.section", "metadata.kind"])
def test_a_scope_is_a_field_of_the_documents_whatever_it_is_called(
    tmp_path: Path, scope: str
) -> None:
    made = data(tmp_path)
    (found,) = compared(
        tmp_path, f"{made}?scope={scope}", files=[pipeline(tmp_path, "base")]
    ).systems
    assert found.intervals["nDCG@10"].mean == 1


@pytest.mark.parametrize("scope", ["section", "metadata.version"])
def test_a_scope_below_metadata_is_found(tmp_path: Path, scope: str) -> None:
    made = data(tmp_path, ())
    for file in ("corpus.jsonl", "queries.jsonl"):
        told = rows(made / file)
        for row in told:
            row["metadata"] = dict.fromkeys(("section", "version"), f"area {row['_id'][1:]}")
        write(made / file, told)
    (found,) = compared(
        tmp_path, f"{made}?scope={scope}", files=[pipeline(tmp_path, "base")]
    ).systems
    assert found.intervals["nDCG@10"].mean == 1


def test_a_title_is_a_scope(tmp_path: Path) -> None:
    made = data(tmp_path, ("title",))
    (found,) = compared(tmp_path, f"{made}?scope=title", files=[pipeline(tmp_path, "base")]).systems
    assert found.intervals["nDCG@10"].mean == 1


def test_what_is_served_is_asked_by_either_s_names_in_full(tmp_path: Path) -> None:
    made, file = data(tmp_path), served(tmp_path)
    publish(file)
    alone = without_corpus(made)
    for scope in ("section", "metadata.version", "metadata.document_id"):
        (found,) = compared(tmp_path, f"{alone}?scope={scope}", live=file).systems
        assert found.intervals["nDCG@10"].mean == 1
    with pytest.raises(MillraceError, match=r"metadata.version and document.version"):
        compared(tmp_path, f"{alone}?scope=version", live=file)


def test_a_question_s_own_document_is_a_scope_of_what_is_served(tmp_path: Path) -> None:
    made, file = data(tmp_path, ()), served(tmp_path)
    publish(file)
    asked = rows(made / "queries.jsonl")
    write(made / "queries.jsonl", [{**row, "document_id": f"d{row['_id'][1:]}"} for row in asked])
    alone = without_corpus(made)
    (found,) = compared(tmp_path, f"{alone}?scope=document_id", live=file).systems
    assert found.intervals["nDCG@10"].mean == 1


@pytest.mark.parametrize("scope", ["site", "page"])
def test_a_scope_that_no_document_has_is_an_error_and_no_metric_of_0(
    tmp_path: Path, scope: str
) -> None:
    made, file = data(tmp_path, ("region",)), served(tmp_path)
    publish(file)
    asked = rows(made / "queries.jsonl")
    write(made / "queries.jsonl", [{**row, scope: "x"} for row in asked])
    told = f"the scope finds nothing: no document has the field '{scope}'"
    done = call(
        "compare", "--live", file, "--data", f"{without_corpus(made)}?scope={scope}", "--scope",
        "--no-timing", "--home", tmp_path / "home",
    )  # fmt: skip
    assert done.code == 1
    assert told in done.message


def test_a_scope_of_before_is_not_taken_from_what_is_kept(tmp_path: Path) -> None:
    """What was kept under a shadowed name is not what is asked now."""
    made = data(tmp_path)
    told = catalogue.load(f"{made}?scope=section")
    assert told.scope == "metadata.section"
    assert [each.filter for each in told.queries(scoped=True)][:2] == [
        {"metadata.section": ["area 0"]},
        {"metadata.section": ["area 1"]},
    ]
