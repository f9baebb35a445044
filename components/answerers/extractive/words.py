"""What the answerer knows of words: which mean the same, which ask, which call for arithmetic."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from components.encoders.bm25 import Bm25
from components.errors import BadOption

_LISTS = ("asking", "light", "worked_out")
Stems = frozenset[int]
"""A text's words, stemmed, without stop words, as term ids."""


@dataclass(frozen=True, slots=True)
class Words:
    """A language's stems, and lists of words by their stems."""

    stemmer: Bm25
    same: tuple[tuple[Stems, ...], ...]
    """Groups of phrases for one thing."""
    asking: Stems
    """Words that ask for a figure and name none."""
    light: Stems
    """Words that labels and questions often leave out."""
    worked_out: Stems
    """Words for what arithmetic finds."""

    def stems(self, text: str) -> Stems:
        return _stems(self.stemmer, text)


@cache
def words(language: str, path: Path | None) -> Words:
    """The lists of a file, or ours. Raises BadOption."""
    stemmer = Bm25(language=language)
    lists = _lists(path)
    try:
        same = tuple(
            tuple(dict.fromkeys(_stems(stemmer, phrase) for phrase in group))
            for group in lists.get("same", ())
        )
        listed = [_stems(stemmer, lists.get(name, "")) for name in _LISTS]
        return Words(stemmer, same, *listed)
    except TypeError:
        raise BadOption("same is a list of lists of phrases; the others are texts").at(
            where=str(path)
        ) from None


def digest(path: Path) -> str:
    """Sha256 of a file of lists. Raises BadOption."""
    return hashlib.sha256(_read(path).encode()).hexdigest()


def _stems(stemmer: Bm25, text: str) -> Stems:
    return frozenset(map(int, stemmer.encode_queries([text])[0].indices))


def _lists(path: Path | None) -> Mapping[str, Any]:
    ours = resources.files("components.answerers.extractive").joinpath("items.toml")
    try:
        return tomllib.loads(_read(path) if path else ours.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BadOption(f"not a TOML file: {error}").at(where=str(path)) from None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadOption(f"the list of phrases cannot be read: {error}").at(
            where=str(path), hint="answerer.items names a TOML file"
        ) from None
