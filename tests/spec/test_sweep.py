from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.errors import MillraceError, UserError
from components.sweep import members

FILE = """
name: try
source: {use: jsonl, path: corpus.jsonl}
"""


def file(folder: Path, rest: str) -> Path:
    path = folder / "pipeline.yaml"
    path.write_text(FILE + rest)
    return path


def names(path: Path, *overrides: str) -> list[str]:
    return [each.name for each in members(path, overrides)]


def options(path: Path, stage: str, *overrides: str) -> list[Any]:
    found = [each.pipeline.stages[stage] for each in members(path, overrides)]
    return [(each.use, dict(each.options)) for each in found]


def test_a_file_without_lists_is_itself(tmp_path: Path) -> None:
    assert names(file(tmp_path, "encoder: {use: late}")) == ["try"]


def test_every_combination_is_a_member(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        "encoder: {use: late, window: [100, 128, 256]}\n"
        "sparse: {use: bm25}\nretriever: {use: [dense, hybrid]}",
    )
    assert names(path) == [
        f"try[window={window},retriever={use}]"
        for window in (100, 128, 256)
        for use in ("dense", "hybrid")
    ]
    fingerprints = {each.pipeline.fingerprint() for each in members(path)}
    assert len(fingerprints) == 3


def test_options_count_for_the_components_that_have_them(tmp_path: Path) -> None:
    path = file(tmp_path, "encoder: {use: [naive, late], window: [128, 256], header: '{title}'}")
    assert names(path) == [
        "try[encoder=naive]",
        "try[encoder=late,window=128]",
        "try[encoder=late,window=256]",
    ]
    assert all(each["header"] == "{title}" for _, each in options(path, "encoder"))


def test_an_option_that_takes_a_list_is_no_sweep(tmp_path: Path) -> None:
    path = file(tmp_path, "index: {use: qdrant_edge, filterable: [site, year]}")
    assert names(path) == ["try"]


def test_an_override_settles_a_sweep_or_makes_one(tmp_path: Path) -> None:
    path = file(tmp_path, "encoder: {use: late, window: [128, 256]}")
    assert names(path, "encoder.window=64") == ["try"]
    assert options(path, "encoder", "encoder.window=64")[0][1]["window"] == 64
    assert names(path, "encoder.window=[32, 64]") == ["try[window=32]", "try[window=64]"]
    assert names(path, "encoder.use=naive") == ["try"]
    path = file(tmp_path, "retriever: {use: [dense, sparse]}\nsparse: {use: bm25}")
    assert names(path, "retriever.use=hybrid") == ["try"]
    assert names(path, "retriever.use=[dense, hybrid]") == [
        "try[retriever=dense]",
        "try[retriever=hybrid]",
    ]


def test_equal_option_names_are_told_apart(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        "retriever: {use: dense, depth: [10, 20]}\nreranker: {use: feedback, depth: [5, 10]}",
    )
    assert names(path)[0] == "try[retriever.depth=10,reranker.depth=5]"


@pytest.mark.parametrize(
    "rest",
    [
        "encoder: {use: late, window: [128, wide]}",
        "encoder: {use: late, window: []}",
        "encoder: {use: [late, nothing]}",
        "encoder: {use: []}",
        "encoder: {use: [late, 3]}",
        "encoder: {use: naive, window: [1, 2]}",
    ],
)
def test_a_bad_member_is_refused(tmp_path: Path, rest: str) -> None:
    with pytest.raises(MillraceError) as caught:
        members(file(tmp_path, rest))
    assert isinstance(caught.value, UserError)


def test_too_many_are_refused(tmp_path: Path) -> None:
    many = list(range(32, 232))
    path = file(tmp_path, f"encoder: {{use: late, window: {many}, overlap: [0, 16]}}")
    with pytest.raises(UserError, match="more than 200"):
        members(path)
