from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.plugins import TEMPLATE, Environment, copied, package

BROKEN = """
from dataclasses import dataclass

class Undecorated:
    pass

@dataclass(frozen=True)
class Idle:
    speed: int = 1

@dataclass(frozen=True)
class Asking:
    requires = ("absent_package.deep",)

    def split(self, document, tokenizer):
        return []
"""
POINTS = {
    "source.undecorated": "millrace_broken:Undecorated",
    "splitter.idle": "millrace_broken:Idle",
    "splitter.asking": "millrace_broken:Asking",
    "encoder.absent": "millrace_broken.absent:Absent",
    "splitter.whole": "millrace_broken:Asking",
    "lines": "millrace_broken:Asking",
    "cutter.lines": "millrace_broken:Asking",
    "splitter.": "millrace_broken:Asking",
    "splitter.classless": "millrace_broken",
}
RIVAL = """
from dataclasses import dataclass
from components.rerankers.none import Keep

@dataclass(frozen=True, kw_only=True)
class Twice(Keep):
    \"\"\"Keeps the order, twice.\"\"\"
"""


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Millrace from its wheel, the template, and packages that are wrong or at odds."""
    folder = tmp_path_factory.mktemp("plugins")
    found = Environment(folder / "environment")
    found.create()
    found.install(
        copied(folder / "millrace"),
        template(folder),
        package(folder, "millrace-broken", POINTS, BROKEN),
        package(folder, "millrace-raising", {"index.raising": "millrace_raising:A"}, "1 / 0\n"),
        package(folder, "rival-one", {"reranker.twice": "rival_one:Twice"}, RIVAL),
        package(folder, "rival-two", {"reranker.twice": "rival_two:Twice"}, RIVAL),
    )
    return found


def template(folder: Path) -> Path:
    """A copy of the template, as an author begins."""
    return Path(shutil.copytree(TEMPLATE, folder / "template"))
