"""A refresh as a flow on a server of its own."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from tests.cli import clean, start
from tests.cli.test_refresh_command import KEYS, counts, refresh
from tests.corpora import Corpus
from tests.flows.server import Server
from tests.flows.test_stopped import alone


@pytest.mark.parametrize("database", ["there", pytest.param("new", marks=pytest.mark.slow)])
def test_a_refresh_as_a_prefect_flow_on_a_server_of_its_own(
    corpus: Corpus, prefect_server: Server, database: str
) -> None:
    corpus.fill(2)
    corpus.add("empty.md", "")
    home = corpus.folder / "prefect"
    own = clean({"PREFECT_HOME": str(home), "NO_PROXY": "127.0.0.1,localhost"})
    environment = own if database == "new" else alone(prefect_server, home)
    done = start("refresh", corpus.file, "--prefect", "--json", environment=environment)
    assert done.code == 3
    assert "Traceback" not in done.err
    assert counts(done) == (2, 0, 0, 0, 1, 0)
    assert {name: type(value) for name, value in done.json.items()} == KEYS
    assert done.json["failures"] == [{"id": "empty.md", "reason": "empty"}]
    assert done.json["promoted"] is True
    engine = refresh(corpus, "--json")
    assert engine.json["generation"] == done.json["generation"], "nothing was left to do"
    run_id = done.json["run_id"]
    assert json.loads((corpus.folder / "store/test/live.json").read_text())["run_id"] == run_id
    assert ended(home, f"test-{run_id}") == ["COMPLETED"]


def ended(home: Path, run: str) -> list[str]:
    """Types of the states in which runs of this name are."""
    asked = "select state_type from flow_run where name = ?"
    with closing(connect(home / "prefect.db")) as database:
        return [kind for (kind,) in database.execute(asked, [run])]
