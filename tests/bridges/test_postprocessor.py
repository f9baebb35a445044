"""Our rerankers as node postprocessors of LlamaIndex, and a query engine of both halves."""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any

import numpy as np
import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode

from components.bridges.embedding import MillraceEmbedding
from components.bridges.postprocessor import MillracePostprocessor
from components.bridges.retriever import MillraceRetriever
from components.bridges.transform import MillraceTransform
from components.encoders.hashing import Hashing
from components.errors import BadOption, NothingLive
from tests.corpora import Corpus, prose

HASHING = {"use": "hashing", "width": 64}
FEEDBACK = {"use": "feedback", "interpolate": 0.0, "agreement": -1.0}
BARE = ["reranker.use=none", "retriever.use=dense"]
QUESTION = "river mill wheel number 101"


def feedback(**options: Any) -> MillracePostprocessor:
    return MillracePostprocessor(**{"reranker": FEEDBACK, "encoder": HASHING, **options})


def scored(*texts: str, embedded: bool = False) -> list[NodeWithScore]:
    rows = Hashing(width=64).encode_queries(texts).tolist()
    return [
        NodeWithScore(
            node=TextNode(text=text, id_=text, embedding=row if embedded else None),
            score=1.0 / (1 + at),
        )
        for at, (text, row) in enumerate(zip(texts, rows, strict=True))
    ]


def texts(nodes: list[NodeWithScore]) -> list[str]:
    return [each.node.get_content() for each in nodes]


def scores(nodes: list[NodeWithScore]) -> list[float]:
    return [each.score if each.score is not None else float("nan") for each in nodes]


@pytest.fixture
def refreshed(corpus: Corpus) -> Corpus:
    """Its vectors know the title: those of the texts alone are others."""
    corpus.fill(3)
    corpus.refresh(["encoder.header=wheel {title} weir {title}"])
    return corpus


