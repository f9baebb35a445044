"""What tells the passages of a corpus apart: in how many each word stands, and how many places bear
a title or heading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import regex

from components.text.normal_form import normal_form
from components.values import Chunk

_SINGLE = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Line_Break=SA}]"
_JOINED = rf"[\w--{_SINGLE}]+"
_WORD = regex.compile(rf"{_SINGLE}|{_JOINED}(?:[.,'’-]{_JOINED})*", regex.VERSION1)
"""Of scripts without blanks between words, each character."""
_LETTERS = regex.compile(rf"\p{{L}}{{2}}|{_SINGLE}")
"""What a word has that is no figure and no mere letter."""
_RARE = 0.02
"""Share of the passages that may have a rare word."""
_FEW = 3
"""So many may always, however small the corpus is."""
_NAME = range(2, 13)
"""Words that a title or heading may have, to say what it is about; `REPORT_2022 p.4` has one."""


@dataclass
class Counts:
    """Of the documents that were added."""

    passages: int = 0
    words: Counter[str] = field(default_factory=Counter)
    """Passages by word."""
    names: Counter[str] = field(default_factory=Counter)
    """Places by title or heading, in its words; one that opens the document of its name counts with
    it.
    """

    def add(self, document: Sequence[Chunk]) -> None:
        """All chunks of a document."""
        self.passages += len(document)
        for chunk in document:
            self.words.update(set(words(chunk.text)))
        places = Counter(_key(heading(path)) for path in {each.section for each in document})
        places.setdefault(_key(document[0].title), 1)
        self.names.update(places)

    def rare(self, word: str) -> bool:
        """Whether few passages have a word, in normal form, that is one."""
        return _says(word) and self.words[word] <= max(_FEW, _RARE * self.passages)

    def tells(self, name: str) -> bool:
        """Whether a title or heading says what it is about, and is that of one place."""
        found = [word for word in words(name) if _says(word)]
        return len(found) in _NAME and self.names[_key(name)] == 1 and any(map(self.rare, found))


def spelt(text: str) -> Iterator[str]:
    """The words of a text, in order and as they are written."""
    return (each[0] for each in _WORD.finditer(text))


def words(text: str) -> list[str]:
    """The words of a text, in order and in normal form."""
    found: list[str] = _WORD.findall(normal_form(text))
    return found


def heading(section: str) -> str:
    """The innermost heading of a chunk's section."""
    return section.rpartition(" > ")[2]


def _key(name: str) -> str:
    return " ".join(words(name))


def _says(word: str) -> bool:
    return _LETTERS.search(word) is not None
