"""Tokenizers behind one face: ids, first characters, and the character that owns each token.

A token belongs to the span that holds its last character: byte-level tokenizers put the space
before a word into the word's first token, so the first character would be off by one span.
"""

from __future__ import annotations

import re
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import regex

from components.encoders.recent import Recent
from components.errors import ModelFault
from components.machine.system import shortage
from components.text.portions import portions
from components.values import Integers

LONGEST_TOKEN = 128
"""Characters. A longer token (an unbroken run that the vocabulary calls unknown) is repeated, once
per so many characters, so that every span of bounded length can hold a token."""
_REMEMBERED = 1_000_000
"""Tokens of the last texts, each of which counts for `_TEXT` more."""
_TEXT = 500
_PIECE = 1_000_000
"""Characters of a long text that are tokenized at once."""
_WORDS = 4096
"""Words of a text that are hashed at once: what was matched takes some 200 bytes for each."""
_BETWEEN_WORDS = re.compile(r"(?<=[^\W_])(?= [^\W_])")
"""Where every tokenizer parts a text: between a letter or digit and a space before another one."""
_PLAIN = re.compile(r"\w+|[^\w\s]")
_WORD = regex.compile(
    r"[\w\p{M}\p{N}\p{Default_Ignorable_Code_Point}]+|[^\w\s\p{N}\p{Default_Ignorable_Code_Point}]"
)
"""Words as they are read, with marks of their own and what is not seen in them."""


@dataclass(frozen=True, slots=True, eq=False)
class TokenArrays:
    """A text's tokens, special tokens left out. Each array has shape (tokens,)."""

    ids: Integers
    starts: Integers
    last: Integers

    def __len__(self) -> int:
        return len(self.ids)


def arrays(ids: npt.ArrayLike, offsets: npt.ArrayLike, length: int) -> TokenArrays:
    """Tokens from a tokenizer's ids and half-open character offsets in a text of `length`."""
    own = np.asarray(ids, dtype=np.int64)
    bounds = np.asarray(offsets, dtype=np.int64).reshape(-1, 2)
    starts, ends = bounds[:, 0], bounds[:, 1]
    if len(own) and int((ends - starts).max()) > LONGEST_TOKEN:
        own, starts, ends = _repeat_long(own, starts, ends)
    last = np.clip(np.maximum(ends - 1, starts), 0, max(length - 1, 0))
    return TokenArrays(own, starts, np.maximum.accumulate(last) if len(last) else last)


def _repeat_long(
    ids: Integers, starts: Integers, ends: Integers
) -> tuple[Integers, Integers, Integers]:
    times = np.maximum(1, -(-(ends - starts) // LONGEST_TOKEN))
    index = np.repeat(np.arange(len(ids)), times)
    nth = np.arange(len(index)) - np.repeat(np.cumsum(times) - times, times)
    new_starts = starts[index] + nth * LONGEST_TOKEN
    final = nth == times[index] - 1
    new_ends = np.where(final, ends[index], new_starts + LONGEST_TOKEN)
    return ids[index], new_starts, new_ends


def _joined(pieces: Iterable[TokenArrays]) -> TokenArrays:
    """The tokens of consecutive pieces of a text; offsets are of the text already."""
    ids, starts, last = array("q"), array("q"), array("q")
    for piece in pieces:
        ids.frombytes(piece.ids.tobytes())
        starts.frombytes(piece.starts.tobytes())
        last.frombytes(piece.last.tobytes())
    return TokenArrays(*(np.asarray(each, dtype=np.int64) for each in (ids, starts, last)))


def _weight(tokens: TokenArrays) -> int:
    return _TEXT + len(tokens)


class FastTokenizer:
    """A Hugging Face `tokenizer.json`, without the framework around it.

    `prefix` and `suffix` are the ids of the special tokens that the model expects around a text:
    those that the file adds, and `bos` and `eos` where it leaves them out.
    """

    def __init__(self, path: Path, bos: str = "", eos: str = "") -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Any = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing more precise
            fault = ModelFault(f"the tokenizer cannot be read: {error}").at(where=str(path))
            raise shortage() or fault from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        prefix, suffix = self._specials()
        self.prefix = _with(self._id(bos, path), prefix, before=True)
        self.suffix = _with(self._id(eos, path), suffix, before=False)
        # Splitter and encoder ask for the same text one after the other.
        self._recent = Recent(_REMEMBERED, _weight)

    def tokens(self, text: str) -> TokenArrays:
        """Tokens of a text of any length; the last answers are remembered."""
        found = self._recent.get(text)
        if found is None:
            found = self._encoded(text)
            self._recent.put(text, found)
        return found

    def _encoded(self, text: str) -> TokenArrays:
        """Piece by piece, because the library takes some 400 bytes for each token it is making."""
        return _joined(
            self._piece(text, start, end) for start, end in portions(text, _PIECE, _BETWEEN_WORDS)
        )

    def _piece(self, text: str, start: int, end: int) -> TokenArrays:
        encoded = self._tokenizer.encode(text[start:end], add_special_tokens=False)
        offsets = np.fromiter(chain.from_iterable(encoded.offsets), np.int64)
        return arrays(encoded.ids, offsets + start, len(text))

    def ids(self, text: str) -> list[int]:
        """A short text's ids alone; not remembered."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def text(self, ids: npt.ArrayLike) -> str:
        """Roughly what ids were made of, special tokens left out."""
        return str(self._tokenizer.decode(np.asarray(ids).tolist(), skip_special_tokens=True))

    def parts(self, text: str, edges: Sequence[int]) -> list[list[int]]:
        """The ids of a short text, cut at ascending character offsets; not remembered."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        ends = np.array([max(end - 1, start) for start, end in encoded.offsets], dtype=np.int64)
        cuts = (
            np.searchsorted(np.maximum.accumulate(ends), edges) if len(ends) else [0] * len(edges)
        )
        bounds = [0, *map(int, cuts), len(ends)]
        return [encoded.ids[start:end] for start, end in pairwise(bounds)]

    def _id(self, token: str, path: Path) -> int | None:
        found: int | None = self._tokenizer.token_to_id(token) if token else None
        if token and found is None:
            raise ModelFault(f"the tokenizer has no token {token!r}").at(
                where=str(path), hint="is it another model's?"
            )
        return found

    def _specials(self) -> tuple[list[int], list[int]]:
        encoded = self._tokenizer.encode("a", add_special_tokens=True)
        mask = encoded.special_tokens_mask
        content = [i for i, special in enumerate(mask) if not special]
        if not content:
            return [], []
        return encoded.ids[: content[0]], encoded.ids[content[-1] + 1 :]


def _with(token: int | None, ids: list[int], *, before: bool) -> list[int]:
    if token is None or token in ids:
        return ids
    return [token, *ids] if before else [*ids, token]


class WordTokenizer:
    """Words and punctuation marks, hashed: needs no vocabulary and no package."""

    def tokens(self, text: str) -> TokenArrays:
        """Tokens whose id is the CRC-32 of the word in lower case."""
        found = (_PLAIN if text.isascii() else _WORD).finditer(text)
        batches = iter(lambda: list(islice(found, _WORDS)), [])
        return _joined(_hashed(each, len(text)) for each in batches)


def _hashed(words: Sequence[re.Match[str]], length: int) -> TokenArrays:
    ids = (zlib.crc32(each.group().lower().encode("utf-8", "replace")) for each in words)
    offsets = chain.from_iterable(each.span() for each in words)
    return arrays(np.fromiter(ids, np.int64), np.fromiter(offsets, np.int64), length)
