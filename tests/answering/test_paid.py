"""Answers and judgements of a model behind an address: nothing lost, nothing paid twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from components.endpoint.ledger import Ledger
from components.errors import Unavailable
from components.values import Usage
from evals.answers import asking
from evals.answers.plan import Plan
from evals.answers.run import run
from tests.answering.data import NONE, WHEELS, answering, gold, only, planned, turns
from tests.endpoint.server import Asked, ChatServer, Reply, chat_server

KEY = "sk-never-seen-4711"
VARIABLE = "ANSWERING_TEST_KEY"
RIGHT = gold()
PRICES = {"input_price": 1.0, "output_price": 2.0}
_JUDGED = "JUDGE"
"""Begins the judge's prompt in these tests."""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)


def about(asked: Asked) -> str:
    """Id of the question that a prompt holds."""
    text = asked.question
    (found,) = [
        id
        for number, river in enumerate(WHEELS)
        for id, words in (
            (f"turns-{river}", f"the wheel on the {river} turn in an hour?"),
            (f"load-{river}", f"the stone by the {river} grind at one load?"),
        )
        if words in text
    ]
    return found


def right(asked: Asked) -> Reply:
    return Reply(f"{RIGHT[about(asked)]} [1]", usage=(100, 10))


def chat(folder: Path, server: ChatServer | str, name: str = "chat", **options: object) -> Path:
    address = server if isinstance(server, str) else server.address
    told = {"endpoint": address, "model": "m", "key": VARIABLE, "concurrency": 1, "retries": 0}
    return answering(folder, name, {"use": "chat", **told, **PRICES, **options})


def spent(plan: Plan) -> Usage:
    return Ledger(plan.ledger).totals.known


def reported(server: ChatServer) -> tuple[int, int]:
    return tuple(map(sum, zip(*server.reported, strict=True)))  # type: ignore[return-value]


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_answers_and_the_ledger_is_what_the_server_says(
    tmp_path: Path, stream: bool
) -> None:
    with chat_server(right) as server:
        plan = planned(tmp_path, chat(tmp_path, server, stream=stream, concurrency=4))
        found = only(run(plan))
    assert found.whole.counts["correct"] == 16
    assert Counter(map(about, server.asked)) == Counter(list(RIGHT))
    used = spent(plan)
    assert (used.input_tokens, used.output_tokens) == reported(server) == (1600, 160)
    assert used == found.usage
    assert used.cost == pytest.approx((1600 * 1.0 + 160 * 2.0) / 1e6)
    assert all(len(row.answered.citations) == 1 for row in found.rows)
    # The mark [1] is no figure, and the figure stands in what is cited, where that is the evidence.
    for row in found.rows:
        held = row.answered.evidence[0].chunk_ids[0] == row.answered.citations[0].chunk_id
        assert bool(row.answered.unsupported) != held


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    with chat_server(right) as server:
        plan = planned(tmp_path, chat(tmp_path, server), setting="oracle")
        first = run(plan)
        asked = len(server.asked)
        again = run(planned(tmp_path, chat(tmp_path, server, concurrency=2), setting="oracle"))
    assert len(server.asked) == asked == 16
    assert only(again).whole == only(first).whole


def test_money_ends_before_the_limit_and_what_is_answered_stays(tmp_path: Path) -> None:
    with chat_server(right) as server:
        file = chat(tmp_path, server, max_tokens=10, concurrency=3)
        given = {"setting": "closed_book"}
        poor = planned(tmp_path, file, max_cost=0.0011, **given)
        found = run(poor)
        assert found.guarded
        stopped = only(found)
        answered = sum(stopped.whole.counts.values()) - stopped.whole.counts["unmeasured"]
        assert 0 < answered < 16
        assert stopped.whole.counts["failed"] == 0, "what there was no money for has not failed"
        assert len(server.asked) == answered
        assert found.ledger.cost <= 0.0011
        assert "is spent" in stopped.stopped
        whole = run(planned(tmp_path, file, max_cost=1.0, **given))
        assert len(server.asked) == 16
    assert not whole.guarded
    assert only(whole).whole.counts["correct"] == 16
    assert whole.ledger.known.calls == 16


