"""No two files import each other, by whatever detour: one of them can be read first.

import-linter's `acyclic_siblings` looks at files and folders side by side, but not at a package
and what lies in it.
"""

from __future__ import annotations

from copy import deepcopy
from graphlib import CycleError, TopologicalSorter

import grimp
import pytest


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("components", "evals", "flows", "infra")


def circle(graph: grimp.ImportGraph) -> list[str]:
    """One, if there is any."""
    imported = {each: graph.find_modules_directly_imported_by(each) for each in graph.modules}
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_there_is_none(graph: grimp.ImportGraph) -> None:
    assert not circle(graph)


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("components.values", "components.corpus.run"),
        ("components.spec.engine", "components.spec"),
        ("infra.settings", "flows.cli"),
    ],
)
def test_one_that_is_planted_is_found(
    graph: grimp.ImportGraph, importer: str, imported: str
) -> None:
    planted = deepcopy(graph)
    planted.add_import(importer=importer, imported=imported)
    assert importer in circle(planted)
