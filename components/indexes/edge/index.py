"""The embedded index: Qdrant's engine in this process, one folder per generation.

    PATH/NAME/corpus.json               whose source it is
    PATH/NAME/live.json                 which generation readers open
    PATH/NAME/writer.lock
    PATH/NAME/0007-FINGERPRINT/         generation.json, open.lock, shard/

A finished generation never changes: a refresh works on a copy and replaces `live.json`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from components.errors import Busy, IndexFault
from components.indexes.edge import engine
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
from components.indexes.manifest import Generation, Release, now, total
from components.options import option


@dataclass(frozen=True, kw_only=True)
class EdgeIndex:
    """Qdrant's own engine, embedded: no server, one process at a time."""

    path: Path = option(Path(".millrace"), help="folder that holds all corpora")
    filterable: tuple[str, ...] = option((), help="metadata fields to index for filters")

    def corpus(self, name: str) -> EdgeCorpus:
        """See `Index`."""
        return EdgeCorpus(self.path / name, self.filterable)


class EdgeCorpus:
    """The generations of one corpus, see `CorpusIndex`."""

    def __init__(self, folder: Path, filterable: tuple[str, ...]) -> None:
        self.folder = folder
        self._filterable = filterable

    def owner(self) -> str | None:
        """See `CorpusIndex`."""
        held = read_json(self.folder / "corpus.json")
        return None if held is None else str(held["source"])

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
        generation = self._generation(str(pointer["generation"]))
        if generation is None:
            raise IndexFault(f"the live generation {pointer['generation']} is gone").at(
                where=str(file), hint="restore its folder, or delete live.json and refresh"
            )
        return Release(
            generation=generation, since=str(pointer["since"]), run_id=str(pointer["run_id"])
        )

    def finished(self, fingerprint: str) -> Generation | None:
        """See `CorpusIndex`."""
        found = [g for g in self._generations() if g.fingerprint == fingerprint and g.finished_at]
        return max(found, key=lambda each: each.number, default=None)

    def unfinished(self, fingerprint: str, base: Generation | None) -> Generation | None:
        """See `CorpusIndex`."""
        found = [
            each
            for each in self._generations()
            if each.fingerprint == fingerprint
            and not each.finished_at
            and each.base == (base.name if base else "")
        ]
        return max(found, key=lambda each: each.number, default=None)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """See `CorpusIndex`. The system frees it when the process dies."""
        self.folder.mkdir(parents=True, exist_ok=True)
        held = FileLock(self.folder / "writer.lock", blocking=False)
        try:
            held.acquire()
        except Timeout:
            raise Busy("another refresh of this corpus is running").at(
                where=str(self.folder), hint="wait for it to end"
            ) from None
        try:
            yield
        finally:
            held.release()

    @contextmanager
    def read(self, generation: Generation) -> Iterator[EdgeReader]:
        """See `CorpusIndex`."""
        shard = self._shard(generation)
        with engine.opened(shard, shard.parent / "open.lock") as opened:
            yield EdgeReader(opened, shard)

    def draft(self, wanted: Generation, base: Generation | None) -> Generation:
        """See `CorpusIndex`."""
        self._drop_unusable(wanted.fingerprint)
        numbers = [int(name.split("-")[0]) for name in self._names()]
        draft = replace(
            wanted,
            number=max(numbers, default=0) + 1,
            base=base.name if base else "",
            created_at=now(),
            finished_at="",
        )
        shard = self._shard(draft)
        if base is None:
            engine.create(shard, draft.width, self._filterable)
        else:
            self._copy(base, shard)
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
        shard = self._shard(draft)
        with engine.opened(shard, shard.parent / "open.lock") as opened:
            writer = EdgeWriter(opened, shard, draft.width)
            with engine.faults("fields could not be indexed", shard):
                engine.index_fields(opened, self._filterable)
            yield writer
            writer.flush()

    def finish(self, draft: Generation) -> Generation:
        """See `CorpusIndex`. Raises IndexFault where counts and manifest disagree."""
        shard = self._shard(draft)
        optimise(shard)
        with self.read(draft) as reader:
            totals = total(reader.entries())
            stored = reader.count_chunks()
        if stored != totals.chunks:
            raise IndexFault(f"the manifest names {totals.chunks} chunks, {stored} are stored").at(
                where=str(shard), hint="run the refresh again: it repairs the draft"
            )
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

    def _copy(self, base: Generation, shard: Path) -> None:
        source = self._shard(base)
        shard.parent.mkdir(parents=True)
        check_space(shard.parent, allocated(source))
        copy_tree(source, shard)
        with engine.opened(shard, shard.parent / "open.lock") as opened:
            copied = EdgeReader(opened, shard).count_chunks()
        if copied != base.totals.chunks:
            raise IndexFault(
                f"the copy of {base.name} holds {copied} chunks instead of {base.totals.chunks}"
            ).at(where=str(source), hint="is the index damaged? a new index.path builds it anew")

    def _drop_unusable(self, fingerprint: str) -> None:
        """Drafts of this fingerprint that could not be resumed, and copies never completed."""
        for name in self._names():
            generation = self._generation(name)
            if generation is None or (
                generation.fingerprint == fingerprint and not generation.finished_at
            ):
                shutil.rmtree(self.folder / name)

    def _names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        return sorted(each.name for each in self.folder.glob("[0-9]*-*") if each.is_dir())

    def _generations(self) -> list[Generation]:
        found = (self._generation(name) for name in self._names())
        return [each for each in found if each is not None]

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
