"""Rerankers where users meet them: in a pipeline file, and in a query engine of LlamaIndex."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from components.corpus.search import search
from components.errors import BadOption
from components.rerankers import paced
from components.values import Query
from tests.cli import call
from tests.corpora import HASHING, Corpus
from tests.rerankers.published import MODEL

QUESTION = "river mill wheel number 101"
SLOW = '''
import time
from dataclasses import dataclass

@dataclass(frozen=True, kw_only=True)
class Slow:
    """Takes its time over every hit."""

    milliseconds: float = 5.0
    rerank_budget_ms: int | None = None
    needs_vectors = False
    depth = 100

    def rerank(self, queries, ranked, vectors):
        for hits in ranked.hits:
            time.sleep(len(hits) * self.milliseconds / 1000)
        return [hits[::-1] for hits in ranked.hits]
'''


@pytest.mark.usefixtures("hub")
class TestE2Rank:
    @pytest.fixture
    def corpus(self, tmp_path: Path) -> Corpus:
        made = Corpus(
            tmp_path,
            {
                **HASHING,
                "encoder": {"use": "naive", "model": MODEL, "precision": "fp32"},
                "retriever": {"use": "dense"},
                "reranker": {"use": "e2rank", "precision": "fp32"},
            },
        )
        made.fill(3)
        made.refresh()
        return made

    def test_one_forward_pass_for_the_question_and_one_for_the_prompt(
        self, corpus: Corpus, read: list[int]
    ) -> None:
        found = search(corpus.load(), [Query(text=QUESTION)], 5)
        assert len(read) == 2
        assert found.reranked.depths == found.reranked.wanted
        assert found.reranked.depths[0] > 10
        read.clear()
        search(corpus.load(["reranker.vectors=encode"]), [Query(text=QUESTION)], 5)
        assert len(read) > 20  # every passage that is unlike the others

    def test_another_models_index_is_refused_or_its_hits_encoded(self, corpus: Corpus) -> None:
        corpus.refresh(["encoder.use=hashing", "encoder.width=64"])
        own = ["encoder.use=hashing", f"reranker.model={MODEL}"]
        found = search(corpus.load(own), [Query(text=QUESTION)], 5)
        assert len(found.hits[0]) == 5
        with pytest.raises(BadOption, match="made by another model"):
            search(corpus.load([*own, "reranker.vectors=stored"]), [Query(text=QUESTION)], 5)

    def test_in_a_query_engine(self, corpus: Corpus, read: list[int]) -> None:
        """Nodes, order and scores are those of the pipeline that has the reranker itself."""
        pytest.importorskip("llama_index.core")
        from llama_index.core.llms import MockLLM
        from llama_index.core.query_engine import RetrieverQueryEngine

        from components.bridges.postprocessor import MillracePostprocessor
        from components.bridges.retriever import MillraceRetriever

        engine = RetrieverQueryEngine.from_args(
            MillraceRetriever(corpus.file, 100, overrides=["reranker.use=none"]),
            llm=MockLLM(max_tokens=8),
            node_postprocessors=[MillracePostprocessor(pipeline=corpus.file)],
        )
        answer = engine.query(QUESTION)
        assert len(read) <= 3  # the question for the retriever and the vectors, and the prompt
        expected = MillraceRetriever(corpus.file, 100).retrieve(QUESTION)
        assert [each.node.node_id for each in answer.source_nodes] == [
            each.node.node_id for each in expected
        ]
        np.testing.assert_allclose(
            [each.score or 0.0 for each in answer.source_nodes],
            [each.score or 0.0 for each in expected],
            atol=1e-5,
        )


class TestABudget:
    @pytest.fixture(autouse=True)
    def nothing_learnt(self) -> Iterator[None]:
        paced.learnt.cache_clear()
        yield
        paced.learnt.cache_clear()

    @pytest.fixture
    def corpus(self, tmp_path: Path) -> Corpus:
        made = Corpus(tmp_path, {**HASHING, "reranker": {"use": "slow_scorer:Slow"}})
        (tmp_path / "slow_scorer.py").write_text(SLOW)
        made.fill(18)
        made.refresh()
        return made

    def test_without_one_all_hits_are_read(self, corpus: Corpus) -> None:
        done = call("search", corpus.file, QUESTION, "--json")
        assert done.json["reranked"] == 50
        assert done.err == ""

    def test_the_depth_is_lowered_and_told(self, corpus: Corpus) -> None:
        done = call(
            "search", corpus.file, QUESTION, "--json", "--set", "reranker.rerank_budget_ms=200"
        )
        assert 2 <= done.json["reranked"] <= 32
        assert f"{done.json['reranked']} of 50 hits were reranked" in done.err
        assert "rerank_budget_ms" in done.err

    def test_the_promise_is_kept(self, corpus: Corpus) -> None:
        """The scorer's own time is what counts: a sleep, which is never too short."""
        pipeline = corpus.load(["reranker.rerank_budget_ms=200"])
        search(pipeline, [Query(text=QUESTION)], 5)
        depths, start = [], time.perf_counter()
        for _ in range(5):
            depths += search(pipeline, [Query(text=QUESTION)], 5).reranked.depths
        assert all(2 <= depth <= 32 for depth in depths)
        assert time.perf_counter() - start >= sum(depths) * 0.005

    def test_each_question_of_a_batch_has_its_own(self, corpus: Corpus) -> None:
        pipeline = corpus.load(["reranker.rerank_budget_ms=200"])
        queries = [Query(id=str(at), text=f"{QUESTION} {at}") for at in range(3)]
        found = search(pipeline, queries, 5)
        assert all(2 <= depth <= 40 for depth in found.reranked.depths)
        assert found.reranked.wanted == [50, 50, 50]
