"""Asking a system's answerer every question, as many at once as it takes.

Each answer is kept as it comes: a run that was killed asks again only what was under way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice

from components import registry
from components.corpus.search import Searcher
from components.endpoint.ledger import Ledger
from components.errors import GuardStopped, MillraceError, NoAnswer, line
from components.indexes.contract import GenerationReader
from components.phases import Tell
from components.stages import Answerer
from components.values import Answer, Chunk, Hit, Query
from evals import kept, pool
from evals.answers import documents
from evals.answers.answered import Answered, Passage, cited
from evals.answers.documents import Documents
from evals.answers.figures import unsupported
from evals.answers.losses import evidence, retrieval
from evals.answers.plan import Plan
from evals.datasets.judged import BadData
from evals.experiment.namesakes import Namesake, counting, namesakes
from evals.experiment.systems import System
from evals.units import gather

_BATCH = 32
"""Questions that are searched for while an index is open."""


@dataclass(frozen=True)
class Given:
    """A question with what it is to be answered from."""

    query: Query
    known: Answered
    """What is kept of it, whatever comes of it."""
    hits: tuple[Hit, ...] = ()


def answers(plan: Plan, system: System) -> dict[str, Answered]:
    """What is kept, by question id, in the questions' order."""
    found = kept.values(plan.file(system), Answered)
    return {each.id: found[each.id] for each in plan.data.questions if each.id in found}


def answered(plan: Plan, system: System) -> bool:
    """Whether there is an answer to a question."""
    return any(not each.error for each in answers(plan, system).values())


def waiting(plan: Plan, system: System) -> list[Query]:
    """Questions without an answer."""
    done = {
        id
        for id, each in answers(plan, system).items()
        if not each.error and not (plan.searched and each.may_be_given_itself(id))
    }
    queries = plan.data.queries(scoped=plan.setting == "single")
    return [each for each in queries if each.id not in done]


def ask(plan: Plan, system: System, ledger: Ledger, tell: Tell) -> None:
    """Have every question answered that is not.

    What fails is kept as failed, and asked again by the next run. Raises GuardStopped where the
    ledger's limit is reached, the last failure where nothing is answered any more, Busy,
    MillraceError; what was answered stays.
    """
    file = plan.file(system)
    with kept.adding(file):
        left = waiting(plan, system)
        with ExitStack() as opened:
            searcher = opened.enter_context(system.searcher()) if plan.searched else None
            searching = _Searching(plan, searcher) if searcher else None
            found = searching.given(left) if searching else _unsearched(plan, system, left)
            answerer = _answerer(plan, system, ledger, searching, searcher)
            made = pool.each(found, partial(_one, answerer), answerer.concurrency)
            rows = (
                {given.query.id: asdict(_answered(given, each))}
                for given, each in made
                if not isinstance(each, GuardStopped)
            )
            kept.grow(file, rows, tell, len(plan.data.questions) - len(left))


