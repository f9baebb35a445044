"""Packages with components of their own, installed by pip beside an installed Millrace."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "write-a-component.md"
TEMPLATE = ROOT / "docs" / "component-template"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block of a page."""

    language: str
    text: str

    @property
    def file(self) -> str:
        """The file that its first line names; empty where it names none."""
        named = re.match(r"# (\S+\.\w+)\n", self.text)
        return named[1] if named else ""


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """The folder, with these files in it."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def package(folder: Path, name: str, points: Mapping[str, str], module: str) -> Path:
    """A package of one module, as its author has it."""
    lines = "\n".join(f'"{point}" = "{target}"' for point, target in points.items())
    project = f"""
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "1.0"

[project.entry-points."millrace.components"]
{lines}

[tool.setuptools]
py-modules = ["{name.replace("-", "_")}"]
"""
    files = {"pyproject.toml": project, f"{name.replace('-', '_')}.py": module}
    return written(folder / name, files)


def copied(folder: Path) -> Path:
    """What Millrace is built from, so that building leaves nothing in the working tree."""
    for name in ("components", "evals", "flows", "infra", "tests/contracts"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


@dataclass(frozen=True)
class Environment:
    """A virtual environment that borrows this one's packages, but for Millrace and plug-ins."""

    folder: Path

    def create(self) -> None:
        venv.create(self.folder, symlinks=True)
        borrowed = [path for path in sys.path if Path(path).name.endswith("-packages")]
        (self.site / "borrowed.pth").write_text("\n".join(borrowed))

    @property
    def site(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    @property
    def variables(self) -> dict[str, str]:
        """Nothing but what is installed is found, and nothing is downloaded."""
        foreign = ("MILLRACE_", "PREFECT_", "PYTHON", "COLUMNS", "PIP_", "VIRTUAL_ENV")
        own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return {
            **own,
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # in the environment, this turns isolation off
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def install(self, *packages: Path) -> None:
        done = self.run("pip", "install", "-q", "--ignore-installed", *packages)
        assert done.returncode == 0, done.stderr

    def python(
        self, *arguments: str | Path, folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "bin" / "python", *arguments],
            capture_output=True,
            check=False,
            text=True,
            cwd=folder or self.folder,
            env=self.variables,
            timeout=300,
        )

    def run(
        self, command: str, *arguments: str | Path, folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A console command of this environment: `pip`, `pytest` or `millrace`."""
        module = {"pip": "pip", "pytest": "pytest", "millrace": "flows.cli"}[command]
        return self.python("-m", module, *arguments, folder=folder)

    def components(self, *stages: str) -> dict[str, Any]:
        """What `millrace components --json` says."""
        done = self.run("millrace", "components", *stages, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        found: dict[str, Any] = json.loads(done.stdout)
        return found
