"""The catalogue, and what is made from it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from components import registry
from components.errors import BadOption, UnknownComponent
from components.registry import Choice
from components.stages import (
    STAGES,
    Answerer,
    Encoder,
    Reranker,
    Retriever,
    Source,
    SparseEncoder,
    Splitter,
)

OURS = [(stage, name) for stage in STAGES for name in registry.CATALOGUE[stage]]
PROTOCOLS: dict[str, Any] = {
    "source": Source,
    "splitter": Splitter,
    "encoder": Encoder,
    "sparse": SparseEncoder,
    "retriever": Retriever,
    "reranker": Reranker,
    "answerer": Answerer,
}
REQUIRED = {
    "path": "documents",
    "url": "memory://documents",
    "model": "./model",
    "endpoint": "http://127.0.0.1:9/v1",
}


def test_every_stage_has_a_catalogue() -> None:
    assert set(registry.CATALOGUE) == set(STAGES)
    assert all(registry.CATALOGUE[stage] for stage in STAGES)


@pytest.mark.parametrize(("stage", "name"), OURS)
def test_every_component_of_ours_is_a_frozen_dataclass_with_a_docstring(
    stage: str, name: str
) -> None:
    component = registry.load(stage, name)
    parameters: Any = component.__dataclass_params__
    assert parameters.frozen
    assert component.__doc__
    assert not component.__doc__.startswith(component.__name__ + "("), "not the generated one"


@pytest.mark.parametrize(("stage", "name"), OURS)
def test_every_option_of_ours_has_help_and_a_default_of_its_own_type(stage: str, name: str) -> None:
    for option in registry.help_of(registry.load(stage, name)):
        assert option.help
        assert option.type
        assert option.default is None or not option.required


@pytest.mark.parametrize(("stage", "name"), OURS)
def test_every_component_of_ours_is_built_from_its_defaults(stage: str, name: str) -> None:
    component = registry.load(stage, name)
    needed = {
        option.name: REQUIRED[option.name]
        for option in registry.help_of(component)
        if option.required
    }
    choice = registry.resolve(stage, name, needed)
    assert set(choice.options) == set(registry.options_of(component))
    built = registry.build(stage, choice)
    assert isinstance(built, component)
    if stage in ("source", "splitter", "sparse"):
        assert isinstance(built, PROTOCOLS[stage])


@pytest.mark.parametrize(("stage", "name"), OURS)
def test_a_choice_that_was_stored_as_text_builds_the_same(stage: str, name: str) -> None:
    asking = ("source", "reranker", "answerer")
    known = registry.options_of(registry.load(stage, name)) if stage in asking else {}
    required = {**REQUIRED, "path": Path("documents")}
    choice = registry.resolve(stage, name, {k: v for k, v in required.items() if k in known})
    stored = {
        key: str(value) if isinstance(value, Path) else list(value) if _is_list(value) else value
        for key, value in choice.options.items()
    }
    assert registry.build(stage, Choice(name, stored)) == registry.build(stage, choice)


def _is_list(value: object) -> bool:
    return isinstance(value, tuple)


def test_a_component_gets_the_parts_that_it_has_and_no_others() -> None:
    choice = registry.resolve("retriever", "dense", {})
    encoder, reader = object(), object()
    built = registry.build("retriever", choice, encoder=encoder, reader=reader, sparse=object())
    assert built.encoder is encoder
    assert built.reader is reader
    assert not hasattr(built, "sparse")


def test_parts_are_no_options() -> None:
    assert set(registry.options_of(registry.load("retriever", "dense"))) == {
        "depth",
        "match",
    }


def test_help_shows_types_and_defaults() -> None:
    options = {each.name: each for each in registry.help_of(registry.load("source", "files"))}
    assert (options["path"].type, options["path"].required) == ("Path", True)
    assert options["include"].type == "list of str"
    assert (options["exclude"].default, options["exclude"].required) == ([], False)
    (pages,) = registry.help_of(registry.load("splitter", "pages"))
    assert (pages.type, pages.default, pages.required) == ("int|none", None, False)
    options = {each.name: each for each in registry.help_of(registry.load("splitter", "whole"))}
    assert options["overflow"].type == "error|truncate"


def test_what_is_ours_needs_nothing_that_is_not_installed() -> None:
    assert all(registry.missing_packages(registry.load(stage, name)) == [] for stage, name in OURS)


def test_a_missing_package_is_named() -> None:
    @dataclasses.dataclass(frozen=True)
    class Greedy:
        requires = ("json", "surely_absent_package")

    assert registry.missing_packages(Greedy) == ["surely_absent_package"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_exists_is_accepted_and_lists_its_names(stage: str) -> None:
    registry.check_stage(stage)
    assert set(registry.CATALOGUE[stage]) <= set(registry.names(stage))


def test_a_stage_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownComponent, match="'spliter'") as caught:
        registry.check_stage("spliter")
    assert "did you mean 'splitter'?" in caught.value.hint


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownComponent, match="no encoder is called 'sentences'"):
        registry.load("encoder", "sentences")


def test_options_are_checked_again_when_a_component_is_built() -> None:
    with pytest.raises(BadOption):
        registry.build("splitter", Choice("sentences", {"max_tokens": 0}))
    with pytest.raises(BadOption, match="klingon") as caught:
        registry.build("splitter", Choice("sentences", {"language": "klingon"}))
    assert caught.value.where == "splitter"


def test_paths_are_known_as_paths() -> None:
    assert registry.is_path("source", "files", "path")
    assert registry.is_path("index", "qdrant_edge", "path")
    assert not registry.is_path("source", "files", "include")
    assert not registry.is_path("encoder", "naive", "model")
