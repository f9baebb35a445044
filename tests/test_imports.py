"""What an import and a command may load: nothing heavy before it is needed."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import components
import evals
import flows
import infra
from tests.cli import clean
from tests.corpora import Corpus

HEAVY = (
    "torch",
    "transformers",
    "sentence_transformers",
    "ray",
    "prefect",
    "qdrant_client",
    "qdrant_edge",
    "llama_index",
)
LIGHT = [
    *(found.name for found in pkgutil.walk_packages(components.__path__, "components.")),
    *(found.name for found in pkgutil.walk_packages(flows.__path__, "flows.")),
]
LIGHT.remove("flows.answers")
LIGHT.remove("flows.approval")
LIGHT.remove("flows.compare")
LIGHT.remove("flows.doctor")
LIGHT.remove("flows.refresh")
LIGHT.remove("flows.shell")
# Of torch's, for the model that is loaded.
LIGHT.remove("components.encoders.packed")
LIGHT.remove("components.encoders.attention")
LIGHT.remove("components.encoders.passes")
for _name in ("embedding", "postprocessor", "retriever", "transform"):
    LIGHT.remove(f"components.bridges.{_name}")  # classes for users of LlamaIndex


def loaded_after(code: str, *arguments: str | Path) -> set[str]:
    """Heavy packages that a process has loaded when it has run this code."""
    ending = f"""if True:
        import atexit, json, sys
        def tell():
            sys.stderr.write("\\n" + json.dumps([n for n in {HEAVY!r} if n in sys.modules]))
        atexit.register(tell)
    """
    done = subprocess.run(
        [sys.executable, "-c", f"{ending}\n{code}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=clean(),
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.split("\n")[-1]))


def command(*arguments: str | Path) -> set[str]:
    """Heavy packages that a command loads."""
    return loaded_after("from flows.cli import main\nmain()", *arguments)


def test_the_modules_of_the_packages_were_found() -> None:
    assert {"components.encoders.naive", "components.indexes.edge.index"} <= set(LIGHT)
    assert {"flows.cli", "flows.commands.refresh", "flows.commands.search"} <= set(LIGHT)


def test_importing_any_module_loads_nothing_heavy() -> None:
    packages = [each.__name__ for each in (components, flows, evals, infra)]
    for_each = "import importlib\nfor name in sys.argv[1:]: importlib.import_module(name)"
    assert loaded_after(for_each, *packages, *LIGHT, "infra.settings") == set()


def test_a_heavy_import_would_be_seen() -> None:
    assert loaded_after("import qdrant_edge") == {"qdrant_edge"}


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    corpus = Corpus(tmp_path_factory.mktemp("imports"))
    corpus.fill(1)
    corpus.refresh()
    return corpus


@pytest.mark.parametrize("verb", [("components",), ("models",), ("--help",)])
def test_what_needs_no_index_loads_nothing_heavy(verb: tuple[str, ...]) -> None:
    assert command(*verb) == set()


def test_status_loads_nothing_heavy(refreshed: Corpus) -> None:
    assert command("status", refreshed.file) == set()


def test_search_loads_the_engine_alone(refreshed: Corpus) -> None:
    assert command("search", refreshed.file, "mill") == {"qdrant_edge"}


def test_a_refresh_with_nothing_to_do_loads_neither_torch_nor_prefect(refreshed: Corpus) -> None:
    assert command("refresh", refreshed.file) <= {"qdrant_edge"}


def test_a_dry_run_loads_neither_torch_nor_prefect(refreshed: Corpus) -> None:
    naive = ("--set", "encoder.use=naive")
    assert command("refresh", refreshed.file, "--dry-run", *naive) <= {"qdrant_edge"}
