"""Queries that are made of the documents, and what they are spread over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.indexes.contract import GenerationReader
from components.indexes.manifest import Entry
from components.values import Chunk, Metadata, Span
from evals.datasets import catalogue
from evals.questions import review
from evals.questions.counts import words
from evals.questions.documents import documents as documents_of
from evals.questions.draft import Draft
from evals.questions.known_items import Drawn, draw
from tests.corpora import Corpus

_FIRST, _LAST = (
    each.split() for each in ("bar tol mir zen kul fos gan hep", "dok pel sin rum tas vok lim nur")
)
_MADE = ["".join(each) for each in product(_FIRST, "aeiou", _LAST)]
_LINE = "And then the bardok was tolapel for a miridok or a zenopel of it."


def chunk(document: str, ordinal: int, text: str, **more: Any) -> Chunk:
    start = 1_000 * ordinal
    return Chunk(
        id=f"{document}-{ordinal}",
        document_id=document,
        version="v",
        ordinal=ordinal,
        span=Span(start, start + len(text)),
        text=text,
        **more,
    )


def sentence(random: Random) -> str:
    """Of words that several sentences have."""
    some = random.sample(_MADE, 6)
    return f"And then the {some[0]} was {some[1]} for a {' or a '.join(some[2:])} of it."


def documents(names: Sequence[str], passages: int = 2, seed: int = 0) -> list[Chunk]:
    random = Random(seed)
    return [
        chunk(
            name, at, sentence(random), title=f"Title{name} of it", section=f"Head {at} of {name}"
        )
        for name in names
        for at in range(passages)
    ]


class Held:
    """A generation of some chunks, which it gives in any order."""

    def __init__(self, chunks: Sequence[Chunk], order: Random | None = None) -> None:
        self._chunks = list(chunks)
        if order:
            order.shuffle(self._chunks)

    def entries(self) -> Mapping[str, Entry]:
        counted = Counter(each.document_id for each in self._chunks)
        return {
            id: Entry(document_id=id, version="v", chunks=count) for id, count in counted.items()
        } | {"failed": Entry(document_id="failed", version="v", state="failed")}

    def chunks(self, *ids: str) -> list[Chunk]:
        return [each for each in self._chunks if each.document_id in ids]


def drawn(chunks: Sequence[Chunk], count: int = 100, seed: int = 0) -> Drawn:
    return draw(cast(GenerationReader, Held(chunks)), count, seed=seed)


def of_kind(found: Drawn, kind: str) -> list[Draft]:
    return [each for each in found.drafts if each.type == kind]


def test_a_query_is_of_a_passage_of_its_document() -> None:
    chunks = documents([f"{at}.md" for at in range(12)])
    held = {(each.document_id, each.span.start): each for each in chunks}
    found = drawn(chunks)
    assert {each.type for each in found.drafts} == {"title", "heading", "sentence"}
    for draft in found.drafts:
        own = held[draft.document_id, draft.start]
        assert draft.passage == own.text.rstrip()
        assert draft.answer == own.title
        [span] = draft.spans
        assert own.text[span.start - own.span.start : span.end - own.span.start] == own.text
        expected = {"title": own.title, "heading": own.section}
        assert draft.question == expected.get(draft.type, draft.question)


def test_some_words_of_a_sentence_in_their_order() -> None:
    for draft in of_kind(drawn(documents([f"{at}.md" for at in range(12)])), "sentence"):
        asked, there = words(draft.question), words(draft.evidence[0])
        places = [there.index(each) for each in asked]
        assert places == sorted(places)
        assert 3 <= len(asked) <= 5
        assert places[-1] - places[0] >= len(asked), "they are no piece of it"
        assert {*asked} <= {*_MADE}, "words that nearly all passages have tell nothing"


def test_no_other_passage_has_all_words() -> None:
    chunks = documents([f"{at}.md" for at in range(30)], passages=4)
    found = of_kind(drawn(chunks), "sentence")
    assert found
    for draft in found:
        having = [each.id for each in chunks if {*words(draft.question)} <= {*words(each.text)}]
        assert len(having) == 1


def test_a_copy_of_a_document_is_no_known_item() -> None:
    both = [chunk(name, 0, _LINE, title="The bardok of miridok") for name in ("a.md", "b.md")]
    assert drawn(both).drafts == ()
    assert len(drawn(both[:1]).drafts) == 1


def test_the_passages_beside_it_may_overlap() -> None:
    """As a splitter's do: both have the sentence, and it is one place of the document."""
    first, second = chunk("a.md", 0, _LINE), chunk("a.md", 1, _LINE)
    second = replace(second, span=Span(5, 5 + len(_LINE)))
    assert of_kind(drawn([first, second]), "sentence")


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        (("The mill", "The mill"), set()),
        (("The mill", "the MILL!"), set()),
        (("The mill", "The weir"), {"The mill", "The weir"}),
        (("Mill", "The weir"), {"The weir"}),
        (("REPORT_2022 p.4", "The weir"), {"The weir"}),
        (("Of the it", "The weir"), {"The weir"}),
        (("水车的历史", "磨坊的历史"), {"水车的历史", "磨坊的历史"}),
    ],
)
def test_titles_that_tell_one_document(titles: tuple[str, str], expected: set[str]) -> None:
    chunks = [
        chunk(name, at, "Of the it", title=title)
        for name, title in zip("ab", titles, strict=True)
        for at in range(2)
    ]
    assert {each.question for each in drawn(chunks).drafts} == expected


