"""Questions to the live index."""

from __future__ import annotations

import logging
import threading
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Self

from components.corpus.release import as_released, corpus_of, differs, live
from components.corpus.serving import Serving
from components.errors import DiskFull, IndexFault, MillraceError, Moved, UserError
from components.indexes.contract import CorpusIndex, GenerationReader
from components.indexes.manifest import Release
from components.rerankers.paced import Reranked
from components.spec import Pipeline
from components.values import Chunk, Hit, Query

_TRIES = 5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Found:
    """Hits per query, best first, and the release that they are from."""

    reranked: Reranked
    release: Release
    pending: bool
    """Whether the pipeline file has changed in a way that the next refresh will build."""
    absent: Mapping[str, str]
    """Of the filters, the names of fields that nothing in the index has, each with what to tell of
    it: they find nothing.
    """

    @property
    def hits(self) -> list[list[Hit]]:
        """Per query, best first."""
        return self.reranked.hits


class Searcher:
    """Asks the live index of a pipeline, again and again, from any number of threads.

    The index stays open and the models stay loaded between searches. An embedded index is copied to
    the cache folder for that, because no other process could open it otherwise. What a refresh
    publishes is seen by the next search; those that run in other threads meanwhile end in what they
    began with, and all hits of a search are from one release. Close it, or use it as a context
    manager; making one opens nothing, and a pickled one opens its own.

    `keep_open`: False opens an embedded index for each search instead: no copy, right for a few.
    `release`: what is asked whatever is live; Moved is raised once it is not what it was.
    `as_released`: the stages of the release answer, in place of the pipeline's own.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        keep_open: bool = True,
        release: Release | None = None,
        as_released: bool = False,
    ) -> None:
        self._pipeline = pipeline
        self._as_released = as_released
        self._keep_open = keep_open
        self._fixed = release
        self._current = _Current()
        self._opening = threading.Lock()
        self._finalizer = weakref.finalize(self, self._current.close)

    def search(self, queries: Sequence[Query], k: int) -> Found:
        """The k best hits for each query. Queries are encoded as the live generation was.

        Raises NothingLive, BadOption, Busy, Moved, Unavailable, IndexFault.
        """
        stale: Opened | None = None
        for left in reversed(range(1 if self._fixed else _TRIES)):
            try:
                with self._using(stale) as at:
                    if found := self._ask(at, queries, k, last=not left):
                        return found
                stale, moved = at, self._moved(at)
            except Moved as error:  # before it could be opened
                moved = error
        raise moved

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """What is live as the block begins, and the same to its end, to be asked for more than
        hits. Raises as `search`, and Moved at the end where what was read may have lacked some.
        """
        with self._using() as at:
            stale = None if self._is_live(at) else at
        if stale and self._fixed:
            raise self._moved(stale)
        with self._using(stale) as at:
            yield at
            if not self._whole(at):
                raise self._moved(at)

    def neighbours(self, places: Mapping[str, Sequence[int]]) -> list[Chunk]:
        """What is live has at these positions, by document id; absent ones are left out. Raises as
        `opened`.
        """
        with self.opened() as at, at.reading() as reader:
            return [each for id in places for each in reader.neighbours(id, places[id])]

    def close(self) -> None:
        """Let go of the index, and remove the copy of it, when the searches that run have ended."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        made = partial(
            Searcher,
            keep_open=self._keep_open,
            release=self._fixed,
            as_released=self._as_released,
        )
        return made, (self._pipeline,)

    @cached_property
    def _corpus(self) -> CorpusIndex:
        return corpus_of(self._pipeline)

    def _ask(self, at: Opened, queries: Sequence[Query], k: int, *, last: bool) -> Found | None:
        """None where it was replaced meanwhile, and the answer is old or may lack some hits. The
        `last` one may be old: of releases that alternate, none stays for long.
        """
        try:
            made, absent = at.ask(queries, k)
        except MillraceError:
            if self._is_live(at):
                raise
            return None
        # Whoever opens the new one asks it. The others need not wait.
        opening = self._corpus.exclusive and self._opening.locked()
        if not (self._is_live(at) or opening or (last and self._is_there(at))):
            return None
        return Found(reranked=made, release=at.release, pending=at.pending, absent=absent)

    @contextmanager
    def _using(self, stale: Opened | None = None) -> Iterator[Opened]:
        """What is asked now, and not `stale`."""
        at = self._current.take(stale) or self._open(stale)
        try:
            yield at
        finally:
            self._current.give(at)

    def _open(self, stale: Opened | None) -> Opened:
        with self._opening:
            at = self._current.take(stale)
            if at is not None:  # another thread was here before
                return at
            release = self._fixed or live(self._pipeline, self._corpus)
            hold = self._keep_open or not self._corpus.exclusive
            pipeline = as_released(self._pipeline, release) if self._as_released else self._pipeline
            opened = Opened(pipeline, self._corpus, release, hold=hold, before=stale)
            self._current.put(opened)
            return opened

    def _is_live(self, at: Opened) -> bool:
        """Whether it is what is to be asked."""
        if self._fixed:
            return self._is_there(at)
        release = self._corpus.live()
        return release is not None and _answers(release) == _answers(at.release)

    def _is_there(self, at: Opened) -> bool:
        """Whether its generation is what it was, live or not."""
        try:
            return self._corpus.generation(at.release.generation.name) == at.release.generation
        except IndexFault:
            return False

    def _whole(self, at: Opened) -> bool:
        return (self._corpus.exclusive and not self._fixed) or self._is_live(at)

    def _moved(self, at: Opened) -> Moved:
        name = at.release.generation.name
        if self._fixed:
            return Moved(f"{name} has changed since it was chosen").at(hint="choose again")
        return Moved(f"{name} was replaced while it was asked").at(hint="try again")