def test_a_query_engine_with_our_retriever_and_reranker(
    refreshed: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    """The hits and scores are those of the pipeline that has the same stages itself."""
    rerank = [*BARE, "reranker.use=feedback", "reranker.agreement=-1"]
    engine = RetrieverQueryEngine.from_args(
        MillraceRetriever(refreshed.file, 100, overrides=BARE),
        llm=MockLLM(max_tokens=8),
        node_postprocessors=[MillracePostprocessor(pipeline=refreshed.file, overrides=rerank)],
    )
    answer = engine.query(QUESTION)
    assert str(answer)
    expected = MillraceRetriever(refreshed.file, 100, overrides=rerank).retrieve(QUESTION)
    assert len(expected) > 10
    assert [each.node.node_id for each in answer.source_nodes] == [
        each.node.node_id for each in expected
    ]
    np.testing.assert_allclose(scores(answer.source_nodes), scores(expected), atol=1e-5)
    assert not caplog.records
    alone = feedback(reranker={"use": "feedback", "agreement": -1.0}).postprocess_nodes(
        MillraceRetriever(refreshed.file, 100, overrides=BARE).retrieve(QUESTION),
        query_str=QUESTION,
    )
    assert np.abs(np.subtract(scores(alone), scores(expected))).max() > 0.01


def test_a_query_engine_asked_from_async_code(refreshed: Corpus) -> None:
    engine = RetrieverQueryEngine.from_args(
        MillraceRetriever(refreshed.file, 5, overrides=BARE),
        llm=MockLLM(),
        node_postprocessors=[feedback(encoder={}, pipeline=refreshed.file, top_n=2)],
    )

    async def ask() -> Any:
        return await asyncio.gather(engine.aquery(QUESTION), engine.aquery("water"))

    for answer in asyncio.run(ask()):
        assert len(answer.source_nodes) == 2


def test_nodes_stay_the_objects_that_they_are() -> None:
    nodes = scored("mill wheel", "weir", "mill", embedded=True)
    found = feedback().postprocess_nodes(nodes, query_str="mill")
    assert {id(each.node) for each in found} == {id(each.node) for each in nodes}
    assert scores(found) == sorted(scores(found), reverse=True)


def test_the_first_score_is_in_the_metadata_and_no_model_reads_it() -> None:
    nodes = scored("weir", "mill", embedded=True)
    found = feedback().postprocess_nodes(nodes, query_str="mill")
    assert {each.node.node_id: each.node.metadata["first_score"] for each in found} == {
        "weir": 1.0,
        "mill": 0.5,
    }
    for mode in (MetadataMode.LLM, MetadataMode.EMBED):
        assert all("first_score" not in each.node.get_content(mode) for each in found)


def test_a_field_that_is_called_first_score_stays() -> None:
    nodes = scored("weir", "mill", embedded=True)
    for each in nodes:
        each.node.metadata["first_score"] = "two to one"
    for _ in range(2):
        nodes = feedback().postprocess_nodes(nodes, query_str="mill")
    for each in nodes:
        assert each.node.metadata["first_score"] == "two to one"
        assert isinstance(each.node.metadata["chunk.first_score"], float)
        assert "two to one" in each.node.get_content(MetadataMode.LLM)
        assert "chunk.first_score" not in each.node.get_content(MetadataMode.LLM)


def test_a_node_without_a_vector_is_encoded() -> None:
    question = "the weir"
    words = ("mill", "weir", "river water", "the weir of the mill")
    bare = feedback().postprocess_nodes(scored(*words), query_str=question)
    held = feedback().postprocess_nodes(scored(*words, embedded=True), query_str=question)
    assert texts(bare) == texts(held)
    np.testing.assert_allclose(scores(bare), scores(held), atol=1e-5)
    assert texts(bare)[0] != "mill"


def test_own_vectors_go_before_the_text() -> None:
    nodes = scored("mill", "weir", embedded=True)
    nodes[0].node.embedding, nodes[1].node.embedding = (
        nodes[1].node.embedding,
        nodes[0].node.embedding,
    )
    options = {**FEEDBACK, "weight": 0.0}
    found = feedback(reranker=options).postprocess_nodes(nodes, query_str="mill")
    assert texts(found) == ["weir", "mill"]


def test_nodes_that_the_live_index_lacks_are_encoded(
    refreshed: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    found = feedback(encoder={}, pipeline=refreshed.file).postprocess_nodes(
        scored("mill", "weir"), query_str="weir"
    )
    assert set(texts(found)) == {"mill", "weir"}
    assert "encoded from their text alone" in caplog.text


def test_nodes_of_a_vector_store_index() -> None:
    transform = MillraceTransform(splitter={"use": "sentence"}, encoder=HASHING)
    nodes = transform([Document(text=prose(at), id_=str(at)) for at in range(3)])
    index = VectorStoreIndex(nodes, embed_model=MillraceEmbedding(encoder=HASHING))
    engine = index.as_query_engine(
        llm=MockLLM(), similarity_top_k=8, node_postprocessors=[feedback(top_n=3)]
    )
    answer = engine.query(prose(1).split(".")[0])
    assert len(answer.source_nodes) == 3
    assert answer.source_nodes[0].node.ref_doc_id == "1"


def test_scores_may_be_absent_and_nodes_out_of_order() -> None:
    without = [NodeWithScore(node=each.node) for each in scored("a mill", "b weir")]
    keep = MillracePostprocessor(reranker={"use": "none"})
    assert texts(keep.postprocess_nodes(without, query_str="x")) == ["a mill", "b weir"]
    backwards = scored("a mill", "b weir")[::-1]
    assert texts(keep.postprocess_nodes(backwards, query_str="x")) == ["a mill", "b weir"]
    assert keep.postprocess_nodes([], query_str="x") == []


def test_a_vector_of_another_model_is_refused() -> None:
    nodes = scored("mill", "weir", embedded=True)
    with pytest.raises(BadOption, match="has a vector of 64 numbers, the question's has 32"):
        feedback(encoder={"use": "hashing", "width": 32}).postprocess_nodes(nodes, query_str="x")


def test_what_it_needs_is_told_when_it_is_made_or_asked(corpus: Corpus) -> None:
    with pytest.raises(BadOption, match="'feedback' needs vectors"):
        MillracePostprocessor(reranker=FEEDBACK)
    with pytest.raises(BadOption, match="needs the question"):
        feedback().postprocess_nodes(scored("mill"))
    with pytest.raises(NothingLive):
        feedback(encoder={}, pipeline=corpus.file).postprocess_nodes(
            scored("mill"), query_str="mill"
        )


def test_it_survives_pickling_and_json(refreshed: Corpus) -> None:
    of_file = feedback(encoder={}, pipeline=refreshed.file, top_n=1)
    for each in (feedback(top_n=1), of_file):
        expected = texts(each.postprocess_nodes(scored("mill", "weir"), query_str="weir"))
        kept = json.loads(each.to_json())
        assert kept["class_name"] == "MillracePostprocessor"
        for copy in (pickle.loads(pickle.dumps(each)), MillracePostprocessor.from_dict(kept)):
            assert texts(copy.postprocess_nodes(scored("mill", "weir"), query_str="weir")) == (
                expected
            )
