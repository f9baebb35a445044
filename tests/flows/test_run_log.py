"""What components warn of is on the page of the run, whichever thread says it."""

from __future__ import annotations

import logging
import threading

import pytest

from flows import run_log


def test_warnings_of_components_are_lines_of_the_runs_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("prefect.logging.get_run_logger", lambda: logging.getLogger("the.run"))
    waiting = logging.getLogger("components.indexes.qdrant.patience")
    with run_log.shown():
        waiting.warning("waiting for %s", "qdrant:6333")
        waiting.info("nothing of interest")
        other = threading.Thread(target=waiting.warning, args=("from a thread",))
        other.start()
        other.join()
    waiting.warning("when it is over")
    said = [each.getMessage() for each in caplog.records if each.name == "the.run"]
    assert said == ["waiting for qdrant:6333", "from a thread"]
