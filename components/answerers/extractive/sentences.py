"""The sentences that say most of what a question asks about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from components.answerers.extractive.passages import Passage
from components.answerers.extractive.periods import without_periods
from components.answerers.extractive.tables import rows
from components.answerers.extractive.words import Stems, Words
from components.splitters.boundaries import sentence_starts
from components.stages import Encoder
from components.values import Matrix

_LONGEST = 600
"""Characters of a sentence; what has no end is cut there, at white space."""
_SHORTEST = 3
"""Words that a sentence has at least."""
_GRID = re.compile(r"^\|", re.MULTILINE)
_K, _B = 1.2, 0.4
"""Of BM25."""
_READ = 32
"""Sentences whose vectors are looked at: the best by their words."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Characters `start` to `end` of a passage."""

    passage: Passage
    start: int
    end: int
    stems: Stems

    @property
    def text(self) -> str:
        """Verbatim, but with single blanks for white space."""
        return " ".join(self.passage.text[self.start : self.end].split())


@dataclass(frozen=True, slots=True)
class Scored:
    """A sentence and how well it answers."""

    sentence: Sentence
    covered: float
    """Share of the question's words that it has, the rare ones counting more; 0 to 1."""
    score: float
    """Higher is better; comes from words, and from vectors where there is an encoder."""


def sentences(read: Sequence[Passage], known: Words, language: str) -> list[Sentence]:
    """Those of all passages, in order; rows of figures and headings are none."""
    found = (each for passage in read for each in _cut(passage, known, language))
    return [each for each in found if len(each.stems) >= _SHORTEST]


def ranked(
    asked: Stems,
    text: str,
    given: Sequence[Sentence],
    encoder: Encoder | None,
    similarity: float,
) -> list[Scored]:
    """Best first: by BM25 among these sentences, `similarity` of the score by cosine."""
    if not given:
        return []
    weights = _idf(asked, given)
    average = sum(len(each.stems) for each in given) / len(given)
    words = [_bm25(each, weights, average) for each in given]
    scored = [
        Scored(each, len(asked & each.stems) / max(len(asked), 1), value)
        for each, value in zip(given, words, strict=True)
    ]
    scored.sort(key=lambda each: -each.score)
    if encoder and similarity:
        scored = _nearer(scored[:_READ], text, encoder, similarity)
    return scored


def _idf(asked: Stems, given: Sequence[Sentence]) -> dict[int, float]:
    having = Counter(stem for each in given for stem in each.stems & asked)
    return {
        stem: log(1 + (len(given) - having[stem] + 0.5) / (having[stem] + 0.5)) for stem in asked
    }


def _bm25(each: Sentence, weights: dict[int, float], average: float) -> float:
    length = 1 - _B + _B * len(each.stems) / average
    found = sum(weights[stem] for stem in weights.keys() & each.stems)
    return found * (_K + 1) / (1 + _K * length)


def _nearer(
    scored: Sequence[Scored], text: str, encoder: Encoder, similarity: float
) -> list[Scored]:
    vectors: Matrix = encoder.encode_queries([text, *(each.sentence.text for each in scored)])
    cosines = np.maximum(vectors[1:] @ vectors[0], 0.0)
    most = max(each.score for each in scored) or 1.0
    mixed = [
        Scored(
            each.sentence,
            max(each.covered, float(cosine)),
            similarity * float(cosine) + (1 - similarity) * each.score / most,
        )
        for each, cosine in zip(scored, cosines, strict=True)
    ]
    return sorted(mixed, key=lambda each: -each.score)


def holds_figure(sentence: Sentence) -> bool:
    """Whether it states a figure that is no year and no quarter."""
    return any(each.isdigit() for each in without_periods(sentence.text))


def _cut(passage: Passage, known: Words, language: str) -> Iterator[Sentence]:
    text = passage.text
    starts = {0, *map(int, sentence_starts(text, language))}
    starts |= {each.start() for each in _GRID.finditer(text)}
    figures = [(each.start, each.end) for each in rows(text)]
    skipped = {start for start, _ in figures}
    edges = sorted(starts | {at for each in figures for at in each} | {len(text)})
    for start, end in zip(edges, edges[1:], strict=False):
        if start in skipped or text.startswith("|", start):
            continue
        for first, last in _pieces(text, start, end):
            yield Sentence(passage, first, last, known.stems(text[first:last]))


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > _LONGEST:
        blank = re.search(r"\s\S*$", text[start : start + _LONGEST])
        cut = start + (blank.start() if blank and blank.start() else _LONGEST)
        yield start, cut
        start = cut
    yield start, end
