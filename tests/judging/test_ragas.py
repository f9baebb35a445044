"""ragas behind its adapter: with it, without it, and with one that cannot be imported."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from components.encoders.hashing import Hashing
from components.endpoint.chat import Endpoint
from components.endpoint.ledger import Ledger
from components.errors import BadOption, Busy, GuardStopped, Unavailable
from evals.judging import judge_file
from evals.judging.ragas_adapter import ASKING, OFFLINE, PURPOSE, Measured, Sample, measure
from tests.cli import clean
from tests.endpoint.server import Asked, chat_server
from tests.judging.chat import Line, Scripted

SAMPLE = Sample(
    "Where is the mill?",
    "By the river Thames.",
    "The mill stands by the river Thames, in Berkshire.",
    ("A mill stands by the river Thames.", "Cows eat grass."),
)
STATEMENTS = {"statements": ["It is by the river.", "It is in Berkshire."]}
needs_ragas = pytest.mark.skipif(
    importlib.util.find_spec("ragas") is None, reason="ragas is not installed: millrace[ragas]"
)


def told(text: str, verdict: int, called: str = "verdict") -> dict[str, object]:
    return {"statement": text, "reason": "so it says", called: verdict}


def test_the_judge_file_knows_the_metrics_that_ask() -> None:
    assert set(ASKING) == set(judge_file.Ragas.__args__)  # type: ignore[attr-defined]


def test_unknown_metrics_are_refused() -> None:
    with pytest.raises(BadOption, match="no metric 'faith'") as caught:
        measure(["rouge", "faith"], SAMPLE)
    assert "faithfulness" in caught.value.hint


BROKEN = """if True:
    import json, sys
    sys.path.insert(0, sys.argv[1])
    from evals.judging.model_judge import ModelJudge
    from evals.judging.offline import judge
    from evals.judging.ragas_adapter import OFFLINE, Sample, available, measure
    found = measure([*OFFLINE, "faithfulness"], Sample("q", "g", "a", ("c",)))
    print(json.dumps({
        "available": available(),
        "values": {name: each.value for name, each in found.items()},
        "whys": sorted({each.why for each in found.values()}),
        "offline": judge("How many?", 12, "It is 12.").verdict,
    }))
