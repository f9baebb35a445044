"""The sentences that say most of what a question asks about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

import numpy as np

from components.answerers.extractive.passages import Passage
from components.answerers.extractive.periods import periods, without_periods
from components.answerers.extractive.question import Question
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
_READ = 24
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
    """Share of the question's words that it has, 0 to 1."""
    score: float
    """Higher is better; comes from words, and from vectors where there is an encoder."""


def sentences(read: Sequence[Passage], known: Words, language: str) -> list[Sentence]:
    """Those of all passages, in order; rows of figures and headings are none."""
    found = (each for passage in read for each in _cut(passage, known, language))
    return [each for each in found if len(each.stems) >= _SHORTEST]


def ranked(
    asked: Question,
    given: Sequence[Sentence],
    known: Words,
    encoder: Encoder | None,
    similarity: float,
) -> list[Scored]:
    """Best first: by BM25 among these sentences, `similarity` of the score by cosine."""
    if not given:
        return []
    weights = _idf(asked.stems, given)
    average = sum(len(each.stems) for each in given) / len(given)
    scored = [
        Scored(each, _covered(asked, each, known), _bm25(each, weights, average)) for each in given
    ]
    scored.sort(key=lambda each: -each.score)
    if encoder and similarity:
        scored = _nearer(scored[:_READ], asked.focus, encoder, similarity)
    return scored


def fits(sentence: Sentence, asked: Question, known: Words) -> bool:
    """Whether a sentence may answer.

    For a question after a figure or after one of several things, it has to say itself what would
    have to be worked out. After a figure, it also names a period that is asked for, has a figure
    where only that answers, and does not merely announce what follows.
    """
    if (asked.exact or asked.picks) and (asked.stems & known.worked_out) - sentence.stems:
        return False
    return not asked.exact or _states(sentence, asked)


def _states(sentence: Sentence, asked: Question) -> bool:
    if sentence.text.endswith(":"):
        return False
    dated = {each.year for each in periods(sentence.text)}
    timely = not asked.periods or any(each.year in dated for each in asked.periods)
    bare = without_periods(sentence.text)
    return timely and (not asked.counted or any(each.isdigit() for each in bare))


def _covered(asked: Question, sentence: Sentence, known: Words) -> float:
    """Words that ask or that are in the document's title are not looked for."""
    named = known.stems(without_periods(sentence.passage.title))
    wanted = (asked.stems - known.asking - named) or asked.stems
    return len(wanted & sentence.stems) / len(wanted) if wanted else 0.0


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
            each.covered,
            similarity * float(cosine) + (1 - similarity) * each.score / most,
        )
        for each, cosine in zip(scored, cosines, strict=True)
    ]
    return sorted(mixed, key=lambda each: -each.score)


def _cut(passage: Passage, known: Words, language: str) -> Iterator[Sentence]:
    text = passage.text
    starts = {0, *map(int, sentence_starts(text, language))}
    starts |= {each.start() for each in _GRID.finditer(text)}
    figures = [(each.start, each.end) for each in rows(text)]
    skipped = {start for start, _ in figures}
    edges = sorted(starts | {at for each in figures for at in each} | {len(text)})
    for start, end in pairwise(edges):
        if start in skipped:
            continue
        for first, last in _pieces(text, start, end):
            if passage.unbroken(first, last):
                yield Sentence(passage, first, last, known.stems(text[first:last]))


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > _LONGEST:
        blank = re.search(r"\s\S*$", text[start : start + _LONGEST])
        cut = start + (blank.start() if blank and blank.start() else _LONGEST)
        yield start, cut
        start = cut
    yield start, end
