"""The doctor finds what is planted, and mends that and nothing else."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from qdrant_client.models import (
    CreateAlias,
    CreateAliasOperation,
    DeleteAlias,
    DeleteAliasOperation,
)

from components.corpus.doctor.anew import drawn
from components.corpus.doctor.diagnosis import Diagnosis
from components.corpus.doctor.run import doctor
from components.corpus.releases import history
from components.corpus.request import new_run_id
from components.encoders.cache import VectorCache, cache
from components.errors import Busy, Damaged, GuardStopped, NothingLive
from components.indexes.manifest import Entry
from components.indexes.qdrant.collection import stands_for
from components.indexes.qdrant.control import Control
from components.indexes.qdrant.server import connect
from infra.settings import settings
from tests.corpora import HASHING, Corpus, before, prose
from tests.damage import Live
from tests.indexes.test_edge_damage import GARBAGE, tear
from tests.stores import embedded_first

DOCUMENTS = 6
DAMAGED, OTHER = "002.txt", "004.txt"


@pytest.fixture
def live(corpus: Corpus, store: tuple[str, ...]) -> Live:
    corpus.fill(DOCUMENTS)
    corpus.refresh(store)
    return Live(corpus, store)


def look(live: Live, **asked: Any) -> Diagnosis:
    return doctor(live.corpus.job(live.store, run_id=new_run_id()), **asked)


def found(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    return [(each.check, each.where) for each in diagnosis.findings]


def chunks(live: Live, document: str = DAMAGED) -> list[Any]:
    return live.points(kind="chunk", document_id=document)


def lose_one(live: Live, document: str = DAMAGED) -> None:
    live.drop(chunks(live, document)[1])


def lose_the_last(live: Live, document: str = DAMAGED) -> None:
    live.drop(chunks(live, document)[-1])


def lose_all(live: Live, document: str = DAMAGED) -> None:
    live.drop(*chunks(live, document), *live.points(kind="whole", document_id=document))


def lose_the_whole(live: Live, document: str) -> None:
    live.drop(*live.points(kind="whole", document_id=document))


def lose_the_entry(live: Live, document: str) -> None:
    live.drop(*live.points(kind="document", document_id=document))


def add_a_strangers(live: Live, document: str = DAMAGED) -> None:
    live.put(chunks(live, document)[0], str(uuid4()), document_id=GONE)


def add_an_older(live: Live, document: str) -> None:
    live.put(chunks(live, document)[0], str(uuid4()), version="older")


def add_one_beyond(live: Live, document: str) -> None:
    live.put(chunks(live, document)[0], str(uuid4()), ordinal=77)


def zero_a_vector(live: Live, document: str = DAMAGED) -> None:
    live.put(chunks(live, document)[0], vector=[0.0] * 64)


def lose_the_terms(live: Live, document: str) -> None:
    live.put(chunks(live, document)[0], terms=False)


def of_another_model(live: Live, document: str = DAMAGED) -> None:
    for each in chunks(live, document):
        live.put(each, vector=[1.0] * 64)


PLANTED: dict[str, tuple[Callable[[Live, str], object], str]] = {
    "a chunk is gone": (lose_one, "points"),
    "the last chunk is gone": (lose_the_last, "points"),
    "the vectors of the whole are gone": (lose_the_whole, "points"),
    "all chunks are gone": (lose_all, "entries"),
    "the entry is gone": (lose_the_entry, "orphans"),
    "a chunk of no document": (add_a_strangers, "orphans"),
    "a chunk of an older content": (add_an_older, "orphans"),
    "a chunk too many": (add_one_beyond, "points"),
    "a vector without direction": (zero_a_vector, "vectors"),
    "a chunk has lost its terms": (lose_the_terms, "vectors"),
    "vectors of another model": (of_another_model, "anew"),
}
"""And the check that finds it."""
FREE = {"a chunk of no document", "a chunk of an older content"}
"""Nothing has to be encoded to mend them."""
GONE = "gone.txt"
"""Where a chunk of no document is found."""


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


def where(name: str, document: str) -> str:
    return GONE if name == "a chunk of no document" else document


@embedded_first
@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found_and_then_mended_and_nothing_else_is_encoded(
    live: Live, name: str
) -> None:
    stored, generation = live.corpus.stored(live.store), live.generation
    plant, check = PLANTED[name]
    plant(live, DAMAGED)
    seen = look(live)
    assert found(seen) == [(check, where(name, DAMAGED))]
    assert seen.exit_code == 8
    assert live.generation == generation, "nothing is written"
    diagnosis = look(live, repair=True)
    assert found(diagnosis) == found(seen)
    assert all(each.mended for each in diagnosis.findings)
    assert (diagnosis.exit_code, diagnosis.published) == (0, True)
    assert diagnosis.generation == live.generation.name != generation.name
    assert diagnosis.tokens == (0 if name in FREE else stored.entries[DAMAGED].tokens)
    same(live, stored)
    assert look(live).findings == ()
    report = live.corpus.refresh(live.store)
    assert (report.tokens, report.unchanged) == (0, DOCUMENTS)


def test_all_that_may_be_wrong_is_mended_at_once(corpus: Corpus, store: tuple[str, ...]) -> None:
    corpus.fill(len(PLANTED) + 1, sentences=6)
    corpus.refresh(store)
    live, stored = Live(corpus, store), corpus.stored(store)
    wanted, tokens = set(), 0
    for number, (name, (plant, check)) in enumerate(PLANTED.items()):
        document = f"{number:03}.txt"
        plant(live, document)
        wanted.add((check, where(name, document)))
        tokens += 0 if name in FREE else stored.entries[document].tokens
    seen = look(live)
    assert set(found(seen)) == wanted
    diagnosis = look(live, repair=True)
    assert set(found(diagnosis)) == wanted
    assert all(each.mended for each in diagnosis.findings)
    assert diagnosis.tokens == tokens
    same(live, stored)
    assert look(live).findings == ()
    report = corpus.refresh(store)
    assert (report.tokens, report.unchanged) == (0, len(PLANTED) + 1)


STEPS = ("plan", "forgotten", "encode-and-write", "check-and-optimise", "promote")
killed_anywhere = pytest.mark.parametrize(
    ("store", "step"),
    [
        *(("qdrant_edge", step) for step in STEPS),
        ("qdrant", "forgotten"),
        *(pytest.param("qdrant", s, marks=pytest.mark.slow) for s in STEPS if s != "forgotten"),
    ],
    indirect=["store"],
)


def killed(live: Live, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repair that ends where a step begins; `forgotten`: when the draft is made, and before what
    is wrong is out of it.
    """

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "forgotten":
            patch.setattr("components.corpus.doctor.mend._prepared", kill)
        with pytest.raises(KeyboardInterrupt):
            look(live, repair=True, by=before(step, kill))


