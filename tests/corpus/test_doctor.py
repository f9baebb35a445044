"""The doctor finds what is planted, and mends that and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from components.corpus.doctor import doctor
from components.corpus.diagnosis import Diagnosis
from components.errors import Damaged
from tests.corpora import Corpus, before, prose
from tests.damage import Live, Planting

DOCUMENTS = 6
DAMAGED = "002.txt"


@pytest.fixture
def live(corpus: Corpus, store: tuple[str, ...]) -> Live:
    corpus.fill(DOCUMENTS)
    corpus.refresh(store)
    return Live(corpus, store)


def look(live: Live, **asked: Any) -> Diagnosis:
    return doctor(live.corpus.job(live.store), **asked)


def found(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    return [(each.check, each.where) for each in diagnosis.findings]


def chunks(live: Live, document: str = DAMAGED) -> list[Any]:
    return live.points(kind="chunk", document_id=document)


def lose_one(live: Live) -> None:
    live.drop(chunks(live)[1])


def lose_the_last(live: Live) -> None:
    live.drop(chunks(live)[-1])


def lose_all(live: Live) -> None:
    live.drop(*chunks(live), *live.points(kind="whole", document_id=DAMAGED))


def lose_the_whole(live: Live) -> None:
    live.drop(*live.points(kind="whole", document_id=DAMAGED))


def lose_the_entry(live: Live) -> None:
    live.drop(*live.points(kind="document", document_id=DAMAGED))


def add_a_strangers(live: Live) -> None:
    live.put(chunks(live)[0], str(uuid4()), document_id="gone.txt")


def add_an_older(live: Live) -> None:
    live.put(chunks(live)[0], str(uuid4()), version="older")


def add_one_beyond(live: Live) -> None:
    live.put(chunks(live)[0], str(uuid4()), ordinal=77)


def zero_a_vector(live: Live) -> None:
    live.put(chunks(live)[0], vector=[0.0] * 64)


def of_another_model(live: Live) -> None:
    for each in chunks(live):
        live.put(each, vector=[1.0] * 64)


PLANTED: dict[str, tuple[Planting, str, str]] = {
    "a chunk is gone": (lose_one, "points", DAMAGED),
    "the last chunk is gone": (lose_the_last, "points", DAMAGED),
    "the vectors of the whole are gone": (lose_the_whole, "points", DAMAGED),
    "all chunks are gone": (lose_all, "entries", DAMAGED),
    "the entry is gone": (lose_the_entry, "orphans", DAMAGED),
    "a chunk of no document": (add_a_strangers, "orphans", "gone.txt"),
    "a chunk of an older content": (add_an_older, "orphans", DAMAGED),
    "a chunk too many": (add_one_beyond, "points", DAMAGED),
    "a vector without direction": (zero_a_vector, "vectors", DAMAGED),
    "vectors of another model": (of_another_model, "anew", DAMAGED),
}
FREE = {"a chunk of no document", "a chunk of an older content"}
"""Nothing has to be encoded to mend them."""
planted = pytest.mark.parametrize("name", PLANTED)


def same(live: Live, before: Any) -> None:
    """It holds what it held, run and time of the record aside."""
    after = live.corpus.stored(live.store)
    assert after.chunks == before.chunks
    assert after.entries.keys() == before.entries.keys()
    for name, entry in before.entries.items():
        told = after.entries[name]
        assert replace(told, run_id="", recorded_at="") == replace(entry, run_id="", recorded_at="")
    for name, vector in before.vectors.items():
        assert np.allclose(after.vectors[name], vector, atol=1e-6)
    assert after.worded == before.worded
    for name, cosines in before.wholes.items():
        assert after.wholes[name] == pytest.approx(cosines, abs=1e-5)


def test_all_is_well_with_what_is_well(live: Live) -> None:
    diagnosis = look(live)
    assert (diagnosis.findings, diagnosis.exit_code) == ((), 0)
    assert diagnosis.sample.documents == DOCUMENTS
    assert diagnosis.sample.chunks == live.generation.totals.chunks
    assert diagnosis.sample.least > 0.9999
    assert diagnosis.behind == {"new": 0, "changed": 0, "failing": 0, "gone": 0}
    assert look(live, repair=True).published is False


@planted
def test_what_is_planted_is_found_and_nothing_is_written(live: Live, name: str) -> None:
    plant, check, where = PLANTED[name]
    plant(live)
    generation = live.generation
    diagnosis = look(live)
    assert found(diagnosis) == [(check, where)]
    assert diagnosis.exit_code == 8
    assert live.generation == generation


@planted
def test_it_is_mended_and_nothing_else_is_encoded(live: Live, name: str) -> None:
    stored, generation = live.corpus.stored(live.store), live.generation
    plant, check, where = PLANTED[name]
    plant(live)
    diagnosis = look(live, repair=True)
    assert found(diagnosis) == [(check, where)]
    assert all(each.mended for each in diagnosis.findings)
    assert (diagnosis.exit_code, diagnosis.published) == (0, True)
    assert diagnosis.generation == live.generation.name != generation.name
    assert diagnosis.tokens == (0 if name in FREE else stored.entries[DAMAGED].tokens)
    same(live, stored)
    assert look(live).findings == ()
    report = live.corpus.refresh(live.store)
    assert (report.tokens, report.unchanged) == (0, DOCUMENTS)


def zero_a_vector_of_another(live: Live) -> None:
    (first, *_) = chunks(live, "004.txt")
    live.put(first, vector=[0.0] * 64)


STEPS = ("plan", "forgotten", "encode-and-write", "check-and-optimise", "promote")


def killed(live: Live, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repair that ends where a step begins; `forgotten`: when the draft is made, and before what
    is wrong is out of it.
    """

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "forgotten":
            patch.setattr("components.corpus.mend._prepared", kill)
        with pytest.raises(KeyboardInterrupt):
            look(live, repair=True, by=before(step, kill))


