"""What a pipeline file may say, and how each mistake in it is answered."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from components import spec
from components.errors import BadOption, SpecError, UnknownComponent
from components.spec.engine import Engine
from components.stages import STAGES
from tests.spec import BASE, loaded, refused, written

PIPELINES = sorted((Path(__file__).parents[2] / "pipelines").glob("*.yaml"))


def test_there_are_pipelines_to_try() -> None:
    assert len(PIPELINES) >= 6


@pytest.mark.parametrize("file", PIPELINES, ids=lambda file: file.stem)
def test_every_pipeline_of_ours_loads(file: Path) -> None:
    pipeline = spec.load(file)
    assert pipeline.name == file.stem
    assert pipeline.notices == ()
    assert len(pipeline.fingerprint()) == 16
    for stage in pipeline.stages:
        assert pipeline.build(stage) is not None
    assert pipeline.stages["index"].options["path"] == file.parent.parent / ".millrace"


def test_what_the_file_leaves_out_is_chosen(tmp_path: Path) -> None:
    pipeline = loaded(tmp_path, BASE)
    assert {stage: choice.use for stage, choice in pipeline.stages.items()} == {
        "source": "files",
        "splitter": "sentences",
        "encoder": "naive",
        "sparse": "none",
        "index": "qdrant_edge",
        "retriever": "dense",
        "reranker": "none",
    }
    assert pipeline.engine.use == "auto"
    assert pipeline.notices == ()


def test_options_left_out_have_their_defaults(tmp_path: Path) -> None:
    pipeline = loaded(tmp_path, BASE + "splitter: {use: sentences, max_tokens: 7}\n")
    assert pipeline.stages["splitter"].options == {
        "max_tokens": 7,
        "across_pages": False,
        "language": "en",
    }
    assert pipeline.build("splitter").max_tokens == 7


def test_the_index_lies_beside_the_file_unless_it_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "away").mkdir()
    file = written(tmp_path / "here", BASE)
    monkeypatch.chdir(tmp_path / "away")
    assert spec.load(file).build("index").path == tmp_path / "here" / ".millrace"
    relative = Path(os.path.relpath(file))
    assert spec.load(relative).build("index").path == tmp_path / "here" / ".millrace"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("documents", "here/documents"),
        ("./documents/", "here/documents"),
        ("../documents", "documents"),
        (".", "here"),
        ("a b/ü", "here/a b/ü"),
    ],
)
def test_paths_in_a_file_are_relative_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, expected: str
) -> None:
    (tmp_path / "here").mkdir()
    text = BASE.replace("documents", path)
    file = written(tmp_path / "here", text)
    monkeypatch.chdir(tmp_path)
    assert spec.load(file).build("source").path == tmp_path / expected


def test_an_absolute_path_and_one_in_the_home_stay_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    text = "name: test\nsource: {use: files, path: /over/there}\nindex: {use: qdrant_edge, path: "
    pipeline = loaded(tmp_path, text + "~/store}\n")
    assert pipeline.build("source").path == Path("/over/there")
    assert pipeline.build("index").path == tmp_path / "home" / "store"


@pytest.mark.parametrize("path", ["~surely-nobody/documents", '"a\\0b"', '"a\\uD800b"'])
def test_a_path_that_no_file_can_have_is_refused(tmp_path: Path, path: str) -> None:
    error = refused(tmp_path, f"name: test\nsource: {{use: files, path: {path}}}\n")
    assert isinstance(error, BadOption)
    assert error.where == "source.path"


def test_no_such_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such pipeline file") as caught:
        spec.load(tmp_path / "absent.yaml")
    assert caught.value.where == str(tmp_path / "absent.yaml")


def test_a_folder_is_no_pipeline_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        spec.load(tmp_path)


@pytest.mark.parametrize("key", ["sorce", "Splitter", "gates", "1", "[1]", "~", "2020-01-01"])
def test_an_unknown_key_is_refused_with_the_known_ones(tmp_path: Path, key: str) -> None:
    error = refused(tmp_path, BASE + f"{key}: {{use: x}}\n")
    assert isinstance(error, SpecError)
    assert "unknown key" in str(error)
    assert all(known in error.hint for known in ("name", "engine", *STAGES))


@pytest.mark.parametrize(
    "name",
    [
        "Test",
        "a_b",
        "-a",
        "a b",
        "''",
        "a" * 42,
        "ä",
        "a/b",
        "..",
        "12",
        "1.5",
        "true",
        "null",
        "[a]",
        "2020-01-01",
        '"a\\n"',
    ],
)
def test_a_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    error = refused(tmp_path, BASE.replace("name: test", f"name: {name}"))
    assert isinstance(error, SpecError)
    assert "'name' must match" in str(error)


@pytest.mark.parametrize("name", ["a", "'0'", "a-b", "a--", "9a", "a" * 41, "'12'"])
def test_a_good_name_is_taken(tmp_path: Path, name: str) -> None:
    assert loaded(tmp_path, BASE.replace("test", name)).name == name.strip("'")


def test_a_file_without_a_name_is_refused(tmp_path: Path) -> None:
    assert "'name' must match" in str(refused(tmp_path, BASE.replace("name: test", "")))


def test_a_file_without_a_source_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, "name: test\nsplitter: {use: sentences}\n")
    assert isinstance(error, SpecError)
    assert "the stage 'source' is missing" in str(error)


@pytest.mark.parametrize(
    "value",
    [
        "sentences",
        "[use, sentences]",
        "[1, 2]",
        "3",
        "",
        "{}",
        "{max_tokens: 3}",
        "{use: }",
        "{use: 3}",
        "{use: [sentences]}",
        "!!set {use}",
        "true",
        "2020-01-01",
    ],
)
@pytest.mark.parametrize("stage", ["splitter", "encoder", "answerer"])
def test_a_stage_that_is_no_mapping_with_a_name_is_refused(
    tmp_path: Path, stage: str, value: str
) -> None:
    error = refused(tmp_path, BASE + f"{stage}: {value}\n")
    assert isinstance(error, SpecError)
    assert f"{stage} must be a mapping with a name under 'use'" in str(error)
    assert f"{stage}: {{use: " in error.hint


@pytest.mark.parametrize("value", ["documents", "[documents]", "", "{path: documents}"])
def test_a_source_that_is_no_mapping_with_a_name_is_refused(tmp_path: Path, value: str) -> None:
    error = refused(tmp_path, f"name: test\nsource: {value}\n")
    assert "source must be a mapping" in str(error)


@pytest.mark.parametrize(
    ("stage", "use", "near"),
    [
        ("splitter", "sentnces", "sentences"),
        ("encoder", "navie", "naive"),
        ("retriever", "hybird", "hybrid"),
        ("index", "qdrant-edge", "qdrant_edge"),
    ],
)
def test_an_unknown_component_is_refused_with_the_nearest_and_all_known(
    tmp_path: Path, stage: str, use: str, near: str
) -> None:
    error = refused(tmp_path, BASE + f"{stage}: {{use: {use}}}\n")
    assert isinstance(error, UnknownComponent)
    assert repr(use) in str(error)
    assert error.where == f"{stage}.use"
    assert f"did you mean {near!r}?" in error.hint
    assert near in error.hint.partition("known: ")[2].split(", ")


def test_an_unknown_component_like_no_other_is_refused_with_all_known(tmp_path: Path) -> None:
    error = refused(tmp_path, BASE + "splitter: {use: 水車}\n")
    assert error.hint == "known: pages, sentence, sentences, tokens, whole"


def test_an_unknown_component_is_told_those_there_are(tmp_path: Path) -> None:
    error = refused(tmp_path, BASE + "answerer: {use: model}\n")
    assert isinstance(error, UnknownComponent)
    assert "known: chat, extractive, iterative, recorded" in error.hint


def test_an_unknown_option_is_refused_with_the_nearest_and_all_known(tmp_path: Path) -> None:
    error = refused(tmp_path, BASE + "splitter: {use: sentences, max_token: 9}\n")
    assert isinstance(error, BadOption)
    assert "splitter 'sentences' has no option 'max_token'" in str(error)
    assert error.where == "splitter.max_token"
    assert error.hint == "did you mean 'max_tokens'? known: across_pages, language, max_tokens"


def test_an_option_for_a_component_without_any_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, BASE + "sparse: {use: none, k: 1.2}\n")
    assert "has no option 'k'" in str(error)
    assert error.hint == "it has no options"


@pytest.mark.parametrize("part", ["encoder", "reader"])
def test_a_collaborator_is_no_option(tmp_path: Path, part: str) -> None:
    error = refused(tmp_path, BASE + f"retriever: {{use: dense, {part}: naive}}\n")
    assert "has no option" in str(error)


@pytest.mark.parametrize("name", ["1", "~", "true", "1.5", "2020-01-01", "[a]"])
def test_an_option_whose_name_is_no_word_is_refused(tmp_path: Path, name: str) -> None:
    error = refused(tmp_path, BASE + f"splitter: {{use: sentences, {name}: 9}}\n")
    assert isinstance(error, SpecError)
    assert "splitter" in str(error)


@pytest.mark.parametrize(
    ("stage", "use", "option", "value"),
    [
        ("splitter", "sentences", "max_tokens", "'128'"),
        ("splitter", "sentences", "max_tokens", "many"),
        ("splitter", "sentences", "max_tokens", "true"),
        ("splitter", "sentences", "max_tokens", "0"),
        ("splitter", "sentences", "max_tokens", "-1"),
        ("splitter", "sentences", "max_tokens", "12.0"),
        ("splitter", "sentences", "max_tokens", "[128]"),
        ("splitter", "sentences", "max_tokens", "2020-01-01"),
        ("splitter", "sentences", "max_tokens", ""),
        ("splitter", "sentences", "across_pages", "perhaps"),
        ("splitter", "sentences", "language", "7"),
        ("splitter", "pages", "max_tokens", "0"),
        ("splitter", "whole", "overflow", "ignore"),
        ("encoder", "hashing", "width", "true"),
        ("encoder", "late", "overlap", "-1"),
        ("encoder", "late", "mix", "1.01"),
        ("encoder", "late", "mix", "-0.5"),
        ("encoder", "late", "mix", "half"),
        ("encoder", "late", "mix", "true"),
        ("encoder", "naive", "precision", "fp8"),
        ("sparse", "bm25", "k", "-1"),
        ("sparse", "bm25", "k", ".inf"),
        ("sparse", "bm25", "k", ".nan"),
        ("retriever", "hybrid", "dense_weight", "'1'"),
        ("source", "files", "include", "'*.md'"),
        ("source", "files", "include", "[1]"),
        ("index", "qdrant_edge", "path", "3"),
        ("index", "qdrant_edge", "filterable", "year"),
        ("index", "qdrant_edge", "filterable", "[1]"),
        ("index", "qdrant_edge", "filterable", "{year: number}"),
    ],
)
def test_a_value_of_the_wrong_type_or_out_of_bounds_is_refused(
    tmp_path: Path, stage: str, use: str, option: str, value: str
) -> None:
    text = BASE if stage != "source" else "name: test\n"
    needed = "path: documents, " if stage == "source" else ""
    error = refused(tmp_path, text + f"{stage}: {{use: {use}, {needed}{option}: {value}}}\n")
    assert isinstance(error, BadOption)
    assert error.where == f"{stage}.{option}"
    assert error.hint.startswith(f"{option}: ")
    assert len(error.hint) > len(f"{option}: ")


def test_the_kinds_of_a_filterable_field_are_told(tmp_path: Path) -> None:
    error = refused(tmp_path, BASE + "index: {use: qdrant_edge, filterable: {year: number}}\n")
    assert "'keyword', 'integer', 'float', 'bool' or 'datetime', not 'number'" in str(error)


def test_a_refused_value_is_quoted(tmp_path: Path) -> None:
    error = refused(tmp_path, BASE + "splitter: {use: sentences, max_tokens: many}\n")
    assert "not 'many'" in str(error)


@pytest.mark.parametrize(
    ("stage", "use", "option", "value", "expected"),
    [
        ("splitter", "pages", "max_tokens", "null", None),
        ("encoder", "late", "mix", "1", 1.0),
        ("encoder", "late", "mix", "0", 0.0),
        ("encoder", "late", "overlap", "0", 0),
        ("retriever", "hybrid", "k", "0", 0.0),
        ("index", "qdrant_edge", "filterable", "[year]", ("year",)),
        ("index", "qdrant_edge", "filterable", "[]", ()),
        ("index", "qdrant_edge", "filterable", "{y: integer}", {"y": "integer"}),
        ("index", "qdrant_edge", "filterable", "{}", {}),
    ],
)
def test_values_at_the_bounds_are_taken(
    tmp_path: Path, stage: str, use: str, option: str, value: str, expected: Any
) -> None:
    pipeline = loaded(tmp_path, BASE + f"{stage}: {{use: {use}, {option}: {value}}}\n")
    found = getattr(pipeline.build(stage), option)
    assert found == expected
    assert type(found) is type(expected)


def test_a_missing_required_option_is_named_with_its_help(tmp_path: Path) -> None:
    error = refused(tmp_path, "name: test\nsource: {use: files}\n")
    assert isinstance(error, BadOption)
    assert error.where == "source.path"
    assert "required" in str(error)
    assert error.hint == "path: the folder to read"


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("encoder: {use: hashing, header: '{title!r}'}", "title"),
        ("splitter: {use: sentences, language: klingon}", "klingon"),
        ("sparse: {use: bm25, language: klingon}", "klingon"),
        ("encoder: {use: late, window: 100000}", "100000"),
        ("encoder: {use: late, window: 10, overlap: 10}", "10"),
    ],
)
def test_a_value_that_the_component_itself_refuses_is_a_bad_option(
    tmp_path: Path, line: str, part: str
) -> None:
    pipeline = loaded(tmp_path, BASE + line + "\n")
    with pytest.raises(BadOption, match=part) as caught:
        pipeline.fingerprint()
    assert caught.value.where.startswith(line.partition(":")[0])


@pytest.mark.parametrize("engine", ["auto", "local", "ray"])
def test_a_known_engine_is_taken(tmp_path: Path, engine: str) -> None:
    assert loaded(tmp_path, BASE + f"engine: {{use: {engine}}}\n").engine.use == engine


@pytest.mark.parametrize(
    "value",
    [
        "local",
        "{use: rays}",
        "{}",
        "{use: }",
        "[use]",
        "",
        "3",
        "{use: [local]}",
        "{use: {local: 1}}",
    ],
)
def test_any_other_engine_is_refused(tmp_path: Path, value: str) -> None:
    error = refused(tmp_path, BASE + f"engine: {value}\n")
    assert isinstance(error, SpecError)
    assert "'engine' must be" in str(error)
    assert error.hint == "known: auto, local, ray"


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("{use: local, actors: 2}", "engine.actors"),
        ("{use: ray, actor: 2}", "engine.actor"),
        ("{use: ray, actors: 0}", "engine.actors"),
        ("{use: ray, actors: 1.5}", "engine.actors"),
        ("{use: ray, cpus: 0}", "engine.cpus"),
        ("{use: ray, cpus: .inf}", "engine.cpus"),
        ("{use: auto, gpus: -1}", "engine.gpus"),
        ("{use: auto, gpus: 1.5}", "engine.gpus"),
        ("{use: ray, cpus: half}", "engine.cpus"),
        ("{use: ray, 3: 4}", "engine.3"),
    ],
)
def test_an_option_that_the_engine_refuses_is_named(tmp_path: Path, value: str, where: str) -> None:
    error = refused(tmp_path, BASE + f"engine: {value}\n")
    assert isinstance(error, BadOption)
    assert error.where == where


def test_the_engine_of_one_run_is_given_on_the_command_line(tmp_path: Path) -> None:
    text = BASE + "engine: {use: ray, actors: 3, gpus: 0.25}\n"
    more = loaded(tmp_path, text, ["engine.actors=5", "engine.cpus=0.5"]).engine
    assert (more.use, more.actors, more.cpus, more.gpus) == ("ray", 5, 0.5, 0.25)
    assert loaded(tmp_path, text, ["engine.use=local"]).engine == Engine(use="local")
    with pytest.raises(BadOption, match="spark"):
        loaded(tmp_path, text, ["engine.use=spark"])


def test_the_engine_is_not_in_the_fingerprint(tmp_path: Path) -> None:
    text = BASE + "encoder: {use: hashing}\n"
    local = loaded(tmp_path, text + "engine: {use: local}\n")
    assert local.fingerprint() == loaded(tmp_path, text).fingerprint()


def test_a_model_that_begins_like_a_path_is_relative_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("name: a\nsource: {use: pydocs}\nencoder: {use: naive, model: ./model}\n")
    assert spec.load(file).stages["encoder"].options["model"] == str(tmp_path / "model")
    file.write_text("name: a\nsource: {use: pydocs}\nencoder: {use: naive, model: org/model}\n")
    assert spec.load(file).stages["encoder"].options["model"] == "org/model"
