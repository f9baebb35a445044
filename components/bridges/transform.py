"""A Millrace splitter and encoder for LlamaIndex, as one transformation.

Importing this module imports LlamaIndex.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any, Self

from components import spec
from components.bridges import chosen, documents, encoding
from components.bridges.chosen import File, Stage
from components.corpus.reading import content_hash
from components.errors import MissingExtra
from components.indexes.payload import chunk_id
from components.values import Document, Matrix, Span

try:
    from llama_index.core.bridge.pydantic import Field, model_validator
    from llama_index.core.schema import (
        BaseNode,
        MetadataMode,
        NodeRelationship,
        TextNode,
        TransformComponent,
    )
except ModuleNotFoundError as error:
    raise MissingExtra("the transformation needs the package 'llama-index-core'").at(
        hint="install millrace[llama-index]"
    ) from error


class MillraceTransform(TransformComponent):
    """Documents in, nodes with vectors out; a vector knows what the encoder lets it know.

    Splitting and embedding are one step because late chunking needs the document around a node.
    Making one reads the pipeline file, if it is given one, and nothing else. Raises UserError.
    """

    pipeline: File = Field(
        default="", description="The pipeline file whose splitter and encoder are used."
    )
    overrides: list[str] = Field(
        default_factory=list, description="stage.option=value, for the pipeline file."
    )
    splitter: Stage = Field(
        default_factory=dict,
        description="The splitter instead, as in a pipeline file: {'use': 'sentences', …}.",
    )
    encoder: Stage = Field(
        default_factory=dict,
        description="The encoder instead, as in a pipeline file: {'use': 'late', …}.",
    )

    @model_validator(mode="after")
    def _choose(self) -> Self:
        self.splitter = chosen.resolved("splitter", self.splitter, self.pipeline, self.overrides)
        self.encoder = chosen.resolved("encoder", self.encoder, self.pipeline, self.overrides)
        chosen.build("splitter", self.splitter, self.pipeline)
        chosen.build("encoder", self.encoder, self.pipeline)
        return self

    @classmethod
    def class_name(cls) -> str:
        """As LlamaIndex stores it."""
        return "MillraceTransform"

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """With the fingerprint of both stages, so that LlamaIndex's cache knows other weights."""
        stages = {
            "splitter": chosen.choice(self.splitter),
            "encoder": chosen.choice(self.encoder),
        }
        return {**super().to_dict(**kwargs), "fingerprint": spec.fingerprint(stages)}

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[TextNode]:
        """The nodes of each document, in order; none of one without text. Raises BadDocument.

        Offsets are in the text of the SOURCE document where that is known. The same documents get
        the same ids each time.
        """
        splitter = chosen.build("splitter", self.splitter, self.pipeline)
        encoder = chosen.build("encoder", self.encoder, self.pipeline)
        read = _read(nodes)
        spans = [splitter.split(each, encoder.tokenizer) for each in read]
        vectors = encoding.of_documents(encoder, read, spans)
        ids = _ids(read, spans, encoder.fields)
        return list(chain.from_iterable(map(_cut, nodes, read, spans, ids, vectors)))

    async def acall(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[TextNode]:
        """The same, in a thread."""
        return await asyncio.to_thread(self.__call__, nodes, **kwargs)


def _read(nodes: Sequence[BaseNode]) -> list[Document]:
    read = []
    for node in nodes:
        text = node.get_content(MetadataMode.NONE)
        id = documents.stable_id(node, text)
        read.append(documents.document(id, text, documents.flat(node.metadata)))
    return read


def _ids(
    read: Sequence[Document], spans: Sequence[Sequence[Span]], fields: frozenset[str]
) -> list[list[str]]:
    """An id per span. Documents alike in all are told apart by number: stores want unique ids."""
    seen: Counter[tuple[str, str]] = Counter()
    ids = []
    for document, own in zip(read, spans, strict=True):
        version = content_hash(document, fields)
        earlier = seen[document.id, version]
        seen[document.id, version] += 1
        name = f"{document.id}#{earlier + 1}" if earlier else document.id
        ids.append([chunk_id(name, version, span) for span in own])
    return ids


def _cut(
    node: BaseNode, document: Document, spans: Sequence[Span], ids: Sequence[str], vectors: Matrix
) -> list[TextNode]:
    source = node.source_node or node.as_related_node_info()
    before = getattr(node, "start_char_idx", None) if node.source_node else 0
    cut = [
        TextNode(
            id_=id,
            text=document.text[span.start : span.end],
            embedding=vector.tolist(),
            start_char_idx=None if before is None else before + span.start,
            end_char_idx=None if before is None else before + span.end,
            metadata=dict(node.metadata),
            relationships={NodeRelationship.SOURCE: source},
            **_formats(node),
        )
        for span, id, vector in zip(spans, ids, vectors, strict=True)
    ]
    for left, right in pairwise(cut):
        left.relationships[NodeRelationship.NEXT] = right.as_related_node_info()
        right.relationships[NodeRelationship.PREVIOUS] = left.as_related_node_info()
    return cut


def _formats(node: BaseNode) -> dict[str, Any]:
    """How a node shows its metadata, which its parts do alike."""
    names = (
        "excluded_embed_metadata_keys",
        "excluded_llm_metadata_keys",
        "metadata_template",
        "metadata_separator",
        "text_template",
    )
    return {name: getattr(node, name) for name in names if hasattr(node, name)}
