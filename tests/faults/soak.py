"""Left alone: hundreds of refreshes of a corpus that changes, while everything around it fails.

python -m tests.faults.soak --store edge|qdrant --refreshes 300 --home FOLDER [--seed 0] [--json]

After every tenth refresh an undisturbed one must equal a fresh build. What is done at which step
depends on the seed and the step's number alone, and what was done and found lies in the folder: a
run that was ended goes on there. The server is a stand-in that keeps nothing: a run that goes on
begins with an empty one. Exits 1 where anything was lost, doubled or stale, a refresh ended as
none may, or the index grew too much.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

from components.indexes.contract import GenerationReader
from components.indexes.edge.files import allocated, read_json, write_json
from components.indexes.manifest import Entry
from infra.settings import settings
from tests import qdrant_http
from tests.corpora import HASHING, Corpus, Stored, wholes_of
from tests.faults.campaign import differences
from tests.faults.disturbances import (
    MAY_END,
    Disturbance,
    Scene,
    faketime,
    may_mount,
    of_edge,
    of_server,
)
from tests.faults.documents import Documents
from tests.faults.refreshing import DONE
from tests.faults.told import SHOWN, Told, show
from tests.qdrant_http import proxy as proxies
from tests.qdrant_http.proxy import Proxy

EVERY = 10
"""Refreshes after which the corpus is compared with a fresh build."""
_PARSE_BYTES = 2**25
_PIPELINE = {
    **HASHING,
    "name": "soak",
    "source": {"use": "files", "path": "documents", "parse_bytes": _PARSE_BYTES},
}
_ENVIRONMENT = {
    "MILLRACE_CACHE_BYTES": "0",
    "MILLRACE_LEASE": "1",
    "MILLRACE_PATIENCE": "4",
    "MILLRACE_SHARD_CHARACTERS": "3000",
}
_HANGS = 400


class Soak:
    """A run in a folder, one step after the other."""

    def __init__(self, home: Path, store: str, seed: int, proxy: Proxy | None, count: int) -> None:
        self._file = home / "state.json"
        self._home = home
        self._seed = seed
        self._proxy = proxy
        self._corpus = Corpus(home, _PIPELINE)
        self._overrides = ("index.use=qdrant",) if store == "qdrant" else ()
        self._kinds = of_server() if proxy else of_edge()
        state = read_json(self._file)
        same = {"store": store, "seed": seed}
        if state and {name: state[name] for name in same} != same:
            sys.exit(f"{home} holds another run: choose another folder, or delete it")
        self._same = same
        folder = self._corpus.documents
        self.told = Told()
        if state:
            self.told = Told.from_json(state["told"])
            self._documents = Documents.from_json(folder, state["documents"])
        else:
            self._documents = Documents.first(folder, count)

    def begin(self) -> None:
        """Make the source what it was; a store that holds nothing is filled undisturbed."""
        self.told.begun += 1
        self._documents.write(Random(self._seed))
        scene = self._scene(Random(self._seed))
        if self._corpus.job(self._overrides).corpus.live() is None:
            self._documents.lose()
            self._expect("begin", "calm", scene.refresh())
            self._documents.settle()
        self._save()

    def step(self) -> None:
        """Change the documents, refresh once, and compare where it is time to."""
        start, number = time.monotonic(), self.told.refreshes + 1
        chance = Random(f"{self._seed}/{number}")
        self.told.edits += self._documents.change(chance, number)
        self._documents.write(chance)
        kind, disturbance = self._disturbance(number)
        self._expect(f"refresh {number}", kind, disturbance(self._scene(chance)))
        self.told.refreshes = number
        if number % EVERY == 0:
            self.check()
        self.told.seconds += time.monotonic() - start
        self._save()

    def check(self) -> None:
        """Refresh undisturbed and compare with a fresh build of the same documents."""
        where = f"after {self.told.refreshes}"
        scene = self._scene(Random(self._seed))
        ended = scene.refresh()
        if ended != DONE:
            self.told.unexpected += 1
            self.told.find(where, f"an undisturbed refresh ends as {ended}")
            return
        left = list(Path(tempfile.gettempdir()).glob("millrace-*"))
        self.told.unexpected += len(left)
        for each in left:
            self.told.find(where, f"{each.name} was left in the temporary folder")
        fresh = self._fresh()
        self._compare(where, fresh)
        self.told.checks += 1
        self._documents.settle()
        self.told.size = self._size(fresh)
        self.told.largest = max(self.told.largest, self.told.size)

    def _compare(self, where: str, fresh: Stored) -> None:
        corpus = self._corpus.job(self._overrides).corpus
        release = corpus.live()
        assert release is not None
        with corpus.read(release.generation) as reader:
            stored, twice = _stored(reader)
        if twice:
            self.told.twice += twice
            self.told.find(where, f"{twice} points too many")
        lost, stale = _compared(fresh, stored, self._documents.failed())
        self.told.lost += len(lost)
        self.told.stale += len(stale)
        found = [*(f"lost: {each}" for each in lost), *(f"stale: {each}" for each in stale)]
        if not found:
            found = differences(fresh, stored)
            self.told.stale += len(found)
        for each in found[:SHOWN]:
            self.told.find(where, each)

    def _fresh(self) -> Stored:
        folder = self._home / "fresh"
        shutil.rmtree(folder, ignore_errors=True)
        fresh = Corpus(folder, _PIPELINE)
        self._documents.write_served(fresh.documents)
        fresh.refresh()
        return fresh.stored()

    def _size(self, fresh: Stored) -> float:
        """The index in times of the fresh one: bytes on the disk, on a server points."""
        if self._proxy is None:
            own = allocated(self._corpus.folder / "store" / "soak")
            return own / allocated(self._home / "fresh" / "store" / "soak")
        from components.indexes.qdrant.server import connect

        client = connect().client
        names = [each.name for each in client.get_collections().collections]
        points = sum(client.count(each).count for each in names if not each.endswith("__control"))
        several = sum(each.chunks > 1 for each in fresh.entries.values())
        return points / (len(fresh.chunks) + len(fresh.entries) + several)

    def _disturbance(self, number: int) -> tuple[str, Disturbance]:
        """Each kind once, in an order of their own, and then again."""
        turn, place = divmod(number - 1, len(self._kinds))
        kinds = list(self._kinds)
        Random(f"{self._seed}/turn {turn}").shuffle(kinds)
        return kinds[place], self._kinds[kinds[place]]

    def _expect(self, where: str, kind: str, ended: str) -> None:
        self.told.endings[f"{kind}: {ended.partition(':')[0]}"] += 1
        if ended not in MAY_END[kind]:
            self.told.unexpected += 1
            self.told.find(where, f"{kind}: ends as {ended}")

    def _scene(self, chance: Random) -> Scene:
        return Scene(self._corpus, self._overrides, self._home, chance, self._proxy)

    def _save(self) -> None:
        told = vars(self.told)
        write_json(self._file, {**self._same, "told": told, "documents": self._documents.to_json()})


def _stored(reader: GenerationReader) -> tuple[Stored, int]:
    """What is there, and how many points are there again, belong to no document, or are missing of
    a whole one.
    """
    entries = reader.entries()
    listed = [chunk for name in entries for chunk in reader.chunks(name)]
    chunks = {chunk.id: chunk for chunk in listed}
    twice = len(listed) - len(chunks) + abs(reader.count_chunks() - len(listed))
    vectors = dict(zip(chunks, reader.vectors(list(chunks)), strict=True))
    wholes, worded, wrong = wholes_of(reader, listed, vectors)
    stored = Stored(chunks, vectors, entries, wholes=wholes, worded=worded)
    return stored, twice + len(wrong)


def _compared(fresh: Stored, stored: Stored, failed: set[str]) -> tuple[list[str], list[str]]:
    """What is lost and what is stale. `failed`: documents that cannot be used now."""
    lost = [f"document {each}" for each in fresh.entries.keys() - stored.entries.keys()]
    stale = [f"document {each}" for each in stored.entries.keys() - fresh.entries.keys()]
    lost += [_chunk(fresh, each) for each in fresh.chunks.keys() - stored.chunks.keys()]
    stale += [_chunk(stored, each) for each in stored.chunks.keys() - fresh.chunks.keys()]
    both = fresh.chunks.keys() & stored.chunks.keys()
    stale += [_chunk(stored, each) for each in both if fresh.chunks[each] != stored.chunks[each]]
    for name in sorted(fresh.entries.keys() & stored.entries.keys()):
        want = _facts(fresh.entries[name], name in failed)
        if want != (has := _facts(stored.entries[name], stored.entries[name].state == "failed")):
            stale.append(f"entry of {name}: {has} for {want}")
    return sorted(lost), sorted(stale)


def _chunk(of: Stored, identifier: str) -> str:
    return f"chunk {identifier} of {of.chunks[identifier].document_id}"


def _facts(entry: Entry, failed: bool) -> tuple[bool, str, int]:
    """Of a document that failed and has no chunks, no hash is to be expected."""
    return failed, entry.content_hash if entry.chunks else "", entry.chunks


@contextmanager
def _surroundings(home: Path, store: str) -> Iterator[Proxy | None]:
    """What is told to this process and its children by their environment."""
    with ExitStack() as held:
        proxy = None
        if store == "qdrant":
            server = held.enter_context(qdrant_http.running())
            proxy = held.enter_context(proxies.before(server))
            os.environ["MILLRACE_QDRANT_URL"] = proxy.address
        for name in ("tmp", "cache"):
            (home / name).mkdir(parents=True, exist_ok=True)
        own = {"TMPDIR": str(home / "tmp"), "MILLRACE_CACHE": str(home / "cache")}
        os.environ.update({**_ENVIRONMENT, **own})
        tempfile.tempdir = None  # it is asked for anew
        settings.cache_clear()
        yield proxy


def _skipped(store: str, home: Path) -> list[str]:
    """What this machine cannot do."""
    lines = []
    if faketime() is None:
        lines.append("no clock steps: Debian's faketime is not installed")
    if store == "edge" and not may_mount(home):
        lines.append(
            "no small disk: this user may not mount one; MILLRACE_SPARE_BYTES stands in for it"
        )
    return lines


def main() -> None:
    """Begin, or go on, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["edge", "qdrant"], required=True)
    parser.add_argument("--refreshes", type=int, default=300)
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    home = asked.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    # What was begun, a server and a disk, is ended then, too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with _surroundings(home, asked.store) as proxy:
        soak = Soak(home, asked.store, asked.seed, proxy, asked.documents)
        if soak.told.refreshes < asked.refreshes:
            soak.begin()
        while soak.told.refreshes < asked.refreshes:
            faulthandler.dump_traceback_later(_HANGS, exit=True)
            soak.step()
        if asked.refreshes % EVERY:
            soak.check()
        faulthandler.cancel_dump_traceback_later()
    skipped = _skipped(asked.store, home)
    if asked.json:
        told: dict[str, Any] = {**vars(soak.told), "skipped": skipped, "well": soak.told.well}
        print(json.dumps(told))
    else:
        show(asked.store, soak.told, skipped)
    sys.exit(not soak.told.well)


if __name__ == "__main__":
    main()
