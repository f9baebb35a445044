"""What every index offers: generations of a corpus, one of them live.

A refresh works on a draft: `draft`, `write`, `finish`, `publish`, all under `lock`. Readers open
the live generation with `read` or `hold` and see nothing of a draft.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from components.errors import BadOption, Damaged
from components.indexes.ledger import Event
from components.indexes.manifest import Entry, Generation, Release, Totals
from components.indexes.points import Held
from components.indexes.retention import Surplus
from components.stages import Reader
from components.values import Chunk, Matrix, Metadata, SparseVector, States, Whole


class GenerationReader(Reader, Protocol):
    """An opened generation."""

    def entries(self) -> dict[str, Entry]:
        """The manifest by document id."""
        ...

    def held_fields(self) -> dict[str, tuple[str, ...]]:
        """What `Entry.fields` says of each document with chunks, read from them all."""
        ...

    def chunks(self, *document_ids: str) -> list[Chunk]:
        """The chunks of documents, those of each in order."""
        ...

    def count_chunks(self, document_id: str | None = None) -> int:
        """Stored chunks of a document, or of all."""
        ...

    def scan(self) -> Iterator[Held]:
        """Every point that has vectors, whatever is wrong with it, in no order. It is read while it
        is asked for.
        """
        ...


class Writer(GenerationReader, Protocol):
    """An opened draft. Nothing that was committed is lost when the process is killed."""

    def put(
        self,
        chunks: Sequence[Chunk],
        dense: Matrix,
        sparse: Sequence[SparseVector],
        states: Sequence[States] = (),
        whole: Whole | None = None,
    ) -> None:
        """Store chunks with their vectors, `dense` (chunks, width), and the states of their tokens,
        where they have any. Same ids overwrite.

        `whole`: of the document that the last of the chunks ends; let go where the draft's
        `Generation.whole` is false. A writer that keeps none need not take it.
        """
        ...

    def commit(self, entries: Sequence[Entry], replaced: Sequence[str] = ()) -> None:
        """Make what was put durable, then record the entries, then drop the older chunks of the
        `replaced` documents, which are among the entries'.
        """
        ...

    def describe(self, document_id: str, title: str, metadata: Metadata) -> None:
        """New title and metadata for all that is stored of a document; the vectors stay."""
        ...

    def forget(self, document_ids: Sequence[str]) -> None:
        """Remove documents: entries and chunks."""
        ...


class CorpusIndex(Protocol):
    """The generations of one corpus."""

    @property
    def apart(self) -> bool:
        """Whether a namespace keeps it apart from other machines' corpora of the same name."""
        ...

    @property
    def exclusive(self) -> bool:
        """Whether a generation that is open is open to one process alone. Then it is read for a
        moment and stays whole meanwhile; `hold` copies it.
        """
        ...

    def owner(self) -> str | None:
        """Identity of the source that the corpus was built from."""
        ...

    def machine(self) -> str:
        """The machine that claimed it last; empty where that had no identity."""
        ...

    def claim(self, source: str, machine: str = "") -> None:
        """Bind the corpus to a source, as a machine has it."""
        ...

    def live(self) -> Release | None:
        """What is published now."""
        ...

    def generation(self, name: str) -> Generation:
        """The generation of that name. Raises Missing where there is none."""
        ...

    def finished(self, fingerprint: str) -> Generation | None:
        """The newest finished generation of a fingerprint that a refresh may go on from: it was not
        found damaged, and is neither held nor rejected nor taken back.
        """
        ...

    def unfinished(self, fingerprint: str, base: Generation | None) -> Generation | None:
        """A draft that an earlier run began from the same base and did not finish."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """The right to write, for one process at a time. Raises Busy."""
        ...

    def read(self, generation: Generation) -> AbstractContextManager[GenerationReader]:
        """An opened generation, for a moment: others may wait. Raises Moved where it was removed;
        Busy, StoreUnavailable, IndexFault.
        """
        ...

    def hold(self, generation: Generation) -> AbstractContextManager[GenerationReader]:
        """An opened generation, for as long as it is wanted and for several threads: nobody waits.

        Unless the index is exclusive, what is read may lack some once the generation is not live
        any more. Raises as `read`; DiskFull or BadOption where this machine has no
        room or no folder for a copy.
        """
        ...

    def draft(self, wanted: Generation, base: Generation | None) -> Generation:
        """A new draft like `wanted`, numbered, empty or a copy of `base`.

        Raises DiskFull; Damaged where `base` is, which is condemned.
        """
        ...

    def recover(self, draft: Generation) -> None:
        """Drop what a killed run left half done in a draft; its documents count as missing.

        Raises Damaged where the draft is proved to be beyond that, and nothing else of it may be
        taken for a proof.
        """
        ...

    def discard(self, draft: Generation) -> None:
        """Take a draft that is damaged out of the way: what there is of it is set aside until the
        next generation is published.
        """
        ...

    def write(self, draft: Generation) -> AbstractContextManager[Writer]:
        """The opened draft. Raises StoreUnavailable, IndexFault, DiskFull."""
        ...

    def finish(self, draft: Generation, totals: Totals) -> Generation:
        """Optimise the draft and seal it. Raises Damaged where it does not hold `totals`."""
        ...

    def publish(
        self, generation: Generation, run_id: str, release: Release | None = None
    ) -> Release:
        """Make a finished generation the live one, at once and for all readers: as what the history
        calls a release, where that is told. Needs no `lock`: a person takes something back while a
        refresh is at work.

        Raises Missing where it is gone; Moved where what is live is not what `release` goes over.
        """
        ...

    def events(self) -> list[Event]:
        """The history of its releases, see `ledger`."""
        ...

    def record(self, events: Sequence[Event]) -> None:
        """Add to the history, for good. Needs no `lock`."""
        ...

    def confirm(self) -> None:
        """Write down that a refresh ended well now, and that what is live stays so."""
        ...

    def condemn(self, generation: Generation, error: Damaged) -> None:
        """Write down, under `lock`, that a generation was found damaged: it stays as it is, and is
        no base any more. Raises Moved where it was removed.
        """
        ...

    def damage(self, generation: Generation) -> str:
        """Where it is written how a generation was found damaged, or where it was, should it be
        gone; empty where nobody has found that, or it was mended.
        """
        ...

    def surplus(self) -> list[Surplus]:
        """What it keeps no longer, by name: see `retention`. Writes nothing, needs no `lock`."""
        ...

    def prune(self) -> list[str]:
        """Remove that, under `lock`: the names of what is gone. What a reader has open stays until
        the next time.
        """
        ...


@runtime_checkable
class Shared(Protocol):
    """A corpus whose drafts several processes may write at once, in the name of one of them."""

    def lend(self) -> str:
        """What other processes need to write in the name of this one, which holds the lock.

        Raises TakenOver where it was lost.
        """
        ...

    def borrow(self, right: str) -> AbstractContextManager[None]:
        """Let this process write in the name of the one that lent the right, for as long as that
        holds the lock: writes raise TakenOver when it does no more.
        """
        ...


@runtime_checkable
class Mendable(Protocol):
    """A corpus that may be looked into, and mended, where it is not what it should be."""

    def generations(self) -> list[Generation]:
        """All of which the facts can be read, drafts among them, in order of number."""
        ...

    def mending(self) -> AbstractContextManager[None]:
        """As `lock`, also where nobody can say what is live."""
        ...

    def examine(self, generation: Generation) -> AbstractContextManager[GenerationReader]:
        """As `hold`, also of a generation that does not hold what is recorded. Raises Damaged where
        it is proved that it cannot be read.
        """
        ...

    def mend(self, wanted: Generation, base: Generation) -> Generation:
        """As `draft`, also of a base that does not hold what is recorded."""
        ...

    def astray(self) -> str:
        """What is wrong with the name under which others find what is live; empty where nothing is,
        or the store has none. `lock` puts it right. Raises as `live`.
        """
        ...

    def forget_live(self) -> int | None:
        """Let go of a pointer that cannot be understood, under `lock`, so that `publish` can write
        another: what that goes over, see `Release.over`. Until then `live` raises as before.
        """
        ...


def mendable(corpus: CorpusIndex) -> Mendable:
    """The corpus as one that may be looked into. Raises BadOption."""
    if isinstance(corpus, Mendable):
        return corpus
    raise BadOption("the index does not let itself be looked into").at(
        where="index", hint="qdrant_edge and qdrant do"
    )


@runtime_checkable
class Index(Protocol):
    """Where vectors live."""

    def corpus(self, name: str) -> CorpusIndex:
        """The generations of the corpus of that name."""
        ...
