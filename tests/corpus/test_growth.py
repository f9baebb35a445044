"""A corpus that is refreshed for a month takes no more room than it needs, and loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from components.corpus import run
from components.corpus.search import search
from components.errors import GuardStopped, IndexFault, Missing, Moved
from components.indexes.edge import shards
from components.indexes.edge.files import allocated
from components.indexes.manifest import Release
from components.indexes.qdrant.server import connect
from components.values import Query
from tests.corpora import Corpus, counts, prose, snapshot
from tests.corpus.test_promotion import INTERRUPTED
from tests.corpus.test_refresh import later
from tests.faults.campaign import differences

SERVER = ("index.use=qdrant",)
WIDE = ("encoder.width=128",)
WIDER = ("encoder.width=256",)
QUESTION = [Query(text="water wheel")]


def held(corpus: Corpus, store: Sequence[str]) -> list[str]:
    """Folders of generations, or collections."""
    if store:
        found = connect().ask("listing", lambda client: client.get_collections()).collections
        return sorted(
            each.name
            for each in found
            if each.name.rpartition("__")[2] not in ("control", "releases")
        )
    own = corpus.folder / "store" / "test"
    return sorted(each.name for each in own.iterdir() if each.is_dir())


def points(corpus: Corpus, store: Sequence[str]) -> int:
    """Stored for all generations of all fingerprints, on a server."""
    names = held(corpus, store)
    client = connect().client
    return sum(client.count(name, exact=True).count for name in names)


def night(corpus: Corpus, number: int, overrides: Sequence[str] = (), **request: Any) -> str:
    """A refresh in which one document is another one: the generation that is live then."""
    later(corpus.add("000.txt", prose(900 + number)))
    report = corpus.refresh(overrides, **request)
    assert report.promoted
    return report.generation


def live(corpus: Corpus, overrides: Sequence[str] = ()) -> Release:
    release = corpus.job(overrides).corpus.live()
    assert release is not None
    return release


def test_nights_do_not_add_up(corpus: Corpus, store: tuple[str, ...]) -> None:
    corpus.fill(3)
    corpus.refresh(store)
    generations = [night(corpus, number, store) for number in range(3)]
    if store:
        assert len(held(corpus, store)) == 1
        release, stored = live(corpus, store), corpus.stored(store)
        new = len([c for c in stored.chunks.values() if c.document_id == "000.txt"])
        everything = len(stored.chunks) + len(stored.entries)
        assert everything < points(corpus, store) <= everything + 2 * new + 1
        assert release.generation.name == generations[-1]
    else:
        assert held(corpus, store) == generations[-2:]
    assert corpus.job(store).corpus.surplus() == []


def test_as_many_are_kept_as_are_asked_for(corpus: Corpus, store: tuple[str, ...]) -> None:
    corpus.fill(2)
    stored, generations = {}, []
    for number in range(4):
        generations.append(night(corpus, number, (*store, "index.keep=3")))
        stored[generations[-1]] = corpus.stored(store)
    assert readable(corpus, store, generations) == generations[-3:]
    index = corpus.job(store).corpus
    for name in generations[-3:]:
        with index.read(index.generation(name)) as reader:
            assert snapshot(reader).chunks == stored[name].chunks
    corpus.refresh((*store, "index.keep=1"))
    assert readable(corpus, store, generations) == generations[-1:]


def readable(corpus: Corpus, store: Sequence[str], generations: Sequence[str]) -> list[str]:
    """Those that are kept."""
    index = corpus.job(store).corpus
    found = []
    for name in generations:
        with suppress(Missing):
            found.append(index.generation(name).name)
    return found


def test_two_pipelines_that_take_turns_encode_only_what_changed(
    corpus: Corpus, server: str
) -> None:
    store = SERVER
    corpus.fill(3)
    corpus.refresh(store)
    corpus.refresh((*store, *WIDE))
    for number in range(3):
        later(corpus.add("000.txt", prose(900 + number)))
        report = corpus.refresh((*store, *(WIDE if number % 2 else ())))
        assert report.promoted
        assert counts(report) == (0, 1, 2, 0, 0), "the rest is not encoded again"
    assert len(held(corpus, store)) == 2


def test_a_fingerprint_that_two_others_have_followed_goes(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(2)
    first = corpus.refresh(store)
    corpus.refresh((*store, *WIDE))
    assert counts(corpus.refresh(store))[2] == 2
    corpus.refresh((*store, *WIDER))
    assert len(held(corpus, store)) == 2
    assert counts(corpus.refresh(store)) == (0, 0, 2, 0, 0), "it was live before"
    assert live(corpus, store).generation.name == first.generation
    assert counts(corpus.refresh((*store, *WIDE))) == (2, 0, 0, 0, 0), "tried, and given up"


def test_a_generation_that_is_held_back_every_night_is_one(corpus: Corpus) -> None:
    corpus.fill(3)
    corpus.refresh()
    later(corpus.add("001.txt", ""))
    corpus.refresh()
    for number in range(2):
        later(corpus.add("000.txt", prose(900 + number)))
        with pytest.raises(GuardStopped):
            corpus.refresh(WIDE)
    for number in range(2):
        night(corpus, 2 + number)
    assert len(held(corpus, ())) == 3
    report = corpus.refresh(WIDE, max_missing=1)
    assert report.promoted
    assert (report.added, report.changed) == (0, 1), "it waited"


def begun(corpus: Corpus, overrides: Sequence[str]) -> str:
    """A draft that was given up."""
    with pytest.raises(KeyboardInterrupt):
        run.run(corpus.job(overrides), INTERRUPTED)
    job = corpus.job(overrides)
    draft = job.corpus.unfinished(job.fingerprint, None)
    assert draft is not None
    return draft.name


def test_drafts_that_were_given_up_go_but_for_the_newest(corpus: Corpus, server: str) -> None:
    store = SERVER
    corpus.fill(2)
    corpus.refresh(store)
    begun(corpus, (*store, *WIDE))
    newer = begun(corpus, (*store, *WIDER))
    night(corpus, 0, store)
    names = held(corpus, store)
    assert len(names) == 2
    assert any(newer.partition("-")[2] in each for each in names)
    report = corpus.refresh((*store, *WIDER))
    assert report.resumed


def test_a_draft_in_fewer_bits_leaves_the_other_one_to_be_gone_on_with(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(2)
    small = (*store, "index.quantization=int8")
    begun(corpus, store)
    begun(corpus, small)
    assert corpus.refresh(store).resumed
    assert corpus.refresh(small).resumed


def test_what_was_set_aside_or_half_written_goes_with_the_next_success(corpus: Corpus) -> None:
    corpus.fill(2)
    generation = corpus.refresh().generation
    folder = corpus.folder / "store" / "test"
    aside = f"{generation}.damaged-20261130T110346123004"
    for name in (aside, f"{generation}.removed", "0009-" + "0" * 16):
        (folder / name / "shard").mkdir(parents=True)
    (folder / ".live.json.123").write_text("{")
    (folder / "notes").mkdir()
    assert len(corpus.job().corpus.surplus()) == 4
    assert corpus.refresh().generation == generation
    assert held(corpus, ()) == [generation, "notes"]
    assert not (folder / ".live.json.123").exists()


def test_a_generation_that_is_a_link_goes_and_what_it_leads_to_stays(
    corpus: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    corpus.fill(2)
    folder, disk = corpus.folder / "store" / "test", corpus.folder / "disk"
    names = [corpus.refresh().generation, night(corpus, 0), "0009-" + "0" * 16]
    disk.mkdir()
    (folder / names[0]).rename(disk / names[0])
    for name in (names[0], names[2]):  # one leads to nothing
        (folder / name).symlink_to(disk / name)
    night(corpus, 1, ("index.keep=9",))
    found = {each.name: each for each in corpus.job().corpus.surplus()}
    assert found.keys() == {names[0]}
    assert found[names[0]].reason == "older; a link, what it leads to stays"
    assert found[names[0]].bytes == 512 * (folder / names[0]).lstat().st_blocks
    last = night(corpus, 2)
    assert held(corpus, ()) == [live(corpus).generation.base, last]
    assert not list(folder.glob(f"{names[0]}*"))
    assert (disk / names[0] / "generation.json").exists()
    for name in (names[0], names[2]):
        assert f"{name} was a link; what it led to stays: {disk / name}" in caplog.text


def test_what_somebody_has_put_beside_generations_stays(corpus: Corpus) -> None:
    corpus.fill(2)
    generation = corpus.refresh().generation
    folder = corpus.folder / "store" / "test"
    own = [f"{generation}.backup", f"{generation}.damaged-by-hand", f"{generation}.removed-by-hand"]
    for name in own:
        (folder / name).mkdir()
    (folder / f"{generation}.tar.gz").write_text("all of it")
    assert corpus.job().corpus.surplus() == []
    corpus.refresh()
    assert held(corpus, ()) == [generation, *own]
    assert (folder / f"{generation}.tar.gz").exists()


def test_collections_that_no_record_names_go(corpus: Corpus, server: str) -> None:
    store = SERVER
    corpus.fill(2)
    corpus.refresh(store)
    client = connect().client
    own = held(corpus, store)
    kept = [f"other__{'0' * 16}__0007", "test__notes"]
    older = f"test__{'0' * 16}__0007"  # one of before collections had a token
    for name in (older, f"{older}__0123abcd", *kept):
        client.create_collection(name, vectors_config={})
    corpus.refresh(store)
    assert held(corpus, store) == sorted([*own, *kept])


def test_a_generation_that_is_being_read_stays(corpus: Corpus) -> None:
    corpus.fill(2)
    first = corpus.refresh().generation
    night(corpus, 0)
    index = corpus.job().corpus
    with index.read(index.generation(first)) as reader:
        for number in (1, 2):
            night(corpus, number)
        assert first in held(corpus, ())
        assert len(held(corpus, ())) == 3
        assert set(reader.entries()) == {"000.txt", "001.txt"}
    corpus.refresh()
    assert first not in held(corpus, ())
    assert len(held(corpus, ())) == 2


@contextmanager
def overtaken(corpus: Corpus, overrides: Sequence[str]) -> Iterator[None]:
    """Whoever looks at what is live sees it replaced, and removed, before they open it."""
    index = corpus.job(overrides).corpus
    kind, opening = type(index), "read" if index.exclusive else "hold"
    asked: list[Any] = []
    real = getattr(kind, opening)

    def late(self: Any, generation: Any) -> Any:
        if not asked:
            asked.append(generation)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(kind, opening, real)
                for number in range(3):
                    night(corpus, number, overrides)
        return real(self, generation)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, opening, late)
        yield


def test_a_search_that_was_overtaken_asks_what_is_live_then(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(2)
    before = corpus.refresh(store).generation
    with overtaken(corpus, store):
        found = search(corpus.load(store), QUESTION, 3)
    assert len(found.hits[0]) == 3
    assert found.release.generation.name == live(corpus, store).generation.name != before


def test_a_generation_that_is_removed_is_moved_and_not_damaged(corpus: Corpus) -> None:
    corpus.fill(2)
    corpus.refresh()
    index = corpus.job().corpus
    old = live(corpus).generation
    for number in range(2):
        night(corpus, number)
    left = held(corpus, ())
    for opened in (index.read, index.hold):
        with pytest.raises(Moved), opened(old):
            pytest.fail("it is gone")
        assert held(corpus, ()) == left, "and nothing is left of the question"


def test_a_generation_that_is_removed_as_it_is_opened_leaves_nothing_for_long(
    corpus: Corpus,
) -> None:
    corpus.fill(2)
    corpus.refresh()
    index = corpus.job().corpus
    old = live(corpus).generation
    night(corpus, 0)
    real = shards.turn

    @contextmanager
    def late(lock: Path) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shards, "turn", real)
            night(corpus, 1)
        with real(lock):
            yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "turn", late)
        with pytest.raises(Moved), index.read(old):
            pytest.fail("it is gone")
    corpus.refresh()
    assert old.name not in held(corpus, ())


def test_the_pointer_is_read_again_when_it_was_replaced(corpus: Corpus) -> None:
    corpus.fill(2)
    first = corpus.refresh().generation
    index: Any = corpus.job().corpus
    asked: list[str] = []
    real = index._generation

    def late(name: str) -> Any:
        if not asked:
            asked.append(name)
            for number in range(2):
                night(corpus, number)
        return real(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "_generation", late)
        release = index.live()
    assert asked == [first]
    assert release.generation.name == live(corpus).generation.name


def test_a_kill_while_something_is_removed(corpus: Corpus) -> None:
    corpus.fill(2)
    first = corpus.refresh().generation
    night(corpus, 0)
    real = shutil.rmtree

    def killed(folder: Path, **options: Any) -> None:
        if first in str(folder):
            (folder / "generation.json").unlink()
            raise KeyboardInterrupt
        real(folder, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("components.indexes.edge.leftovers.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            night(corpus, 1)
    assert len(search(corpus.load(), QUESTION, 3).hits[0]) == 3
    last = [night(corpus, number) for number in (2, 3)]
    assert held(corpus, ()) == last


def test_what_cannot_be_removed_does_not_fail_the_refresh(
    corpus: Corpus, store: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    corpus.fill(2)
    corpus.refresh(store)
    kind = type(corpus.job(store).corpus)

    def refused(self: object) -> list[str]:
        raise IndexFault("the store refuses it")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "prune", refused)
        night(corpus, 0, store)
    assert "the store refuses it" in caplog.text
    night(corpus, 1, store)
    assert corpus.job(store).corpus.surplus() == []


def test_an_index_of_before_keeps_its_newest(corpus: Corpus) -> None:
    """`live.json` did not say what was live before."""
    corpus.fill(2)
    keep = ("index.keep=9",)
    generations = [corpus.refresh(keep).generation]
    generations += [night(corpus, number, keep) for number in range(3)]
    pointer = corpus.folder / "store" / "test" / "live.json"
    text = pointer.read_text()
    pointer.write_text(text[: text.index(',\n "before"')] + "\n}")
    corpus.refresh()
    assert held(corpus, ()) == generations[-2:]


_MOODY = """
import uuid
from dataclasses import dataclass
from components.errors import BadDocument
from components.sources.files import Files