@killed_anywhere
def test_killed_anywhere_the_next_doctor_completes_it(
    live: Live, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = live.corpus.stored(live.store)
    lose_one(live)
    zero_a_vector(live, OTHER)
    add_a_strangers(live)
    killed(live, step, monkeypatch)
    diagnosis = look(live, repair=True)
    wanted = [("points", DAMAGED), ("vectors", OTHER), ("orphans", GONE)]
    assert found(diagnosis) == wanted
    assert diagnosis.exit_code == 0
    same(live, stored)
    assert look(live).findings == ()


@killed_anywhere
def test_killed_anywhere_a_refresh_goes_on_and_loses_nothing(
    live: Live, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = live.corpus.stored(live.store)
    lose_one(live)
    killed(live, step, monkeypatch)
    live.corpus.add("new.txt", prose(77))
    if step == "plan" or (step == "forgotten" and live.store):
        with pytest.raises(Damaged):  # as if there had been no repair
            live.corpus.refresh(live.store)
        if live.store:  # there it would for ever
            assert look(live, repair=True).exit_code == 0
    live.corpus.refresh(live.store)
    after = live.corpus.stored(live.store)
    assert stored.chunks.items() <= after.chunks.items()
    assert "new.txt" in after.entries
    assert look(live).findings == ()


@killed_anywhere
def test_killed_anywhere_nothing_is_lost_that_the_source_has_no_more(
    live: Live, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_the_last(live)
    zero_a_vector(live, OTHER)
    (live.corpus.documents / DAMAGED).unlink()
    killed(live, step, monkeypatch)
    assert look(live, repair=True).exit_code == 8
    with live.corpus.job(live.store).corpus.read(live.generation) as reader:
        assert len(reader.chunks(DAMAGED)) == 5
        assert reader.entries()[DAMAGED].lost == 1


def test_it_is_a_release_of_its_own(live: Live) -> None:
    lose_one(live)
    diagnosis = look(live, repair=True)
    release = live.corpus.job(live.store).corpus.live()
    assert release is not None
    assert (release.number, release.how, release.over) == (2, "repaired", 1)
    assert release.by == f"doctor {diagnosis.run_id}"
    told = history(live.corpus.job(live.store).corpus).ledger
    assert (told.live, told.missing) == (2, [])
    assert told.releases[2].changed == 0
    assert told.releases[2].identity == told.releases[1].identity
    live.corpus.add("new.txt", prose(9))
    assert live.corpus.refresh(live.store).promoted


@embedded_first
def test_what_a_killed_repair_encoded_is_not_encoded_again(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_one(live)
    killed(live, "check-and-optimise", monkeypatch)
    diagnosis = look(live, repair=True)
    assert (diagnosis.tokens, diagnosis.exit_code) == (0, 0)


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "unreadable"])
@embedded_first
def test_what_the_source_cannot_give_is_named_and_stays_served(live: Live, gone: bool) -> None:
    lose_the_last(live)
    zero_a_vector(live, OTHER)
    file = live.corpus.documents / DAMAGED
    text = file.read_text()
    file.write_bytes(b"") if not gone else file.unlink()
    kept = live.corpus.job(live.store)
    diagnosis = look(live, repair=True)
    by_where = {each.where: each for each in diagnosis.findings}
    assert by_where[OTHER].mended
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


@embedded_first
def test_of_which_nothing_is_left_is_named_too(live: Live) -> None:
    lose_all(live)
    (live.corpus.documents / DAMAGED).unlink()
    diagnosis = look(live, repair=True)
    assert (found(diagnosis), diagnosis.exit_code) == ([("entries", DAMAGED)], 8)
    again = look(live, repair=True)
    assert (found(again), again.published) == ([("entries", DAMAGED)], False)
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


@embedded_first
def test_the_rest_of_a_run_that_was_wrong_is_looked_at_where_it_is_mended(live: Live) -> None:
    for name in ("000.txt", "001.txt", "003.txt"):
        of_another_model(live, name)
    one = look(live, sample=DOCUMENTS - 2)
    assert 1 <= len(one.findings) <= 3
    assert one.sample.documents == DOCUMENTS - 2
    diagnosis = look(live, repair=True, sample=DOCUMENTS - 2)
    assert len(diagnosis.findings) == 3
    entries = live.corpus.stored(live.store).entries
    assert diagnosis.tokens == sum(entries[each.where].tokens for each in diagnosis.findings)
    assert look(live).findings == ()


@embedded_first
def test_a_sample_of_none_loads_no_encoder(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    of_another_model(live)
    diagnosis = look(live, sample=0)
    assert (diagnosis.findings, diagnosis.sample.documents) == ((), 0)


@embedded_first
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


@embedded_first
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


@embedded_first
def test_it_looks_at_what_is_live_whatever_the_file_says_now(live: Live) -> None:
    lose_one(live)
    other = (*live.store, "encoder.width=32", "index.quantization=int8")
    diagnosis = doctor(live.corpus.job(other), repair=True)
    assert (found(diagnosis), diagnosis.exit_code) == ([("points", DAMAGED)], 0)
    assert live.generation.width == 64
    assert look(live).findings == ()


@pytest.mark.parametrize("quantization", ["int8", "binary"])
@embedded_first
def test_vectors_that_are_kept_quantised_are_compared_as_they_were_made(
    corpus: Corpus, store: tuple[str, ...], quantization: str
) -> None:
    corpus.fill(3)
    live = Live(corpus, (*store, f"index.quantization={quantization}"))
    corpus.refresh(live.store)
    diagnosis = look(live)
    assert (diagnosis.findings, diagnosis.sample.documents) == ((), 3)
    assert diagnosis.sample.least > 0.9999


def grown(live: Live) -> Live:
    """A corpus with a generation before the one that is live."""
    live.corpus.add("006.txt", prose(61))
    live.corpus.refresh(live.store)
    return live


def tear_live(live: Live) -> None:
    (live.corpus.folder / "store" / "test" / "live.json").write_text('{"generation": "00')


def point_nowhere(live: Live) -> None:
    file = live.corpus.folder / "store" / "test" / "live.json"
    file.write_text(json.dumps({"schema": 1, "generation": "0099-0123456789abcdef"}))


def remove_the_generation(live: Live) -> None:
    shutil.rmtree(live.folder)


def tear_the_generation(live: Live) -> None:
    for file in live.folder.glob("shard/segments/*/segment.json"):
        file.write_bytes(b"\xff\x13\x77\x01" * 8)


def tear_payloads(live: Live) -> None:
    tear(live.folder, GARBAGE, 0)


@pytest.mark.parametrize(
    "plant",
    [tear_live, point_nowhere, remove_the_generation, tear_the_generation, tear_payloads],
)
@pytest.mark.parametrize("store", ["qdrant_edge"], indirect=True)
def test_a_broken_pointer_leads_to_the_newest_that_is_sound(
    live: Live, plant: Callable[[Live], object]
) -> None:
    before = live.generation
    grown(live)
    plant(live)
    seen = look(live)
    ((check, _),) = found(seen)
    assert (check, seen.findings[0].harm, seen.exit_code) == ("pointer", "down", 8)
    diagnosis = look(live, repair=True)
    assert diagnosis.exit_code == 0
    assert diagnosis.findings[0].remedy == f"{diagnosis.generation} is live again"
    if plant not in (tear_live, point_nowhere):  # there the newest is well
        assert live.generation == before
        assert diagnosis.behind["new"] == 1
    assert look(live).findings == ()
    live.corpus.refresh(live.store)
    assert len(live.corpus.stored(live.store).entries) == DOCUMENTS + 1


@pytest.mark.parametrize("store", ["qdrant_edge"], indirect=True)
def test_one_that_is_not_sound_is_mended_where_there_is_no_other(live: Live) -> None:
    stored = live.corpus.stored()
    lose_one(live)
    tear_live(live)
    diagnosis = look(live, repair=True)
    assert found(diagnosis) == [("pointer", diagnosis.findings[0].where), ("points", DAMAGED)]
    assert diagnosis.exit_code == 0
    same(live, stored)


@pytest.mark.parametrize("store", ["qdrant_edge"], indirect=True)
def test_where_nothing_else_is_there_a_person_is_told_what_to_do(live: Live) -> None:
    remove_the_generation(live)
    diagnosis = look(live, repair=True)
    assert (diagnosis.exit_code, diagnosis.published) == (8, False)
    assert "restore one from a copy" in diagnosis.findings[0].remedy


@pytest.mark.parametrize("store", ["qdrant"], indirect=True)
@pytest.mark.parametrize("record", [True, False], ids=["record", "collection"])
def test_a_server_s_pointer_leads_to_the_newest_that_is_sound(live: Live, record: bool) -> None:
    before = live.generation
    live.corpus.refresh((*live.store, "encoder.width=32"))
    if record:
        control = Control(connect(), "test")
        held = (control.corpus() or {})["generations"]
        control.change({"generations": [e for e in held if e["name"] != live.generation.name]})
    else:
        connect().client.delete_collection(live.collection)
    assert next(check for check, _ in found(look(live))) == "pointer"
    diagnosis = look(live, repair=True)
    assert diagnosis.exit_code == 0
    assert live.generation == before
    assert look(live).findings == ()
    other = (*live.store, "encoder.width=32")
    assert live.corpus.refresh(other).promoted, "it does not go on from what is gone"
    assert doctor(live.corpus.job(other)).findings == ()


@pytest.mark.parametrize("store", ["qdrant"], indirect=True)
@pytest.mark.parametrize("gone", [True, False], ids=["gone", "elsewhere"])
def test_an_alias_that_leads_elsewhere_is_set(live: Live, gone: bool) -> None:
    """Another fingerprint's collection is kept beside."""
    before = live.collection
    live.corpus.refresh((*live.store, "encoder.width=32"))
    change: list[Any] = [DeleteAliasOperation(delete_alias=DeleteAlias(alias_name="test"))]
    if not gone:
        made = CreateAlias(collection_name=before, alias_name="test")
        change.append(CreateAliasOperation(create_alias=made))
    connect().client.update_collection_aliases(change)
    assert found(look(live)) == [("alias", "test")]
    assert look(live, repair=True).exit_code == 0
    assert look(live).findings == ()
    assert stands_for(connect(), "test") == live.collection != before


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VectorCache:
    monkeypatch.setenv("MILLRACE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MILLRACE_CACHE_BYTES", str(2**26))
    settings.cache_clear()
    found = cache()
    assert found is not None
    return found


LATE = {**HASHING, "encoder": {"use": "late", "window": 64, "overlap": 16}}


def test_vectors_in_context_are_compared_and_mended(tmp_path: Path, cached: VectorCache) -> None:
    corpus = Corpus(tmp_path, LATE)
    corpus.fill(3)
    corpus.refresh()
    live, stored = Live(corpus, ()), corpus.stored()
    first = look(live)
    assert (first.findings, first.sample.documents) == ((), 3)
    one, other = chunks(live)[:2]
    live.put(one, vector=list(other.vector["dense"]))
    assert found(look(live)) == [("anew", DAMAGED)]
    diagnosis = look(live, repair=True)
    assert (diagnosis.exit_code, diagnosis.tokens) == (0, stored.entries[DAMAGED].tokens)
    same(live, stored)


def test_a_cache_that_gives_something_else_is_dropped(tmp_path: Path, cached: VectorCache) -> None:
    corpus = Corpus(tmp_path, LATE)
    corpus.fill(3)
    corpus.refresh()
    live = Live(corpus, ())
    with closing(sqlite3.connect(cached.file)) as opened, opened:
        ((key, held),) = opened.execute("SELECT key, vector FROM vectors LIMIT 1").fetchall()
        other = np.frombuffer(held, np.float32)[::-1].tobytes()
        opened.execute("UPDATE vectors SET vector = ? WHERE key = ?", (other, key))
    diagnosis = look(live)
    assert found(diagnosis) == [("cache", str(cached.file))]
    assert diagnosis.findings[0].what.startswith("1 of ")
    assert look(live, repair=True).exit_code == 0
    assert not cached.file.exists()
    assert look(live).findings == ()


@pytest.mark.parametrize("place", [0, 4096], ids=["header", "page"])
def test_a_cache_that_cannot_be_read_is_dropped(
    corpus: Corpus, cached: VectorCache, place: int
) -> None:
    corpus.fill(1)
    corpus.refresh()
    cached.keep_bytes({bytes([n]) * 32: bytes(2000) for n in range(90)})
    cached.close()
    with cached.file.open("r+b") as opened:
        opened.seek(place)
        opened.write(b"\xff\x13\x77\x01" * 1024)
    live = Live(corpus, ())
    assert found(look(live)) == [("cache", str(cached.file))]
    assert look(live, repair=True).exit_code == 0
    assert look(live).findings == ()


def test_before_the_first_refresh_there_is_nothing_to_look_at(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(1)
    with pytest.raises(NothingLive):
        doctor(corpus.job(store))


@pytest.mark.parametrize("store", ["qdrant_edge"], indirect=True)
def test_only_who_mends_takes_the_lock(live: Live) -> None:
    with live.corpus.job().corpus.lock():
        assert look(live).findings == ()
        with pytest.raises(Busy):
            look(live, repair=True)


def test_each_run_has_its_share_of_a_sample() -> None:
    entries = [
        Entry(document_id=f"{run}-{n}", version="", run_id=run)
        for run, count in (("a", 50), ("b", 2), ("c", 1))
        for n in range(count)
    ]
    chosen = drawn(entries, 6, "seed")
    assert [sum(each.startswith(run) for each in chosen) for run in "abc"] == [3, 2, 1]
    assert len(set(drawn(entries, 99, "seed"))) == 53
    assert drawn(entries, 6, "seed") == chosen != drawn(entries, 6, "other")


@embedded_first
def test_what_cannot_be_read_when_it_is_its_turn_is_not_lost(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = live.corpus.stored(live.store)
    zero_a_vector(live)
    file = live.corpus.documents / DAMAGED
    text = file.read_text()
    with pytest.raises(GuardStopped, match=DAMAGED):
        look(live, repair=True, by=before("encode-and-write", lambda: file.write_bytes(b"")))
    file.write_text(text)
    assert look(live, repair=True).exit_code == 0
    assert live.corpus.stored(live.store).chunks == stored.chunks
    assert look(live).findings == ()
