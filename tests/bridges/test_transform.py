"""Our splitter and encoder as one transformation of LlamaIndex."""

from __future__ import annotations

import asyncio
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llama_index.core import Document, MockEmbedding, VectorStoreIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import BaseNode, NodeRelationship, TextNode
from llama_index.core.vector_stores import SimpleVectorStore

from components import spec
from components.bridges.embedding import MillraceEmbedding
from components.bridges.transform import MillraceTransform
from components.encoders.late import Late
from components.errors import BadDocument, SpecError
from components.values import Document as Ours
from components.values import Span
from tests.contracts.encoder import encoded
from tests.corpora import Corpus, prose

HASHING = {"use": "hashing", "width": 64}
SENTENCES = {"use": "sentence"}
LATE = {"use": "late", "precision": "fp32"}
TEXT = "The mill stands by the river. Its wheel turns the stone. It grinds 中文 😀 grain."


def plain(**options: Any) -> MillraceTransform:
    return MillraceTransform(**{"splitter": SENTENCES, "encoder": HASHING, **options})


def document(text: str = TEXT, **fields: Any) -> Document:
    return Document(text=text, **{"id_": "mill", **fields})


def offsets(node: BaseNode) -> tuple[int, int]:
    assert isinstance(node, TextNode)
    assert node.start_char_idx is not None
    assert node.end_char_idx is not None
    return node.start_char_idx, node.end_char_idx


def rows(nodes: list[TextNode]) -> Any:
    return np.array([each.embedding for each in nodes], dtype=np.float32)


@pytest.mark.parametrize(
    "splitter",
    [
        SENTENCES,
        {"use": "tokens", "max_tokens": 8},
        {"use": "llama_index:SentenceSplitter", "chunk_size": 16},
    ],
)
def test_offsets_are_exact(splitter: dict[str, Any]) -> None:
    texts = [TEXT, prose(3), f"  {prose(4, 2)}\n\n{prose(5, 3)} "]
    documents = [document(text, id_=str(at)) for at, text in enumerate(texts)]
    nodes = plain(splitter=splitter)(documents)
    assert {each.ref_doc_id for each in nodes} == {"0", "1", "2"}
    for node in nodes:
        start, end = offsets(node)
        assert texts[int(node.ref_doc_id or "")][start:end] == node.text


def test_late_chunking_reaches_the_nodes() -> None:
    """The vectors are those of the encoder that has read the whole document."""
    source = document(metadata={"title": "A water mill"})
    late = {**LATE, "header": "{title}"}
    nodes = IngestionPipeline(transformations=[plain(encoder=late)]).run(documents=[source])
    spans = [Span(*offsets(node)) for node in nodes]
    ours = Ours(id="mill", text=TEXT, title="A water mill")
    (expected,) = encoded(Late(precision="fp32", header="{title}"), [ours], [spans])
    assert len(spans) == 3
    found = rows([each for each in nodes if isinstance(each, TextNode)])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    alone = MillraceEmbedding(encoder=LATE).get_text_embedding_batch(
        [n.get_content() for n in nodes]
    )
    likeness = np.einsum("ij,ij->i", found, np.array(alone, dtype=np.float32))
    assert (likeness < 0.99).all(), "a text that is embedded alone knows nothing around it"


def test_metadata_and_relationships_are_kept() -> None:
    source = document(
        metadata={"title": "Mill", "deep": {"a": [1]}},
        excluded_embed_metadata_keys=["deep"],
        excluded_llm_metadata_keys=["title"],
        metadata_template="{key}={value}",
        text_template="{metadata_str}|{content}",
    )
    first, second, third = plain()([source])
    for node in (first, second, third):
        assert node.metadata == source.metadata
        assert node.metadata is not source.metadata
        assert node.source_node == source.as_related_node_info()
        assert node.excluded_embed_metadata_keys == ["deep"]
        assert node.excluded_llm_metadata_keys == ["title"]
        assert node.metadata_template == "{key}={value}"
        assert node.text_template == "{metadata_str}|{content}"
    assert NodeRelationship.PREVIOUS not in first.relationships
    assert second.prev_node == first.as_related_node_info()
    assert second.next_node == third.as_related_node_info()
    assert NodeRelationship.NEXT not in third.relationships


def test_ids_are_those_of_the_same_content() -> None:
    ids = [node.node_id for node in plain()([document()])]
    assert len(set(ids)) == 3
    assert [node.node_id for node in plain()([document(), document("Else.", id_="b")])][:3] == ids
    assert ids[0] not in {node.node_id for node in plain()([document(TEXT + " More.")])}
    assert not set(ids) & {node.node_id for node in plain()([document(id_="other")])}