class _Searching:
    """A system's searches."""

    def __init__(self, plan: Plan, searcher: Searcher) -> None:
        self._plan = plan
        self._searcher = searcher
        self._same: dict[str, Namesake] = {}
        """Of the questions so far."""

    def given(self, queries: Sequence[Query]) -> Iterator[Given]:
        """Each question with its hits."""
        left = iter(queries)
        while batch := list(islice(left, _BATCH)):
            yield from self._batch(batch)

    def search(self, query: Query, k: int) -> Sequence[Hit]:
        """See `Search`, but for the question's own document; for several threads."""
        if self._same[query.id] != "itself":
            return self._searcher.search([query], k).hits[0]

        def ask(queries: Sequence[Query], k: int) -> list[list[Hit]]:
            return self._searcher.search(queries, k).hits

        found = gather(ask, [query], k, lambda query, hits: len(self._counting(query, hits)) >= k)
        return self._counting(query, found[query.id])[:k]

    def _batch(self, batch: Sequence[Query]) -> list[Given]:
        begun = time.perf_counter()
        with self._searcher.opened() as at:
            at.serving.encode(batch)
            with at.reading() as reader:
                found = at.serving.retrieve(reader, batch, self._plan.hits)
                self._plan.data.check_scope(found.absent)
                judged = [self._judged(query, reader) for query in batch]
                self._same |= namesakes(reader, self._plan.data, batch)
            ranked = at.serving.rerank(found, self._plan.hits).hits
        made = [
            self._given(query, self._filled(query, hits), chunks)
            for query, hits, chunks in zip(batch, ranked, judged, strict=True)
        ]
        spent = round((time.perf_counter() - begun) / len(batch), 3)
        return [replace(each, known=replace(each.known, searching=spent)) for each in made]

    def _counting(self, query: Query, hits: Sequence[Hit]) -> list[Hit]:
        return counting(query, hits, self._same[query.id])

    def _filled(self, query: Query, hits: Sequence[Hit]) -> Sequence[Hit]:
        """As many hits, none of them of the question's own document."""
        whole = len(self._counting(query, hits)) == len(hits)
        return hits if whole else self.search(query, self._plan.hits)

    def _judged(self, query: Query, reader: GenerationReader) -> list[Chunk]:
        """Chunks of the documents with evidence."""
        data = self._plan.data
        documents = dict.fromkeys(data.document_of(unit) for unit in data.relevant(query.id))
        return [chunk for id in documents for chunk in reader.chunks(id)]

    def _given(self, query: Query, hits: Sequence[Hit], chunks: Sequence[Chunk]) -> Given:
        data = self._plan.data
        gold = [each.metadata for each in chunks if not each.ordinal]
        known = Answered(
            evidence=tuple(evidence(data, query.id, chunks)),
            given=tuple(map(Passage.of, hits)),
            retrieval=retrieval(data, query, hits, gold),
            namesake=self._same[query.id],
        )
        return Given(query, known, tuple(hits))


def _unsearched(plan: Plan, system: System, queries: Sequence[Query]) -> Iterator[Given]:
    """From the documents themselves; those of one document one after the other."""
    held = Documents(system.pipeline.build("source"))
    for query in sorted(queries, key=lambda each: plan.data.relevant(each.id)[0]):
        try:
            hits = documents.hits(plan.setting, plan.data, query, held, plan.characters)
        except BadData as error:
            yield Given(query, Answered(error=f"{error.where}: {error}", excused=True))
            continue
        shown, given = _shown(plan, query, held), tuple(map(Passage.of, hits))
        yield Given(query, Answered(evidence=shown, given=given, namesake=""), tuple(hits))


def _shown(plan: Plan, query: Query, held: Documents) -> tuple[Passage, ...]:
    """The evidence, for a person to read, where that can be read."""
    try:
        return tuple(map(Passage.of, documents.evidence(plan.data, query.id, held)))
    except BadData:
        return ()


def _answerer(
    plan: Plan,
    system: System,
    ledger: Ledger,
    searching: _Searching | None,
    searcher: Searcher | None,
) -> Answerer:
    choice = plan.answerer(system)
    encoder = registry.build("encoder", system.stages["encoder"])
    search = searching.search if searching else None
    neighbours = searcher.neighbours if searcher else None
    made: Answerer = registry.build(
        "answerer", choice, ledger=ledger, search=search, neighbours=neighbours, encoder=encoder
    )
    return made


def _one(answerer: Answerer, given: Given) -> Answered:
    if given.known.error:
        return given.known
    begun = time.perf_counter()
    try:
        answer = answerer.answer(given.query, given.hits)
    except NoAnswer as error:
        return _answered(given, error)
    return _after(given, answer, time.perf_counter() - begun)


def _answered(given: Given, made: Answered | MillraceError) -> Answered:
    """What was made, or why there is nothing."""
    if isinstance(made, Answered):
        return made
    told = line(str(made), made.where, "")
    return replace(given.known, error=" ".join(told.split()))


def _after(given: Given, answer: Answer, seconds: float) -> Answered:
    made = replace(
        given.known,
        text=answer.text,
        citations=answer.citations,
        found=tuple(map(Passage.of, answer.found)),
        steps=answer.steps,
        usage=answer.usage,
        seconds=round(seconds, 3),
    )
    texts = cited(answer, (*given.hits, *answer.found))
    figures = unsupported(given.query.text, answer.text, texts) if made.consulted else ()
    return replace(made, unsupported=tuple(figures))
