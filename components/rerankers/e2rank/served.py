"""A model behind an OpenAI-compatible `/v1/embeddings`: vLLM and others serve one.

The server must pool the last token, and add no special token of its own: E²Rank's tokenizer adds
none, so the end of a document is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from components.encoders.kernel import unit
from components.endpoint.address import HINTS, Address
from components.errors import BadOption, EndpointUnavailable
from components.values import Matrix

_TEXTS = 32
"""Sent at once."""
_RETRIES = 4
_SECONDS = 60.0


@dataclass(frozen=True)
class ServedModel:
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
        return self.counts(text)

    def prompts(self, texts: Sequence[str]) -> Matrix:
        """See `Embedder`. Raises EndpointUnavailable, BadOption."""
        return self._embedded(texts)

    def documents(self, texts: Sequence[str]) -> Matrix:
        """See `Embedder`. Raises EndpointUnavailable, BadOption."""
        return self._embedded(text + self.end for text in texts)

    def _embedded(self, texts: Iterable[str]) -> Matrix:
        left, made = iter(texts), []
        with self._reached.client(seconds=_SECONDS, retries=_RETRIES) as client:
            while batch := list(islice(left, _TEXTS)):
                made.append(self._asked(client, batch))
        if not made:
            return np.zeros((0, self.width or 0), np.float32)
        return unit(np.concatenate(made)[:, : self.width])

    def _asked(self, client: Any, texts: Sequence[str]) -> Matrix:
        import openai

        try:
            answer = client.embeddings.create(
                model=self.model, input=texts, encoding_format="float"
            )
            return _rows(answer.data, len(texts))
        except openai.APIStatusError as error:
            passing = error.status_code >= 500 or error.status_code == 429
            kind = EndpointUnavailable if passing else BadOption
            told = self._reached.told(error)
            raise kind(f"the endpoint refused: {error.status_code} {told}").at(
                where=self.address,
                hint=_HINTS.get(error.status_code, f"does it serve {self.model}?"),
            ) from None
        except openai.OpenAIError as error:
            raise self._reached.silent(error) from None
        except (AttributeError, TypeError, ValueError) as error:
            raise EndpointUnavailable(f"the endpoint's answer is no embeddings: {error}").at(
                where=self.address, hint="does the address end in /v1?"
            ) from None

    @property
    def _reached(self) -> Address:
        return Address(self.address, self.key)


_HINTS = {**HINTS, 400: "a text may be too long for it: lower reranker.tokens or reranker.words"}


def _rows(data: Sequence[Any], count: int) -> Matrix:
    """Matrix (count, width). Raises ValueError."""
    found = {each.index: each.embedding for each in data}
    if sorted(found) != list(range(count)):
        raise ValueError(f"{len(found)} vectors came for {count} texts")
    rows = np.array([found[at] for at in range(count)], dtype=np.float32)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise ValueError("its vectors are not all numbers of one width")
    return rows
