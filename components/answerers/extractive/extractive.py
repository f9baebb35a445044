"""Answers in the documents' own words and figures, without any language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from components.answerers.extractive import sentences
from components.answerers.extractive.around import widened
from components.answerers.extractive.calculation import Calculation, Result
from components.answerers.extractive.lists import digest
from components.answerers.extractive.measures import measures
from components.answerers.extractive.operands import Tables, documents, statements_first
from components.answerers.extractive.passages import Passage, passages
from components.answerers.extractive.question import Question, question
from components.answerers.extractive.sentences import Scored
from components.answerers.extractive.telling import told
from components.answerers.extractive.wanted import Wanted, wanted
from components.answerers.extractive.words import Words, words
from components.answerers.passages import citation
from components.encoders.language import LANGUAGES
from components.errors import BadOption
from components.options import Count, Share, Whole, option, part
from components.splitters.boundaries import check_language
from components.stages import Encoder, Neighbours, Search
from components.values import Answer, Hit, Query, Step

_DOCUMENT = ("document_id", "document.document_id")
"""The names of one field of filters."""
REFUSAL = "This cannot be answered from the passages found."


@dataclass(frozen=True, kw_only=True)
class Extractive:
    """Reads and calculates: a figure from tables' rows, or worked out from them; otherwise quotes
    the best sentences.

    Every figure is one of a cited cell, or the calculation is shown. It concludes by yes or no only
    whether something has risen or fallen. A figure that neither rows nor sentences give is refused.
    """

    revision: ClassVar[int] = 2
    concurrency: ClassVar[int] = 1

    sentences: Count = option(3, help="sentences that are given, at most")
    hits: Count = option(10, help="hits that are read")
    least_row: Share = option(0.75, help="how well a row's label must match the question")
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
    measures: Path | None = option(None, help="TOML file of measures and formulas; none: our own")
    around: Whole = option(
        60_000, help="characters that are read around the hits, on their pages; 0: none"
    )
    statements: Whole = option(
        5, help="hits for each of a document's statements, searched where figures lack; 0: none"
    )
    encoder: Encoder | None = part()
    search: Search | None = part()
    neighbours: Neighbours | None = part()

    def __post_init__(self) -> None:
        check_language(self.language)
        if self.stemmer not in LANGUAGES:
            raise BadOption(f"there is no stemmer for {self.stemmer!r}").at(
                where="answerer.stemmer", hint=f"known: {', '.join(LANGUAGES)}"
            )

    @property
    def facts(self) -> Mapping[str, object]:
        """Hashes of the files, where there are some. Raises BadOption."""
        words(self.stemmer, self.items), measures(self.measures)
        files = {"items": self.items, "measures": self.measures}
        return {name: digest(path, name) for name, path in files.items() if path}

    def answer(self, query: Query, hits: Sequence[Hit]) -> Answer:
        """See `Answerer`. Raises BadOption where `items` or `measures` cannot be read, and what a
        search raises.
        """
        known = words(self.stemmer, self.items)
        asked = question(query.text, known)
        sought = wanted(asked, query.text, known)
        given = list(hits[: self.hits])
        read, result, steps = given, None, list[Step]()
        if sought:
            read = widened(given, self.neighbours, self.around)
            result = self._result(sought, query, read, known)
            if not result and (asked.counted or sought.calculated or known.names(sought.name)):
                more = self._searched(query, sought, read, known, steps)
                read = widened([*given, *more], self.neighbours, self.around) if more else read
                result = self._result(sought, query, read, known) if more else None
        if result:
            places = [(each.passage, place) for each in result.figures for place in each.places]
            made = _answer(told(result, asked, known), places)
        elif (asked.worked_out and asked.figure) or (sought and sought.calculated):
            made = Answer(text=REFUSAL)
        else:
            made = self._quoted(asked, passages(given), known)
        ids = tuple(each.chunk.id for each in read)
        steps.append(Step(name="answer", asked=query.text, said=made.text, chunk_ids=ids))
        cited = {each.chunk_id for each in made.citations} - {each.chunk.id for each in given}
        found = tuple(each for each in read if each.chunk.id in cited)
        return replace(made, steps=tuple(steps), found=found)

    def _result(
        self, sought: Wanted, query: Query, read: Sequence[Hit], known: Words
    ) -> Result | None:
        """From the tables of one document; a calculation from those of one passage, where that has
        all it takes.
        """
        by = measures(self.measures)
        for group in self._documents(sought, query, read, known):
            whole, *parts = (
                Calculation(sought, Tables(part, group, known, self.least_row), by, known)
                for part in (group, *([each] for each in statements_first(group)))
            )
            found = whole.result()
            if found and found.calculated:
                found = next(filter(None, (each.result() for each in parts)), found)
            if found:
                return found
        return None

    def _searched(
        self, query: Query, sought: Wanted, read: Sequence[Hit], known: Words, steps: list[Step]
    ) -> list[Hit]:
        """The statements of the document that is asked about, each hit once; noted as steps."""
        groups = self._documents(sought, query, read, known)
        if self.search is None or not self.statements or not groups:
            return []
        others = {name: each for name, each in query.filter.items() if name not in _DOCUMENT}
        within = {**others, _DOCUMENT[0]: [groups[0][0].document_id]}
        found: dict[str, Hit] = {}
        for text in known.statements:
            hits = self.search(replace(query, text=text, filter=within), self.statements)
            ids = tuple(each.chunk.id for each in hits)
            steps.append(
                Step(name="search", asked=text, said=f"{len(hits)} passages", chunk_ids=ids)
            )
            found |= {each.chunk.id: each for each in hits}
        return list(found.values())

    def _documents(
        self, sought: Wanted, query: Query, read: Sequence[Hit], known: Words
    ) -> list[Sequence[Passage]]:
        return documents(passages(read), known, known.stems(query.text), sought.periods)

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