@pytest.mark.parametrize("step", STEPS)
def test_killed_anywhere_the_next_doctor_completes_it(
    live: Live, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = live.corpus.stored(live.store)
    for plant in (lose_one, zero_a_vector_of_another, add_a_strangers):
        plant(live)
    killed(live, step, monkeypatch)
    diagnosis = look(live, repair=True)
    wanted = [("points", DAMAGED), ("vectors", "004.txt"), ("orphans", "gone.txt")]
    assert found(diagnosis) == wanted
    assert diagnosis.exit_code == 0
    same(live, stored)
    assert look(live).findings == ()


@pytest.mark.parametrize("step", STEPS)
def test_killed_anywhere_a_refresh_goes_on_and_loses_nothing(
    live: Live, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = live.corpus.stored(live.store)
    lose_one(live)
    killed(live, step, monkeypatch)
    live.corpus.add("new.txt", prose(77))
    until = 2 if step == "plan" else 1  # nothing is begun: it builds it anew, as ever
    for _ in range(until):
        try:
            live.corpus.refresh(live.store)
        except Damaged:
            assert step == "plan"
    if step == "plan" and live.store:
        look(live, repair=True)  # a server's refresh never heals by itself
        live.corpus.refresh(live.store)
    after = live.corpus.stored(live.store)
    assert stored.chunks.items() <= after.chunks.items()
    assert "new.txt" in after.entries
    assert look(live).findings == ()


def test_what_a_killed_repair_encoded_is_not_encoded_again(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_one(live)
    killed(live, "check-and-optimise", monkeypatch)
    diagnosis = look(live, repair=True)
    assert (diagnosis.tokens, diagnosis.exit_code) == (0, 0)


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "unreadable"])
def test_what_the_source_cannot_give_is_named_and_stays_served(live: Live, gone: bool) -> None:
    lose_the_last(live)
    zero_a_vector_of_another(live)
    file = live.corpus.documents / DAMAGED
    text = file.read_text()
    file.write_bytes(b"") if not gone else file.unlink()
    kept = live.corpus.job(live.store)
    diagnosis = look(live, repair=True)
    by_where = {each.where: each for each in diagnosis.findings}
    assert by_where["004.txt"].mended
    assert not by_where[DAMAGED].mended
    assert ("does not have it" if gone else "cannot be used") in by_where[DAMAGED].remedy
    assert diagnosis.exit_code == 8
    with kept.corpus.read(live.generation) as reader:
        assert len(reader.chunks(DAMAGED)) == 5
        entry = reader.entries()[DAMAGED]
    assert (entry.chunks, entry.lost, entry.state) == (5, 1, "failed")
    assert found(look(live)) == [("points", DAMAGED)], "it is not forgotten"
    file.write_text(text)
    report = live.corpus.refresh(live.store)
    assert (report.changed, report.tokens) == (1, entry.tokens), "the source has it again"
    assert look(live).findings == ()


def test_of_which_nothing_is_left_is_named_too(live: Live) -> None:
    lose_all(live)
    (live.corpus.documents / DAMAGED).unlink()
    diagnosis = look(live, repair=True)
    assert (found(diagnosis), diagnosis.exit_code) == ([("entries", DAMAGED)], 8)
    assert found(look(live)) == [("entries", DAMAGED)]
    report = live.corpus.refresh(live.store)
    assert look(live).findings == ()
    assert report.totals.documents == DOCUMENTS - 1


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_what_is_no_number_is_found(corpus: Corpus, value: str) -> None:
    """A server takes none in JSON."""
    corpus.fill(3)
    corpus.refresh()
    live = Live(corpus, ())
    live.put(chunks(live)[0], vector=[float(value)] * 64)
    assert found(look(live)) == [("vectors", DAMAGED)]
    assert look(live, repair=True).exit_code == 0
    assert look(live).findings == ()


def test_the_rest_of_a_run_that_was_wrong_is_looked_at_where_it_is_mended(live: Live) -> None:
    for name in ("000.txt", "001.txt", "003.txt"):
        for each in chunks(live, name):
            live.put(each, vector=[1.0] * 64)
    one = look(live, sample=DOCUMENTS - 2)
    assert 1 <= len(one.findings) <= 3
    diagnosis = look(live, repair=True, sample=DOCUMENTS - 2)
    assert len(diagnosis.findings) == 3
    entries = live.corpus.stored(live.store).entries
    assert diagnosis.tokens == sum(entries[each.where].tokens for each in diagnosis.findings)
    assert look(live).findings == ()


def test_a_sample_of_none_loads_no_encoder(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    of_another_model(live)
    diagnosis = look(live, sample=0)
    assert (diagnosis.findings, diagnosis.sample.documents) == ((), 0)


def test_what_the_source_has_otherwise_now_is_not_compared(live: Live) -> None:
    of_another_model(live)
    live.corpus.add(DAMAGED, prose(99))
    live.corpus.add("new.txt", prose(98))
    live.corpus.add("torn.txt", "")
    (live.corpus.documents / "000.txt").unlink()
    diagnosis = look(live)
    assert (diagnosis.findings, diagnosis.exit_code) == ((), 0)
    assert diagnosis.behind == {"new": 2, "changed": 1, "failing": 0, "gone": 1}
    assert (diagnosis.sample.documents, diagnosis.sample.skipped) == (DOCUMENTS - 2, 1)


def test_a_source_that_is_away_leaves_the_rest_to_look_at(live: Live) -> None:
    lose_one(live)
    live.corpus.documents.rename(live.corpus.folder / "elsewhere")
    diagnosis = look(live, repair=True)
    assert found(diagnosis) == [("points", DAMAGED)]
    assert diagnosis.exit_code == 8
    assert "documents" in diagnosis.uncompared
    assert diagnosis.findings[0].remedy == diagnosis.uncompared
    (live.corpus.folder / "elsewhere").rename(live.corpus.documents)
    assert look(live, repair=True).exit_code == 0


def test_it_looks_at_what_is_live_whatever_the_file_says_now(live: Live) -> None:
    lose_one(live)
    other = (*live.store, "encoder.width=32", "index.quantization=int8")
    diagnosis = doctor(live.corpus.job(other), repair=True)
    assert (found(diagnosis), diagnosis.exit_code) == ([("points", DAMAGED)], 0)
    assert live.generation.width == 64
    assert look(live).findings == ()


@pytest.mark.parametrize("quantization", ["int8", "binary"])
def test_vectors_that_are_kept_quantised_are_compared_as_they_were_made(
    corpus: Corpus, store: tuple[str, ...], quantization: str
) -> None:
    corpus.fill(3)
    live = Live(corpus, (*store, f"index.quantization={quantization}"))
    corpus.refresh(live.store)
    diagnosis = look(live)
    assert (diagnosis.findings, diagnosis.sample.documents) == ((), 3)
    assert diagnosis.sample.least > 0.9999