"""


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ModuleNotFoundError('No module named langchain')", "No module named langchain"),
        ("raise TypeError('made for another pydantic')", "TypeError: made for another pydantic"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("", "ragas.embeddings"),
    ],
)
def test_a_broken_ragas_leaves_its_metrics_unmeasured_and_all_else_alone(
    tmp_path: Path, code: str, reason: str
) -> None:
    (tmp_path / "ragas").mkdir()
    (tmp_path / "ragas" / "__init__.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=clean(),
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert reason in found["available"]
    assert "pip install 'millrace[ragas]'" in found["available"]
    assert set(found["values"].values()) == {None}
    assert len(found["values"]) == len(OFFLINE) + 1
    assert found["whys"] == [found["available"]]
    assert found["offline"] == "correct"


@needs_ragas
def test_nothing_is_told_to_its_makers() -> None:
    measure(["exact_match"], SAMPLE)
    from ragas._analytics import do_not_track

    assert do_not_track()
    assert os.environ["RAGAS_DO_NOT_TRACK"] == "true"


@needs_ragas
def test_metrics_that_ask_nobody() -> None:
    found = measure(OFFLINE, SAMPLE, encoder=Hashing())
    assert tuple(found) == OFFLINE
    values = {name: each.value for name, each in found.items()}
    assert values["exact_match"] == values["string_presence"] == 0
    for name in ("string_similarity", "rouge", "chrf", "semantic_similarity"):
        assert 0 < (values[name] or 0) < 1, (name, found[name].why)
    same = Sample("?", "A mill.", "A mill.")
    ones = measure(OFFLINE, same, encoder=Hashing())
    assert [each.value for each in ones.values()] == pytest.approx([1.0] * len(OFFLINE))


@needs_ragas
@pytest.mark.parametrize(
    ("name", "lines", "value"),
    [
        (
            "faithfulness",
            [STATEMENTS, {"statements": [told("a", 1), told("b", 0)]}],
            0.5,
        ),
        (
            "context_precision",
            [{"reason": "so", "verdict": 0}, {"reason": "so", "verdict": 1}],
            0.5,
        ),
        (
            "context_recall",
            [{"classifications": [told("a", 1, "attributed"), told("b", 1, "attributed")]}],
            1.0,
        ),
    ],
)
def test_metrics_that_ask_a_model(name: str, lines: list[Line], value: float) -> None:
    model = Scripted(lines)
    found = measure([name], SAMPLE, model=model)
    assert found[name].value == pytest.approx(value), found[name].why
    assert set(model.purposes) == {PURPOSE}
    assert len(model.asked) == len(lines)


@needs_ragas
def test_answer_correctness_weighs_statements_and_likeness() -> None:
    parts = {"TP": [{"statement": "a", "reason": "r"}], "FP": [], "FN": []}
    model, encoder = Scripted([STATEMENTS, STATEMENTS, parts]), Hashing()
    found = measure(
        ["semantic_similarity", "answer_correctness"], SAMPLE, model=model, encoder=encoder
    )
    alike = found["semantic_similarity"].value
    assert alike is not None
    assert found["answer_correctness"].value == pytest.approx(0.75 + 0.25 * alike)


@needs_ragas
@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([{"statements": []}], "lists are all empty"),
        ([STATEMENTS, STATEMENTS, {"TP": [], "FP": [], "FN": []}], "lists are all empty"),
        ([STATEMENTS, "no idea"], "no JSON object with statements"),
        ([Unavailable("no answer")], "Unavailable: no answer"),
        ([BadOption("too long")], "BadOption: too long"),
    ],
)
def test_what_would_count_as_a_perfect_answer_is_unmeasured(lines: list[Line], why: str) -> None:
    found = measure(["answer_correctness"], SAMPLE, model=Scripted(lines), encoder=Hashing())
    assert found["answer_correctness"].value is None
    assert why in found["answer_correctness"].why
    assert found["answer_correctness"].again


@needs_ragas
def test_a_score_out_of_bounds_is_unmeasured() -> None:
    lines: list[Line] = [{"reason": "so", "verdict": 1}, {"reason": "so", "verdict": 5}]
    found = measure(["context_precision"], SAMPLE, model=Scripted(lines))
    assert found["context_precision"].value is None
    assert found["context_precision"].again


@needs_ragas
@pytest.mark.parametrize("name", ASKING)
def test_no_money_left_is_not_swallowed(name: str) -> None:
    with pytest.raises(GuardStopped):
        measure([name], SAMPLE, model=Scripted([GuardStopped("spent")]), encoder=Hashing())


@needs_ragas
@pytest.mark.parametrize(
    ("name", "sample", "why"),
    [
        ("faithfulness", Sample("q", "g", "a"), "no contexts"),
        ("faithfulness", Sample("q", "g", " ", ("c",)), "no answer"),
        ("context_recall", Sample("q", "", "a", ("c",)), "no gold"),
        ("rouge", Sample("q", "", "", ("c",)), "no gold and no answer"),
    ],
)
def test_a_sample_that_lacks_something_is_unmeasured(name: str, sample: Sample, why: str) -> None:
    found = measure([name], sample, model=Scripted([]))
    assert found[name].value is None
    assert why in found[name].why
    assert not found[name].again
    assert Measured(**asdict(found[name])) == found[name]


@needs_ragas
def test_without_a_model_or_an_encoder() -> None:
    found = measure(["faithfulness", "semantic_similarity", "exact_match"], SAMPLE)
    assert "language model" in found["faithfulness"].why
    assert "encoder" in found["semantic_similarity"].why
    assert found["exact_match"].value == 0


@needs_ragas
def test_calls_are_in_the_ledger_and_its_limit_holds(tmp_path: Path) -> None:
    def answer(asked: Asked) -> str:
        attributed = told("a", 1, "attributed")
        return json.dumps({"classifications": [attributed]} if asked.question else {})

    with chat_server(answer) as server:

        def model(limit: float | None) -> Endpoint:
            ledger = Ledger(tmp_path / "ledger.jsonl", limit)
            return Endpoint(
                address=server.address, model="m", key="NO_KEY", input_price=1e6, ledger=ledger
            )

        first = model(None)
        assert measure(["context_recall"], SAMPLE, model=first)["context_recall"].value == 1
        assert first.ledger.totals.known.cost == 11
        with pytest.raises(Busy):
            measure(["context_recall"], SAMPLE, model=model(None))
        first.ledger.close()
        with pytest.raises(GuardStopped):
            measure(["context_recall"], SAMPLE, model=model(12.0))
    assert len(server.asked) == 1
    assert PURPOSE in (tmp_path / "ledger.jsonl").read_text()