def test_a_limit_without_prices_is_refused(tmp_path: Path) -> None:
    file = chat(tmp_path, "http://127.0.0.1:9/v1", input_price=0.0, output_price=0.0)
    with pytest.raises(Exception, match="needs the prices"):
        planned(tmp_path, file, max_cost=1.0)


def test_a_server_that_is_gone_ends_it_and_the_next_run_goes_on(tmp_path: Path) -> None:
    def failing(asked: Asked) -> Reply:
        return right(asked) if len(server.asked) < 4 else Reply("out of order", status=500)

    with chat_server(failing) as server:
        plan = planned(tmp_path, chat(tmp_path, server), setting="closed_book")
        found = run(plan)
        assert len(server.asked) == 3 + 5
        # Five are tried, and who answers nothing any more has failed at the others too.
        assert only(found).whole.counts == {**NONE, "correct": 3, "failed": 13}
        assert "500" in only(found).stopped
        assert not found.guarded
        server.script = right
        done = {about(each) for each in server.asked[:3]}
        again = run(plan)
    assert only(again).whole.counts["correct"] == 16
    assert done.isdisjoint(about(each) for each in server.asked[8:])
    assert again.ledger.known.input_tokens == 1600


def test_one_bad_answer_stops_nobody(tmp_path: Path) -> None:
    def sometimes(asked: Asked) -> Reply:
        broken = about(asked) in ("turns-Cam", "load-Nene")
        return Reply(body=b"{not json") if broken else right(asked)

    with chat_server(sometimes) as server:
        found = run(planned(tmp_path, chat(tmp_path, server), setting="closed_book"))
    counts = only(found).whole.counts
    assert (counts["correct"], counts["failed"]) == (14, 2)
    assert {row.question.id for row in only(found).rows if row.answered.error} == {
        "turns-Cam", "load-Nene",
    }  # fmt: skip


def test_nobody_listens(tmp_path: Path) -> None:
    with chat_server() as server:
        address = server.address
    plan = planned(tmp_path, chat(tmp_path, address), setting="closed_book")
    with pytest.raises(Unavailable):
        run(plan)
    assert Ledger(plan.ledger).totals.cost == 0


def test_one_system_that_is_refused_stops_no_other(tmp_path: Path) -> None:
    def refusing(asked: Asked) -> Reply:
        refused = asked.body["model"] == "strict"
        return Reply("too long", status=400) if refused else right(asked)

    with chat_server(refusing) as server:
        files = [
            chat(tmp_path, server, name, model="strict" if name == "b" else "m") for name in "abc"
        ]
        found = run(planned(tmp_path, *files, setting="closed_book"))
    counts = {each.name: each.whole.counts["correct"] for each in found.systems}
    assert counts == {"a": 16, "b": 0, "c": 16}
    assert [bool(each.stopped) for each in found.systems] == [False, True, False]


def test_threads_spend_what_one_would(tmp_path: Path) -> None:
    with chat_server(right) as server:
        file = chat(tmp_path, server, concurrency=4, max_tokens=100)
        plan = planned(tmp_path, file, setting="closed_book", max_cost=0.0027)
        found = run(plan)
    assert only(found).whole.counts["correct"] == 16
    assert not found.guarded


def test_an_answer_without_a_passage_is_from_memory(tmp_path: Path) -> None:
    with chat_server(lambda _: Reply("It is 1.")) as server:
        file = chat(tmp_path, server, prompt="closed_book")
        found = only(run(planned(tmp_path, file)))
    assert found.whole.losses["from memory"] == 16
    assert found.unsupported == 0