def test_headings_that_tell_one_place() -> None:
    chunks = [
        chunk("a.md", 0, "One", title="The mill", section="The mill"),
        chunk("a.md", 1, "Two", title="The mill", section="The mill > See also"),
        chunk("a.md", 2, "Three", title="The mill", section="The mill > Its wheel"),
        chunk("a.md", 3, "Four", title="The mill", section="The mill > Its sluice"),
        chunk("a.md", 4, "Four and more", title="The mill", section="The mill > Its sluice"),
        chunk("b.md", 0, "Five", title="The weir", section="The weir > See also"),
        chunk("b.md", 1, "Six", title="The weir", section="The weir > Fish > How to pass"),
        chunk("b.md", 2, "Seven", title="The weir", section="The weir > Boats > How to pass"),
    ]
    found = {each.question: each for each in drawn(chunks).drafts}
    assert set(found) == {"The mill", "The weir", "Its wheel"}
    assert found["The mill"].type == "title"
    assert found["Its wheel"].passage == "Three"


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=8), st.integers(), st.randoms())
def test_the_same_for_a_seed_in_whatever_order_chunks_come(
    sizes: Sequence[int], seed: int, order: Random
) -> None:
    chunks = [
        each for at, size in enumerate(sizes) for each in documents([f"{at % 3}/{at}.md"], size, at)
    ]
    found = drawn(chunks, 7, seed)
    assert draw(cast(GenerationReader, Held(chunks, order)), 7, seed=seed) == found
    assert len(found.drafts) <= 7
    assert len({each.id for each in found.drafts}) == len(found.drafts)
    assert len({each.question.lower() for each in found.drafts}) == len(found.drafts)
    assert sum(found.strata.values()) == sum(found.kinds.values()) == len(found.drafts)


def test_seeds_differ() -> None:
    chunks = documents([f"{at}.md" for at in range(40)])
    assert drawn(chunks, 10, 1).drafts != drawn(chunks, 10, 2).drafts


def test_no_part_takes_all() -> None:
    names = [*(f"big/{at}.md" for at in range(60)), *(f"small/{at}.md" for at in range(8))]
    found = drawn(documents(names), 16)
    assert found.by == "folder"
    folders = Counter(each.document_id.partition("/")[0] for each in found.drafts)
    assert folders == {"big": 8, "small": 8}


