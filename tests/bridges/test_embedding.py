"""Our encoders as LlamaIndex' embedding model."""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter

from components import registry
from components.bridges.embedding import MillraceEmbedding
from components.encoders.hashing import Hashing
from components.encoders.naive import Naive
from components.errors import BadOption, SpecError, UnknownComponent
from components.values import Document as Ours
from components.values import Span
from tests.corpora import Corpus

HASHING = {"use": "hashing", "width": 64}
TEXT = "The wheel of the mill turns."


def near(left: Any, right: Any) -> None:
    np.testing.assert_allclose(np.asarray(left), np.asarray(right), atol=1e-5)


def test_texts_are_documents_and_queries_are_queries() -> None:
    class_of_words = "llama_index:tests.bridges.embeddings.Asymmetric"
    embedding = MillraceEmbedding(encoder={"use": class_of_words})
    encoder = registry.build("encoder", registry.resolve("encoder", class_of_words, {}))
    (block,) = encoder.encode_documents([Ours(id="d", text=TEXT)], [[Span(0, len(TEXT))]])
    near(embedding.get_text_embedding(TEXT), block.vectors[0])
    near(embedding.get_query_embedding(TEXT), encoder.encode_queries([TEXT])[0])
    assert embedding.get_text_embedding(TEXT)[0] < 0.8 < embedding.get_query_embedding(TEXT)[0]


def test_a_model_of_ours() -> None:
    embedding = MillraceEmbedding(encoder={"use": "naive", "precision": "fp32"})
    assert embedding.model_name == "naive/minilm"
    expected = Naive(precision="fp32").encode_queries([TEXT])
    near(embedding.get_query_embedding(TEXT), expected[0])


def test_the_encoder_of_a_pipeline_file(corpus: Corpus) -> None:
    embedding = MillraceEmbedding(pipeline=corpus.file)
    near(embedding.get_text_embedding(TEXT), Hashing(width=64).encode_queries([TEXT])[0])
    wider = MillraceEmbedding(pipeline=str(corpus.file), overrides=["encoder.width=96"])
    assert len(wider.get_text_embedding(TEXT)) == 96


def test_without_any_choice_it_is_the_default() -> None:
    assert MillraceEmbedding().encoder["use"] == "naive"


def test_batches_and_blank_texts() -> None:
    embedding = MillraceEmbedding(encoder=HASHING, embed_batch_size=2)
    texts = [TEXT, "", "Flour", " \n", "Water\ud800flows"]
    rows = embedding.get_text_embedding_batch(texts)
    near(np.linalg.norm(rows, axis=1), np.ones(5))
    near(rows[2], embedding.get_text_embedding("Flour"))
    assert embedding.get_text_embedding_batch([]) == []


def test_async_methods_give_the_same() -> None:
    embedding = MillraceEmbedding(encoder=HASHING, embed_batch_size=1)
    texts = [f"{TEXT} {number}" for number in range(8)]

    async def asked() -> Any:
        return (
            await embedding.aget_query_embedding(TEXT),
            await embedding.aget_text_embedding(TEXT),
            await embedding.aget_text_embedding_batch(texts),
        )

    query, text, batch = asyncio.run(asked())
    near(query, embedding.get_query_embedding(TEXT))
    near(text, embedding.get_text_embedding(TEXT))
    near(batch, embedding.get_text_embedding_batch(texts))


def test_it_survives_pickling_and_json(corpus: Corpus) -> None:
    embedding = MillraceEmbedding(pipeline=corpus.file, embed_batch_size=7)
    row = embedding.get_text_embedding(TEXT)
    kept = json.loads(embedding.to_json())
    assert kept["class_name"] == "MillraceEmbedding"
    for copy in (pickle.loads(pickle.dumps(embedding)), MillraceEmbedding.from_dict(kept)):
        assert copy.to_dict() == embedding.to_dict()
        near(copy.get_text_embedding(TEXT), row)
    corpus.file.unlink()
    assert MillraceEmbedding.from_dict(kept).encoder == embedding.encoder, "the choice is complete"


def test_a_component_beside_the_pipeline_file_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "beside_mine.py").write_text(
        "from dataclasses import dataclass\n"
        "from components.encoders.hashing import Hashing\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Mine(Hashing):\n    pass\n"
    )
    use = {"use": "beside_mine:Mine", "width": 32}
    corpus = Corpus(
        tmp_path, {"name": "x", "source": {"use": "files", "path": "."}, "encoder": use}
    )
    embedding = MillraceEmbedding(pipeline=corpus.file)
    embedding.get_text_embedding(TEXT)
    code = (
        "import pickle, sys\nprint(len(pickle.load(sys.stdin.buffer).get_text_embedding('mill')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(embedding),
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == b"32"


def test_making_one_loads_no_model() -> None:
    code = (
        "import sys\n"
        "from components.bridges.embedding import MillraceEmbedding\n"
        "from components.bridges.transform import MillraceTransform\n"
        "from components.bridges.postprocessor import MillracePostprocessor\n"
        "made = MillraceEmbedding(), MillraceTransform(encoder={'use': 'late'})\n"
        "made += (MillracePostprocessor(reranker={'use': 'feedback'}, encoder={'use': 'late'}),)\n"
        "[each.to_dict() for each in made]\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"encoder": {"use": "nave"}}, UnknownComponent, "no encoder is called 'nave'"),
        ({"encoder": {"use": "naive", "widht": 3}}, BadOption, "has no option 'widht'"),
        ({"encoder": {"model": "minilm"}}, SpecError, "needs a name under 'use'"),
        ({"overrides": ["encoder.use=late"]}, BadOption, "none is given"),
        ({"pipeline": "nowhere.yaml"}, SpecError, "no such pipeline file"),
    ],
)
def test_mistakes_are_told_when_it_is_made(
    options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        MillraceEmbedding(**options)


def test_a_vector_store_index_on_it_finds_the_text() -> None:
    documents = [
        Document(text=TEXT, id_="mill"),
        Document(text="Water flows over the weir.", id_="weir"),
    ]
    index = VectorStoreIndex.from_documents(
        documents,
        embed_model=MillraceEmbedding(encoder=HASHING),
        transformations=[SentenceSplitter(chunk_size=64, chunk_overlap=0)],
    )
    (found,) = index.as_retriever(similarity_top_k=1).retrieve("the wheel of the mill")
    assert found.node.ref_doc_id == "mill"


def test_llama_index_caches_by_what_decides_the_vectors() -> None:
    documents = [Document(text=TEXT, id_="mill")]
    kinds = [HASHING, HASHING, {**HASHING, "width": 96}]
    pipeline = IngestionPipeline(transformations=[SentenceSplitter()])
    rows = []
    for each in kinds:
        pipeline.transformations = [SentenceSplitter(), MillraceEmbedding(encoder=each)]
        (node,) = pipeline.run(documents=documents)
        assert node.embedding is not None
        rows.append(len(node.embedding))
    assert rows == [64, 64, 96]
