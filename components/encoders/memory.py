"""The kernel's use of the cache: a piece that was pooled before is not read again.

A piece's key holds all that its sum depends on: the model, the exact window's tokens, and which of
them the piece has. So a change of the text costs the windows that hold it, and systems that differ
in other things (the splitter's other spans, widths, the index) share what is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import compress

import numpy as np

from components.encoders.cache import VectorCache
from components.encoders.model import Model
from components.encoders.pieces import NOBODY, Pieces, Window
from components.encoders.states import of_text
from components.values import Matrix, States

_REVISION = 1
"""Raised whenever the kernel sums other things."""
_BYTES = 20
"""Of a key."""


class Memory:
    """What one call of the kernel looks up and stores.

    `every`: how many tokens are in a state, 0 where no states are wanted.
    """

    def __init__(self, cache: VectorCache, model: Model, every: int = 0) -> None:
        self._cache = cache
        self._every = every
        self._model = model
        self._width = model.checkpoint.width
        self._identity = f"{_REVISION} {model.identity}".encode()
        self._keys: dict[int, dict[int, bytes]] = {}
        """Of the windows that are not read yet, by the window's `id`."""
        self._new: dict[bytes, Matrix] = {}
        self._new_states: dict[bytes, bytes] = {}

    def recall(self, windows: list[Window]) -> tuple[list[Window], Pieces]:
        """The windows that must be read, and the pieces of the others."""
        keys = [self._keys_of(each) for each in windows]
        found, held = self._found(windows, keys)
        self._cache.count(wanted=sum(map(len, keys)), found=len(found))
        unread: list[Window] = []
        numbers: list[int] = []
        rows: list[int] = []
        sums: list[Matrix] = [np.zeros((0, self._width), dtype=np.float32)]
        states: list[States] = []
        for number, (window, own) in enumerate(zip(windows, keys, strict=True)):
            if not found.keys() >= set(own.values()):
                unread.append(window)
                self._keys[id(window)] = own
                continue
            numbers += [number] * len(own)
            rows += own
            sums += [found[key][None] for key in own.values()]
            states += [held[key] for key in own.values() if self._every]
        known = np.array(numbers, dtype=np.int64), np.array(rows, dtype=np.int64)
        return unread, Pieces(*known, np.concatenate(sums), states)

    def note(self, batch: list[Window], made: Pieces) -> None:
        """Remember what unread windows gave, where it is finite: states do not show it."""
        keys = [self._keys.pop(id(window)) for window in batch]
        own = [keys[window][int(row)] for window, row in zip(made.windows, made.rows, strict=True)]
        finite = [bool(np.isfinite(each).all()) for each in made.sums]
        self._new |= dict(compress(zip(own, made.sums, strict=True), finite))
        if self._every:
            noted = zip(made.windows, own, made.states, strict=True)
            for window, key, states in compress(noted, finite):
                self._new_states[self._states_key(batch[window], key)] = states.tobytes()

    def keep(self) -> None:
        """Store what was noted."""
        if self._new:
            self._cache.keep(self._new)
            self._new = {}
        if self._new_states:
            self._cache.keep_bytes(self._new_states)
            self._new_states = {}

    def _found(
        self, windows: Sequence[Window], keys: Sequence[dict[int, bytes]]
    ) -> tuple[dict[bytes, Matrix], dict[bytes, States]]:
        """Sums and states of the pieces that have all that is wanted, by the piece's key."""
        wanted = [key for own in keys for key in own.values()]
        if not self._every:
            return self._cache.find(wanted, self._width), {}
        size = -(-self._width // 8)
        pieces = {
            self._states_key(window, key): (key, count)
            for window, own in zip(windows, keys, strict=True)
            for key, count in zip(own.values(), self._counts(window, own), strict=True)
        }
        held: dict[bytes, States] = {}
        for name, each in self._cache.find_bytes(list(pieces)).items():
            key, count = pieces[name]
            if len(each) == count * size:
                held[key] = np.frombuffer(each, dtype=np.uint8).reshape(count, size)
        return self._cache.find([key for key in wanted if key in held], self._width), held

    def _counts(self, window: Window, rows: Iterable[int]) -> list[int]:
        """How many states each of these rows has in a window."""
        owners = window.owners[of_text(window, self._model)]
        return [-(-int(np.count_nonzero(owners == row)) // self._every) for row in rows]

    def _states_key(self, window: Window, key: bytes) -> bytes:
        told = f"states {self._every} {window.kept_from}".encode()
        return blake2b(told, key=key, digest_size=_BYTES).digest()

    def _keys_of(self, window: Window) -> dict[int, bytes]:
        """A key for each row that owns tokens of the window, ascending."""
        read = blake2b(self._identity, digest_size=_BYTES)
        read.update(window.ids.tobytes())
        (owned,) = np.nonzero(window.owners != NOBODY)
        rows, starts = np.unique(window.owners[owned], return_index=True)
        parts = np.split(owned, starts[1:])
        return {
            int(row): blake2b(part.tobytes(), key=read.digest(), digest_size=_BYTES).digest()
            for row, part in zip(rows, parts, strict=True)
        }
