"""`--set stage.option=value`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components import spec
from components.errors import BadOption, SpecError, UnknownComponent
from components.stages import STAGES
from tests.spec import BASE, loaded, refused

FULL = (
    BASE
    + "splitter: {use: sentences, max_tokens: 64, language: de}\n"
    + "encoder: {use: naive, model: minilm, header: '{title}'}\n"
)


@pytest.mark.parametrize(
    ("override", "stage", "option", "value"),
    [
        ("splitter.max_tokens=7", "splitter", "max_tokens", 7),
        ("splitter.max_tokens= 7 ", "splitter", "max_tokens", 7),
        (" splitter.max_tokens=7", "splitter", "max_tokens", 7),
        ("splitter.across_pages=true", "splitter", "across_pages", True),
        ("encoder.header='{title} = {id}'", "encoder", "header", "{title} = {id}"),
        ("encoder.header=a=b", "encoder", "header", "a=b"),
        ("encoder.header=''", "encoder", "header", ""),
        ("encoder.header='7'", "encoder", "header", "7"),
        ("source.include=[a.md, '**/*.txt']", "source", "include", ("a.md", "**/*.txt")),
        ("source.exclude=[]", "source", "exclude", ()),
        ("retriever.depth=3", "retriever", "depth", 3),
    ],
)
def test_values_are_yaml(
    tmp_path: Path, override: str, stage: str, option: str, value: Any
) -> None:
    assert loaded(tmp_path, FULL, [override]).stages[stage].options[option] == value


def test_a_template_needs_no_quotes_although_it_is_a_mapping_in_yaml(tmp_path: Path) -> None:
    pipeline = loaded(tmp_path, FULL, ["encoder.header={title}"])
    assert pipeline.stages["encoder"].options["header"] == "{title}"


def test_what_is_not_overridden_stays(tmp_path: Path) -> None:
    options = loaded(tmp_path, FULL, ["splitter.max_tokens=7"]).stages["splitter"].options
    assert options == {"max_tokens": 7, "language": "de", "across_pages": False}


def test_of_two_overrides_of_one_option_the_later_counts(tmp_path: Path) -> None:
    overrides = ["splitter.max_tokens=7", "retriever.depth=3", "splitter.max_tokens=8"]
    stages = loaded(tmp_path, FULL, overrides).stages
    assert stages["splitter"].options["max_tokens"] == 8
    assert stages["retriever"].options["depth"] == 3


def test_a_stage_that_the_file_leaves_out_can_be_set(tmp_path: Path) -> None:
    stages = loaded(tmp_path, BASE, ["reranker.use=feedback", "reranker.weight=0.5"]).stages
    assert stages["reranker"].use == "feedback"
    assert stages["reranker"].options["weight"] == 0.5


@pytest.mark.parametrize(
    "override",
    ["", "=", "x", "x=1", "splitter", "splitter=1", "splitter.=1", "splitter.max_tokens", "."],
)
def test_what_has_no_dot_or_no_equals_sign_is_refused(tmp_path: Path, override: str) -> None:
    error = refused(tmp_path, FULL, [override])
    assert isinstance(error, BadOption)
    assert repr(override) in str(error)
    assert error.where == "--set"
    assert error.hint == "write stage.option=value"


@pytest.mark.parametrize("stage", ["spliter", "engines", "name", "Splitter", ""])
def test_an_unknown_stage_is_refused_with_the_known_ones(tmp_path: Path, stage: str) -> None:
    error = refused(tmp_path, FULL, [f"{stage}.x=1"])
    assert isinstance(error, UnknownComponent)
    assert f"there is no stage {stage!r}" in str(error)
    assert all(known in error.hint for known in STAGES)


def test_a_stage_nearly_right_is_suggested(tmp_path: Path) -> None:
    assert "did you mean 'splitter'?" in refused(tmp_path, FULL, ["spliter.x=1"]).hint


@pytest.mark.parametrize("value", ["[a", "'open", "a: b: c", "&x 1", "*x", "{a: 1, a: 2}"])
def test_a_value_that_is_not_strict_yaml_is_refused(tmp_path: Path, value: str) -> None:
    error = refused(tmp_path, FULL, [f"encoder.header={value}"])
    assert isinstance(error, SpecError)
    assert error.where == "--set encoder.header"


@pytest.mark.parametrize("value", ["", "many", "0", "true", "'7'"])
def test_a_value_of_the_wrong_type_is_refused(tmp_path: Path, value: str) -> None:
    error = refused(tmp_path, FULL, [f"splitter.max_tokens={value}"])
    assert isinstance(error, BadOption)
    assert error.where == "splitter.max_tokens"


@pytest.mark.parametrize("option", ["max_token", "a.b", "1", " max_tokens "])
def test_an_unknown_option_is_refused(tmp_path: Path, option: str) -> None:
    error = refused(tmp_path, FULL, [f"splitter.{option}=7"])
    assert isinstance(error, BadOption)
    assert "has no option" in str(error)


def test_a_new_component_drops_what_it_lacks_and_says_so(tmp_path: Path) -> None:
    pipeline = loaded(tmp_path, FULL, ["encoder.use=hashing"])
    assert pipeline.stages["encoder"].use == "hashing"
    assert pipeline.stages["encoder"].options == {"width": 256, "header": "{title}"}
    (notice,) = pipeline.notices
    assert "hashing" in notice
    assert "model" in notice
    assert "header" not in notice


def test_a_new_component_that_lacks_nothing_says_nothing(tmp_path: Path) -> None:
    pipeline = loaded(tmp_path, FULL, ["splitter.use=sentence"])
    assert pipeline.notices == ()
    options = pipeline.stages["splitter"].options
    assert (options["max_tokens"], options["language"]) == (64, "de")


def test_the_same_component_again_changes_nothing(tmp_path: Path) -> None:
    pipeline = loaded(tmp_path, FULL, ["splitter.use=sentences"])
    assert pipeline == loaded(tmp_path, FULL)
    assert pipeline.notices == ()


@pytest.mark.parametrize("use_first", [True, False])
def test_an_override_for_an_option_that_the_new_component_lacks_is_an_error(
    tmp_path: Path, use_first: bool
) -> None:
    overrides = ["encoder.use=hashing", "encoder.model=minilm"]
    error = refused(tmp_path, FULL, overrides if use_first else overrides[::-1])
    assert isinstance(error, BadOption)
    assert error.where == "encoder.model"


@pytest.mark.parametrize("value", ["", "3", "[sentences]", "{a: 1}", "true"])
def test_a_component_that_is_no_name_is_refused(tmp_path: Path, value: str) -> None:
    error = refused(tmp_path, FULL, [f"splitter.use={value}"])
    assert isinstance(error, BadOption)
    assert "splitter.use must be a name" in str(error)


def test_an_unknown_component_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, FULL, ["splitter.use=sentense"])
    assert isinstance(error, UnknownComponent)
    assert error.where == "splitter.use"


@pytest.mark.parametrize("override", ["answerer.model=x", "answerer.use="])
def test_an_option_of_a_stage_without_a_component_is_refused(tmp_path: Path, override: str) -> None:
    error = refused(tmp_path, FULL, [override])
    assert "answerer needs a name under 'use'" in str(error)


def test_paths_are_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    pipeline = loaded(tmp_path / "here", BASE, ["index.path=../store"])
    assert pipeline.build("index").path == tmp_path / "store"
    assert pipeline.build("source").path == tmp_path / "here" / "documents"
    pipeline = loaded(tmp_path / "here", BASE, ["source.path=documents"])
    assert pipeline.build("source").path == tmp_path / "away" / "documents"
    assert pipeline.build("index").path == tmp_path / "here" / ".millrace"


def test_the_files_own_path_stays_relative_to_it_when_the_component_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    pipeline = loaded(tmp_path, BASE, ["source.use=jsonl"])
    assert pipeline.build("source").path == tmp_path / "documents"
    assert pipeline.notices == ()


def test_overrides_are_for_all_files_or_for_those_of_a_name(tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.yaml" for name in ("one", "other")]
    for file in files:
        file.write_text(BASE.replace("test", file.stem))
    overrides = ["splitter.max_tokens=7", "other:splitter.language=de", "one:retriever.depth=a:b"]
    found = {file.name: own for file, own in spec.overridden(files, overrides)}
    assert list(found) == ["one", "other"]
    assert [each.text for each in found["one"]] == [overrides[0], overrides[2]]
    assert [each.text for each in found["other"]] == overrides[:2]
    assert found["one"][1].value == "a:b"
    with pytest.raises(BadOption, match="no system is called 'third'") as caught:
        spec.overridden(files, ["third:splitter.max_tokens=7"])
    assert caught.value.where == "--set third:splitter.max_tokens=7"
    assert caught.value.hint == "there are: one, other"