@dataclass(frozen=True, kw_only=True)
class Moody(Files):
    def read(self, ref):
        document = super().read(ref)
        if document.text.startswith("503"):
            raise BadDocument(f"status 503, request {uuid.uuid4()}").passing()
        if document.text.startswith("bad"):
            raise ValueError(f"no such thing as {object()!r}, {uuid.uuid4()}")
        return document

@dataclass(frozen=True, kw_only=True)
class Fragile:
    def split(self, document, tokenizer):
        from components.splitters.sentences import Sentences
        if document.text.startswith("split"):
            raise KeyError(str(uuid.uuid4()))
        return Sentences(max_tokens=32).split(document, tokenizer)
"""
MOODY = ("source.use=moody:Moody", "splitter.use=moody:Fragile")


@pytest.fixture
def moody(corpus: Corpus) -> Corpus:
    (corpus.folder / "moody.py").write_text(_MOODY)
    sys.modules.pop("moody", None)
    corpus.fill(2)
    return corpus


@pytest.mark.parametrize(
    ("kind", "retry"), [("503", False), ("503", True), ("bad", True), ("split", True)]
)
def test_a_failure_in_other_words_is_no_news(moody: Corpus, kind: str, retry: bool) -> None:
    moody.add("trouble.txt", f"{kind} text")
    first = moody.refresh(MOODY)
    assert counts(first) == (2, 0, 0, 0, 1)
    said = {first.failures[0].reason}
    for _ in range(2):
        again = moody.refresh(MOODY, retry_failed=retry)
        assert counts(again) == (0, 0, 2, 0, 1)
        assert (again.generation, again.promoted) == (first.generation, False)
        said.add(again.failures[0].reason)
    assert len(said) == 3, "what is tried is told as it is now"


def test_what_failed_is_known_by_its_bytes(moody: Corpus) -> None:
    trouble = moody.add("trouble.txt", "bad text")
    first = moody.refresh(MOODY)
    for _ in range(2):
        later(trouble)
        assert moody.refresh(MOODY).generation == first.generation
    later(moody.add("trouble.txt", "bad text and more"))
    assert moody.refresh(MOODY).generation != first.generation
    later(moody.add("trouble.txt", "good text"))
    assert counts(moody.refresh(MOODY)) == (1, 0, 2, 0, 0)


def test_a_verdict_that_is_final_now_is_news_once(moody: Corpus) -> None:
    """Or else it would be asked for every night."""
    trouble = moody.add("trouble.txt", "503 text")
    first = moody.refresh(MOODY)
    later(moody.add("trouble.txt", "bad text"))
    second = moody.refresh(MOODY)
    assert second.generation != first.generation
    assert "ValueError" in second.failures[0].reason
    moody.add("trouble.txt", "503 text")
    later(trouble)
    assert moody.refresh(MOODY).generation == second.generation


def test_the_newest_reason_is_noted_down_with_the_next_change(moody: Corpus) -> None:
    moody.add("trouble.txt", "503 text")
    first = moody.refresh(MOODY)
    later(moody.add("000.txt", prose(77)))
    second = moody.refresh(MOODY)
    assert counts(second) == (0, 1, 1, 0, 1)
    entry = moody.stored(MOODY).entries["trouble.txt"]
    assert entry.reason == second.failures[0].reason != first.failures[0].reason
    assert entry.version == "", "and it is tried again"


_KILLED = """
import os, signal, sys
from pathlib import Path
from components.corpus import run
from tests.corpus.test_promotion import INTERRUPTED
from tests.corpora import Corpus, before
def kill():
    os.kill(os.getpid(), signal.SIGKILL)
run.run(Corpus(Path(sys.argv[1])).job(), before("guard", kill))
"""


def test_what_a_killed_run_left_in_the_temporary_folder_is_removed(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    corpus.fill(2)
    environment = {**os.environ, "TMPDIR": str(temporary)}
    arguments = [sys.executable, "-c", _KILLED, str(corpus.folder)]
    assert subprocess.run(arguments, env=environment, check=False).returncode == -signal.SIGKILL
    (left,) = temporary.iterdir()
    assert (left / "plan.parquet").exists()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    corpus.refresh()
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_the_log_of_a_small_index_does_not_pile_up(disk: Path) -> None:
    corpus = Corpus(disk)
    corpus.fill(40)
    corpus.refresh()
    shards = corpus.folder / "store" / "test"
    first = allocated(shards)
    for number in range(8):
        for each in range(number % 4, 40, 4):
            later(corpus.add(f"{each:03}.txt", prose(100 * (number + 1) + each)))
        corpus.refresh()
    assert allocated(shards) <= 2.6 * first
    before = corpus.stored()
    shutil.rmtree(shards)
    corpus.refresh()
    assert differences(corpus.stored(), before) == []
