"""`millrace components`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components import registry
from components.registry import plugins
from components.stages import STAGES
from tests.cli import call, start


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for distributions, forgotten after the test."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    plugins.offered.cache_clear()
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]
    plugins.offered.cache_clear()


def install(site: Path, name: str, points: str, module: str) -> None:
    """A distribution of one module, as pip leaves it."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[millrace.components]\n{points}\n")
    (site / f"{name}.py").write_text(module)


def test_json_lists_every_stage_with_every_component() -> None:
    done = call("components", "--json")
    assert (done.code, done.err) == (0, "")
    found = done.json
    assert set(found) == {"schema", "stages", "unusable"}
    assert found["unusable"] == []
    assert list(found["stages"]) == list(STAGES)
    for stage, catalogue in registry.CATALOGUE.items():
        assert [each["name"] for each in found["stages"][stage]] == list(catalogue)


def test_json_gives_every_component_its_class_help_and_options() -> None:
    for listed in call("components", "--json").json["stages"].values():
        for each in listed:
            assert set(each) == {
                "name", "class", "package", "help", "options", "missing", "error",
            }  # fmt: skip
            assert each["package"] is each["error"] is None
            assert ":" in each["class"]
            assert each["help"].endswith(".")
            assert each["missing"] == []
            for option in each["options"]:
                assert set(option) == {"name", "type", "required", "default", "help"}
                assert option["help"]
                assert option["type"]
                assert option["default"] is None or not option["required"]


def test_json_shows_defaults_as_they_are_written() -> None:
    stages = call("components", "--json").json["stages"]
    (sentences,) = (each for each in stages["splitter"] if each["name"] == "sentences")
    defaults = {option["name"]: option["default"] for option in sentences["options"]}
    assert defaults == {"max_tokens": 128, "across_pages": False, "language": "en"}
    (files,) = (each for each in stages["source"] if each["name"] == "files")
    assert files["options"][0] == {
        "name": "path",
        "type": "Path",
        "required": True,
        "default": None,
        "help": "the folder to read",
    }


@pytest.mark.parametrize("columns", [None, "60", "100"])
def test_the_table_fits_its_width(monkeypatch: pytest.MonkeyPatch, columns: str | None) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    done = call("components")
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.split("\n"))) <= int(columns or 100)
    assert "\x1b" not in done.out, "no colours where there is no terminal"
    for stage, catalogue in registry.CATALOGUE.items():
        assert (stage in done.out.split("\n")) == bool(catalogue)
        assert all(f"\n{name} " in done.out for name in catalogue)


def test_the_table_can_be_written_where_only_ascii_can() -> None:
    done = start("components", environment={"PYTHONIOENCODING": "ascii"})
    assert (done.code, done.err) == (0, "")
    assert "max_tokens=128" in done.out


def test_a_strangers_component_is_listed_with_what_it_misses(site: Path) -> None:
    text = '''
from dataclasses import dataclass, field

@dataclass(frozen=True, kw_only=True)
class Echo:
    """Says it again.

    And again.
    """

    requires = ("surely_absent_package",)
    loud: bool = field(default=False, metadata={"help": "whether it shouts"})
    names: list = field(default_factory=list)
    concurrency = 1
    facts = {}

    def answer(self, query, hits):
        raise NotImplementedError
'''
    install(site, "echoing", "answerer.echo = echoing:Echo", text)
    listed = call("components", "--json").json["stages"]["answerer"]
    (echo,) = [each for each in listed if each["name"] == "echo"]
    assert echo == {
        "name": "echo",
        "class": "echoing:Echo",
        "package": "echoing 1.0",
        "help": "Says it again.",
        "options": [
            {
                "name": "loud",
                "type": "bool",
                "required": False,
                "default": False,
                "help": "whether it shouts",
            },
            {"name": "names", "type": "list", "required": False, "default": [], "help": ""},
        ],
        "missing": ["surely_absent_package"],
        "error": None,
    }
    assert "needs: surely_absent_package" in " ".join(call("components").out.split())


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import surely_absent_package\n", "surely_absent_package"),
        ("def broken(:\n", "SyntaxError"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("Other = 1\n", "has no class Echo"),
        ("class Echo:\n    pass\n", "not a dataclass"),
        (
            "from dataclasses import dataclass\n@dataclass\nclass Echo:\n"
            "    a: 'Absent' = 1\n    split = None\n",
            "Absent",
        ),
    ],
)
def test_a_broken_plug_in_hides_nothing_else(site: Path, module: str, reason: str) -> None:
    install(site, "breaking", "splitter.echo = breaking:Echo", module)
    done = call("components", "--json")
    assert (done.code, done.err) == (0, "")
    listed = {each["name"]: each for each in done.json["stages"]["splitter"]}
    assert set(listed) == {*registry.CATALOGUE["splitter"], "echo"}
    assert reason in listed["echo"]["error"]
    assert listed["echo"]["package"] == "breaking 1.0"
    assert listed["echo"]["missing"]
    assert listed["sentences"]["missing"] == []
    assert "cannot be used" in call("components").out


def test_stages_can_be_chosen() -> None:
    done = call("components", "splitter", "source", "--json")
    assert list(done.json["stages"]) == ["source", "splitter"]
    assert "\nencoder\n" not in call("components", "splitter").out
    done = call("components", "spliter")
    assert done.code == 2
    assert "did you mean 'splitter'?" in done.message
