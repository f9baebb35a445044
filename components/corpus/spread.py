"""Encoding in many processes: the same shard function in each, whatever starts them.

What the store allows decides who writes. An embedded index is written by this process alone, so
the vectors come back to it. To a shared one each process writes the chunks itself and sends back
what the manifest needs. Either way this process records completion, shard by shard, so a process
that dies loses no more than its own batch, and that is done again.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from components.corpus.clock import Clock
from components.corpus.encode import Effort, Encoded, Encoding, Piece, Stream, local
from components.corpus.plan import Change
from components.corpus.prepare import SHARD_DOCUMENTS
from components.corpus.request import Job
from components.errors import ClusterUnavailable, MillraceError
from components.indexes.contract import Shared, Writer
from components.indexes.manifest import Generation
from infra.settings import settings

Work = Callable[[Sequence[Any]], Iterator[bytes]]
Answers = Generator[bytes, None, None]
Pool = Callable[[Work, Sequence[Any]], Answers]
"""Runs the work over all items, cut into batches, in copies of it in other processes, and gives
what they yield, in any order. A batch whose process died is done again, and may arrive twice.
"""
_ROUNDS = 3
"""How often documents are asked for that did not come back."""


@dataclass(frozen=True)
class Worker:
    """What each process runs. The model is loaded at its first batch and kept."""

    job: Job
    draft: Generation
    right: str = ""
    """To write to the draft, lent by the process that has it; empty: the vectors are sent back."""

    def __call__(self, changes: Sequence[Change]) -> Iterator[bytes]:
        """Their documents as packed shards; an error, packed as well, is the last."""
        try:
            before = Effort.of(self.job)
            with self._writer() as writer:
                for shard in local(changes, self.job, self.draft, Clock()):
                    pieces = _stored(shard, writer) if writer else list(shard.pieces)
                    now = Effort.of(self.job)
                    sent = replace(shard, pieces=pieces, effort=now.since(before))
                    yield pickle.dumps(sent, protocol=5)
                    before = now
        except Exception as error:  # it must reach the user as itself
            if not isinstance(error, MillraceError):
                error.add_note(traceback.format_exc())
            yield _packed(error)

    @contextmanager
    def _writer(self) -> Iterator[Writer | None]:
        corpus = self.job.corpus
        if not (self.right and isinstance(corpus, Shared)):
            yield None
            return
        with corpus.borrow(self.right), corpus.write(self.draft) as writer:
            yield writer


def spread(pool: Pool) -> Encoding:
    """Have the pool's processes do it."""

    def encoding(changes: Sequence[Change], job: Job, draft: Generation, clock: Clock) -> Stream:
        worker = Worker(job, draft, job.corpus.lend() if isinstance(job.corpus, Shared) else "")
        waiting = {each.document_id: each for each in changes}
        for _ in range(_ROUNDS):
            if not waiting:
                return
            with closing(pool(worker, list(waiting.values()))) as answers:
                yield from _gathered(_new(clock.each("encode", answers), waiting))
        if waiting:
            raise ClusterUnavailable(
                f"{len(waiting)} documents did not come back from the processes"
            ).at(where=next(iter(waiting)), hint="run the refresh again; what came back is stored")

    return encoding


def _stored(shard: Encoded, writer: Writer) -> Sequence[Piece]:
    """None is left to send."""
    for piece in shard.pieces:
        piece.put(writer)
    writer.commit([])  # who records the entries takes them for stored
    return ()


def _packed(error: Exception) -> bytes:
    try:
        packed = pickle.dumps(error)
        pickle.loads(packed)  # noqa: S301 (made a line before)
    except Exception:  # a stranger's exception with arguments of its own
        packed = pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return packed


def _new(answers: Iterator[bytes], waiting: dict[str, Change]) -> Iterator[Encoded]:
    """What is waited for, and then no more: a document that arrives twice counts once. Raises what
    an answer tells of.
    """
    for packed in answers:
        arrived: Encoded | Exception = pickle.loads(packed)  # noqa: S301 (from a process of this run)
        if isinstance(arrived, Exception):
            raise arrived
        ids = [each.change.document_id for each in arrived.outcomes]
        new = {each for each in ids if waiting.pop(each, None)}
        if new:
            yield replace(
                arrived,
                pieces=[each for each in arrived.pieces if each.document.id in new],
                outcomes=[each for each in arrived.outcomes if each.change.document_id in new],
            )


def _gathered(arrived: Iterator[Encoded]) -> Iterator[Encoded]:
    """Together what is small: a commit takes its time, however little it commits. What has arrived
    before an error comes before the error.
    """
    held: list[Encoded] = []
    told: Exception | None = None
    try:
        for shard in arrived:
            held.append(shard)
            if _enough(held):
                yield _joined(held)
                held = []
    except Exception as error:
        told = error
    if held:
        yield _joined(held)
    if told:
        raise told


def _enough(held: Sequence[Encoded]) -> bool:
    characters = sum(each.characters for each in held)
    documents = sum(len(each.outcomes) for each in held)
    return characters >= settings().shard_characters or documents >= SHARD_DOCUMENTS


def _joined(shards: Sequence[Encoded]) -> Encoded:
    return Encoded(
        pieces=chain.from_iterable([each.pieces for each in shards]),
        outcomes=[each for shard in shards for each in shard.outcomes],
        characters=sum(each.characters for each in shards),
        effort=sum((each.effort for each in shards), Effort()),
    )
