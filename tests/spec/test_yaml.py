"""Strict YAML: what is read, and what is refused with line and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.errors import SpecError
from components.spec import yaml_file
from tests.spec import BASE, loaded, refused


def bad(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        yaml_file.parse(text, "here")
    assert caught.value.where == "here"
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("off", "off"),
        ("yes", "yes"),
        ("y", "y"),
        ("on", "on"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", 10),
        ("0o10", 8),
        ("0x10", 16),
        ("1e3", 1000.0),
        ("190:20:30", "190:20:30"),
        ("1.5", 1.5),
        ("'1.5'", "1.5"),
        ("[a, 1]", ["a", 1]),
        ("{a: {b: c}}", {"a": {"b": "c"}}),
        ("a: 1\nb: 2", {"a": 1, "b": 2}),
        ("水車", "水車"),
        ("# only a comment", None),
        ("--- x\n...\n", "x"),
        ("%YAML 1.2\n--- no\n", "no"),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_reads_yaml_1_2(text: str, value: Any) -> None:
    found = yaml_file.parse(text, "here")
    assert found == value
    assert type(found) is type(value)


def test_a_word_that_was_a_boolean_in_yaml_1_1_is_a_name(tmp_path: Path) -> None:
    assert loaded(tmp_path, BASE.replace("name: test", "name: no")).name == "no"


def test_a_key_given_twice_is_refused_with_its_place() -> None:
    error = bad("a: 1\nb: 2\na: 3\n")
    assert str(error) == 'found duplicate key "a" (line 3, column 1)'
    assert error.hint


@pytest.mark.parametrize("text", ["a: {b: 1, b: 1}", "[{b: 1, b: 2}]", "x:\n  y: 1\n  y: 1\n"])
def test_a_key_given_twice_is_refused_at_any_depth(text: str) -> None:
    assert "duplicate key" in str(bad(text))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: &x 1", "(line 1, column 4)"),
        ("a: 1\nb: &x {c: 1}", "(line 2, column 4)"),
        ("&x a: 1", "(line 1, column 1)"),
        ("a: [&x b]", "(line 1, column 5)"),
        ("a: *x", "(line 1, column 4)"),
        ("base: &x {a: 1}\nother: {<<: *x}", "(line 1, column 7)"),
    ],
)
def test_anchors_and_aliases_are_refused_with_their_place(text: str, place: str) -> None:
    error = bad(text)
    assert "anchors and aliases are not accepted" in str(error)
    assert place in str(error)


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert "anchors" in str(bad("\n".join(lines)))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [1, 2", "line 1"),
        ("a: 'open", "line 1"),
        ("a: b: c", "line 1"),
        ("a: 1\n\tb: 2", "line 2"),
        ("a: 1\n b: 2", "line 2"),
        ("? {a: 1}\n: 2", "line 1"),
        ("a: }", "line 1"),
    ],
)
def test_broken_yaml_is_refused_with_its_place(text: str, place: str) -> None:
    error = bad(text)
    assert "not valid YAML" in str(error)
    assert place in str(error)
    assert "column" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "a: !mine 1",
        "a: !!python/name:os.system",
        "a: !!python/object/apply:os.getcwd []",
        "a: !!int x",
        "a: !!timestamp x",
        "a: !!binary x",
    ],
)
def test_tags_that_yaml_does_not_know_are_refused(text: str) -> None:
    assert "not valid YAML" in str(bad(text))


@pytest.mark.parametrize("text", ["a: 1\n---\nb: 2\n", "a: 1\n--- \n", "a: 1\n...\n---\n"])
def test_several_documents_are_refused(text: str) -> None:
    assert "another document" in str(bad(text))


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.3", "2.0"])
def test_another_version_of_yaml_is_refused(version: str) -> None:
    assert bad(f"%YAML {version}\n---\na: no\n")


def test_a_control_character_is_refused() -> None:
    assert "#x0001" in str(bad("a: \x01"))


def test_nesting_without_end_is_refused() -> None:
    assert "nested too deeply" in str(bad("[" * 700 + "]" * 700))


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    assert "not valid YAML" in str(bad("a: 1" + "0" * 5000))


@pytest.mark.parametrize("text", ["? - b: 1\n: 2\n", "? [{b: 1}]\n: 2"])
def test_a_key_that_no_mapping_can_have_is_refused(text: str) -> None:
    assert "not valid YAML: unhashable" in str(bad(text))


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, BASE.encode() + "# Mühle\n".encode("latin-1"))
    assert "utf-8" in str(error)
    assert error.where == str(tmp_path / "pipeline.yaml")


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "- a\n- b\n", "files\n", "3\n"])
def test_a_file_that_holds_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    error = refused(tmp_path, text)
    assert isinstance(error, SpecError)
    assert "mapping" in str(error)
    assert error.where == str(tmp_path / "pipeline.yaml")


def test_a_file_with_a_byte_order_mark_and_crlf_is_read(tmp_path: Path) -> None:
    text = "\ufeff" + BASE.replace("\n", "\r\n")
    assert loaded(tmp_path, text).name == "test"
