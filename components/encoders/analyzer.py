"""Texts to terms, by the engine's own tokenizer, stemmers and lists of stop words."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import regex

from components.text.writing import word_form
from components.values import SparseVector

NONE = "none"
"""No language: no stemmer and no stop words."""
_FLAT = 100_000.0
"""A `k` so large that a weight tells how often its term stands in a text."""
_MARK = regex.compile(r"[\p{M}--\p{Alphabetic}]", regex.VERSION1)
"""What would part a word for the engine: a tone in Thai or Yoruba, a virama in Hindi."""
_WORD = regex.compile(r"[\p{Alphabetic}\p{N}][\p{Alphabetic}\p{N}\p{M}]*")

_SHORT = r"\p{Han}\p{Hangul}"
"""Scripts without blanks between words, of which a single character is often one."""
_UNPARTED = regex.compile(
    rf"[{_SHORT}\p{{Hiragana}}\p{{Katakana}}\p{{Bopomofo}}ー\p{{Line_Break=SA}}]+"
)
"""Line break class SA: Thai, Lao, Khmer, Myanmar and others of South-East Asia."""
_SINGLE = regex.compile(rf"[{_SHORT}]")


def counts(text: str, language: str, stopped: tuple[str, ...] = ()) -> SparseVector:
    """How often each term stands in a text, without the stop words of its language and others."""
    found = _weights(text, language, stopped, k=_FLAT, b=0.0, average=1.0)
    held = found.values.astype(np.float64)
    # Inverts tf * (k + 1) / (tf + k), which is what remains of the formula without lengths.
    return SparseVector(
        found.indices, np.rint(held * _FLAT / (_FLAT + 1 - held)).astype(np.float32)
    )


def weights(text: str, language: str, *, k: float, b: float, average: float) -> SparseVector:
    """BM25's weight of each term of a document; `average`: terms of a document."""
    return _weights(text, language, (), k=k, b=b, average=average)


def _weights(text: str, language: str, stopped: tuple[str, ...], **formula: float) -> SparseVector:
    form = _apart(word_form(text, turkish=language == "turkish"))
    marked = _MARK.search(form) is not None
    words = " ".join(_WORD.findall(form)) if marked else form
    found = _engine(language, stopped, marked, **formula).embed_document(words)
    # Sorted, and one weight per id even where two terms share a hash.
    indices, at = np.unique(np.asarray(found.indices, dtype=np.int64), return_index=True)
    return SparseVector(indices, np.asarray(found.values, dtype=np.float32)[at])


def _apart(text: str) -> str:
    """The text with each run of characters of such scripts replaced by their pairs, with blanks
    between them; those that may be words of their own stand there as well.
    """
    return text if text.isascii() else _UNPARTED.sub(_pairs, text)


def _pairs(run: regex.Match[str]) -> str:
    found = run.group()
    if len(found) == 1:
        return f" {found} "
    pairs = map("".join, pairwise(found))
    return f" {' '.join([*pairs, *_SINGLE.findall(found)])} "


@lru_cache(maxsize=256)
def _engine(
    language: str, stopped: tuple[str, ...], words: bool, *, k: float, b: float, average: float
) -> Any:
    """`words`: texts are words with blanks between them. Kept here: no engine can be pickled."""
    from qdrant_edge import Bm25, Bm25Config, Language, StopwordsSet, TokenizerType

    named = {getattr(Language, each.capitalize()) for each in {language, *stopped} - {NONE}}
    config = Bm25Config(
        tokenizer=TokenizerType.Whitespace if words else TokenizerType.Word,
        stemmer=_stemmer(language),
        stopwords=StopwordsSet(languages=named),
        k=k,
        b=b,
        avg_len=average,
    )
    return Bm25(config)


def _stemmer(language: str) -> Any:
    from qdrant_edge import DisabledStemmer, SnowballLanguage, SnowballParams

    if language == NONE:
        return DisabledStemmer()
    return SnowballParams(getattr(SnowballLanguage, language.capitalize()))
