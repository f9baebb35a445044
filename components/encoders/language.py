"""Which language a document is written in."""

from __future__ import annotations

from functools import cache
from typing import Any

from components.encoders.analyzer import NONE

_CODES = {
    "ar": "arabic",
    "arz": "arabic",
    "ary": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nb": "norwegian",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
LANGUAGES = tuple(sorted({*_CODES.values()}))
"""Of stemmers and stop words."""
_PIECES, _PIECE = 4, 500
"""Characters that are looked at, of a text that has more: from all over it."""


def language_of(text: str) -> str:
    """One of the languages that have a stemmer, or NONE. Depends on nothing but the text."""
    code, _ = _identifier().classify(_sample(text))
    return _CODES.get(code, NONE)


def _sample(text: str) -> str:
    if len(text) <= _PIECES * _PIECE:
        return text
    starts = range(0, len(text) - _PIECE + 1, (len(text) - _PIECE) // (_PIECES - 1))
    return " ".join(text[start : start + _PIECE] for start in starts)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)
