"""Queries made of the documents themselves, so that what they should find is known: no model writes
them, and no endpoint is asked.

    title     of a document, where no other place has it as its title or heading
    heading   likewise
    sentence  some words of a sentence, in their order, that no other passage has together

A whole sentence would be found by whatever compares words, and so would a word that stands in one
passage alone. Three to five words of a sentence are taken: rare ones, but first of all those that
other passages have as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise, zip_longest
from random import Random

import regex

from components.indexes.contract import GenerationReader
from components.splitters.boundaries import sentence_starts
from components.text.normal_form import normal_form
from components.values import Chunk, Span
from evals.questions.counts import Counts, heading, spelt, words
from evals.questions.documents import documents
from evals.questions.draft import Draft
from evals.questions.strata import Facts, strata

LANGUAGE = "en"
"""Whose sentences are looked for, unless another one is named."""
_TURNS = ("title", "heading", "sentence", "sentence")
"""Kinds, as often as they are drawn while a document has them."""
_SPARE = 8
"""Times as many queries are made as are wanted: of documents that repeat each other, two in three
turn out to be of several passages.
"""
_SENTENCE = range(8, 41)
"""Words of a sentence."""
_CHOSEN = (3, 5)
"""Fewest and most words of it that make a query."""
_END = regex.compile(r"[.!?…։।؟][\"'”’»)\]]*$")


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Queries, and how they are spread."""

    drafts: tuple[Draft, ...] = ()
    """By turns over the strata."""
    by: str = ""
    """What the strata differ in besides their lengths, see `Strata`."""
    strata: Mapping[str, int] = field(default_factory=dict)
    """Queries by stratum."""

    @property
    def kinds(self) -> dict[str, int]:
        """Queries by kind."""
        return dict(sorted(Counter(each.type for each in self.drafts).items()))


def draw(reader: GenerationReader, count: int, *, seed: int = 0, language: str = LANGUAGE) -> Drawn:
    """At most `count` queries, each of another passage and in other words. `language`: the code of
    that of the texts.

    The same for the same documents and seed. All chunks are read twice, a few at a time; what is
    kept of them is in how many each word stands, and a line for each document.
    """
    entries = reader.entries()
    counts, facts = Counts(), dict[str, Facts]()
    for chunks in documents(reader, entries, entries):
        counts.add(chunks)
        facts[chunks[0].document_id] = Facts.of(chunks)
    if not facts:
        return Drawn()
    parts = strata(facts)
    order, wanted = parts.turns(seed), count * _SPARE
    own = -(-wanted // len(order))
    made: list[list[Draft]] = []
    for chunks in documents(reader, entries, order):
        random = Random(f"{seed} {chunks[0].document_id}")  # noqa: S311 - no secret
        made.append(list(islice(_queries(chunks, counts, random, language), own)))
        if sum(map(len, made)) >= wanted:
            break
    turns = [draft for turn in zip_longest(*made) for draft in turn if draft]
    shared = _shared(turns, documents(reader, entries, entries), counts)
    chosen: dict[str, Draft] = {}
    for each in turns:
        if each.id not in shared:
            chosen.setdefault(" ".join(words(each.question)), each)
    drafts = tuple(islice(chosen.values(), count))
    spread = Counter(parts.of[each.document_id] for each in drafts)
    return Drawn(drafts=drafts, by=parts.by, strata=dict(sorted(spread.items())))


def _queries(
    chunks: Sequence[Chunk], counts: Counts, random: Random, language: str
) -> Iterator[Draft]:
    """Of one document, each of another passage."""
    kinds = {
        "title": _titles(chunks, counts),
        "heading": _headings(chunks, counts, random),
        "sentence": _sentences(chunks, counts, random, language),
    }
    passages = set()
    while kinds:
        kind = random.choice([each for each in _TURNS if each in kinds])
        draft = next(kinds[kind], None)
        if draft is None:
            del kinds[kind]
        elif draft.id not in passages:
            passages.add(draft.id)
            yield draft


def _titles(chunks: Sequence[Chunk], counts: Counts) -> Iterator[Draft]:
    if counts.tells(chunks[0].title):
        yield _draft("title", chunks[0].title, chunks[0])


def _headings(chunks: Sequence[Chunk], counts: Counts, random: Random) -> Iterator[Draft]:
    """Of sections in one passage: in a longer one, others would be as right as the first."""
    passages = Counter(chunk.section for chunk in chunks)
    for chunk in random.sample(chunks, len(chunks)):
        name = heading(chunk.section)
        if passages[chunk.section] == 1 and name != chunk.title and counts.tells(name):
            yield _draft("heading", name, chunk)


def _sentences(
    chunks: Sequence[Chunk], counts: Counts, random: Random, language: str
) -> Iterator[Draft]:
    for chunk in random.sample(chunks, len(chunks)):
        found = list(_proper(chunk.text, language))
        for sentence in random.sample(found, len(found)):
            if asked := _few_words(sentence, counts, random.randint(*_CHOSEN)):
                yield _draft("sentence", asked, chunk, sentence)
                break


def _draft(kind: str, question: str, chunk: Chunk, evidence: str = "") -> Draft:
    """All of the passage is evidence where nothing else is."""
    return Draft(
        question=question,
        answer=chunk.title or chunk.document_id,
        evidence=(evidence or chunk.text.strip(),),
        document_id=chunk.document_id,
        start=chunk.span.start,
        passage=chunk.text.rstrip(),
        page=chunk.page,
        type=kind,
    )


def _few_words(sentence: str, counts: Counts, most: int) -> str:
    """The rarest of its words that other passages have, and rarer ones where these are not enough;
    empty where too few are rare, or they stand together in the sentence.
    """
    places: dict[str, tuple[int, str]] = {}
    for place, word in enumerate(spelt(sentence)):
        if len(word) > 1:  # one character is a word in some scripts, but tells too little
            places.setdefault(normal_form(word), (place, word))
    rare = sorted(
        (counts.words[each] == 1, counts.words[each], each) for each in places if counts.rare(each)
    )
    chosen = sorted(places[word] for _, _, word in rare[:most])
    if len(chosen) < _CHOSEN[0] or chosen[-1][0] - chosen[0][0] < len(chosen):
        return ""
    return " ".join(word for _, word in chosen)


def _proper(text: str, language: str) -> Iterator[str]:
    """Its sentences, without what looks like a heading, a row or a list."""
    starts = sentence_starts(text, language).tolist()
    for start, end in pairwise([*starts, len(text)]):
        sentence = text[start:end].strip()
        if _END.search(sentence) and len(words(sentence)) in _SENTENCE:
            yield sentence


def _shared(drafts: Iterable[Draft], of: Iterable[list[Chunk]], counts: Counts) -> set[str]:
    """Ids of those whose words stand together in another passage, too."""
    waiting = defaultdict[str, list[tuple[set[str], Draft, Span]]](list)
    for draft in drafts:
        if draft.type == "sentence":
            asked = {*words(draft.question)}
            rarest = min(asked, key=lambda each: (counts.words[each], each))
            waiting[rarest].append((asked, draft, draft.spans[0]))
    found = set()
    for chunks in of:
        for chunk in chunks:
            there = {*words(chunk.text)}
            for word in there & waiting.keys():
                for asked, draft, own in waiting[word]:
                    if asked <= there and not _overlap(chunk, draft, own):
                        found.add(draft.id)
    return found


def _overlap(chunk: Chunk, draft: Draft, own: Span) -> bool:
    same = chunk.document_id == draft.document_id
    return same and chunk.span.start < own.end and own.start < chunk.span.end
