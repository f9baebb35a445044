"""The embedded index: Qdrant's engine in this process, one folder per generation.

    PATH/NAME/corpus.json               whose source it is
    PATH/NAME/live.json                 which generation readers open
    PATH/NAME/writer.lock
    PATH/NAME/0007-FINGERPRINT/         generation.json, open.lock, shard/

A finished generation never changes: a refresh works on a copy and replaces `live.json`.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from filelock import FileLock, Timeout

from components.errors import Busy, IndexFault
from components.indexes.edge import copies, engine
from components.indexes.edge.files import (
    allocated,
    check_space,
    copy_tree,
    read_json,
    sync_tree,
    write_json,
)
from components.indexes.edge.optimise import optimise
from components.indexes.edge.reader import EdgeReader
from components.indexes.edge.writer import EdgeWriter
from components.indexes.manifest import Generation, Quantization, Release, Totals, now
from components.indexes.quantization import Oversampling, Rescoring
from components.options import option

_NAME = re.compile(r"\d{4,}-[0-9a-f]{16}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class EdgeIndex:
    """Qdrant's own engine, embedded: no server, one process at a time."""

    path: Path = option(Path(".millrace"), help="folder that holds all corpora")
    filterable: tuple[str, ...] = option((), help="metadata fields to index for filters")
    quantization: Quantization = option(
        "none", help="search vectors in fewer bits; a change builds a new generation"
    )
    rescore: bool = option(True, help="score the best of quantised vectors again in full")
    oversampling: Oversampling | None = option(
        None, help="candidates per hit for that, 1 to 100; by default 3 for int8, 10 for binary"
    )

    def corpus(self, name: str) -> EdgeCorpus:
        """See `Index`."""
        rescoring = Rescoring(rescore=self.rescore, oversampling=self.oversampling)
        return EdgeCorpus(self.path / name, self.filterable, self.quantization, rescoring)


