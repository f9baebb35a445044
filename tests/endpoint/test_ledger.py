"""The ledger: never too little, never past the limit, and the same after a kill."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.endpoint.ledger import Ledger
from components.errors import GuardStopped, IndexFault
from components.values import Usage

NOTHING = Usage()


def taken(cost: float) -> Usage:
    """With a cost that floats hold exactly."""
    return Usage(calls=1, input_tokens=int(cost * 8), output_tokens=1, cost=cost)


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
    ledger = Ledger(file)
    numbers = [ledger.begin(taken(at), "answer") for at in (1.0, 2.0, 4.0)]
    ledger.end(numbers[1], taken(0.5))
    again = Ledger(file)
    assert again.totals == ledger.totals
    assert again.totals.cost == 5.5
    assert again.begin(taken(1.0), "answer") not in numbers


def test_a_ledger_that_writes_nothing_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    assert Ledger(file).totals.cost == 0
    assert not file.exists()


@pytest.mark.parametrize("torn", [b"{", b'{"call": 1, "sta', b'{"call": 1, "state": "ended"}'])
def test_a_torn_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file)
    ledger.end(ledger.begin(taken(4.0), "answer"), taken(1.0))
    ledger.begin(taken(2.0), "answer")
    with file.open("ab") as out:
        out.write(torn)
    again = Ledger(file)
    assert again.totals == ledger.totals
    again.end(again.begin(taken(1.0), "answer"), taken(0.25))
    assert Ledger(file).totals == again.totals
    assert again.totals.cost == 3.25


@pytest.mark.parametrize("bad", [b"{oh\n", b"[]\n", b"{}\n", b"\xff\n", b'{"call": "x"}\n'])
def test_a_damaged_line_is_named(tmp_path: Path, bad: bytes) -> None:
    file = tmp_path / "ledger.jsonl"
    Ledger(file).begin(taken(2.0), "answer")
    with file.open("ab") as out:
        out.write(bad)
    with pytest.raises(IndexFault, match="damaged") as caught:
        Ledger(file)
    assert caught.value.where == f"{file} line 2"


def test_the_limit_counts_what_is_open_and_what_the_file_has(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    first = Ledger(file, limit=4.0)
    first.begin(taken(2.0), "answer")
    first.end(first.begin(taken(1.0), "answer"), taken(1.0))
    again = Ledger(file, limit=4.0)
    before = file.read_bytes()
    with pytest.raises(GuardStopped) as caught:
        again.begin(taken(1.25), "answer")
    assert "raise the limit" in caught.value.hint
    assert file.read_bytes() == before
    again.begin(taken(1.0), "answer")
    assert again.totals.cost == 4.0


COSTS = st.integers(0, 64).map(lambda eighths: eighths / 8)


@given(
    limit=COSTS,
    calls=st.lists(st.tuples(COSTS, st.floats(0, 1), st.sampled_from(["end", "open"]))),
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

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    totals = Ledger(file).totals
    assert totals == ledger.totals
    assert totals.cost <= 64.0
    assert refused
    assert totals.known.calls + totals.unsure.calls == 8 * 40 - len(refused)
