"""Calls in a process of their own that crash, hang and swell there."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from components.errors import BadDocument
from components.sources import isolated
from components.sources.worker import Limits
from tests.sources import killers
from tests.sources.killers import whoami

ROOT = Path(__file__).parents[2]
PLENTY = Limits(60, 2**30)
HASTE = Limits(1, 2**27)
LITTLE = Limits(60, 2**27)
MEMORY = f"{2**27:,} bytes of memory"


def refuse() -> None:
    raise BadDocument("empty").at(where="here").passing()


def stumble() -> None:
    raise KeyError("page")


def lack() -> None:
    raise ImportError("libpdf.so: cannot map it")


def unpicklable() -> object:
    return lambda: None


def crash_once(marker: Path) -> int:
    if not marker.exists():
        marker.touch()
        os.abort()
    return os.getpid()


@pytest.mark.parametrize(("limits", "order", "reason"), [
    (LITTLE, os.abort, f"its parser crashes: SIGABRT, {MEMORY} allowed"),
    (HASTE, killers.hang, "parsing it takes longer than 1 s"),
    (HASTE, killers.loop, "parsing it takes longer than 1 s"),
    (LITTLE, killers.swell, f"parsing it takes more than {MEMORY}"),
    (LITTLE, killers.native_swell, f"its parser crashes: SIGABRT, {MEMORY} allowed"),
])  # fmt: skip
def test_a_call_that_ends_its_process_twice_is_told_why(
    limits: Limits, order: Callable[[], None], reason: str
) -> None:
    with pytest.raises(isolated.Deadly) as caught:
        isolated.call(limits, order)
    assert str(caught.value) == reason
    assert not caught.value.transient
    assert isolated.call(PLENTY, whoami) != os.getpid()


def test_a_call_that_the_system_ends_is_worth_another_run() -> None:
    with pytest.raises(BadDocument, match="is the machine short of memory") as caught:
        isolated.call(PLENTY, killers.die)
    assert caught.value.transient


def test_a_machine_that_allows_less_is_not_the_documents_fault() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    isolated.call(PLENTY, whoami)
    resource.setrlimit(resource.RLIMIT_DATA, (2**30 - 1, hard))
    try:
        with pytest.raises(BadDocument, match="more memory than this machine allows") as caught:
            isolated.call(PLENTY, killers.swell)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    assert caught.value.transient


def test_a_call_that_ends_its_process_once_is_tried_again(tmp_path: Path) -> None:
    before = isolated.call(PLENTY, whoami)
    assert isolated.call(PLENTY, crash_once, tmp_path / "marker") != before


def test_the_process_is_kept() -> None:
    assert isolated.call(PLENTY, whoami) == isolated.call(PLENTY, whoami)


def test_what_a_call_raises_comes_back() -> None:
    before = isolated.call(PLENTY, whoami)
    with pytest.raises(BadDocument, match="empty") as caught:
        isolated.call(PLENTY, refuse)
    assert (caught.value.where, caught.value.transient) == ("here", True)
    with pytest.raises(BadDocument, match="KeyError: 'page'"):
        isolated.call(PLENTY, stumble)
    with pytest.raises(BadDocument, match="pickle"):
        isolated.call(PLENTY, unpicklable)
    assert isolated.call(PLENTY, whoami) == before


def test_a_parser_that_cannot_be_loaded_is_not_the_documents_fault() -> None:
    with pytest.raises(BadDocument, match="ImportError: libpdf") as caught:
        isolated.call(PLENTY, lack)
    assert caught.value.transient


def test_whatever_a_program_has_in_its_path_the_process_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    psutil.Process(isolated.call(PLENTY, whoami)).kill()
    monkeypatch.setattr("sys.path", [tmp_path, *sys.path])
    assert isolated.call(PLENTY, whoami) != os.getpid()


def test_a_process_that_died_between_calls_is_replaced() -> None:
    psutil.Process(isolated.call(PLENTY, whoami)).kill()
    assert psutil.pid_exists(isolated.call(PLENTY, whoami))


def script(tmp_path: Path, text: str) -> subprocess.Popen[str]:
    """A program without a guard around what it does."""
    file = tmp_path / "script.py"
    file.write_text(textwrap.dedent(text))
    return subprocess.Popen(
        [sys.executable, file],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_a_script_runs_once_and_its_light_process_ends_with_it(tmp_path: Path) -> None:
    done = script(
        tmp_path,
        """
        import json
        print("begins")
        from components.sources import isolated
        from components.sources.worker import Limits
        from tests.sources import killers
        plenty = Limits(60, 2**30)
        text = "# Title\\n\\nText."
        assert isolated.call(plenty, killers.obey, "a.md", text.encode()).title == "Title"
        asked = killers.whoami, killers.resident, killers.modules
        print(json.dumps([isolated.call(plenty, each) for each in asked]))
        """,
    )
    said, _ = done.communicate(timeout=60)
    begins, answers = said.splitlines()
    pid, resident, modules = json.loads(answers)
    assert (begins, done.returncode) == ("begins", 0)
    assert not {"torch", "transformers", "prefect", "qdrant_edge"} & set(modules)
    assert resident < 150 * 2**20
    assert not psutil.pid_exists(pid)


def test_a_call_that_hangs_ends_with_a_program_that_is_killed(tmp_path: Path) -> None:
    running = script(
        tmp_path,
        """
        from components.sources import isolated
        from tests.sources import killers
        from components.sources.worker import Limits
        print(isolated.call(Limits(60, 2**30), killers.whoami), flush=True)
        isolated.call(Limits(60, 2**30), killers.hang)
        """,
    )
    assert running.stdout is not None
    worker = psutil.Process(int(running.stdout.readline()))
    running.send_signal(signal.SIGKILL)
    running.communicate()
    psutil.wait_procs([worker], timeout=30)
    assert not worker.is_running()


def test_a_program_without_standard_streams(tmp_path: Path) -> None:
    """What is opened next has their numbers, which mean something else in the other process."""
    done = script(
        tmp_path,
        """
        import os, pathlib, sys
        for number in range(3):
            os.close(number)
        from components.sources import isolated
        from components.sources.worker import Limits
        from tests.sources import killers
        said = isolated.call(Limits(60, 2**30), killers.whoami)
        pathlib.Path(sys.argv[0]).with_suffix(".out").write_text(str(said != os.getpid()))
        """,
    )
    done.communicate(timeout=60)
    assert (tmp_path / "script.out").read_text() == "True"


def test_a_fork_has_a_process_of_its_own() -> None:
    before = isolated.call(PLENTY, whoami)
    own = os.fork()
    if not own:
        os._exit(isolated.call(PLENTY, whoami) == before)
    assert os.waitstatus_to_exitcode(os.waitpid(own, 0)[1]) == 0
    assert isolated.call(PLENTY, whoami) == before
