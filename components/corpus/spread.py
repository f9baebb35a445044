"""The engine over many processes: the same shard function in each, whatever starts them.

What the store allows decides who writes. An embedded index is written by this process alone, so
the vectors come back to it. To a shared one each process writes the chunks itself and sends back
what the manifest needs. Either way this process records completion, shard by shard, so a process
that dies loses no more than its own batch, and that is done again.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from components.cache import Lookups
from components.corpus.clock import Clock
from components.corpus.encode import Effort, Encoded, Engine, Stream, Task, local
from components.corpus.packing import pack, pack_error, unpack
from components.corpus.plan import Step
from components.corpus.prepare import SHARD_DOCUMENTS
from components.corpus.request import Job
from components.errors import ClusterUnavailable, MillraceError
from components.indexes.contract import Shared, Writer
from infra.settings import settings

Work = Callable[[Sequence[Any]], Iterator[bytes]]
Answers = Generator[bytes, None, None]
Pool = Callable[[Work, Sequence[Any]], Answers]
"""Runs the work over all items, cut into batches, in copies of it in other processes, and gives
what they yield, in any order. A batch whose process died is done again, and may arrive twice.
"""
_ROUNDS = 3
"""How often documents are asked for that did not come back."""


class _Meter:
    """What a process does for a job, from one reading to the next."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._before = self._usage()

    def read(self) -> Effort:
        """Since it was read last."""
        before, self._before = self._before, self._usage()
        return Effort(model_loaded=self._job.encoder.loaded, cache=self._before - before)

    def _usage(self) -> Lookups:
        return self._job.cache.lookups if self._job.cache else Lookups()


@dataclass(frozen=True)
class Worker:
    """What each process runs. The model is loaded at its first batch and kept."""

    task: Task
    right: str = ""
    """To write to the draft, lent by the process that has it; empty: the vectors are sent back."""

    def __call__(self, steps: Sequence[Step]) -> Iterator[bytes]:
        """The steps as packed shards; an error, packed as well, is the last."""
        meter = _Meter(self.task.job)
        try:
            with self._writer() as writer:
                for shard in local(steps, self.task, Clock()):
                    sent = _stored(shard, writer) if writer else shard
                    yield pack(sent, meter.read)
        except Exception as error:  # it must reach the user as itself
            if not isinstance(error, MillraceError):
                error.add_note(traceback.format_exc())
            yield pack_error(error)

    @contextmanager
    def _writer(self) -> Iterator[Writer | None]:
        corpus = self.task.job.corpus
        if not (self.right and isinstance(corpus, Shared)):
            yield None
            return
        with corpus.borrow(self.right), corpus.write(self.task.draft) as writer:
            yield writer


def spread(pool: Pool) -> Engine:
    """An engine that has the pool's processes do the work."""

    def engine(steps: Sequence[Step], task: Task, clock: Clock) -> Stream:
        corpus = task.job.corpus
        worker = Worker(task, corpus.lend() if isinstance(corpus, Shared) else "")
        waiting = {step.document_id: step for step in steps}
        for _ in range(_ROUNDS):
            if not waiting:
                return
            with closing(pool(worker, list(waiting.values()))) as answers:
                yield from _gathered(_new(clock.each("encode", answers), waiting))
        if waiting:
            raise ClusterUnavailable(
                f"{len(waiting)} documents did not come back from the processes"
            ).at(where=next(iter(waiting)), hint="run the refresh again; what came back is stored")

    return engine


def _new(answers: Iterator[bytes], waiting: dict[str, Step]) -> Iterator[Encoded]:
    """What is waited for, and then no more: a document that arrives twice counts once."""
    for packed in answers:
        arrived = unpack(packed)
        new = {each for each in arrived.ids if waiting.pop(each, None)}
        if new:
            yield arrived.only(new)


def _gathered(arrived: Iterator[Encoded]) -> Iterator[Encoded]:
    """Together what is small: a commit takes its time, however little it commits. What has arrived
    before an error comes before the error.
    """
    held: list[Encoded] = []
    try:
        for shard in arrived:
            held.append(shard)
            if _enough(held):
                yield _joined(held)
                held = []
    except Exception:
        if held:
            yield _joined(held)
        raise
    if held:
        yield _joined(held)


def _enough(held: Sequence[Encoded]) -> bool:
    characters = sum(each.characters for part in held for each in part.ready)
    return characters >= settings().shard_characters or sum(map(len, held)) >= SHARD_DOCUMENTS


def _joined(shards: Sequence[Encoded]) -> Encoded:
    return Encoded(
        pieces=chain.from_iterable([each.pieces for each in shards]),
        ready=[document for each in shards for document in each.ready],
        failed=[failure for each in shards for failure in each.failed],
        effort=sum((each.effort for each in shards), Effort()),
    )


def _stored(shard: Encoded, writer: Writer) -> Encoded:
    for piece in shard.pieces:
        piece.put(writer)
    writer.commit([])  # who records the entries takes them for stored
    return replace(shard, pieces=())
