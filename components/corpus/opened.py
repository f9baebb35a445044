"""A release that is opened to be asked, and the one that is asked now."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property

from components.corpus.release import differs
from components.corpus.serving import Serving
from components.errors import DiskFull, UserError
from components.indexes.contract import CorpusIndex, GenerationReader
from components.indexes.manifest import Release
from components.rerankers.paced import Reranked
from components.spec import Pipeline
from components.values import Query

_log = logging.getLogger(__name__)


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
        alike = before is not None and _made_alike(before.release, release)
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


def _made_alike(one: Release, other: Release) -> bool:
    a, b = one.generation, other.generation
    return (a.fingerprint, a.stages) == (b.fingerprint, b.stages)


class Current:
    """What is asked now. What is replaced is closed when the last search in it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: Opened | None = None
        self._users: dict[Opened, int] = {}
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
        with self._lock:
            self._now = None if self._closed else opened
            self._users[opened] = 1
            idle = self._idle()
        _close(idle)

    def give(self, opened: Opened) -> None:
        """End a use."""
        with self._lock:
            self._users[opened] -= 1
            idle = self._idle()
        _close(idle)

    def close(self) -> None:
        """Ask none any more."""
        with self._lock:
            self._closed, self._now = True, None
            idle = self._idle()
        _close(idle)

    def _idle(self) -> list[Opened]:
        idle = [each for each, users in self._users.items() if not users and each is not self._now]
        for each in idle:
            del self._users[each]
        return idle


def _close(idle: Sequence[Opened]) -> None:
    for each in idle:
        each.close()
