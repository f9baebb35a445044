"""The embedded index: Qdrant's engine in this process, one folder per generation.

    PATH/NAME/corpus.json               whose source it is
    PATH/NAME/live.json                 which generation readers open, a second copy of its facts,
                                        and which they opened before; when a refresh ended well last
    PATH/NAME/releases.jsonl            the history of its releases, see `ledger`
    PATH/NAME/writer.lock
    PATH/NAME/live.lock                 held while live.json is replaced
    PATH/NAME/0007-FINGERPRINT/         generation.json, open.lock, shard/
    PATH/NAME/0007-FINGERPRINT/damaged.json     where it was found so: nothing is copied from it
    PATH/NAME/0007-FINGERPRINT.WHY-WHEN/        set aside: removed with what is kept no longer

A finished generation never changes: a refresh works on a copy and replaces `live.json`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from filelock import FileLock, Timeout

from components.errors import Busy, Damaged, IndexFault, MillraceError, Missing, Moved, Refused
from components.indexes.edge import copies, damage, history, leftovers, log, proof, shards
from components.indexes.edge.files import (
    allocated,
    check_space,
    copy_tree,
    read_json,
    sync_folder,
    sync_tree,
    told,
    write_json,
)
from components.indexes.edge.optimise import optimise
from components.indexes.edge.points import ShardPoints
from components.indexes.edge.writer import EdgeWriter
from components.indexes.filterable import FILTERABLE, Filterable
from components.indexes.ledger import Event, Ledger, fit, fold, settle
from components.indexes.manifest import Generation, Quantization, Release, Totals, newest, now
from components.indexes.quantization import (
    OVERSAMPLING,
    QUANTIZATION,
    RESCORE,
    Oversampling,
    Rescoring,
)
from components.indexes.reader import StoredReader
from components.indexes.retention import KEEP, Keep, Surplus, kept
from components.options import option

_FACTS = "generation.json"
"""In a generation's folder."""
_UNKNOWN = (
    "restore it from a copy; without one delete it and refresh: no guard compares the new "
    "generation with what was served then"
)
_LOST = (
    "restore its folder from a copy; without one delete live.json and refresh: no guard compares "
    "the new generation with what was served then"
)
_PATIENCE = 10.0
"""Seconds until what is live may be changed: that takes others a moment."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class EdgeIndex:
    """Qdrant's own engine, embedded: no server, one process at a time."""

    path: Path = option(Path(".millrace"), help="folder that holds all corpora")
    keep: Keep = KEEP
    filterable: Filterable = FILTERABLE
    quantization: Quantization = QUANTIZATION
    rescore: bool = RESCORE
    oversampling: Oversampling | None = OVERSAMPLING

    def corpus(self, name: str) -> EdgeCorpus:
        """See `Index`."""
        rescoring = Rescoring(rescore=self.rescore, oversampling=self.oversampling)
        folder = self.path / name
        return EdgeCorpus(folder, self.filterable, self.quantization, rescoring, self.keep)


