from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from components import spec
from components.errors import MillraceError, UserError
from components.spec.sweep import Member
from components.spec.sweep import members as members_of

FILE = """
name: try
source: {use: jsonl, path: corpus.jsonl}
"""


def file(folder: Path, rest: str) -> Path:
    path = folder / "pipeline.yaml"
    path.write_text(FILE + rest)
    return path


def members(path: Path, overrides: Sequence[str] = ()) -> list[Member]:
    return members_of(spec.read(path), [spec.override(each) for each in overrides])


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


def test_an_option_lists_values_of_the_component_that_an_override_chooses(tmp_path: Path) -> None:
    path = file(tmp_path, "")
    use, several = "encoder.use=late", "encoder.window=[128, 256]"
    for overrides in ([use, several], [several, use]):
        assert names(path, *overrides) == ["try[window=128]", "try[window=256]"]
        windows = [each["window"] for _, each in options(path, "encoder", *overrides)]
        assert windows == [128, 256]


def test_an_option_lists_values_of_those_components_that_have_it(tmp_path: Path) -> None:
    several = "encoder.window=[128, 256]"
    late = [f"try[encoder=late,window={window}]" for window in (128, 256)]
    bare = file(tmp_path, "")
    assert names(bare, "encoder.use=[naive, late]", several) == ["try[encoder=naive]", *late]
    assert names(bare, "encoder.use=[naive, late]", "encoder.window=128") == [
        "try[encoder=naive]",
        "try[encoder=late]",
    ]
    path = file(tmp_path, "encoder: {use: [naive, late]}")
    listed = ["try[window=128,encoder=late]", "try[window=256,encoder=late]", "try[encoder=naive]"]
    assert names(path, several) == listed
    assert names(bare, several, "encoder.use=[naive, late]") == listed


@pytest.mark.parametrize("first", ["naive", "late"])
def test_a_component_that_an_override_chooses_of_those_listed_has_its_own_options(
    tmp_path: Path, first: str
) -> None:
    second = {"naive": "late", "late": "naive"}[first]
    path = file(tmp_path, f"encoder: {{use: [{first}, {second}], window: [128, 256]}}")
    assert names(path, "encoder.use=naive") == ["try"]
    assert names(path, "encoder.use=late") == ["try[window=128]", "try[window=256]"]
    assert names(path, "encoder.use=hashing") == ["try"]


def test_a_list_for_a_stage_that_the_file_leaves_out(tmp_path: Path) -> None:
    path = file(tmp_path, "")
    found = ["try[depth=5]", "try[depth=10]"]
    assert names(path, "reranker.use=feedback", "reranker.depth=[5, 10]") == found
    chat = ["answerer.endpoint=http://localhost/v1", "answerer.model=m"]
    assert names(path, "answerer.use=[extractive, chat]", *chat) == [
        "try[answerer=extractive]",
        "try[answerer=chat]",
    ]
    with pytest.raises(UserError, match="answerer needs a name under 'use'"):
        members(path, ["answerer.sentences=[1, 2]"])


def test_of_two_overrides_of_one_option_the_later_counts(tmp_path: Path) -> None:
    path = file(tmp_path, "encoder: {use: late, window: [100, 200]}")
    one, several = "encoder.window=64", "encoder.window=[128, 256]"
    assert names(path, several, one) == ["try"]
    assert options(path, "encoder", several, one)[0][1]["window"] == 64
    assert names(path, one, several) == ["try[window=128]", "try[window=256]"]
    assert names(path, "encoder.window=[1, 2]", several) == ["try[window=128]", "try[window=256]"]


def test_a_component_beside_the_file_is_swept(tmp_path: Path) -> None:
    code = """
from dataclasses import dataclass
@dataclass(frozen=True, kw_only=True)
class Lines:
    lines: int = 1
    def split(self, document, tokenizer): ...
"""
    (tmp_path / "beside_a_sweep.py").write_text(code)
    own = "beside_a_sweep:Lines"
    path = file(tmp_path, f'splitter: {{use: ["{own}", whole], lines: [1, 2]}}')
    assert names(path) == [
        f"try[splitter={own},lines=1]",
        f"try[splitter={own},lines=2]",
        "try[splitter=whole]",
    ]