def inquiring(asked: Asked) -> Reply:
    """Wants to know more once, of the right document, and then answers."""
    if "JSON" not in asked.question:
        return right(asked)
    river = about(asked).partition("-")[2]
    wanted = f"Where is the mill of the {river}?"
    told = {"enough": wanted in asked.question, "missing": "the mill", "questions": [wanted]}
    return Reply(json.dumps(told), usage=(30, 3))


def test_an_iterative_answerer_searches_the_same_index(tmp_path: Path) -> None:
    with chat_server(inquiring) as server:
        file = chat(tmp_path, server, use="iterative", concurrency=3, k=4)
        plan = planned(tmp_path, file, hits=1)
        found = only(run(plan))
        asked = len(server.asked)
        given = planned(tmp_path, file, setting="oracle")
        without = only(run(given))
    assert asked == 3 * 16
    assert found.whole.counts["correct"] == 16
    for row in found.rows:
        assert [each.name for each in row.answered.steps] == [
            "assess", "search", "assess", "answer",
        ]  # fmt: skip
        read = {id for each in row.answered.passages for id in each.chunk_ids}
        assert set(row.answered.steps[1].chunk_ids) <= read
    used = spent(plan)
    assert (used.input_tokens, used.output_tokens) == (16 * 160, 16 * 16)
    assert (used.calls, used.input_tokens) == (found.usage.calls, found.usage.input_tokens)
    assert used.cost == pytest.approx(found.usage.cost)
    # What is given there is all there is.
    assert all(not row.answered.found for row in without.rows)
    assert without.whole.counts["correct"] == 16


def judging(folder: Path, server: ChatServer, **more: object) -> Path:
    (folder / "rubric.txt").write_text(
        f"{_JUDGED} question {{question}} gold {{gold}} answer {{answer}}"
    )
    told = {"endpoint": server.address, "model": "j", "key": VARIABLE, "prompt": "rubric.txt"}
    file = folder / "judge.yaml"
    file.write_text(json.dumps({**told, **PRICES, **more}))
    return file


def opinionated(verdict: Callable[[str, int], str]) -> Callable[[Asked], Reply]:
    """Answers questions rightly; of the answer to a question, for the n-th time, it thinks that."""
    times: Counter[str] = Counter()
    lock = threading.Lock()

    def say(asked: Asked) -> Reply:
        if not asked.question.startswith(_JUDGED):
            return right(asked)
        id = about(asked)
        with lock:
            times[id] += 1
            return Reply(verdict(id, times[id]), usage=(50, 5))

    return say


def verdict(name: str) -> str:
    return json.dumps({"verdict": name, "why": "It is so."})


def test_a_model_judges(tmp_path: Path) -> None:
    def think(id: str, time: int) -> str:
        if id == "turns-Cam":
            return "no idea"
        if id == "load-Cam":
            return verdict("incorrect" if time < 3 else "correct")
        return verdict("correct")

    with chat_server(opinionated(think)) as server:
        file = judging(tmp_path, server, repeats=3)
        plan = planned(tmp_path, chat(tmp_path, server), setting="oracle", judge=file)
        found = run(plan)
        asked = len(server.asked)
        assert asked == 16 + 3 * 16
        rows = {row.question.id: row for row in only(found).rows}
        assert rows["turns-Cam"].verdict == "unmeasured"
        assert rows["load-Cam"].verdict == "incorrect"
        assert rows["load-Cam"].judged.by_rules.verdict == "correct"
        assert only(found).whole.counts == {**NONE, "correct": 14, "incorrect": 1, "unmeasured": 1}
        assert only(found).agreement == pytest.approx(14 / 15)
        assert only(found).repeats is not None
        assert only(found).repeats.unanimous == pytest.approx(14 / 15)  # type: ignore[union-attr]
        used = spent(plan)
        assert (used.input_tokens, used.output_tokens) == reported(server)
        assert found.judge["repeats"] == 3
        # Only what was not measured is asked again.
        again = run(plan)
        assert len(server.asked) == asked + 3
    assert only(again).whole.counts == only(found).whole.counts


