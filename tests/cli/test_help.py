"""`--help`: what it names, and how little it needs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.cli import call, clean, start

VERBS = (
    "answers",
    "automations",
    "compare",
    "components",
    "diff",
    "doctor",
    "models",
    "promote",
    "prune",
    "questions",
    "refresh",
    "reject",
    "releases",
    "rollback",
    "search",
    "status",
)
HEAVY = ("torch", "transformers", "prefect", "pydantic", "numpy", "rich", "pyarrow", "qdrant_edge")
SHARED = ("--set", "--json", "-h, --help")
OPTIONS = {
    "refresh": (
        *SHARED,
        "--dry-run",
        "--retry-failed",
        "--max-deletes",
        "--max-missing",
        "--adopt",
    ),
    "search": (*SHARED, "-k", "--filter"),
    "status": (*SHARED, "--max-age"),
    "releases": (*SHARED, "--all"),
    "diff": (*SHARED, "--queries", "-n"),
    "promote": (*SHARED, "--release", "--force", "--reason"),
    "reject": (*SHARED, "--release", "--reason"),
    "rollback": (*SHARED, "--reason"),
    "automations": ("--notify", "--max-age", "--json", "-h, --help"),
    "doctor": (*SHARED, "--repair", "--sample"),
    "prune": (*SHARED, "--dry-run"),
    "answers": (
        "--set [",
        "--json",
        "--data",
        "--limit",
        "--sample",
        "--setting",
        "--judge",
        "--max-cost",
        "--live",
        "--out",
    ),
    "questions": ("write", "known-items", "accept", "-h, --help"),
    "compare": (
        *SHARED,
        "--data",
        "--limit",
        "--sample",
        "--metrics",
        "--baseline",
        "--scope",
        "--margin",
        "--out",
    ),
    "components": ("--json", "-h, --help"),
    "models": ("--json", "-h, --help"),
}


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_verb(option: str) -> None:
    done = call(option)
    assert (done.code, done.err) == (0, "")
    listed = done.out.partition("Commands:")[2].split("\n")
    assert [line.split()[0] for line in listed if line.strip()] == sorted(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_and_its_options(verb: str) -> None:
    done = call(verb, "--help")
    assert (done.code, done.err) == (0, "")
    for option in OPTIONS[verb]:
        (line,) = (each for each in done.out.split("\n") if each.strip().startswith(option))
        assert line.strip() != option, f"{option} has no help"
    assert all(len(line) <= 100 for line in done.out.split("\n"))


def test_no_verb_at_all_is_a_mistake_answered_by_the_help() -> None:
    done = call()
    assert done.code == 2
    assert "Commands:" in done.err
    assert done.out == ""


def test_version_is_the_distributions() -> None:
    done = call("--version")
    assert done.code == 0
    assert version("millrace") in done.out


def test_help_imports_nothing_heavy() -> None:
    code = f"""if True:
        import atexit, sys
        atexit.register(lambda: print(*(set(sys.modules) & set({HEAVY!r}))))
        from flows.cli import main
        sys.argv = ["millrace", "--help"]
        main()
    """
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=clean(),
        timeout=60,
    )
    assert "Commands:" in done.stdout
    assert done.stdout.split("\n")[-2] == "", "heavy modules were imported"


def test_a_process_of_its_own_shows_the_same_help() -> None:
    done = start("refresh", "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.partition("\n")[2] == call("refresh", "--help").out.partition("\n")[2]
