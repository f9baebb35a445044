"""LlamaIndex's default in our stages, beside LlamaIndex itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llama_index.core")

from llama_index.core import Document as Foreign
from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.node_parser import SentenceSplitter

from components.encoders.naive import Naive
from components.encoders.tokenizers import WordTokenizer
from components.values import Document, Span
from evals.compare.evaluate import evaluate
from evals.compare.plan import plan
from evals.compare.request import Request
from evals.compare.run import answered
from evals.datasets import catalogue
from evals.defaults.llama_index import Beginning, Nodes
from evals.defaults.table import SYSTEMS
from tests.corpora import prose
from tests.evals.folders import made


def test_a_span_begins_where_a_node_does() -> None:
    text = "\n\n".join(prose(number, 40) for number in range(12))
    spans = Nodes().split(Document(id="d", text=text), WordTokenizer())
    nodes = SentenceSplitter().split_text(text)
    assert len(nodes) > 3
    assert len(spans) == len(nodes)
    for span, node in zip(spans, nodes, strict=True):
        assert text[span.start :].lstrip().startswith(node)
    assert (spans[0].start, spans[-1].end) == (0, len(text))


def test_texts_that_come_again_and_pages() -> None:
    text = "The same line, again and again. " * 1500
    spans = Nodes().split(Document(id="d", text=text), WordTokenizer())
    assert len(spans) == len(SentenceSplitter().split_text(text))
    second = len(text) // 2
    paged = Document(id="d", text=text, page_starts=(0, second))
    assert second in [each.start for each in Nodes().split(paged, WordTokenizer())]
    assert Nodes().split(Document(id="d", text=" \n "), WordTokenizer()) == []


@pytest.mark.slow
def test_the_beginning_of_a_span_is_what_is_read() -> None:
    encoder = Beginning(tokens=3, cache=None)
    text = "The wheel turns by water. Grain becomes flour in the mill."
    spans = [Span(0, 26), Span(26, len(text))]
    (block,) = encoder.encode_documents([Document(id="d", text=text)], [spans])
    told = Naive(cache=None).encode_queries(["The wheel turns", "Grain becomes flour"])
    assert np.allclose(block.vectors, told, atol=1e-5)


class Model(BaseEmbedding):
    """MiniLM as sentence-transformers has it: of a text its first 254 tokens and two marks."""

    def _get_text_embedding(self, text: str) -> list[float]:
        encoder = Naive(cache=None)
        last = encoder.tokenizer.tokens(text).last[:254]
        found: list[float] = encoder.encode_queries([text[: last[-1] + 1]])[0].tolist()
        return found

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


@pytest.mark.slow
def test_the_ranking_is_that_of_a_vector_store_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_CACHE", str(tmp_path / "cache"))
    texts = {f"d{n}": " ".join(prose(n + 20 * part, 45) for part in range(2)) for n in range(5)}
    texts |= {f"s{n}": prose(100 + n, 2) for n in range(5)}
    asked = [texts["d1"][-90:-1], texts["d3"][:80], texts["s2"][:60]]
    rows = [{"_id": id, "title": "", "text": text} for id, text in texts.items()]
    queries = [{"_id": f"q{n}", "text": text} for n, text in enumerate(asked)]
    data = catalogue.load(
        made(tmp_path / "mill", rows, queries, [f"q{n}\td1\t1" for n in range(3)])
    )
    of = plan(Request(files=[SYSTEMS / "llama-index.yaml"], data=data, home=tmp_path / "home"))
    assert answered(of) == {}
    (system,) = of.systems
    found = evaluate(system, data, home=tmp_path / "home").rankings
    index = VectorStoreIndex.from_documents(
        [Foreign(text=text, id_=id) for id, text in texts.items()], embed_model=Model()
    )
    assert len(index.index_struct.nodes_dict) > len(texts)
    retriever = index.as_retriever(similarity_top_k=100)
    for question in data.questions:
        nodes = retriever.retrieve(question.text)
        best = dict[str, float]()
        for each in nodes:
            best.setdefault(str(each.node.ref_doc_id), float(each.score or 0))
        own = found[question.id]
        assert list(own.units) == list(best)
        assert np.allclose(own.scores, [*best.values()], atol=2e-3)
