"""What the answerer knows of words: which mean the same, which ask, which call for arithmetic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from components.answerers.extractive.lists import read
from components.encoders.bm25 import Bm25

_AMPERSAND = re.compile(r"(?<=[A-Z])&(?=[A-Z]\b)")
"""Of an abbreviation, such as R&D."""
Stems = frozenset[int]
"""A text's words, stemmed, without stop words, as term ids."""


@dataclass(frozen=True, slots=True)
class Words:
    """A language's stems, and lists of words by their stems."""

    stemmer: Bm25
    same: tuple[tuple[str, ...], ...]
    """Groups of phrases for one thing."""
    asking: Stems
    """Words that ask for a figure and name none."""
    light: Stems
    """Words that labels and questions often leave out."""
    worked_out: Stems
    """Words for what arithmetic finds."""
    turning: frozenset[str]
    """Words that turn what a label means, as they are written."""
    changed: Stems
    """Words that ask for the values of several periods."""
    up: Stems
    """Words for more of something; `better` is more or less, as the measure has it."""
    down: Stems
    better: Stems
    worse: Stems
    outflow: Stems
    """Words of labels whose figures are written as negative because money goes out."""
    statements: tuple[str, ...]
    """What to search for where figures are lacking."""

    @property
    def moving(self) -> Stems:
        """Words for a direction."""
        return self.up | self.down | self.better | self.worse

    def stems(self, text: str) -> Stems:
        return _stems(self.stemmer, text)

    def names(self, text: str) -> bool:
        """Whether it names a thing of which there are phrases."""
        said = self.stems(text)
        return any(self.stems(each) and self.stems(each) <= said for of in self.same for each in of)

    def turns(self, text: str) -> frozenset[str]:
        """Those of the words that turn what it means."""
        told = re.findall(r"[a-z]+", text.lower())
        return self.turning & frozenset(told[1:] if told[:1] == ["less"] else told)

    def without(self, text: str, left_out: Stems) -> str:
        """The text without some words."""
        return " ".join(word for word in text.split() if not self.stems(word) & left_out)

    def alone(self, text: str) -> str:
        """The text without what stands in parentheses or has none."""
        inner = re.sub(r"\([^()]*\)", " ", text)
        return inner if inner == text else self.alone(inner)


@cache
def words(language: str, path: Path | None) -> Words:
    """The lists of a file, or ours. Raises BadOption."""
    stemmer = Bm25(language=language)
    lists = read(Lists, path, "items")
    same = tuple(tuple(dict.fromkeys(group)) for group in lists.same)
    stems = {
        name: _stems(stemmer, text)
        for name, text in lists.model_dump(exclude={"same", "turning", "statements"}).items()
    }
    turning, statements = frozenset(lists.turning.split()), tuple(lists.statements)
    return Words(stemmer, same, turning=turning, statements=statements, **stems)


@lru_cache(50_000)
def _stems(stemmer: Bm25, text: str) -> Stems:
    whole = _AMPERSAND.sub("", text)
    return frozenset(map(int, stemmer.encode_queries([whole])[0].indices))


class Lists(BaseModel):
    """See `items.toml`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    same: list[list[str]] = []
    asking: str = ""
    light: str = ""
    worked_out: str = ""
    turning: str = ""
    changed: str = ""
    up: str = ""
    down: str = ""
    better: str = ""
    worse: str = ""
    outflow: str = ""
    statements: list[str] = []
