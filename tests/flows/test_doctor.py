"""What a doctor's visit shows in the Prefect UI, and how it ends."""

from __future__ import annotations

from pathlib import Path

from flows import todo
from flows.doctor import doctor
from tests.cli import start
from tests.corpora import HASHING, Corpus
from tests.damage import Live
from tests.flows.server import Server

PARTS = ["encode-anew-progress", "findings", "to-do"]


def test_damage_is_a_state_of_its_own_until_it_is_mended(
    tmp_path: Path, prefect_server: Server
) -> None:
    corpus = Corpus(tmp_path, {**HASHING, "name": "test"})
    corpus.fill(3)
    corpus.refresh()
    live = Live(corpus, ())
    live.drop(live.points(kind="chunk", document_id="001.txt")[0])

    found = start("doctor", corpus.file, "--json", environment=prefect_server.environment)
    assert found.code == 8, found.err
    run = prefect_server.ended()[0]
    assert run["name"] == f"doctor-test-{found.json['run_id']}"
    state = run["state"]
    assert (state["type"], state["name"]) == ("FAILED", "Damaged")
    assert state["message"] == "damage found: 1 points"
    shown = prefect_server.artifacts(run)
    assert sorted(shown) == [f"doctor-test-{part}" for part in PARTS]
    assert (
        r"| points | 001\.txt | 1 chunk of 6 not stored\: 0 |"
        in shown["doctor-test-findings"]["data"]
    )
    assert "run it again with repair" in shown["doctor-test-to-do"]["data"].replace("\\", "")
    assert "001.txt" in prefect_server.logs(run)
    assert "Traceback" not in prefect_server.logs(run)

    done = start(
        "doctor", corpus.file, "--repair", "--json", environment=prefect_server.environment
    )
    assert done.code == 0, done.err
    run = prefect_server.ended()[0]
    state = run["state"]
    assert (state["type"], state["name"]) == ("COMPLETED", "Completed")
    assert state["message"] == "damage found: 1 points; 1 of 1 mended"
    shown = prefect_server.artifacts(run)
    assert shown["doctor-test-encode-and-write-progress"]["data"] == 100
    assert "mended" in shown["doctor-test-findings"]["data"]
    assert "1 finding mended" in shown["doctor-test-to-do"]["data"]


def test_the_form_has_what_a_person_decides_and_nothing_else() -> None:
    schema = doctor.parameters
    assert schema.required == ["pipeline"]
    assert list(schema.properties) == ["pipeline", "overrides", "repair", "sample"]
    assert all(each["description"] for each in schema.properties.values())
    assert "Damaged" in todo.BY_STATE