class Opened:
    """A release with its stages ready. `hold`: its index stays open until `close`, where this
    machine has what that takes; else it is opened for each search. `before`: what it replaces.

    Raises BadOption, Busy, Moved, IndexFault.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        corpus: CorpusIndex,
        release: Release,
        *,
        hold: bool,
        before: Opened | None = None,
    ) -> None:
        self.release = release
        # Models that are loaded stay so where a refresh brings other documents alone.
        self._made: tuple[object, ...] = _made(pipeline, release)
        alike = before is not None and before._made == self._made
        self.serving: Serving = before.serving if before and alike else Serving(pipeline, release)
        self._pipeline = pipeline
        self._corpus = corpus
        self._held = ExitStack()
        self._reader = self._hold() if hold else None

    @cached_property
    def pending(self) -> bool:
        """Whether the next refresh will build what is not live."""
        return differs(self._pipeline, self.release)

    @contextmanager
    def reading(self) -> Iterator[GenerationReader]:
        """Its index. Raises Busy, Moved, IndexFault."""
        if self._reader is not None:
            yield self._reader
            return
        with self._corpus.read(self.release.generation) as reader:
            yield reader

    def ask(self, queries: Sequence[Query], k: int) -> tuple[Reranked, Mapping[str, str]]:
        """The k best hits for each query, and which fields of their filters no chunk has, see
        `Candidates.absent`.
        """
        # An index that serves one process at a time is open for no longer than it must be.
        self.serving.encode(queries)
        with self.reading() as reader:
            found = self.serving.retrieve(reader, queries, k)
        return self.serving.rerank(found, k), found.absent

    def close(self) -> None:
        """Let go of the index."""
        self._held.close()

    def _hold(self) -> GenerationReader | None:
        generation = self.release.generation
        try:
            return self._held.enter_context(self._corpus.hold(generation))
        except (DiskFull, UserError) as error:
            told = "; ".join(filter(None, [f"{error.where}: {error}", error.hint]))
            _log.warning("%s is opened anew for each search: %s", generation.name, told)
            return None


def _answers(release: Release) -> tuple[object, object]:
    return release.generation, release.serving


def _made(pipeline: Pipeline, release: Release) -> tuple[object, ...]:
    return pipeline.stages, release.generation.fingerprint, release.generation.stages


class _Current:
    """What is asked now. What is replaced is closed when the last search in it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: Opened | None = None
        self._users: Counter[Opened] = Counter()
        self._closed = False

    def take(self, stale: Opened | None = None) -> Opened | None:
        """What is asked now, in use until it is given back; None where that is nothing or `stale`.

        Raises RuntimeError once closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the searcher is closed")
            if self._now is None or self._now is stale:
                return None
            self._users[self._now] += 1
            return self._now

    def put(self, opened: Opened) -> None:
        """Ask this one from now on; it is in use until it is given back."""
        with self._changing():
            self._now = None if self._closed else opened
            self._users[opened] = 1

    def give(self, opened: Opened) -> None:
        """End a use."""
        with self._changing():
            self._users[opened] -= 1

    def close(self) -> None:
        """Ask none any more."""
        with self._changing():
            self._closed, self._now = True, None

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """What nobody uses afterwards is closed, while others go on."""
        with self._lock:
            yield
            now = self._now
            idle = [each for each, users in self._users.items() if not users and each is not now]
            for each in idle:
                del self._users[each]
        for each in idle:
            each.close()


def search(pipeline: Pipeline, queries: Sequence[Query], k: int) -> Found:
    """Ask once, see `Searcher.search`."""
    with Searcher(pipeline, keep_open=False) as searcher:
        return searcher.search(queries, k)
