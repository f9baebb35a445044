"""What a comparison says that an answer costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from components.encoders.hashing import Hashing
from components.encoders.model import model
from components.options import option
from components.values import Hit, Matrix, Query, Ranked
from evals.compare import plan as planning
from evals.compare.costs import measure, one_by_one
from evals.compare.outcome import Measured
from evals.compare.request import Request
from evals.compare.run import run
from evals.datasets import catalogue
from evals.experiment import indexes
from tests.compare.data import beir, pipeline
from tests.encoders.random_models import transformer


@dataclass(frozen=True, kw_only=True)
class Own:
    """An encoder from outside."""

    width: int = 32

    def __getattr__(self, name: str) -> Any:
        if name == "model_bytes":
            raise AttributeError(name)
        return getattr(Hashing(width=self.width), name)


_KNOWN: set[str] = set()
_READ: list[tuple[str, str, int]] = []
"""Who has reranked for which question, and how many texts that was new to it."""


@dataclass(frozen=True, kw_only=True)
class Clings:
    """A reranker that reads no text twice, whatever system it is in."""

    named: str = option(help="the system")
    needs_vectors: ClassVar[bool] = False
    depth: ClassVar[int] = 5

    def rerank(
        self, queries: Sequence[Query], ranked: Ranked, vectors: Sequence[Matrix]
    ) -> list[list[Hit]]:
        for query, hits in zip(queries, ranked.hits, strict=True):
            texts = {query.text, *(each.chunk.text for each in hits[: self.depth])}
            _READ.append((self.named, query.text, len(texts - _KNOWN)))
            _KNOWN.update(texts)
        return [list(hits) for hits in ranked.hits]


@dataclass(frozen=True, kw_only=True)
class Remembers(Clings):
    """One that can be made to forget."""

    def forget(self) -> None:
        _KNOWN.clear()


def remembering(folder: Path, *names: str, kind: str = "Remembers") -> list[Path]:
    _KNOWN.clear()
    _READ.clear()
    use = f"tests.compare.test_costs:{kind}"
    return [pipeline(folder, each, reranker={"use": use, "named": each}) for each in names]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return transformer(tmp_path / "model", "bert", layers=2)


def test_each_systems_cost_says_what_was_measured(tmp_path: Path, checkpoint: Path) -> None:
    exact = {"use": "naive", "model": str(checkpoint), "precision": "fp32"}
    plain, with_model = _compared(
        tmp_path, [pipeline(tmp_path, "plain"), pipeline(tmp_path, "with-model", encoder=exact)]
    )
    for each in (plain, with_model):
        cost = each.to_json()["cost"]
        assert (cost["questions_one_by_one"], cost["questions_together"]) == (12, 12)
        assert cost["queries_per_second"] > 0
        assert set(cost["milliseconds"]) == {"encode", "retrieve", "rerank", "total"}
        for found in cost["milliseconds"].values():
            assert 0 <= found["p50"] <= found["p95"] <= found["p99"]
    assert plain.to_json()["cost"]["model_bytes"] == 0
    assert with_model.to_json()["cost"]["model_bytes"] == _bytes(checkpoint)


@pytest.mark.parametrize("questions", [1, 2, 3])
def test_few_questions_are_all_measured(tmp_path: Path, questions: int) -> None:
    plan = _planned(tmp_path, [pipeline(tmp_path, "plain")])
    indexes.build(plan.systems[0])
    queries = plan.request.data.queries()[:questions]
    readings = list(one_by_one(plan.systems, queries))
    assert len(readings) == questions
    assert measure(plan.systems, queries)["plain"].questions_one_by_one == questions


@pytest.mark.parametrize("questions", [1, 4, 12])
def test_every_system_reads_a_new_question_anew_and_then_nothing(
    tmp_path: Path, questions: int
) -> None:
    plan = _planned(tmp_path, remembering(tmp_path, "a", "b", "c"))
    indexes.build(plan.systems[0])
    queries = plan.request.data.queries()[:questions]
    readings = list(one_by_one(plan.systems, queries))
    timed = [each for each in _READ if each[1] in {query.text for query in queries}]
    assert len(readings) == 3 * questions
    assert len(timed) == 2 * len(readings)
    for reading, new, again in zip(readings, timed[::2], timed[1::2], strict=True):
        assert (new[0], new[2]) == (reading.system, 6)
        assert again == (*new[:2], 0)


def test_the_warm_up_asks_no_question_that_is_timed(tmp_path: Path) -> None:
    plan = _planned(tmp_path, remembering(tmp_path, "a", "b"))
    indexes.build(plan.systems[0])
    queries = plan.request.data.queries()
    measure(plan.systems, queries)
    asked = {query.text for query in queries}
    first = next(at for at, (_, text, _) in enumerate(_READ) if text in asked)
    assert {name for name, *_ in _READ[:first]} == {"a", "b"}
    # Twelve questions to two systems: new, again, and new in three batches.
    assert sum(text in asked for _, text, _ in _READ) == 12 * 2 * (2 + 3)


def test_questions_that_are_asked_together_are_new(tmp_path: Path) -> None:
    plan = _planned(tmp_path, remembering(tmp_path, "a", "b"))
    indexes.build(plan.systems[0])
    queries = plan.request.data.queries()
    measure(plan.systems, queries)
    batches = [_READ[at : at + 12] for at in range(len(_READ) - 6 * 12, len(_READ), 12)]
    for batch in batches:
        assert len({name for name, *_ in batch}) == 1
        assert all(new for *_, new in batch), "a question is new in every batch"


def test_rankings_that_were_made_before_make_nothing_warm(tmp_path: Path) -> None:
    _compared(tmp_path, remembering(tmp_path, "a", "b"))
    of_rankings = 2 * 12
    seen = {name: [new for by, _, new in _READ[of_rankings:] if by == name] for name in "ab"}
    assert {name: own.count(6) for name, own in seen.items()}["a"] >= 12
    assert {name: own.count(6) for name, own in seen.items()}["b"] >= 12


def test_who_cannot_forget_is_measured_all_the_same(tmp_path: Path) -> None:
    (found,) = _compared(tmp_path, remembering(tmp_path, "a", kind="Clings"))
    assert found.cost is not None
    assert found.cost.questions_one_by_one == 12


def test_a_question_is_encoded_when_it_is_new_and_not_when_it_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    encode = Hashing.encode_queries

    def counted(self: Hashing, texts: Sequence[str]) -> Matrix:
        encoded.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(Hashing, "encode_queries", counted)
    plan = _planned(tmp_path, [pipeline(tmp_path, each) for each in ("a", "b")])
    indexes.build(plan.systems[0])
    (query,) = plan.request.data.queries()[:1]
    list(one_by_one(plan.systems, [query]))
    assert encoded.count(query.text) == 2


def test_both_are_told(tmp_path: Path) -> None:
    (found,) = _compared(tmp_path, [pipeline(tmp_path, "plain")])
    told = found.to_json()["cost"]
    for each in (told["milliseconds"], told["milliseconds_again"]):
        assert set(each) == {"encode", "retrieve", "rerank", "total"}
        assert all(0 <= own["p50"] <= own["p95"] <= own["p99"] for own in each.values())
    assert told["milliseconds_again"]["encode"]["p50"] < told["milliseconds"]["encode"]["p50"]


def test_an_encoder_that_does_not_tell_its_memory(tmp_path: Path) -> None:
    own = {"use": "tests.compare.test_costs:Own", "width": 32}
    (other,) = _compared(tmp_path, [pipeline(tmp_path, "other", encoder=own)])
    assert other.to_json()["cost"]["model_bytes"] is None


def test_weights_count_as_they_are_in_memory(checkpoint: Path) -> None:
    whole, cut = model(str(checkpoint), "auto"), model(str(checkpoint), "auto", layers=1)
    assert whole.bytes == 0
    for each in (whole, cut):
        states = each.hidden([np.array([5, 6, 7])])
    halved = states.rows.element_size() == 2
    # Half of what they are in fp32, but for the positions, which are whole numbers.
    exact = _bytes(checkpoint, halved=halved)
    assert whole.bytes == exact
    assert 0 < cut.bytes < exact


def _compared(folder: Path, files: list[Path]) -> list[Measured]:
    return list(run(_planned(folder, files)).systems)


def _planned(folder: Path, files: list[Path]) -> planning.Plan:
    data = catalogue.load(str(beir(folder / "data")))
    return planning.plan(Request(files=files, data=data, home=folder / "home"))


def _bytes(checkpoint: Path, *, halved: bool = False) -> int:
    """As transformers loads it."""
    from transformers import AutoModel

    loaded: Any = AutoModel.from_pretrained(checkpoint)
    weights: int = sum(each.nbytes for each in loaded.parameters())
    others: int = sum(each.nbytes for each in loaded.buffers())
    return weights // (2 if halved else 1) + others