def test_members_come_in_the_order_of_overrides_and_then_of_stages(tmp_path: Path) -> None:
    path = file(tmp_path, "encoder: {use: late, window: [128, 256]}")
    overrides = ["retriever.depth=[10, 20]", "splitter.max_tokens=[64, 96]"]
    assert names(path, *overrides) == [
        f"try[depth={depth},max_tokens={tokens},window={window}]"
        for depth in (10, 20)
        for tokens in (64, 96)
        for window in (128, 256)
    ]


def test_overridden_paths_are_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    path = file(tmp_path / "here", "index: {use: qdrant_edge, path: [a, b]}")
    assert [each["path"] for _, each in options(path, "index")] == [
        tmp_path / "here" / "a",
        tmp_path / "here" / "b",
    ]
    assert [each["path"] for _, each in options(path, "index", "index.path=[a, b]")] == [
        tmp_path / "a",
        tmp_path / "b",
    ]


def test_what_was_read_is_not_read_again(tmp_path: Path) -> None:
    path = file(tmp_path, "encoder: {use: late, window: [128, 256]}")
    read = spec.read(path)
    path.unlink()
    assert [each.name for each in members_of(read)] == ["try[window=128]", "try[window=256]"]
    assert read.name == "try"


def test_a_swept_component_leaves_out_what_the_file_says_for_another(tmp_path: Path) -> None:
    path = file(tmp_path, "encoder: {use: late, window: 128}")
    first, second = members(path, ["encoder.use=[naive, late]"])
    assert first.pipeline.notices == ("encoder 'naive' has no option window: left out",)
    assert (second.pipeline.stages["encoder"].options["window"], second.pipeline.notices) == (
        128,
        (),
    )
    path = file(tmp_path, "encoder: {use: [naive, late], window: 128}")
    (only,) = members(path, ["encoder.use=hashing"])
    assert only.pipeline.notices == ("encoder 'hashing' has no option window: left out",)


@pytest.mark.parametrize("use", ["tokens", "[tokens, sentences]", "sentences"])
def test_what_a_file_lists_and_an_override_replaces_need_not_be_there(
    tmp_path: Path, use: str
) -> None:
    path = file(tmp_path, 'splitter: {use: ["not_here:Lines", sentences], max_tokens: 3}')
    for each in members(path, [f"splitter.use={use}"]):
        assert each.pipeline.stages["splitter"].options["max_tokens"] == 3
    with pytest.raises(UserError, match=r"splitter\.use must be a name, not 3"):
        members(path, ["splitter.use=3"])


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
        "encoder: {use: [naive, late], windw: 128}",
    ],
)
def test_a_bad_member_is_refused(tmp_path: Path, rest: str) -> None:
    with pytest.raises(MillraceError) as caught:
        members(file(tmp_path, rest))
    assert isinstance(caught.value, UserError)


@pytest.mark.parametrize(
    "overrides",
    [
        ["encoder.window=[128, 256]"],
        ["encoder.use=[naive, hashing]", "encoder.window=128"],
        ["encoder.use=[naive, nothing]"],
        ["encoder.use=[late, 3]"],
        ["encoder.header=[2020-01-01, x]"],
        ["encoder.windw=[1, 2]"],
        ["encodr.window=[1, 2]"],
        ["encoder=[naive, late]"],
        ["encoder.use=[naive"],
        ["engine.use=[local, ray]"],
    ],
)
def test_a_bad_list_in_an_override_is_refused(tmp_path: Path, overrides: list[str]) -> None:
    with pytest.raises(MillraceError) as caught:
        members(file(tmp_path, ""), overrides)
    assert isinstance(caught.value, UserError)


def test_too_many_are_refused(tmp_path: Path) -> None:
    many = list(range(32, 232))
    path = file(tmp_path, f"encoder: {{use: late, window: {many}, overlap: [0, 16]}}")
    with pytest.raises(UserError, match="more than 200"):
        members(path)