def test_opinions_are_kept_by_all_that_decides_them(tmp_path: Path) -> None:
    with chat_server(opinionated(lambda *_: verdict("correct"))) as server:
        file = chat(tmp_path, server)

        def judged(**more: object) -> int:
            judge = judging(tmp_path, server, **more)
            before = len(server.asked)
            run(planned(tmp_path, file, setting="closed_book", judge=judge))
            return len(server.asked) - before

        assert judged() == 32
        assert judged(seconds=9.0, output_price=3.0) == 0
        assert judged(temperature=0.9) == 16


def test_an_opinion_is_of_the_answer_that_it_was_given_on(tmp_path: Path) -> None:
    with chat_server(opinionated(lambda *_: verdict("correct"))) as server:
        judge = judging(tmp_path, server)
        plan = planned(tmp_path, chat(tmp_path, server), setting="closed_book", judge=judge)
        run(plan)
        plan.file(plan.systems[0]).unlink()
        wrong = {"of": "", "text": "nonsense"}

        def say(asked: Asked) -> Reply:
            judged = asked.question.startswith(_JUDGED)
            broken = Reply("broken", status=500, headers={"Retry-After": "0"})
            return broken if judged else Reply(wrong["text"])

        server.script = say
        found = only(run(plan))
    assert found.whole.counts["correct"] == 0
    assert found.whole.counts["unmeasured"] == 16


def test_a_judge_that_is_gone_is_not_asked_for_everything(tmp_path: Path) -> None:
    def say(asked: Asked) -> Reply:
        judged = asked.question.startswith(_JUDGED)
        return Reply("no such key", status=401) if judged else right(asked)

    with chat_server(say) as server:
        judge = judging(tmp_path, server)
        plan = planned(tmp_path, chat(tmp_path, server), setting="closed_book", judge=judge)
        found = only(run(plan))
        assert len(server.asked) < 16 + 12
    assert "401" in found.stopped
    assert found.whole.counts["unmeasured"] == 16


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    reached = threading.Event()

    def slowly(asked: Asked) -> Reply:
        if len(server.asked) == 6:
            reached.set()
            return Reply("never", hang=60)
        return right(asked)

    with chat_server(slowly) as server:
        file = chat(tmp_path, server)
        plan = planned(tmp_path, file, setting="closed_book")
        command = [
            *(sys.executable, "-m", "flows.cli", "answers", str(file)),
            *("--data", str(tmp_path / "data"), "--home", str(tmp_path / "home")),
            *("--setting", "closed_book", "--json"),
        ]
        with subprocess.Popen(command, env={**os.environ, VARIABLE: KEY}) as killed:
            assert reached.wait(60)
            killed.send_signal(signal.SIGKILL)
        assert killed.returncode == -signal.SIGKILL
        before = Ledger(plan.ledger).totals
        assert before.known.calls == 5
        assert before.unsure.calls == 1
        server.script = right
        found = run(plan)
    asked = Counter(map(about, server.asked))
    assert set(asked) == set(RIGHT)
    assert sorted(asked.values()) == [1] * 15 + [2]
    assert asked[about(server.asked[5])] == 2
    assert only(found).whole.counts["correct"] == 16
    assert found.ledger.known.calls == 16
    assert found.ledger.unsure == before.unsure


def test_a_torn_line_is_asked_again(tmp_path: Path) -> None:
    with chat_server(right) as server:
        plan = planned(tmp_path, chat(tmp_path, server), setting="closed_book")
        run(plan)
        file = plan.file(plan.systems[0])
        file.write_bytes(file.read_bytes()[:-20])
        assert asking.waiting(plan, plan.systems[0])
        found = run(plan)
    assert len(server.asked) == 17
    assert only(found).whole.counts["correct"] == 16


def test_there_are_turns_to_ask_for() -> None:
    assert RIGHT["turns-Cam"] == str(turns(WHEELS.index("Cam")))
