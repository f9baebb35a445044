"""Embeddings as packages of others have them: words in buckets, and what goes wrong."""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr


class Mode(StrEnum):
    """A default that is more than its text."""

    TEXT = "text"


class Words(BaseEmbedding):
    """Counts words; vectors are of any length."""

    size: int = 96
    tokenizer: str | None = None

    def _get_text_embedding(self, text: str) -> list[float]:
        vector = [1e-3] * self.size
        for word in text.lower().split():
            vector[zlib.crc32(word.encode()) % self.size] += 1.0
        return vector

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class Asymmetric(Words):
    """Has a mark of its own for queries."""

    query_mark: float = 5.0

    def _get_query_embedding(self, query: str) -> list[float]:
        return [self.query_mark, *self._get_text_embedding(query)[1:]]


class Remote(Words):
    """A server that wants a key, and says so with the key in the message."""

    _key: str = PrivateAttr()
    _down: bool = PrivateAttr()

    def __init__(
        self,
        api_key: str,
        down: bool = False,
        mode: str = Mode.TEXT,
        longest: int = None,  # type: ignore[assignment]  # noqa: RUF013
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        assert isinstance(mode, Mode)
        if api_key == "bad":
            raise ValueError(f"the key {api_key} has the wrong form")
        self._key, self._down = api_key, down

    def _get_text_embedding(self, text: str) -> list[float]:
        if self._down:
            raise ConnectionError(f"no answer for {self._key}")
        return super()._get_text_embedding(text)


class Broken(Words):
    """Gives what is no vector."""

    how: str = "zero"

    def _get_text_embedding(self, text: str) -> list[float]:
        if self.how == "ragged":
            return [1.0] * (1 + len(text))
        return [float("nan") if self.how == "nan" else 0.0] * self.size
