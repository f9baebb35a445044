"""A model behind an OpenAI-compatible `/v1/embeddings`: vLLM and others serve one.

The server must pool the last token, and add no special token of its own: E²Rank's tokenizer adds
none, so the end of a document is written here.
"""

from __future__ import annotations

import os
import re
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
_ADDRESS = re.compile(r"https?://[^/@\s]+(/\S*)?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check(address: str, key: str) -> None:
    """Raises ValueError where they are no address and no variable's name. Neither is shown: either
    may be a secret that was written into the wrong place.
    """
    if not _ADDRESS.fullmatch(address):
        raise ValueError("endpoint must be an address such as http://127.0.0.1:8000/v1, no key")
    if not _VARIABLE.fullmatch(key):
        raise ValueError("key must be the name of an environment variable, never a key")


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
        left, made = iter(texts), []
        with self._client() as client:
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
            kind = Unavailable if passing else BadOption
            raise kind(f"the endpoint refused: {error.status_code} {self._reason(error)}").at(
                where=self.address,
                hint=_HINTS.get(error.status_code, f"does it serve {self.model}?"),
            ) from None
        except openai.OpenAIError as error:
            raise Unavailable(f"the endpoint did not answer: {self._reason(error)}").at(
                where=self.address, hint="is it running, and is the address right?"
            ) from None
        except (AttributeError, TypeError, ValueError) as error:
            raise Unavailable(f"the endpoint's answer is no embeddings: {error}").at(
                where=self.address, hint="does the address end in /v1?"
            ) from None

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
        secret = os.environ.get(self.key, "").strip()
        if not secret.isascii():
            raise BadOption("the key holds letters that no header may hold").at(where=self.key)
        return secret

    def _reason(self, error: Exception) -> str:
        """What went wrong, in a line. Some servers repeat the key that they refuse."""
        reason = " ".join(str(error).split())[:200]
        return reason.replace(self._secret, "…") if self._secret else reason


_HINTS = {
    400: "a text may be too long for it: lower reranker.tokens or reranker.words",
    401: "is the key right?",
    403: "is the key right?",
    404: "does it serve this model, by this name?",
}


def _rows(data: Sequence[Any], count: int) -> Matrix:
    """Matrix (count, width). Raises ValueError."""
    found = {each.index: each.embedding for each in data}
    if sorted(found) != list(range(count)):
        raise ValueError(f"{len(found)} vectors came for {count} texts")
    rows = np.array([found[at] for at in range(count)], dtype=np.float32)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise ValueError("its vectors are not all numbers of one width")
    return rows
