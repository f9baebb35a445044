"""The ledger: never too little, never past the limit, and the same after a kill."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.endpoint.ledger import Ledger
from components.errors import Busy, Damaged, DiskFull, GuardStopped
from components.values import Usage
from tests import full_disk

NOTHING = Usage()


def taken(cost: float) -> Usage:
    """With a cost that floats hold exactly."""
    return Usage(calls=1, input_tokens=int(cost * 8), output_tokens=1, cost=cost)


def at_once(threads: int, work: Callable[[], object]) -> None:
    """In so many threads, to their end; a wait for ever is a failure, not a hang."""
    started = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(20)
    assert not any(thread.is_alive() for thread in started)


def test_what_has_ended_is_known_and_what_is_open_counts_the_most() -> None:
    ledger = Ledger()
    first = ledger.begin(taken(4.0), "answer")
    second = ledger.begin(taken(2.0), "judge")
    ledger.end(first, taken(1.5))
    assert ledger.totals.known == taken(1.5)
    assert ledger.totals.unsure == taken(2.0)
    assert ledger.totals.cost == 3.5
    ledger.end(second, NOTHING)
    assert ledger.totals.unsure == NOTHING
    assert ledger.totals.cost == 1.5


def test_a_file_says_the_same_when_it_is_opened_again(tmp_path: Path) -> None:
    file = tmp_path / "new" / "ledger.jsonl"
    with Ledger(file) as ledger:
        numbers = [ledger.begin(taken(at), "answer") for at in (1.0, 2.0, 4.0)]
        ledger.end(numbers[1], taken(0.5))
    with Ledger(file) as again:
        assert again.totals == ledger.totals
        assert again.totals.cost == 5.5
        assert again.begin(taken(1.0), "answer") not in numbers


def test_a_ledger_that_writes_nothing_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    assert Ledger(file).totals.cost == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("torn", [b"{", b'{"call": 1, "sta', b'{"call": 1, "state": "ended"}'])
def test_a_torn_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    file = tmp_path / "ledger.jsonl"
    with Ledger(file) as ledger:
        ledger.end(ledger.begin(taken(4.0), "answer"), taken(1.0))
        ledger.begin(taken(2.0), "answer")
    with file.open("ab") as out:
        out.write(torn)
    before = file.read_bytes()
    with Ledger(file) as again:
        assert again.totals == ledger.totals
        assert file.read_bytes() == before  # to read is not to write
        again.end(again.begin(taken(1.0), "answer"), taken(0.25))
    assert Ledger(file).totals == again.totals
    assert again.totals.cost == 3.25


@pytest.mark.parametrize("bad", [b"{oh\n", b"[]\n", b"{}\n", b"\xff\n", b'{"call": "x"}\n'])
def test_a_damaged_line_is_named(tmp_path: Path, bad: bytes) -> None:
    file = tmp_path / "ledger.jsonl"
    with Ledger(file) as ledger:
        ledger.begin(taken(2.0), "answer")
    with file.open("ab") as out:
        out.write(bad)
    with pytest.raises(Damaged, match="damaged") as caught:
        Ledger(file)
    assert caught.value.where == f"{file} line 2"


@pytest.mark.parametrize("can_be_cut", [True, False])
@pytest.mark.parametrize("room", [0, 1, 11, 40, 100])
def test_half_a_line_on_a_full_disk_damages_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, can_be_cut: bool
) -> None:
    file = tmp_path / "ledger.jsonl"
    with Ledger(file) as ledger:
        first, second = (ledger.begin(taken(2.0), "answer") for _ in range(2))
        with monkeypatch.context() as patch:
            full_disk.fill(patch, room)
            if not can_be_cut:
                full_disk.refuse_cutting(patch)
            ledger.end(first, taken(0.5))
        ledger.end(second, taken(0.25))  # there is room again
        assert ledger.totals.known == taken(0.25)
        assert ledger.totals.unsure == taken(2.0)  # as if its end were not known
        ledger.begin(taken(1.0), "answer")
    assert Ledger(file).totals == ledger.totals


@pytest.mark.parametrize("room", [0, 30])
def test_no_call_is_begun_that_cannot_be_put_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    file = tmp_path / "ledger.jsonl"
    with Ledger(file) as ledger:
        ledger.begin(taken(2.0), "answer")
        with monkeypatch.context() as patch:
            full_disk.fill(patch, room)
            with pytest.raises(DiskFull) as caught:
                ledger.begin(taken(4.0), "answer")
        assert caught.value.where == str(file)
        assert ledger.totals.cost == 2.0
        ledger.end(ledger.begin(taken(1.0), "answer"), taken(1.0))
    assert Ledger(file).totals == ledger.totals


def test_nobody_waits_for_a_call_whose_end_cannot_be_put_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger(tmp_path / "ledger.jsonl", limit=4.0) as ledger:
        call = ledger.begin(taken(4.0), "answer")
        full_disk.fill(monkeypatch, 0)
        ledger.end(call, taken(1.0))
        stopped: list[GuardStopped] = []

        def work() -> None:
            with pytest.raises(GuardStopped) as caught:
                ledger.begin(taken(1.0), "answer")
            stopped.append(caught.value)

        at_once(1, work)
    assert len(stopped) == 1


ENDED = b'{"call": 0, "state": "ended", "usage": {"cost": 0.5}}\n'


@pytest.mark.parametrize(
    ("line", "cost"),
    [
        (b'{"call": 1, "state": "begun", "usage": {"cost": 8.0' + ENDED, 0.5),
        (b'{"call": 0, "state": "ended", "usage": {"cost": 0.25}' + ENDED, 0.5),
        (b'{"call": 1, "state": "begun", "usage": {"cost": 8.0}}' + ENDED, 8.5),
        (b'{"call": 0, "sta' * 3 + ENDED, 0.5),
    ],
)
def test_half_a_line_before_a_whole_one_is_passed_over(
    tmp_path: Path, line: bytes, cost: float
) -> None:
    """Its call was not made, or it was and has no end."""
    file = tmp_path / "ledger.jsonl"
    with Ledger(file) as ledger:
        ledger.begin(taken(2.0), "answer")
    with file.open("ab") as out:
        out.write(line)
    assert Ledger(file).totals.cost == cost


def test_two_lines_without_a_break_in_between_are_no_half_one(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(b'{"call": 0, "state": "begun", "usage": {"cost": 8.0}}x' + ENDED)
    with pytest.raises(Damaged, match="damaged"):
        Ledger(file)


def test_the_limit_counts_what_is_open_and_what_the_file_has(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    with Ledger(file, limit=4.0) as first:
        first.begin(taken(2.0), "answer")
        first.end(first.begin(taken(1.0), "answer"), taken(1.0))
    with Ledger(file, limit=4.0) as again:
        before = file.read_bytes()
        with pytest.raises(GuardStopped, match=r"3\.0000 of 4 is spent or reserved") as caught:
            again.begin(taken(1.25), "answer")
        assert "raise the limit" in caught.value.hint
        assert file.read_bytes() == before
        again.begin(taken(1.0), "answer")
        assert again.totals.cost == 4.0


COSTS = st.integers(0, 64).map(lambda eighths: eighths / 8)


@given(
    limit=COSTS,
    calls=st.lists(st.tuples(COSTS, st.floats(0, 1), st.sampled_from(["end", "lost", "open"]))),
)
def test_the_limit_is_never_passed(limit: float, calls: list[tuple[float, float, str]]) -> None:
    ledger = Ledger(limit=limit)
    known, unsure = 0.0, 0.0
    for most, share, fate in calls:
        try:
            call = ledger.begin(taken(most), "answer")
        except GuardStopped:
            assert known + unsure + most > limit
            continue
        spent = int(most * share * 8) / 8
        if fate == "end":
            ledger.end(call, taken(spent))
            known += spent
        else:
            unsure += most
            if fate == "lost":
                ledger.lost(call)
        assert (ledger.totals.known.cost, ledger.totals.unsure.cost) == (known, unsure)
        assert ledger.totals.cost <= limit


def test_many_threads_write_whole_lines_and_keep_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file, limit=64.0)
    refused = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for at in range(40):
            try:
                call = ledger.begin(taken(2.0), "answer")
            except GuardStopped:
                refused.append(at)
                continue
            if at % 10:
                ledger.end(call, taken(0.25))
            else:
                ledger.lost(call)

    at_once(8, work)
    ledger.close()
    totals = Ledger(file).totals
    assert totals == ledger.totals
    assert totals.cost <= 64.0
    assert refused
    assert totals.known.calls + totals.unsure.calls == 8 * 40 - len(refused)


def test_a_call_waits_for_others_that_may_turn_out_cheaper() -> None:
    ledger = Ledger(limit=9.0)
    made, highest = [], []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for _ in range(10):
            call = ledger.begin(taken(4.0), "answer")
            highest.append(ledger.totals.cost)
            time.sleep(0.001)
            ledger.end(call, taken(0.125))
            made.append(call)

    at_once(4, work)
    assert len(made) == 40
    assert ledger.totals.cost == 5.0
    assert max(highest) <= 9.0


@settings(max_examples=30, deadline=None)
@given(
    limit=COSTS,
    lists=st.lists(
        st.lists(st.tuples(COSTS, st.floats(0, 1), st.booleans()), max_size=5),
        min_size=2,
        max_size=4,
    ),
)
def test_threads_never_pass_the_limit_and_none_waits_for_ever(
    limit: float, lists: list[list[tuple[float, float, bool]]]
) -> None:
    ledger = Ledger(limit=limit)
    left, highest, charged = list(lists), [0.0], []

    def work() -> None:
        for most, share, known in left.pop():
            try:
                call = ledger.begin(taken(most), "answer")
            except GuardStopped:
                continue
            highest.append(ledger.totals.cost)
            spent = int(most * share * 8) / 8
            if known:
                ledger.end(call, taken(spent))
            else:
                ledger.lost(call)
            charged.append(spent if known else most)

    at_once(len(lists), work)
    assert max(highest) <= limit
    assert ledger.totals.cost == sum(charged)


def test_a_lost_call_counts_and_nobody_waits_for_it() -> None:
    ledger = Ledger(limit=4.0)
    first, second = ledger.begin(taken(2.0), "answer"), ledger.begin(taken(2.0), "answer")
    told: list[str] = []

    def work() -> None:
        try:
            ledger.begin(taken(2.0), "answer")
        except GuardStopped as error:
            told.append(str(error))

    waiting = threading.Thread(target=work, daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    ledger.lost(first)
    waiting.join(0.1)
    assert waiting.is_alive()
    ledger.lost(second)
    waiting.join(20)
    assert not waiting.is_alive()
    assert len(told) == 1
    assert ledger.totals.unsure == taken(2.0) + taken(2.0)


def test_nobody_waits_for_calls_that_could_not_make_room() -> None:
    ledger = Ledger(limit=4.0)
    ledger.begin(taken(2.0), "answer")
    stopped: list[GuardStopped] = []

    def work() -> None:
        with pytest.raises(GuardStopped) as caught:
            ledger.begin(taken(4.125), "answer")
        stopped.append(caught.value)

    at_once(1, work)
    with pytest.raises(GuardStopped):  # nor anybody for itself
        ledger.begin(taken(3.0), "answer")
    assert len(stopped) == 1


def test_one_ledger_writes_a_file_and_all_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    other = Ledger(file, limit=4.0)
    with Ledger(file) as ledger:
        call = ledger.begin(taken(2.0), "answer")
        with pytest.raises(Busy, match="another run pays") as caught:
            other.begin(taken(1.0), "answer")
        assert caught.value.where == str(file)
        ledger.end(call, taken(1.5))
        assert Ledger(file).totals == ledger.totals
    # What was spent since it was opened counts.
    with pytest.raises(GuardStopped):
        other.begin(taken(2.625), "answer")
    again = other.begin(taken(2.5), "answer")
    assert again != call
    other.close()
    other.end(other.begin(taken(0.0), "answer"), NOTHING)
    other.close()
    assert Ledger(file).totals.cost == 4.0


def test_a_thread_takes_the_file_and_another_lets_it_go(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file)
    at_once(1, lambda: ledger.lost(ledger.begin(taken(1.0), "answer")))
    ledger.lost(ledger.begin(taken(1.0), "answer"))
    ledger.close()
    with Ledger(file) as other:
        other.begin(taken(1.0), "answer")
    assert Ledger(file).totals.cost == 3.0


PAYING = """
import sys, time
from pathlib import Path
from components.endpoint.ledger import Ledger
from components.values import Usage
ledger = Ledger(Path(sys.argv[1]))
ledger.begin(Usage(calls=1, cost=2.0), "answer")
time.sleep(60)
"""


def test_of_two_processes_one_pays_until_it_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    with Ledger(file, limit=2.5) as ledger:
        with subprocess.Popen([sys.executable, "-c", PAYING, str(file)]) as other:
            try:
                while not (file.exists() and file.read_bytes().endswith(b"\n")):
                    assert other.poll() is None
                    time.sleep(0.01)
                with pytest.raises(Busy):
                    ledger.begin(taken(0.5), "answer")
            finally:
                other.kill()
        with pytest.raises(GuardStopped):
            ledger.begin(taken(1.0), "answer")
        ledger.begin(taken(0.5), "answer")
    assert Ledger(file).totals.cost == 2.5