class EdgeCorpus:
    """The generations of one corpus, see `CorpusIndex`."""

    exclusive: ClassVar[bool] = True

    def __init__(
        self,
        folder: Path,
        filterable: tuple[str, ...],
        quantization: Quantization,
        rescoring: Rescoring,
    ) -> None:
        self.folder = folder
        self._filterable = filterable
        self._quantization = quantization
        self._rescoring = rescoring

    def owner(self) -> str | None:
        """See `CorpusIndex`."""
        held = read_json(self.folder / "corpus.json")
        return None if held is None else held.get("source")

    def claim(self, source: str) -> None:
        """See `CorpusIndex`."""
        if self.owner() != source:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.folder / "corpus.json", {"schema": 1, "source": source})

    def live(self) -> Release | None:
        """See `CorpusIndex`."""
        file = self.folder / "live.json"
        pointer = read_json(file)
        if pointer is None:
            return None
        name = str(pointer.get("generation", ""))
        generation = self._generation(name) if _NAME.fullmatch(name) else None
        if generation is None:
            raise IndexFault(f"the live generation {name!r} is gone").at(
                where=str(file), hint="restore its folder, or delete live.json and refresh"
            )
        return Release(
            generation=generation,
            since=str(pointer.get("since", "")),
            run_id=str(pointer.get("run_id", "")),
        )

    def generation(self, name: str) -> Generation:
        """See `CorpusIndex`."""
        found = self._generation(name)
        if found is None:
            raise IndexFault(f"the generation {name} is gone").at(
                where=str(self.folder), hint="run the refresh again"
            )
        return found

    def finished(self, fingerprint: str) -> Generation | None:
        """See `CorpusIndex`."""
        found = [each for each in self._alike(fingerprint) if each.finished_at]
        return max(found, key=lambda each: each.number, default=None)

    def unfinished(self, fingerprint: str, base: Generation | None) -> Generation | None:
        """See `CorpusIndex`."""
        found = [
            each
            for each in self._alike(fingerprint)
            if not each.finished_at and each.base == (base.name if base else "")
        ]
        return max(found, key=lambda each: each.number, default=None)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """See `CorpusIndex`. The system frees it when the process dies."""
        held = FileLock(self.folder / "writer.lock", blocking=False)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            held.acquire()
        except Timeout:
            raise Busy("another refresh of this corpus is running").at(
                where=str(self.folder), hint="wait for it to end"
            ) from None
        except OSError as error:
            raise IndexFault(f"cannot be written: {error.strerror}").at(
                where=str(self.folder), hint="may this user write there?"
            ) from error
        try:
            yield
        finally:
            held.release()

    @contextmanager
    def read(self, generation: Generation) -> Iterator[EdgeReader]:
        """See `CorpusIndex`."""
        shard = self._shard(generation)
        if shard.is_dir() and not copies.writable(shard):
            with self.hold(generation) as reader:
                yield reader
            return
        with engine.opened(shard, shard.parent / engine.LOCK) as opened:
            yield self._reader(opened, generation)

    @contextmanager
    def hold(self, generation: Generation) -> Iterator[EdgeReader]:
        """See `CorpusIndex`."""
        with copies.copied(self._shard(generation)) as own, engine.loaded(own) as opened:
            yield self._reader(opened, generation)

    def draft(self, wanted: Generation, base: Generation | None) -> Generation:
        """See `CorpusIndex`."""
        self._drop_unusable(wanted.fingerprint)
        numbers = [int(name.partition("-")[0]) for name in self._names()]
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
            engine.create(shard, draft.width, self._filterable, draft.quantization)
        else:
            self._copy(base, shard)
        sync_tree(shard)
        write_json(shard.parent / "generation.json", draft.to_json())
        return draft

    def recover(self, draft: Generation) -> None:
        """See `CorpusIndex`."""
        with self.write(draft) as writer:
            writer.recover()

    def discard(self, draft: Generation) -> None:
        """See `CorpusIndex`."""
        shutil.rmtree(self.folder / draft.name)

    @contextmanager
    def write(self, draft: Generation) -> Iterator[EdgeWriter]:
        """See `CorpusIndex`."""
        with closing(EdgeWriter(self._shard(draft), draft.width)) as writer:
            writer.index_fields(self._filterable)
            yield writer
            writer.flush()

    def finish(self, draft: Generation, totals: Totals) -> Generation:
        """See `CorpusIndex`."""
        shard = self._shard(draft)
        optimise(shard)
        with self.read(draft) as reader:
            _check_count(reader, totals.chunks, shard)
        sync_tree(shard)
        done = replace(draft, finished_at=now(), totals=totals)
        write_json(shard.parent / "generation.json", done.to_json())
        return done

    def publish(self, generation: Generation, run_id: str) -> Release:
        """See `CorpusIndex`."""
        release = Release(generation=generation, since=now(), run_id=run_id)
        write_json(
            self.folder / "live.json",
            {
                "schema": 1,
                "generation": generation.name,
                "since": release.since,
                "run_id": run_id,
            },
        )
        return release

    def _reader(self, opened: Any, generation: Generation) -> EdgeReader:
        shard = self._shard(generation)
        search = self._rescoring.of(generation)
        edition = generation.edition(str(shard.absolute()))
        reader = EdgeReader(opened, shard, generation.width, search, edition)
        if generation.finished_at:
            # The engine opens a shard whose files are missing as if it were smaller.
            _check_count(reader, generation.totals.chunks, shard)
        return reader

    def _copy(self, base: Generation, shard: Path) -> None:
        source = self._shard(base)
        shard.parent.mkdir(parents=True)
        check_space(shard.parent, allocated(source))
        # A reader rewrites some files of the shard when it closes it, with the same content.
        with engine.turn(source.parent / engine.LOCK):
            copy_tree(source, shard)
        with engine.opened(shard, shard.parent / engine.LOCK) as opened:
            _check_count(EdgeReader(opened, shard, base.width), base.totals.chunks, source)

    def _drop_unusable(self, fingerprint: str) -> None:
        """Drafts of this fingerprint that could not be resumed, and copies never completed."""
        known = {each.name: each for each in self._generations()}
        for name in self._names():
            draft = known.get(name)
            torn = not (self.folder / name / "generation.json").exists()
            if torn or (draft and draft.fingerprint == fingerprint and not draft.finished_at):
                shutil.rmtree(self.folder / name)

    def _names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        return sorted(each.name for each in self.folder.iterdir() if _NAME.fullmatch(each.name))

    def _generations(self) -> list[Generation]:
        found = []
        for name in self._names():
            try:
                generation = self._generation(name)
            except IndexFault as error:  # one damaged folder must not stop the corpus
                _log.warning("%s is left out: %s", name, error)
                continue
            if generation is not None:
                found.append(generation)
        return found

    def _alike(self, fingerprint: str) -> list[Generation]:
        """Those that hold what the pipeline file asks for, in the form that it asks for."""
        return [
            each
            for each in self._generations()
            if (each.fingerprint, each.quantization) == (fingerprint, self._quantization)
        ]

    def _generation(self, name: str) -> Generation | None:
        file = self.folder / name / "generation.json"
        found = read_json(file)
        try:
            return None if found is None else Generation.from_json(found)
        except (KeyError, TypeError) as error:
            raise IndexFault(f"not a generation of this version: {error}").at(
                where=str(file)
            ) from error

    def _shard(self, generation: Generation) -> Path:
        return self.folder / generation.name / "shard"


def _check_count(reader: EdgeReader, expected: int, shard: Path) -> None:
    stored = reader.count_chunks()
    if stored != expected:
        raise IndexFault(f"{stored} chunks are stored where {expected} are recorded").at(
            where=str(shard.parent),
            hint="damaged: delete this folder, and live.json if it names it, and refresh",
        )
