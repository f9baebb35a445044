"""States of texts' tokens, and those of the last texts kept: questions find the same passages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from components.encoders import frames, transformer
from components.encoders.device import Precision
from components.encoders.frames import Frame
from components.encoders.kernel import pool, unit
from components.encoders.model import Model, model
from components.encoders.pieces import Window
from components.encoders.reading import NoRoom, read
from components.encoders.recent import Recent
from components.encoders.states import StateLog, of_text
from components.values import Matrix, States

_KEPT_BYTES = 512 * 2**20
"""Of one model's states of passages, or of questions."""
_Rows = npt.NDArray[Any]


class TokenStates:
    """Of one model, for texts of which at most so many tokens are read.

    `frame`: what stands around a text; its own tokens have states, those of prompts have none.
    `every`: how many tokens are one state of signs, as an index keeps them; 0: each token has one,
    in numbers.
    """

    def __init__(
        self, of: Model, tokens: int | None, *, frame: Frame | None = None, every: int = 0
    ) -> None:
        self._of = of
        self._tokens = tokens
        self._frame = frame or Frame()
        self._every = every
        self._recent: Recent[_Rows] = Recent(_KEPT_BYTES, attrgetter("nbytes"))

    def knows(self, text: str) -> bool:
        """Whether a text need not be read."""
        return text in self._recent

    def read(self, texts: Sequence[str]) -> Iterator[tuple[str, _Rows]]:
        """Each distinct text and its tokens' unit states, (tokens, width), or their `States`,
        special tokens left out; in any order. Texts of like length are read together.
        """
        new = []
        for text in dict.fromkeys(texts):
            known = self._recent.get(text)
            if known is None:
                new.append(text)
            else:
                yield text, self._given(known)
        for at, rows in self._signs(new) if self._every else self._numbers(new):
            # A model that computes in 16 bits is no more exact than that, now and later.
            kept = rows if self._every or self._of.exact else rows.astype(np.float16)
            self._recent.put(new[at], kept)
            yield new[at], self._given(kept)

    def _given(self, kept: _Rows) -> _Rows:
        return kept if self._every else kept.astype(np.float32)

    def forget(self) -> None:
        """The texts that were read."""
        self._recent.forget()

    def _signs(self, texts: Sequence[str]) -> Iterator[tuple[int, States]]:
        """As a refresh makes them."""
        log = StateLog(self._every)
        windows = transformer.windows(self._of, iter(texts), self._frame, self._tokens)
        for first, rows in pool(self._of, windows, states=log):
            yield from enumerate(log.take(first, len(rows)), start=first)

    def _numbers(self, texts: Sequence[str]) -> Iterator[tuple[int, Matrix]]:
        windows = list(transformer.windows(self._of, iter(texts), self._frame, self._tokens))
        parts: dict[int, list[Matrix]] = defaultdict(list)
        missing = Counter(each.first for each in windows)
        for at, own in self._hidden(windows):
            text = windows[at].first
            parts[text].append(unit(own[of_text(windows[at], self._of)]))
            missing[text] -= 1
            if not missing[text]:
                yield text, np.concatenate(parts.pop(text))

    def _hidden(self, windows: Sequence[Window]) -> Iterator[tuple[int, Matrix]]:
        """Of each window its place and its tokens' states, in any order."""
        from components.encoders.passes import fetch

        def begin(places: list[int]) -> Callable[[], tuple[Matrix, Sequence[int]]]:
            hidden = self._of.hidden([windows[at].ids for at in places])
            coming = fetch(hidden.rows.float())
            return lambda: (coming(), hidden.starts)

        lengths = [len(each.ids) for each in windows]
        try:
            for places, (rows, starts) in read(self._of, lengths, begin):
                for at, start in zip(places, starts, strict=True):
                    yield at, rows[start : start + lengths[at]]
        except NoRoom as none:
            raise self._of.unfit(windows[none.place].ids) from None


@lru_cache(maxsize=8)
def token_states(
    name: str,
    precision: Precision,
    tokens: int | None,
    layers: int | None = None,
    every: int = 0,
) -> TokenStates:
    """This process's one reader of passages, as the model reads documents. Raises what `model`
    raises.
    """
    of = model(name, precision, layers)
    frame = frames.of_documents(of.checkpoint.profile)
    return TokenStates(of, tokens, frame=frame, every=every)


@lru_cache(maxsize=8)
def asked_states(
    name: str, precision: Precision, layers: int | None = None, task: str = ""
) -> TokenStates:
    """This process's one reader of questions, as the model reads queries. Raises what `model`
    raises.
    """
    of = model(name, precision, layers, asked=True)
    frame = frames.of_queries(of.checkpoint.profile, task, ())
    return TokenStates(of, None, frame=replace(frame, parts=(*frame.parts[:-1], "")))
