"""What the image installs is enough for the deployments that `prefect.yaml` ships."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from tests import compose
from tests.cli import clean
from tests.compare.data import beir, publish, served

DEPLOYMENTS: Sequence[Mapping[str, Any]] = YAML(typ="safe").load(compose.ROOT / "prefect.yaml")[
    "deployments"
]
EACH = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda each: str(each["name"]))
WITHOUT = """
import json, sys
absent = set(json.loads(sys.argv.pop(1)))

class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in absent:
            return self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Without(each) for each in sys.meta_path]
from flows.cli import main
main()
"""


def installed(extras: set[str]) -> set[str]:
    """Names of the distributions that an installation of Millrace with these extras has."""
    project = tomllib.loads((compose.ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"]]
    for extra in extras:
        asked += project["optional-dependencies"][extra]
    found = {("millrace", "")}
    waiting = [Requirement(each) for each in asked]
    while waiting:
        each = waiting.pop()
        for extra in ("", *each.extras):
            key = (canonicalize_name(each.name), extra)
            if key not in found:
                found.add(key)
                waiting += _needs(each.name, extra)
    return {name for name, _ in found}


def _needs(name: str, extra: str) -> Iterator[Requirement]:
    for line in metadata.requires(name) or ():
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate({"extra": extra}):
            yield needed


def run(extras: set[str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A command where nothing else is installed than the image has with these extras."""
    there = installed(extras)
    absent = [
        module
        for module, names in metadata.packages_distributions().items()
        if not there & {canonicalize_name(name) for name in names}
    ]
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, json.dumps(absent), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=clean(),
        cwd=compose.ROOT,
        timeout=300,
    )


def command(deployment: Mapping[str, Any], folder: Path) -> list[str | Path]:
    """What its flow does, on a small corpus in a folder."""
    flow = deployment["entrypoint"].partition(":")[2]
    data = beir(folder / "data")
    if flow == "refresh":
        return ["refresh", served(folder), "--engine-only"]
    if flow == "doctor":
        file = served(folder)
        publish(file)
        return ["doctor", file, "--engine-only"]
    if flow == "compare":
        asked = ["--data", str(data), "--set", "retriever.use=[dense, sparse]"]
        return ["compare", served(folder), *asked, "--home", folder / "home", "--engine-only"]
    raise AssertionError(f"nothing is known of the flow {flow!r}: add what it does")


@EACH
def test_a_deployment_finds_all_that_it_imports(
    deployment: Mapping[str, Any], tmp_path: Path
) -> None:
    done = run(compose.extras(), *command(deployment, tmp_path))
    assert done.returncode == 0, done.stderr


def test_what_is_not_installed_is_not_found(tmp_path: Path) -> None:
    (compared,) = [each for each in DEPLOYMENTS if "compare" in each["entrypoint"]]
    done = run(set(), *command(compared, tmp_path))
    assert done.returncode == 2
    assert "install 'millrace[evals]'" in done.stderr
