"""Our packages have plain names: what happens where another package of that name comes first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import clean

SCRIPT = Path(sys.executable).parent / "millrace"


def started(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = clean()
    environment["PYTHONPATH"] = os.pathsep.join((str(folder), environment["PYTHONPATH"]))
    return subprocess.run(
        [str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
        timeout=60,
    )


@pytest.fixture(autouse=True)
def _script() -> None:
    if not SCRIPT.exists():
        pytest.skip("the console script is not installed beside this Python")


@pytest.mark.parametrize("name", ["components", "infra"])
@pytest.mark.parametrize("file", ["{}/__init__.py", "{}.py"])
def test_a_foreign_package_that_comes_first_is_refused_by_its_folder(
    tmp_path: Path, name: str, file: str
) -> None:
    foreign = tmp_path / file.format(name)
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text("")
    done = started(tmp_path, "components")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(f"millrace: the package '{name}' that Python finds")
    assert f"in {tmp_path}, is not Millrace's" in done.stderr
    assert "environment of its own" in done.stderr


def test_a_folder_of_that_name_without_a_package_in_it_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "components").mkdir()
    (tmp_path / "infra").mkdir()
    done = started(tmp_path, "components")
    assert (done.returncode, done.stderr) == (0, "")
    assert "sentences" in done.stdout


def test_ours_alone_starts_from_any_folder(tmp_path: Path) -> None:
    done = started(tmp_path, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert "millrace" in done.stdout
