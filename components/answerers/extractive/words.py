"""What the answerer knows of words: which mean the same, which ask, which call for arithmetic."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from components.encoders.bm25 import Bm25
from components.errors import BadOption

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
    same = tuple(
        tuple(dict.fromkeys(_stems(stemmer, phrase) for phrase in group)) for group in lists.same
    )
    return Words(
        stemmer,
        same,
        asking=_stems(stemmer, lists.asking),
        light=_stems(stemmer, lists.light),
        worked_out=_stems(stemmer, lists.worked_out),
    )


def digest(path: Path) -> str:
    """Sha256 of a file of lists. Raises BadOption where it cannot be used."""
    _lists(path)
    return hashlib.sha256(_read(path).encode()).hexdigest()


def _stems(stemmer: Bm25, text: str) -> Stems:
    return frozenset(map(int, stemmer.encode_queries([text])[0].indices))


class _Lists(BaseModel):
    """See `items.toml`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    same: list[list[str]] = []
    asking: str = ""
    light: str = ""
    worked_out: str = ""


def _lists(path: Path | None) -> _Lists:
    ours = resources.files("components.answerers.extractive").joinpath("items.toml")
    try:
        return _Lists.model_validate(
            tomllib.loads(_read(path) if path else ours.read_text("utf-8"))
        )
    except tomllib.TOMLDecodeError as error:
        raise BadOption(f"not a TOML file: {error}").at(where=str(path)) from None
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        wrong = "has the wrong shape" if key in _Lists.model_fields else "is not known"
        raise BadOption(f"{key} {wrong}").at(
            where=str(path),
            hint="same is a list of lists of phrases; asking, light and worked_out are texts",
        ) from None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadOption(f"the list of phrases cannot be read: {error}").at(
            where=str(path), hint="answerer.items names a TOML file"
        ) from None
