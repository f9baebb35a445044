"""Answers in the documents' own words and figures, without any language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from components.answerers.extractive import figures, sentences
from components.answerers.extractive.passages import Passage, passages
from components.answerers.extractive.question import Question, question
from components.answerers.extractive.sentences import Scored
from components.answerers.extractive.words import Words, digest, words
from components.answerers.passages import citation
from components.encoders.language import LANGUAGES
from components.errors import BadOption
from components.options import Count, Share, option, part
from components.splitters.boundaries import check_language
from components.stages import Encoder
from components.values import Answer, Hit, Query, Step

REFUSAL = "This cannot be answered from the passages found."


@dataclass(frozen=True, kw_only=True)
class Extractive:
    """Quotes: a table's row for a question after a figure, otherwise the best sentences.

    It concludes nothing: a question to be answered by yes or no gets the sentences that bear on it,
    and one after a figure that no row or sentence states is refused.
    """

    revision: ClassVar[int] = 1
    concurrency: ClassVar[int] = 1

    sentences: Count = option(3, help="sentences that are given, at most")
    hits: Count = option(10, help="hits that are read")
    least_row: Share = option(0.7, help="how well a row's label must match the question")
    least_sentence: Share = option(
        0.25, help="share of the question's words that one of the sentences must have"
    )
    least_figure: Share = option(
        0.6, help="the same where a figure is asked for, which the sentence must state"
    )
    near_best: Share = option(
        0.6, help="of the best sentence's score, what another needs to be given"
    )
    similarity: Share = option(
        0.0, help="share of a sentence's score by vectors, in place of words; needs time"
    )
    language: str = option("en", help="code of the texts' language")
    stemmer: str = option("english", help="language of the stems and the stop words")
    items: Path | None = option(None, help="TOML file of phrases for one thing; none: our own")
    encoder: Encoder | None = part()

    def __post_init__(self) -> None:
        check_language(self.language)
        if self.stemmer not in LANGUAGES:
            raise BadOption(f"there is no stemmer for {self.stemmer!r}").at(
                where="answerer.stemmer", hint=f"known: {', '.join(LANGUAGES)}"
            )

    @property
    def facts(self) -> Mapping[str, object]:
        return {"items": digest(self.items)} if self.items else {}

    def answer(self, query: Query, hits: Sequence[Hit]) -> Answer:
        """See `Answerer`. Raises BadOption where `items` cannot be read."""
        made = self._answer(query, hits)
        ids = tuple(each.chunk.id for each in hits[: self.hits])
        step = Step(name="answer", asked=query.text, said=made.text, chunk_ids=ids)
        return replace(made, steps=(step,))

    def _answer(self, query: Query, hits: Sequence[Hit]) -> Answer:
        known = words(self.stemmer, self.items)
        asked = question(query.text, known)
        read = passages(hits[: self.hits])
        row = figures.best(asked, read, known, self.least_row) if asked.tabular else None
        if row:
            said = row.text if row.concluded or asked.how else f"{REFUSAL} They state: {row.text}"
            return _answer(said, [(row.passage, each) for each in row.places])
        if asked.worked_out and asked.figure:
            return Answer(text=REFUSAL)
        return self._quoted(asked, read, known)

    def _quoted(self, asked: Question, read: Sequence[Passage], known: Words) -> Answer:
        given = sentences.sentences(read, known, self.language)
        given = [each for each in given if sentences.fits(each, asked, known)]
        found = sentences.ranked(asked, given, known, self.encoder, self.similarity)
        chosen = self._chosen(found, self.least_figure if asked.exact else self.least_sentence)
        if not chosen:
            return Answer(text=REFUSAL)
        quoted = [each.sentence for each in chosen]
        quoted.sort(key=lambda each: (each.passage.rank, each.start))
        places = [(each.passage, (each.start, each.end)) for each in quoted]
        return _answer(" ".join(each.text for each in quoted), places)

    def _chosen(self, found: Sequence[Scored], least: float) -> list[Scored]:
        """Of the best, those near the very best, where one of them has enough of the question."""
        once: dict[str, Scored] = {}
        for each in found:
            if each.score >= self.near_best * found[0].score:
                once.setdefault(each.sentence.text, each)
        best = list(once.values())[: self.sentences]
        return best if any(each.covered >= least for each in best) else []


def _answer(text: str, places: Sequence[tuple[Passage, tuple[int, int]]]) -> Answer:
    chunks = [chunk for passage, place in places for chunk in passage.holding(*place)]
    unique = {each.id: each for each in chunks}
    return Answer(text=text, citations=tuple(map(citation, unique.values())))
