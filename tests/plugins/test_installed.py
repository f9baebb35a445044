"""What pip has installed is listed, checked and used."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from components import registry
from tests.plugins import ROOT, TEMPLATE, Environment, written

POEM = "".join(f"Line {number} sings of {word}.\n" for number, word in enumerate("abcdefg", 1))
PIPELINE = """
name: poems
source:   {use: files, path: documents}
splitter: {use: lines, lines: 2}
encoder:  {use: hashing}
"""


@pytest.fixture
def poems(tmp_path: Path) -> Path:
    """A pipeline whose splitter comes from the template."""
    return written(tmp_path, {"documents/poem.txt": POEM, "poems.yaml": PIPELINE})


def refresh(environment: Environment, folder: Path, *arguments: str) -> dict[str, Any]:
    done = environment.run(
        "millrace", "refresh", "poems.yaml", "--engine-only", "--json", *arguments, folder=folder
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@cache
def listed(environment: Environment, stage: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in environment.components(stage)["stages"][stage]}


def test_it_is_listed_with_its_options_and_its_package(environment: Environment) -> None:
    found = listed(environment, "splitter")
    assert found["lines"] == {
        "name": "lines",
        "class": "millrace_lines:Lines",
        "package": "millrace-lines 0.1.0",
        "help": "Cuts after every few lines, and inside of lines that are too long.",
        "options": [
            {
                "name": "lines",
                "type": "int",
                "required": False,
                "default": 10,
                "help": "lines of a span, at most",
            },
            {
                "name": "max_tokens",
                "type": "int",
                "required": False,
                "default": 256,
                "help": "tokens of a span, at most",
            },
        ],
        "missing": [],
        "error": None,
    }
    assert found["sentences"]["package"] is None
    shown = environment.run("millrace", "components", "splitter").stdout
    assert "\nlines  millrace-lines 0.1.0 " in shown
    assert "\nsentences  built in " in shown


def test_a_refresh_and_a_search_use_it(environment: Environment, poems: Path) -> None:
    done = refresh(environment, poems)
    assert (done["documents"], done["chunks"]) == (1, 4)
    arguments = ("search", "poems.yaml", "line 3 sings of c", "-k", "1", "--json")
    found = environment.run("millrace", *arguments, folder=poems)
    assert found.returncode == 0, found.stderr
    assert "Line 3 sings of c.\\nLine 4 sings of d." in found.stdout


def test_its_options_are_checked_before_anything_runs(
    environment: Environment, poems: Path
) -> None:
    arguments = ("refresh", "poems.yaml", "--set", "splitter.lines=none")
    done = environment.run("millrace", *arguments, folder=poems)
    assert done.returncode == 2
    assert "splitter.lines" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (poems / ".millrace").exists()


def test_its_revision_counts_as_a_change_of_what_is_stored(
    environment: Environment, poems: Path
) -> None:
    first, again = refresh(environment, poems), refresh(environment, poems)
    assert (again["unchanged"], again["fingerprint"]) == (1, first["fingerprint"])
    module = environment.site / "millrace_lines.py"
    text = module.read_text()
    module.write_text(text.replace("revision: ClassVar[int] = 1", "revision: ClassVar[int] = 12"))
    try:
        raised = refresh(environment, poems)
    finally:
        module.write_text(text)
    assert raised["fingerprint"] != first["fingerprint"]
    assert (raised["added"], raised["chunks"]) == (1, 4)


@pytest.mark.parametrize(
    ("stage", "name", "package", "reason"),
    [
        ("source", "undecorated", "millrace-broken 1.0", "not a dataclass"),
        ("splitter", "idle", "millrace-broken 1.0", "is no splitter: it lacks split"),
        ("encoder", "absent", "millrace-broken 1.0", "cannot import module"),
        ("index", "raising", "millrace-raising 1.0", "ZeroDivisionError"),
        ("reranker", "twice", "rival-one 1.0, rival-two 1.0", "several packages offer"),
    ],
)
def test_a_broken_one_is_listed_with_its_package_and_its_fault(
    environment: Environment, stage: str, name: str, package: str, reason: str
) -> None:
    found = listed(environment, stage)
    assert found[name]["package"] == package
    assert reason in found[name]["error"]
    others = {each["name"]: each["error"] for each in found.values() if each["package"] is None}
    assert set(others) == set(registry.CATALOGUE[stage])
    assert None in others.values()


def test_what_a_package_needs_and_lacks_is_named(environment: Environment) -> None:
    assert listed(environment, "splitter")["asking"]["missing"] == ["absent_package.deep"]


def test_entry_points_that_name_no_component_are_listed_with_the_reason(
    environment: Environment,
) -> None:
    found = environment.components("source")["unusable"]
    assert {each["package"] for each in found} == {"millrace-broken 1.0"}
    reasons = {each["entry_point"].partition(" = ")[0]: each["reason"] for each in found}
    assert set(reasons) == {
        "lines", "cutter.lines", "splitter.", "splitter.classless", "splitter.whole",
    }  # fmt: skip
    assert "named stage.name" in reasons["lines"]
    assert "there is no stage 'cutter'" in reasons["cutter.lines"]
    assert "refers to module:Class" in reasons["splitter.classless"]
    assert "built in" in reasons["splitter.whole"]
    shown = " ".join(environment.run("millrace", "components").stdout.split())
    assert "lines = millrace_broken:Asking (of millrace-broken 1.0): an entry point is" in shown


def test_a_built_in_name_cannot_be_taken(environment: Environment) -> None:
    whole = listed(environment, "splitter")["whole"]
    assert (whole["class"], whole["package"]) == ("components.splitters.whole:Whole", None)


def test_of_two_packages_neither_has_the_name_and_both_have_their_class(
    environment: Environment, poems: Path
) -> None:
    refresh(environment, poems)
    search = ("search", "poems.yaml", "line", "--set")
    done = environment.run("millrace", *search, "reranker.use=twice", folder=poems)
    assert done.returncode == 2
    for each in ("rival-one 1.0 (rival_one:Twice)", "rival-two 1.0 (rival_two:Twice)"):
        assert each in done.stderr
    assert "Traceback" not in done.stderr
    done = environment.run("millrace", *search, "reranker.use=rival_two:Twice", folder=poems)
    assert done.returncode == 0, done.stderr


def test_the_wheel_has_every_suite(environment: Environment) -> None:
    suites = environment.site / "millrace_contracts"
    expected = {each.name for each in (ROOT / "tests" / "contracts").glob("*.py")}
    found = {each.name for each in suites.glob("*.py")}
    assert found == expected, "pyproject.toml names every suite under py-modules"
    modules = [f"millrace_contracts.{Path(name).stem}" for name in expected - {"__init__.py"}]
    done = environment.python("-c", f"import {', '.join(sorted(modules))}")
    assert done.returncode == 0, done.stderr


def test_the_template_passes_its_own_tests(environment: Environment, tmp_path: Path) -> None:
    tests = {"test_lines.py": (TEMPLATE / "tests" / "test_lines.py").read_text()}
    done = environment.run(
        "pytest", "-q", "-p", "no:cacheprovider", folder=written(tmp_path, tests)
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_the_template_s_pipeline_runs(environment: Environment, tmp_path: Path) -> None:
    files = {name: (TEMPLATE / name).read_text() for name in ("pipeline.yaml", "README.md")}
    folder = written(tmp_path, files)
    arguments = ("refresh", "pipeline.yaml", "--engine-only")
    done = environment.run("millrace", *arguments, folder=folder)
    assert done.returncode == 0, done.stderr


def test_a_suite_explains_what_a_component_did_wrong(
    environment: Environment, tmp_path: Path
) -> None:
    text = """
import pytest
from components.values import Span
from millrace_contracts.splitter import SplitterContract

class Half:
    def split(self, document, tokenizer):
        return [Span(0, len(document.text) // 2)]

class TestHalf(SplitterContract):
    @pytest.fixture
    def splitter(self):
        return Half()
"""
    folder = written(tmp_path, {"test_half.py": text})
    done = environment.run("pytest", "-q", "-k", "plain-words", folder=folder)
    assert done.returncode == 1
    assert "+  where" in done.stdout, "the values behind the assertion are not shown"
