"""States of texts' tokens, and those of the last texts kept: questions find the same passages."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from threading import Lock

import numpy as np
import numpy.typing as npt

from components.encoders.batches import batches
from components.encoders.device import Precision
from components.encoders.frames import of_queries
from components.encoders.kernel import unit
from components.encoders.model import Model, model
from components.values import Matrix

_KEPT_BYTES = 512 * 2**20
"""Of one model's states of passages, or of questions."""
_Rows = npt.NDArray[np.floating]


class TokenStates:
    """Of one model, for texts of at most so many tokens.

    `asked`: the texts are questions, read behind the model's prompt for them.
    """

    def __init__(self, of: Model, tokens: int | None, *, asked: bool = False) -> None:
        self._of = of
        self._tokens = tokens
        self._prompt = of_queries(of.checkpoint.profile, "", ()).parts[0] if asked else ""
        self._kept: OrderedDict[str, _Rows] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def knows(self, text: str) -> bool:
        """Whether a text need not be read."""
        return text in self._kept

    def read(self, texts: Sequence[str]) -> Iterator[tuple[str, Matrix]]:
        """Each distinct text and its tokens' unit states, (tokens, width), special tokens left out;
        in any order. Texts of like length are read together.
        """
        new = []
        for text in dict.fromkeys(texts):
            known = self._recall(text)
            if known is None:
                new.append(text)
            else:
                yield text, known.astype(np.float32)
        for at, rows in self._read(new):
            # A model that computes in 16 bits is no more exact than that, now and later.
            kept = rows if self._of.exact else rows.astype(np.float16)
            self._keep(new[at], kept)
            yield new[at], kept.astype(np.float32)

    def _recall(self, text: str) -> _Rows | None:
        with self._lock:
            if text in self._kept:
                self._kept.move_to_end(text)
            return self._kept.get(text)

    def _keep(self, text: str, rows: _Rows) -> None:
        with self._lock:
            before = self._kept.pop(text, None)
            self._bytes += rows.nbytes - (0 if before is None else before.nbytes)
            self._kept[text] = rows
            while self._bytes > _KEPT_BYTES:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= dropped.nbytes

    def _read(self, texts: Sequence[str]) -> Iterator[tuple[int, Matrix]]:
        prefix, suffix = self._of.tokenizer.prefix, self._of.tokenizer.suffix
        prompt = len(self._of.tokenizer.ids(self._prompt))
        room = self._of.checkpoint.window - len(prefix) - len(suffix)
        room = room if self._tokens is None else min(room, self._tokens)
        own = (self._of.tokenizer.ids(self._prompt + text)[:room] for text in texts)
        ids = [np.array([*prefix, *each, *suffix], np.int64) for each in own]
        for batch in batches(list(map(len, ids)), self._of.batch_tokens):
            hidden = self._of.hidden([ids[at] for at in batch])
            rows = hidden.rows.float().cpu().numpy()
            for at, start in zip(batch, hidden.starts, strict=True):
                first = start + len(prefix) + prompt
                yield at, unit(rows[first : start + len(ids[at]) - len(suffix)])


@lru_cache(maxsize=8)
def token_states(name: str, precision: Precision, tokens: int | None) -> TokenStates:
    """This process's one reader of a model. Raises what `model` raises."""
    return TokenStates(model(name, precision), tokens)


@lru_cache(maxsize=8)
def asked_states(name: str, precision: Precision, layers: int | None) -> TokenStates:
    """This process's one reader of questions to what an index keeps. Raises what `model` raises."""
    return TokenStates(model(name, precision, layers), None, asked=True)
