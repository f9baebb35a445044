"""A model behind an OpenAI-compatible `/v1/embeddings`: vLLM and others serve one.

The server must pool the last token, and add no special token of its own: E²Rank's tokenizer adds
none, so the end of a document is written here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from components.encoders.kernel import unit
from components.errors import BadOption, MissingExtra, Unavailable
from components.values import Matrix

_TEXTS = 32
"""Sent at once."""
_RETRIES = 4
_SECONDS = 60.0


@dataclass(frozen=True)
class Endpoint:
    """`address` ends in /v1; `key` names the environment variable that holds the key, if any."""

    address: str
    model: str
    key: str
    counts: Callable[[str], int]
    """Tokens of a text, by a tokenizer that is at hand."""
    end: str
    """What ends a document."""
    width: int | None
    """Components kept of each vector; None: all."""

    @property
    def longest(self) -> int:
        """See `Embedder`: what E²Rank's models read."""
        return 32_768

    def length(self, text: str) -> int:
        """See `Embedder`."""
        return self.counts(text)

    def prompts(self, texts: Sequence[str]) -> Matrix:
        """See `Embedder`. Raises Unavailable, BadOption."""
        return self._embedded(texts)

    def documents(self, texts: Sequence[str]) -> Matrix:
        """See `Embedder`. Raises Unavailable, BadOption."""
        return self._embedded(text + self.end for text in texts)

    def _embedded(self, texts: Iterable[str]) -> Matrix:
        left, rows = iter(texts), []
        with self._client() as client:
            while batch := list(islice(left, _TEXTS)):
                rows += self._asked(client, batch)
        if not rows:
            return np.zeros((0, self.width or 0), np.float32)
        return unit(np.array(rows, dtype=np.float32)[:, : self.width])

    def _asked(self, client: Any, texts: Sequence[str]) -> list[list[float]]:
        import openai

        try:
            answer = client.embeddings.create(
                model=self.model, input=texts, encoding_format="float"
            )
        except openai.APIStatusError as error:
            kind = (
                Unavailable if error.status_code >= 500 or error.status_code == 429 else BadOption
            )
            raise kind(f"the endpoint refused: {error.status_code} {self._reason(error)}").at(
                where=self.address, hint=f"does it serve {self.model}? is the key right?"
            ) from None
        except openai.OpenAIError as error:
            raise Unavailable(f"the endpoint did not answer: {self._reason(error)}").at(
                where=self.address, hint="is it running, and is the address right?"
            ) from None
        found = {each.index: each.embedding for each in answer.data}
        if sorted(found) != list(range(len(texts))):
            raise Unavailable(f"{len(found)} vectors came for {len(texts)} texts").at(
                where=self.address
            )
        return [found[at] for at in range(len(texts))]

    def _client(self) -> Any:
        try:
            import openai
        except ModuleNotFoundError:
            raise MissingExtra("an endpoint needs the package 'openai'").at(
                where="reranker.endpoint", hint="install millrace[endpoints]"
            ) from None
        return openai.OpenAI(
            base_url=self.address,
            api_key=self._secret or "none",
            max_retries=_RETRIES,
            timeout=_SECONDS,
        )

    @property
    def _secret(self) -> str:
        return os.environ.get(self.key, "")

    def _reason(self, error: Exception) -> str:
        """What went wrong, in a line. Some servers repeat the key that they refuse."""
        reason = " ".join(str(error).split())[:200]
        return reason.replace(self._secret, "…") if self._secret else reason
