"""What every index must do with a history that is not one line: a release that is taken back, a
candidate that waits, and drafts of what is older than either. Inherit, give an `index` fixture.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from components.errors import Missing
from components.indexes.contract import CorpusIndex, GenerationReader, Index, Writer
from components.indexes.manifest import Generation
from components.values import Filter

from .index import (
    COMMON,
    WIDTH,
    asked,
    chunks_of,
    dense,
    entry,
    finish,
    names,
    sparse,
    wanted,
    whole_of,
)

FINGERPRINT = "f" * 16
Texts = Mapping[str, tuple[str, str]]
"""Of documents, their version and their title."""


def begun(corpus: CorpusIndex, base: Generation | None) -> Generation:
    return corpus.draft(wanted(whole=True), base)


def bring(
    writer: Writer, name: str, version: str, count: int, replaced: Sequence[str] = ()
) -> None:
    """A document with all that a store can hold of it."""
    chunks = chunks_of(name, version, count)
    states = [np.full((2, 4), len(version) + each.ordinal, np.uint8) for each in chunks]
    whole = whole_of(chunks, 200 + len(version), towards=len(version) % WIDTH)
    writer.put(chunks, dense(chunks), sparse(chunks), states, whole)
    writer.commit([entry(name, version, count)], replaced)


def held(reader: GenerationReader) -> dict[str, Any]:
    """All that is to be had of a generation."""
    documents = sorted(reader.entries())
    chunks = [chunk for name in documents for chunk in reader.chunks(name)]
    ids = [chunk.id for chunk in chunks]
    rows = np.eye(WIDTH, dtype=np.float32)
    filters: list[Filter] = [{}] * WIDTH
    return {
        "entries": reader.entries(),
        "chunks": chunks,
        "counted": reader.count_chunks(),
        "vectors": reader.vectors(ids).tolist(),
        "states": [each.tolist() for each in reader.states(ids)],
        "terms": [each.indices.tolist() for each in reader.document_terms(documents)],
        "nearest": [[(h.chunk.id, h.score) for h in e] for e in reader.nearest(rows, 50, filters)],
        "worded": {hit.chunk.id for hit in reader.nearest_sparse([asked(COMMON)], 99, [{}])[0]},
        "alike": reader.nearest_documents(rows, 50, filters),
        "told": sorted(
            name for name, _ in reader.nearest_documents_sparse([asked(COMMON)], 50, [{}])[0]
        ),
    }


def state(corpus: CorpusIndex, generation: Generation) -> dict[str, Any]:
    with corpus.read(generation) as reader:
        return held(reader)


def texts(corpus: CorpusIndex, generation: Generation) -> Texts:
    """As its chunks tell, of which none is missing or too many."""
    with corpus.read(generation) as reader:
        found = {name: reader.chunks(name) for name in reader.entries()}
        assert reader.count_chunks() == sum(each.chunks for each in reader.entries().values())
    said = {name: {(each.version, each.title) for each in own} for name, own in found.items()}
    assert all(len(each) == 1 for each in said.values()), said
    return {name: own.pop() for name, own in said.items()}


class HistoryContract:
    """The suite. Generations 3, 4 and 5 each began from the one before; documents of one chunk are
    among theirs, new texts, new titles, and documents that went or came.
    """

    drafts: ClassVar[int] = 12
    """In a history of chance."""

    @pytest.fixture
    def corpus(self, index: Index) -> CorpusIndex:
        return index.corpus("history")

    @pytest.fixture
    def third(self, corpus: CorpusIndex) -> Generation:
        with corpus.lock():
            draft = begun(corpus, None)
            with corpus.write(draft) as writer:
                for name, count in (("a", 3), ("b", 2), ("c", 3), ("s", 1)):
                    bring(writer, name, "v", count)
            generation = finish(corpus, draft)
            corpus.publish(generation, "r")
        return generation

    @pytest.fixture
    def fourth(self, corpus: CorpusIndex, third: Generation) -> Generation:
        with corpus.lock():
            draft = begun(corpus, third)
            with corpus.write(draft) as writer:
                bring(writer, "a", "vv", 2, ["a"])
                writer.describe("c", "Better", {"year": 1999})
            generation = finish(corpus, draft)
            corpus.publish(generation, "r")
        return generation

    @pytest.fixture
    def fifth(self, corpus: CorpusIndex, fourth: Generation) -> Generation:
        """Finished, and not published."""
        with corpus.lock():
            draft = begun(corpus, fourth)
            with corpus.write(draft) as writer:
                bring(writer, "a", "vvv", 3, ["a"])
                writer.describe("b", "Best", {"year": 1998})
                bring(writer, "d", "vvv", 2)
                writer.forget(["c", "s"])
            return finish(corpus, draft)

    @pytest.mark.parametrize("published", [True, False], ids=["taken-back", "candidate"])
    def test_a_draft_of_an_older_one_is_that_one_and_no_newer(
        self, corpus: CorpusIndex, fourth: Generation, fifth: Generation, published: bool
    ) -> None:
        before = state(corpus, fourth), state(corpus, fifth)
        with corpus.lock():
            if published:
                corpus.publish(fifth, "r")
                corpus.publish(fourth, "r")
            draft = begun(corpus, fourth)
            assert draft.base == fourth.name
            assert draft.number > fifth.number
            assert corpus.unfinished(FINGERPRINT, fourth) == draft
            assert corpus.unfinished(FINGERPRINT, fifth) is None
            with corpus.write(draft) as writer:
                assert held(writer) == before[0]
                bring(writer, "a", "vvvv", 1, ["a"])
                bring(writer, "e", "vvvv", 2)
                writer.describe("b", "Good", {})
                writer.forget(["c"])
            assert (state(corpus, fourth), state(corpus, fifth)) == before
            done = finish(corpus, draft)
            corpus.publish(done, "r")
        own = "Title of {}".format
        assert texts(corpus, done) == {
            "a": ("vvvv", own("a")),
            "b": ("v", "Good"),
            "e": ("vvvv", own("e")),
            "s": ("v", own("s")),
        }
        assert (state(corpus, fourth), state(corpus, fifth)) == before
        assert (done.totals.documents, done.totals.chunks) == (4, 6)

    def test_back_and_forth_both_stay_as_they_were(
        self, corpus: CorpusIndex, third: Generation, fourth: Generation, fifth: Generation
    ) -> None:
        before = state(corpus, fourth), state(corpus, fifth)
        with corpus.lock():
            for each in (fifth, fourth):
                corpus.publish(each, "r")
            release = corpus.live()
            assert release is not None
            assert release.generation == fourth
            assert (state(corpus, fourth), state(corpus, fifth)) == before
            assert [each.name for each in corpus.surplus()] == [third.name]
            assert corpus.prune() == [third.name]
            assert (state(corpus, fourth), state(corpus, fifth)) == before
            corpus.publish(fifth, "r")
            assert corpus.prune() == []
        assert (state(corpus, fourth), state(corpus, fifth)) == before

    def test_the_newer_one_goes_and_what_it_stood_on_stays(
        self, corpus: CorpusIndex, fourth: Generation, fifth: Generation
    ) -> None:
        before = state(corpus, fourth)
        with corpus.lock():
            for each in (fifth, fourth):
                corpus.publish(each, "r")
            draft = begun(corpus, fourth)
            with corpus.write(draft) as writer:
                writer.forget(["a"])
            sixth = finish(corpus, draft)
            corpus.publish(sixth, "r")
            assert fifth.name in corpus.prune()
            assert state(corpus, fourth) == before
            aside = state(corpus, sixth)
            corpus.publish(fourth, "r")
            draft = begun(corpus, fourth)
            with corpus.write(draft) as writer:
                assert held(writer) == before
                bring(writer, "a", "vvvvv", 2, ["a"])
                bring(writer, "d", "vvvvv", 1)
            seventh = finish(corpus, draft)
            assert state(corpus, fourth) == before
            corpus.publish(seventh, "r")
            corpus.prune()
            assert state(corpus, fourth) == before
        assert names_of(corpus, seventh) == set("abcds")
        assert "vvvvv" in texts(corpus, seventh)["a"]
        assert aside["told"] == ["b", "c", "s"]

    def test_one_that_was_taken_back_is_built_upon_and_not_opened_again(
        self, corpus: CorpusIndex, fourth: Generation, fifth: Generation
    ) -> None:
        before = state(corpus, fourth), state(corpus, fifth)
        with corpus.lock():
            for each in (fifth, fourth):
                corpus.publish(each, "r")
            draft = begun(corpus, fifth)
            assert draft.base == fifth.name
            assert draft.number > fifth.number
            with corpus.write(draft) as writer:
                assert held(writer) == before[1]
                writer.forget(["d"])
            corpus.publish(finish(corpus, draft), "r")
            assert (state(corpus, fourth), state(corpus, fifth)) == before

    def test_a_draft_of_an_older_one_is_thrown_away_without_a_trace(
        self, corpus: CorpusIndex, fourth: Generation, fifth: Generation
    ) -> None:
        before = state(corpus, fourth), state(corpus, fifth)
        with corpus.lock():
            draft = begun(corpus, fourth)
            with corpus.write(draft) as writer:
                bring(writer, "a", "vvvv", 1, ["a"])
            again = begun(corpus, fourth)
            assert state(corpus, again) == before[0]
            corpus.discard(again)
        assert corpus.unfinished(FINGERPRINT, fourth) is None
        assert (state(corpus, fourth), state(corpus, fifth)) == before

    def test_a_draft_of_an_older_one_is_recovered(
        self, corpus: CorpusIndex, fourth: Generation, fifth: Generation
    ) -> None:
        before = state(corpus, fourth), state(corpus, fifth)
        with corpus.lock():
            draft = begun(corpus, fourth)
            with corpus.write(draft) as writer:
                bring(writer, "e", "vvvv", 2)
                newer = chunks_of("a", "vvvv", 3)
                writer.put(newer, dense(newer), sparse(newer), whole=whole_of(newer))
            for _ in range(2):
                corpus.recover(draft)
            with corpus.write(draft) as writer:
                assert names(writer) == set("abces")
                writer.forget(["e"])
            assert state(corpus, finish(corpus, draft)) == before[0]
        assert (state(corpus, fourth), state(corpus, fifth)) == before

    @pytest.mark.parametrize(
        "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))]
    )
    def test_whatever_happens_each_generation_stays_what_it_was(
        self, corpus: CorpusIndex, seed: int
    ) -> None:
        chance = random.Random(seed)
        meant: dict[str, Texts] = {}
        """Of each that is finished, by name."""
        finished: dict[str, Generation] = {}
        published: list[str] = []
        with corpus.lock():
            for step in range(self.drafts):
                bases = [finished[name] for name in dict.fromkeys(published) if name in finished]
                base = chance.choice(bases) if bases else None
                draft = begun(corpus, base)
                now = dict(meant[base.name]) if base else {}
                with corpus.write(draft) as writer:
                    changed(writer, now, step, chance)
                if chance.random() < 0.4:
                    corpus.recover(draft)
                    with corpus.write(draft) as writer:  # what is gone may be back until it is gone
                        writer.forget([each for each in names(writer) if each not in now])
                if base and chance.random() < 0.3:
                    corpus.discard(draft)
                else:
                    done = finish(corpus, draft)
                    meant[done.name], finished[done.name] = now, done
                    if not base or chance.random() < 0.6:
                        corpus.publish(done, "r")
                        published.append(done.name)
                if chance.random() < 0.4:
                    name = chance.choice([each for each in published if each in finished])
                    corpus.publish(finished[name], "r")
                    published.append(name)
                if chance.random() < 0.5:
                    corpus.prune()
                finished = {n: each for n, each in finished.items() if there(corpus, each)}
                last = list(dict.fromkeys(reversed(published)))[:2]
                assert set(last) <= set(finished)
                found = {name: texts(corpus, each) for name, each in finished.items()}
                assert found == {name: meant[name] for name in finished}, step


def changed(
    writer: Writer, now: dict[str, tuple[str, str]], step: int, chance: random.Random
) -> None:
    """Some documents, in a writer and in what is meant."""
    for name in chance.sample("abcdef", 3):
        version = "v" * (step + 1)
        way = chance.choice(["text", "title", "forget"] if name in now else ["text"])
        if way == "text":
            bring(writer, name, version, chance.randint(1, 3), [name] if name in now else [])
            now[name] = (version, f"Title of {name}")
        elif way == "title":
            count = len(writer.chunks(name))
            writer.commit([entry(name, now[name][0], count)])
            writer.describe(name, f"Title {step}", {})
            now[name] = (now[name][0], f"Title {step}")
        else:
            writer.forget([name])
            del now[name]


def there(corpus: CorpusIndex, generation: Generation) -> bool:
    try:
        return corpus.generation(generation.name) == generation
    except Missing:
        return False


def names_of(corpus: CorpusIndex, generation: Generation) -> set[str]:
    with corpus.read(generation) as reader:
        return names(reader)