class EdgeCorpus:
    """The generations of one corpus, see `CorpusIndex`."""

    apart: ClassVar[bool] = False
    exclusive: ClassVar[bool] = True

    def __init__(
        self,
        folder: Path,
        filterable: Filterable,
        quantization: Quantization,
        rescoring: Rescoring,
        keep: int,
    ) -> None:
        self.folder = folder
        self._filterable = filterable
        self._quantization = quantization
        self._rescoring = rescoring
        self._keep = keep
        self._history = history.Kept()

    def owner(self) -> str | None:
        """See `CorpusIndex`."""
        try:
            held = read_json(self.folder / "corpus.json")
        except Damaged as error:
            raise error.at(hint="delete it: the next refresh writes whose corpus it is") from None
        return None if held is None else held.get("source")

    def machine(self) -> str:
        """See `CorpusIndex`."""
        return str((read_json(self.folder / "corpus.json") or {}).get("machine", ""))

    def claim(self, source: str, machine: str = "") -> None:
        """See `CorpusIndex`."""
        wanted = {"schema": 1, "source": source, "machine": machine}
        if read_json(self.folder / "corpus.json") != wanted:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.folder / "corpus.json", wanted)

    def live(self) -> Release | None:
        """See `CorpusIndex`."""
        file = self.folder / "live.json"
        try:
            pointer = read_json(file)
        except Damaged as error:
            raise error.at(hint=_UNKNOWN) from None
        if pointer is None:
            return None
        name = str(pointer.get("generation", ""))
        try:
            generation = self._generation(name) if leftovers.NAME.fullmatch(name) else None
        except Damaged as error:
            raise error.at(hint=_LOST) from None
        if generation is None:
            if read_json(file) != pointer:  # replaced between the two looks, and removed
                return self.live()
            if not pointer.get("facts"):
                raise Missing(f"the live generation {name!r} is gone").at(
                    where=str(file), hint=_LOST
                )
            generation = _understood(pointer["facts"], file)  # reading it says that it is gone
        return Release.of(generation, pointer)

    def generation(self, name: str) -> Generation:
        """See `CorpusIndex`."""
        found = self._generation(name)
        if found is None:
            raise Missing(f"the generation {name} is gone").at(
                where=str(self.folder), hint="run the refresh again"
            )
        return found

    def finished(self, fingerprint: str) -> Generation | None:
        """See `CorpusIndex`."""
        return newest(
            each
            for each in fit(self._alike(fingerprint), self._ledger())
            if each.finished_at and not damage.found(self.folder / each.name)
        )

    def unfinished(self, fingerprint: str, base: Generation | None) -> Generation | None:
        """See `CorpusIndex`."""
        return newest(each for each in self._alike(fingerprint) if each.goes_on(base))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """See `CorpusIndex`. The system frees it when the process dies. What is begun under it ends
        in the same place, wherever a link in the folder's name leads by then.
        """
        named = self.folder
        try:
            named.mkdir(parents=True, exist_ok=True)
            place = Path(os.path.realpath(named))
            held = FileLock(place / "writer.lock", blocking=False)
            held.acquire()
        except Timeout:
            raise Busy("another refresh of this corpus is running").at(
                where=str(self.folder), hint="wait for it to end"
            ) from None
        except FileExistsError as error:
            raise Refused("no folder, or a link to one that is not there").at(
                where=str(error.filename), hint="is its disk mounted? else make the folder"
            ) from error
        except OSError as error:
            raise told(error, "cannot be written", self.folder) from error
        self.folder = place
        try:
            self._keep_facts()
            with suppress(IndexFault):  # who asks for what is live is told
                settle(self)
            yield
        finally:
            self.folder = named
            held.release()

    @contextmanager
    def read(self, generation: Generation) -> Iterator[StoredReader[ShardPoints]]:
        """See `CorpusIndex`. What is open is not removed."""
        shard = self._shard(generation)
        if shard.is_dir() and not copies.writable(shard):
            with self.hold(generation) as reader:
                yield reader
            return
        self._check_there(generation)  # or else the lock would make its folder
        with (
            self._unless_moved(generation),
            self._proved(generation),
            shards.opened(shard) as opened,
        ):
            self._check_there(generation)
            yield self._reader(opened, generation)

    def condemn(self, generation: Generation, error: Damaged) -> None:
        """See `CorpusIndex`. A draft's base is to blame for its second damaged draft: it may be
        read through, and be beyond writing.
        """
        self._check_there(generation, error)
        damage.mark(self.folder / generation.name, str(error))
        if generation.finished_at or not generation.base:
            return
        before = self._known(each.name for each in leftovers.damaged(self.folder))
        if any(each.base == generation.base for each in before):
            damage.mark(self.folder / generation.base, f"no draft of it can be read: {error}")

    @contextmanager
    def hold(self, generation: Generation) -> Iterator[StoredReader[ShardPoints]]:
        """See `CorpusIndex`. Its copy outlives it."""
        with ExitStack() as held:
            with self._unless_moved(generation):
                own = held.enter_context(copies.copied(self._shard(generation)))
                self._check_there(generation)
            opened = self._loaded(own, generation, held)
            yield self._reader(opened, generation)

    @contextmanager
    def examine(self, generation: Generation) -> Iterator[StoredReader[ShardPoints]]:
        """See `Mendable`."""
        with self._proved(generation), ExitStack() as held:
            with self._unless_moved(generation):
                own = held.enter_context(copies.copied(self._shard(generation)))
                self._check_there(generation)
            opened = self._loaded(own, generation, held)
            yield self._examined(opened, generation)

    def draft(self, wanted: Generation, base: Generation | None) -> Generation:
        """See `CorpusIndex`."""
        return self._drafted(wanted, base, whole=True)

    def mend(self, wanted: Generation, base: Generation) -> Generation:
        """See `Mendable`."""
        return self._drafted(wanted, base, whole=False)

    def _drafted(self, wanted: Generation, base: Generation | None, *, whole: bool) -> Generation:
        """A draft; `whole`: of a base that holds what is recorded."""
        self._drop_unusable(wanted.fingerprint)
        # What was live, or a candidate, may be gone: its name stays its own.
        listed = self._ledger().releases.values()
        taken = {*self._names(), *self._served(), *(each.generation for each in listed)}
        numbers = [int(n.partition("-")[0]) for n in taken if leftovers.NAME.fullmatch(n)]
        draft = replace(
            wanted,
            number=max(numbers, default=0) + 1,
            quantization=base.quantization if base else self._quantization,
            base=base.name if base else "",
            created_at=now(),
            finished_at="",
        )
        shard = self._shard(draft)
        if base is None:
            shards.create(shard, draft.width, self._filterable, draft.quantization)
        else:
            if whole:
                self._check_readable(base)
            self._copy(base, shard)
            if whole:
                self._check_copied(base, shard)
        sync_tree(shard)
        write_json(shard.parent / _FACTS, draft.to_json())
        return draft

    def recover(self, draft: Generation) -> None:
        """See `CorpusIndex`."""
        if damage.found(self.folder / draft.name):
            raise damage.damaged("it was found damaged before", self.folder / draft.name)
        with self.write(draft) as writer:
            writer.points.read_through()
            writer.recover()

    def discard(self, draft: Generation) -> None:
        """See `CorpusIndex`."""
        before = leftovers.damaged(self.folder)
        self._set_aside(draft.name, "damaged")
        for each in before:  # one more every night
            leftovers.remove(each)

    @contextmanager
    def write(self, draft: Generation) -> Iterator[EdgeWriter]:
        """See `CorpusIndex`."""
        with (
            self._condemned(draft),
            self._proved(draft),
            closing(EdgeWriter(self._shard(draft), draft)) as writer,
        ):
            writer.index_fields(self._filterable)
            yield writer
            writer.flush()

    def finish(self, draft: Generation, totals: Totals) -> Generation:
        """See `CorpusIndex`."""
        shard = self._shard(draft)
        try:
            with self._condemned(draft):
                with self._proved(draft):
                    optimise(shard, 4 * draft.width * (totals.chunks + self._copied(draft)))
                with self.read(draft) as reader:
                    reader.points.read_through()
                    reader.check_chunks(totals.chunks)
                    reader.check_whole(totals.documents)
                    sparse = reader.count_sparse()
        except Damaged as error:
            error.at(hint="nothing was published: run the refresh again")
            raise
        sync_tree(shard)
        done = replace(draft, finished_at=now(), totals=totals, sparse=sparse)
        write_json(shard.parent / _FACTS, done.to_json())
        return done

    def publish(
        self, generation: Generation, run_id: str, release: Release | None = None
    ) -> Release:
        """See `CorpusIndex`."""
        with self._turn():
            there = self._names()
            if generation.name not in there:
                raise Missing(f"the generation {generation.name} is gone").at(str(self.folder))
            if release:
                release.check_over(read_json(self.folder / "live.json"))
            since = now()
            made = release or Release(generation=generation, since=since, run_id=run_id)
            made = replace(made, since=since, refreshed=since, run_id=run_id)
            before = [each for each in self._served() if each != generation.name and each in there]
            facts = {"generation": generation.name, "facts": generation.to_json()}
            pointer = {"schema": 1, **facts, **made.told(), "before": before}
            write_json(self.folder / "live.json", pointer)
        return made

    def confirm(self) -> None:
        """See `CorpusIndex`."""
        file = self.folder / "live.json"
        with self._turn():
            pointer = read_json(file)
            if pointer is not None:
                write_json(file, {**pointer, "refreshed": now()})

    def events(self) -> list[Event]:
        """See `CorpusIndex`."""
        return self._history.read(self.folder)

    def record(self, events: Sequence[Event]) -> None:
        """See `CorpusIndex`."""
        with self._turn():
            history.add(self.folder, events)

    def damage(self, generation: Generation) -> str:
        """See `CorpusIndex`."""
        folder = self.folder / generation.name
        if not folder.is_dir():
            return str(folder)
        return str(folder / damage.MARK) if damage.found(folder) else ""

    def surplus(self) -> list[Surplus]:
        """See `CorpusIndex`."""
        self.live()  # nothing goes where nobody can say what is live
        known = {each.name: each for each in self._generations()}
        served = self._served()
        sound = [each for each in known.values() if not damage.found(self.folder / each.name)]
        stays = {*served[:1], *kept(sound, served, self._keep, self._ledger())}
        lost = {name for name in self._names() if self._are_lost(name)}
        return leftovers.found(self.folder, known, stays, lost)

    def prune(self) -> list[str]:
        """See `CorpusIndex`."""
        return [each.name for each in self.surplus() if self._remove(each.name)]

    def _remove(self, name: str) -> bool:
        with self._turn():  # somebody may be going back to it
            return name not in self._served()[:1] and leftovers.remove(self.folder / name)

    def _ledger(self) -> Ledger:
        return fold(self.events(), None)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The right to change what is live, for a moment: a person takes something back while a
        refresh is at work.
        """
        held = FileLock(self.folder / "live.lock", timeout=_PATIENCE)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            held.acquire()
        except Timeout:
            raise Busy("what is live is being changed").at(
                where=str(self.folder), hint="try again"
            ) from None
        except OSError as error:
            raise told(error, "cannot be written", self.folder) from error
        try:
            yield
        finally:
            held.release()

    def _served(self) -> list[str]:
        """What is live, and then what was live before it, the latest first."""
        pointer = read_json(self.folder / "live.json") or {}
        return [
            str(each) for each in (pointer.get("generation"), *pointer.get("before", ())) if each
        ]

    @contextmanager
    def _unless_moved(self, generation: Generation) -> Iterator[None]:
        """A fault of a generation that was removed is none: Moved is raised instead."""
        try:
            yield
        except (MillraceError, OSError) as error:
            self._check_there(generation, error)
            raise

    @contextmanager
    def _proved(self, generation: Generation) -> Iterator[None]:
        """A fault of what was opened in here is looked into once it is closed: Damaged is raised
        where it is.
        """
        try:
            yield
        except IndexFault as error:
            if type(error) is not IndexFault:  # it says what it is
                raise
            shard = self._shard(generation)
            self._check_there(generation, error)  # or else the lock would make its folder
            with shards.turn(shard.parent / shards.LOCK):  # whoever opens it replaces files
                told = proof.explained(shard, error, "the index cannot be read")
            if isinstance(told, Damaged):
                raise told from error
            raise

    @contextmanager
    def _condemned(self, generation: Generation) -> Iterator[None]:
        """What is found damaged in here is condemned."""
        try:
            yield
        except Damaged as error:
            self.condemn(generation, error)
            raise

    def _loaded(self, own: Path, generation: Generation, held: ExitStack) -> Any:
        """A copy, opened. What is damaged is what it is a copy of."""
        try:
            return held.enter_context(shards.loaded(own))
        except Damaged as error:
            raise error.at(where=str(self._shard(generation).parent)) from None

    def _check_there(self, generation: Generation, cause: Exception | None = None) -> None:
        """Raises Moved where a generation was removed, or another one has its name; Damaged where
        it is what is live.
        """
        held = self._generation(generation.name)
        if held is None and self._pointer().get("generation") == generation.name:
            raise damage.damaged(
                "it is gone, and it is what is live", self.folder / generation.name
            ) from cause
        if held is None or held.created_at != generation.created_at:
            raise Moved(f"{generation.name} was replaced and removed").at(
                where=str(self.folder), hint="try again"
            ) from cause

    def _examined(self, opened: Any, generation: Generation) -> StoredReader[ShardPoints]:
        """A reader that takes it as it is."""
        shard = self._shard(generation)
        points = ShardPoints(opened, shard, self._rescoring.of(generation))
        return StoredReader(points, generation, os.path.realpath(shard))

    def _reader(self, opened: Any, generation: Generation) -> StoredReader[ShardPoints]:
        reader = self._examined(opened, generation)
        if generation.finished_at:
            # The engine opens a shard whose files are missing as if it were smaller.
            reader.check_chunks(generation.totals.chunks)
        return reader

    def _check_readable(self, base: Generation) -> None:
        """Raises Damaged where something in it cannot be read, or is there no more: a copy would
        hold the same. It stays where it is, because it may be what is live.
        """
        with self._condemned(base), self.read(base) as reader:
            reader.points.read_through()
            reader.check_whole(base.totals.documents)
            found = reader.count_sparse()
            if base.sparse not in (None, found):
                raise damage.damaged(
                    f"{found} chunks have a sparse vector where {base.sparse} are recorded",
                    self.folder / base.name,
                )

    def _copied(self, draft: Generation) -> int:
        """Chunks that it began with: they are there until it is optimised, deleted or not."""
        base = [each for each in self._generations() if each.name == draft.base]
        return base[0].totals.chunks if base else 0

    def _copy(self, base: Generation, shard: Path) -> None:
        source = self._shard(base)
        shard.parent.mkdir(parents=True)
        check_space(shard.parent, allocated(source))
        if log.is_large(source):
            with shards.opened(source) as opened:
                log.rewrite(opened, shard, base.width, self._filterable, base.quantization)
        else:
            # A reader rewrites some files of the shard when it closes it, with the same content.
            with shards.turn(source.parent / shards.LOCK):
                copy_tree(source, shard)

    def _check_copied(self, base: Generation, shard: Path) -> None:
        with shards.opened(shard) as opened:
            # What is damaged is what it is a copy of.
            points = ShardPoints(opened, self._shard(base))
            StoredReader(points, base, "").check_chunks(base.totals.chunks)

    def _drop_unusable(self, fingerprint: str) -> None:
        """Copies never completed. Drafts of this form that nothing goes on with are set aside:
        nobody has proved that they are worth nothing.
        """
        for name in set(self._names()) - set(self._served()):
            if not (self.folder / name / _FACTS).exists():
                leftovers.remove(self.folder / name)
        for draft in self._alike(fingerprint):
            if not draft.finished_at:
                self._set_aside(draft.name, "replaced")

    def _set_aside(self, name: str, why: Literal["damaged", "replaced"]) -> None:
        """Rename a folder so that its name says why nothing uses it, until something is published.

        A shard must not be renamed while it is open.
        """
        with shards.turn(self.folder / name / shards.LOCK):
            (self.folder / name).rename(self.folder / leftovers.aside(name, why))
        sync_folder(self.folder)

    def _names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        own = (each.name for each in self.folder.iterdir())
        return sorted(name for name in own if leftovers.NAME.fullmatch(name))

    def generations(self) -> list[Generation]:
        """See `Mendable`."""
        return sorted(self._generations(), key=lambda each: each.number)

    def mending(self) -> AbstractContextManager[None]:
        """See `Mendable`."""
        return self.lock()

    def astray(self) -> str:
        """See `Mendable`: there is none."""
        return ""

    def forget_live(self) -> int | None:
        """See `Mendable`."""
        with self._turn():
            pointer = self._pointer()
            if not pointer:
                write_json(self.folder / "live.json", {})
        return int(pointer.get("release") or 0) if pointer.get("generation") else None

    def _generations(self) -> list[Generation]:
        return self._known(self._names())

    def _known(self, folders: Iterable[str]) -> list[Generation]:
        """Of these, those whose facts can be read."""
        found = []
        for name in folders:
            try:
                generation = self._generation(name)
            except (Damaged, Refused) as error:  # one damaged folder must not stop the corpus
                _log.warning("%s is left out: %s", name, error)
                continue
            if generation is not None:
                found.append(generation)
        return found

    def _alike(self, fingerprint: str) -> list[Generation]:
        """Those that hold what the pipeline file asks for, in the form that it asks for."""
        return [
            each for each in self._generations() if each.form == (fingerprint, self._quantization)
        ]

    def _are_lost(self, name: str) -> bool:
        """Whether the facts of a generation cannot be read, and never will be."""
        try:
            read_json(self.folder / name / _FACTS)
        except Damaged:
            return True
        return False

    def _keep_facts(self) -> None:
        """There are two copies of the facts of what is live: one that is torn or gone is put back
        from the other. Needs the right to write.
        """
        try:
            self._put_back_facts()
        except MillraceError as error:  # a full disk must not keep anybody from pruning
            _log.warning("what is live has one copy of its facts: %s: %s", error.where, error)

    def _put_back_facts(self) -> None:
        with self._turn():
            self._put_back(self._pointer())

    def _put_back(self, pointer: dict[str, Any]) -> None:
        name = str(pointer.get("generation", ""))
        if not leftovers.NAME.fullmatch(name) or not (self.folder / name / "shard").is_dir():
            return
        try:
            own, why = read_json(self.folder / name / _FACTS), "it is gone"
        except Damaged as error:
            own, why = None, str(error)
        second = pointer.get("facts")
        if own and not second:  # an index of before
            write_json(self.folder / "live.json", {**pointer, "facts": own})
        if second and not own:
            write_json(self.folder / name / _FACTS, second)
            _log.warning("%s is put back from live.json: %s", self.folder / name / _FACTS, why)

    def _pointer(self) -> dict[str, Any]:
        """What says what is live; empty where it cannot be understood, which `live` tells."""
        try:
            return read_json(self.folder / "live.json") or {}
        except Damaged:
            return {}

    def _generation(self, name: str) -> Generation | None:
        file = self.folder / name / _FACTS
        found, torn = None, None
        try:
            found = read_json(file)
        except Damaged as error:
            torn = error
        if found is None and (self.folder / name / "shard").is_dir():
            pointer = self._pointer()
            found = pointer.get("facts") if pointer.get("generation") == name else None
        if torn and not found:
            raise torn
        return None if found is None else _understood(found, file)

    def _shard(self, generation: Generation) -> Path:
        return self.folder / generation.name / "shard"


def _understood(facts: dict[str, Any], file: Path) -> Generation:
    try:
        return Generation.from_json(facts)
    except (KeyError, TypeError) as error:
        raise Refused(f"not a generation of this version: {error}").at(where=str(file)) from error
