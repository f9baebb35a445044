"""What the pages say of writing components is true: every code block is used as a reader would."""

from __future__ import annotations

import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.plugins import PAGE, ROOT, TEMPLATE, Block, Environment, blocks, written

EXPECTED = {"refresh": 3}
"""Exit codes that are not 0: one article of the page's database is empty."""


def commands(found: list[Block]) -> list[list[str]]:
    lines = [line for each in found if each.language == "console" for line in each.text.split("\n")]
    return [shlex.split(line.removeprefix("$ ")) for line in lines if line]


def only(found: list[Block], language: str) -> str:
    (text,) = (each.text for each in found if each.language == language)
    return text


@pytest.fixture
def wiki(tmp_path: Path) -> Path:
    """The package that the page makes."""
    found = blocks(PAGE)
    files = {each.file: each.text for each in found if each.file}
    files |= {"millrace_wiki/__init__.py": "", "glossary.json": only(found, "json")}
    with closing(sqlite3.connect(tmp_path / "wiki.db")) as database:
        database.executescript(only(found, "sql"))
    return written(tmp_path, files)


def test_every_block_is_a_file_or_is_run() -> None:
    found = blocks(PAGE)
    assert len(found) == PAGE.read_text().count("\n```") // 2
    for each in found:
        assert each.file or each.language in ("console", "json", "sql"), each.text


@pytest.mark.slow
def test_the_page_s_commands_do_what_it_says(environment: Environment, wiki: Path) -> None:
    done = []
    for command, *arguments in commands(blocks(PAGE)):
        verb = arguments[0] if arguments else ""
        extra = ["--engine-only"] if verb == "refresh" else []
        found = environment.run(command, *arguments, *extra, folder=wiki)
        assert found.returncode == EXPECTED.get(verb, 0), found.stdout + found.stderr
        done.append(found.stdout)
    _, tests, components, refreshed, hits = done
    assert "passed" in tests
    assert all(f"\n{name}  millrace-wiki" in components for name in ("wiki", "paragraphs"))
    assert "the article is empty" in refreshed
    assert hits.index("grinds the grain") < hits.index("The wheel turns")


def test_the_readme_s_component_keeps_the_laws_and_runs(
    environment: Environment, tmp_path: Path
) -> None:
    (block,) = (each for each in blocks(ROOT / "README.md") if each.file == "my_splitter.py")
    tests = (TEMPLATE / "tests" / "test_lines.py").read_text()
    pipeline = (TEMPLATE / "pipeline.yaml").read_text()
    files = {
        "my_splitter.py": block.text,
        "test_lines.py": tests.replace("millrace_lines", "my_splitter"),
        "pipeline.yaml": pipeline.replace("use: lines", 'use: "my_splitter:Lines"'),
        "poem.md": "One.\nTwo.\n",
    }
    folder = written(tmp_path, files)
    tested = environment.run("pytest", "-q", folder=folder)
    assert tested.returncode == 0, tested.stdout
    done = environment.run("millrace", "refresh", "pipeline.yaml", "--engine-only", folder=folder)
    assert done.returncode == 0, done.stderr