def test_random_ids_of_documents_do_not_count() -> None:
    once, again = (
        plain()([Document(text=TEXT, metadata={"file_path": "a.md"}), Document(text=TEXT)])
        for _ in range(2)
    )
    ids = [node.node_id for node in once]
    assert ids == [node.node_id for node in again]
    assert len(set(ids)) == 6
    assert once[0].ref_doc_id != again[0].ref_doc_id


def test_documents_that_are_alike_have_nodes_of_their_own() -> None:
    nodes = plain()([Document(text=TEXT), Document(text=TEXT)])
    assert len({node.node_id for node in nodes}) == 6


def test_parts_of_a_document_keep_its_offsets_and_source() -> None:
    whole = document()
    parts = [
        TextNode(text=TEXT[30:], start_char_idx=30, id_="part"),
        TextNode(text=TEXT[30:], id_="nowhere"),
    ]
    for part in parts:
        part.relationships[NodeRelationship.SOURCE] = whole.as_related_node_info()
    nodes = plain()(parts)
    assert {node.ref_doc_id for node in nodes} == {"mill"}
    for node in nodes[:2]:
        start, end = offsets(node)
        assert TEXT[start:end] == node.text
    assert [node.start_char_idx for node in nodes[2:]] == [None, None]


def test_a_document_without_text_has_no_nodes() -> None:
    assert plain()([]) == []
    assert [
        node.ref_doc_id for node in plain()([document(" ", id_="a"), document("b", id_="b")])
    ] == ["b"]


def test_a_splitter_that_cannot_cut_the_text_is_named() -> None:
    shouting = {"use": "llama_index:tests.bridges.readers.Shouting", "chunk_size": 5}
    with pytest.raises(BadDocument, match="does not follow the node before"):
        plain(splitter=shouting)([document()])


def test_the_stages_of_a_pipeline_file(corpus: Corpus) -> None:
    of_file = MillraceTransform(pipeline=corpus.file)
    assert (of_file.splitter["use"], of_file.encoder["use"]) == ("sentences", "hashing")
    mixed = MillraceTransform(pipeline=corpus.file, splitter={"use": "whole"})
    assert (mixed.splitter["use"], mixed.encoder["width"]) == ("whole", 64)
    with pytest.raises(SpecError, match="no such pipeline file"):
        MillraceTransform(pipeline="nowhere.yaml")


def test_it_survives_pickling_and_json() -> None:
    transform = plain()
    nodes = transform([document()])
    kept = json.loads(transform.to_json())
    assert kept["class_name"] == "MillraceTransform"
    for copy in (pickle.loads(pickle.dumps(transform)), MillraceTransform.from_dict(kept)):
        assert copy == transform
        assert copy([document()]) == nodes


def test_async_gives_the_same() -> None:
    pipeline = IngestionPipeline(transformations=[plain()], disable_cache=True)
    assert asyncio.run(pipeline.arun(documents=[document()])) == plain()([document()])


def test_the_cache_of_llama_index_knows_the_options_apart() -> None:
    pipeline = IngestionPipeline(transformations=[plain()])
    first = pipeline.run(documents=[document()])
    assert [node.node_id for node in pipeline.run(documents=[document()])] == [
        node.node_id for node in first
    ]
    pipeline.transformations = [plain(encoder={"use": "hashing", "width": 96})]
    other = pipeline.run(documents=[document()])
    assert {len(node.embedding or []) for node in other} == {96}


def test_a_vector_store_index_over_its_nodes() -> None:
    store = SimpleVectorStore()
    documents = [document(prose(at), id_=str(at)) for at in range(4)]
    nodes = IngestionPipeline(transformations=[plain()], vector_store=store).run(
        documents=documents
    )
    assert set(store.data.embedding_dict) == {node.node_id for node in nodes}
    # Vectors that are there are not made again: MockEmbedding's would all be alike.
    index = VectorStoreIndex(nodes, embed_model=MockEmbedding(embed_dim=64))
    retriever = index.as_retriever(
        similarity_top_k=1, embed_model=MillraceEmbedding(encoder=HASHING)
    )
    (found,) = retriever.retrieve(prose(2).split(".")[0])
    assert found.node.ref_doc_id == "2"
    assert found.node.get_content().strip() == prose(2).split(".")[0] + "."


def test_a_pipeline_file_is_read_once(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    read = spec.read
    found: list[Path] = []

    def counted(file: Path) -> spec.PipelineFile:
        found.append(file)
        return read(file)

    monkeypatch.setattr(spec, "read", counted)
    made = MillraceTransform(pipeline=corpus.file)
    assert found == [corpus.file]
    assert MillraceTransform.from_dict(made.to_dict())([document()])
    assert found == [corpus.file], "what is chosen is known without the file"