def test_long_documents_and_short_ones() -> None:
    chunks = [
        each for at in range(12) for each in documents([f"{at}.md"], passages=1 + at // 4, seed=at)
    ]
    assert drawn(chunks, 12).strata == {"short": 4, "medium": 4, "long": 4}


@pytest.mark.parametrize(
    ("names", "fields", "by", "parts"),
    [
        ([f"docs/{'ab'[at % 2]}/{at}" for at in range(8)], {}, "folder", {"a", "b"}),
        ([f"https://host/{'ab'[at % 2]}/{at}" for at in range(8)], {}, "folder", {"a", "b"}),
        ([f"{at}.{['md', 'pdf'][at % 2]}" for at in range(8)], {}, "file type", {".md", ".pdf"}),
        ([str(at) for at in range(8)], {"year": [2020, 2021] * 4}, "year", {"2020", "2021"}),
        ([str(at) for at in range(8)], {"key": list("abcdefgh")}, "", {""}),
        ([str(at) for at in range(8)], {"tags": [["a"], ["b"]] * 4}, "", {""}),
        ([str(at) for at in range(20)], {"kind": ["a"] * 19 + ["b"]}, "", {""}),
    ],
)
def test_what_divides_a_corpus(
    names: list[str], fields: Mapping[str, list[Any]], by: str, parts: set[str]
) -> None:
    chunks = []
    for at, name in enumerate(names):
        metadata: Metadata = {field: values[at] for field, values in fields.items()}
        chunks.append(chunk(name, 0, "x", title=f"Title{at} of it", metadata=metadata))
    found = drawn(chunks)
    assert found.by == by
    assert {each.rpartition(", ")[0] for each in found.strata} == parts


def test_documents_are_read_whole_and_in_the_order_that_is_asked_for() -> None:
    """However many chunks they have, and whatever comes together."""
    sizes = {"c": 600, "a": 600, "failed": 0, "d": 1500, "b": 1}
    held = Held([chunk(id, at, "x") for id, size in sizes.items() for at in range(size)], Random(0))
    read = list(documents_of(cast(GenerationReader, held), held.entries(), sizes))
    assert [each[0].document_id for each in read] == ["c", "a", "d", "b"]
    assert [[each.ordinal for each in own] for own in read] == [
        list(range(len(own))) for own in read
    ]
    assert [len(own) for own in read] == [600, 600, 1500, 1]


def test_an_empty_corpus() -> None:
    assert drawn([]) == Drawn()


def test_an_index_is_drawn_from_and_judged(corpus: Corpus, tmp_path: Path) -> None:
    random = Random(0)
    for at in range(6):
        paragraphs = "\n\n".join(f"## Heading{at} of {each}\n\n{sentence(random)}" for each in "ab")
        corpus.add(f"{'ab'[at % 2]}/{at}.md", f"# Title{at} of it\n\n{paragraphs}\n")
    corpus.refresh()
    index = corpus.job().corpus
    release = index.live()
    assert release is not None
    with index.read(release.generation) as reader:
        found = draw(reader, 100)
    assert {each.type for each in found.drafts} == {"title", "heading", "sentence"}
    file = tmp_path / "review.yaml"
    review.write(found.drafts, file)
    file.write_text(file.read_text().replace("keep:\n", "keep: yes\n"))
    assert [draft for draft, _ in review.read(file)] == list(found.drafts)
    review.accept(file, tmp_path / "mine")
    data = catalogue.load(str(tmp_path / "mine"), corpus=False)
    assert {each.type for each in data.questions} == {"title", "heading", "sentence"}
    for draft in found.drafts:
        [evidence] = data.evidence[draft.id]
        text = (corpus.documents / draft.document_id).read_text()
        assert text[evidence.start : evidence.end].split() == draft.evidence[0].split()
