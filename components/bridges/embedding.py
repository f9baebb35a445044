"""A Millrace encoder for LlamaIndex: its embedding model.

Importing this module imports LlamaIndex.
"""

from __future__ import annotations

import asyncio
from typing import Any, Self

from components.bridges import chosen, encoding
from components.bridges.chosen import File, Stage
from components.bridges.foreign import needed
from components.stages import Encoder

with needed("the embedding"):
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.bridge.pydantic import Field, model_validator


class MillraceEmbedding(BaseEmbedding):
    """An encoder by itself: a text is embedded as a document of one span, alone.

    What knows a text's surroundings, such as late chunking, needs MillraceTransform. Making one
    reads the pipeline file, if it is given one, and nothing else. Raises UserError.
    """

    pipeline: File = Field(default="", description="The pipeline file whose encoder it is.")
    overrides: list[str] = Field(
        default_factory=list, description="stage.option=value, for the pipeline file."
    )
    encoder: Stage = Field(
        default_factory=dict,
        description="The encoder instead, as in a pipeline file: {'use': 'naive', …}.",
    )
    embed_batch_size: int = Field(
        default=256, description="Texts of a call; the encoder cuts them by tokens.", gt=0, le=2048
    )

    @model_validator(mode="after")
    def _choose(self) -> Self:
        read = chosen.once(self.pipeline, self.overrides)
        self.encoder = chosen.resolved("encoder", self.encoder, read)
        if self.model_name == "unknown":
            of = self.encoder.get("model") or self.encoder.get("model_name") or ""
            self.model_name = "/".join(filter(None, [self.encoder["use"], str(of)]))
        chosen.build("encoder", self.encoder, self.pipeline)
        return self

    @classmethod
    def class_name(cls) -> str:
        """As LlamaIndex stores it."""
        return "MillraceEmbedding"

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """With the fingerprint of the encoder, so that LlamaIndex's cache knows other weights."""
        found = chosen.fingerprint(encoder=self.encoder)
        return {**super().to_dict(**kwargs), "fingerprint": found}

    @property
    def _made(self) -> Encoder:
        made: Encoder = chosen.build("encoder", self.encoder, self.pipeline)
        return made

    def _get_query_embedding(self, query: str) -> list[float]:
        found: list[list[float]] = encoding.of_questions(self._made, [query]).tolist()
        return found[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        found: list[list[float]] = encoding.of_texts(self._made, texts).tolist()
        return found

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)
