"""What can go wrong, and whose turn it is.

    MillraceError                1  a fault: ours or the machine's
    ├── UserError                2  the request is wrong: the message says what to change
    │   ├── SpecError               a pipeline file or an override cannot be read
    │   ├── UnknownComponent        no component of that name in that stage
    │   ├── BadOption               an option is unknown or its value is refused
    │   ├── MissingExtra            an optional package is not installed
    │   ├── SourceMissing           the source is not where the pipeline says
    │   ├── NothingLive             search or status before the first refresh
    │   └── ForeignCorpus           this store holds a corpus of the same name from another source
    ├── BadDocument              -  one document cannot be used: reported, the run goes on
    ├── NoAnswer                 -  one question has no answer: reported, the run goes on
    ├── GuardStopped             4  a guard refused to do what was asked
    ├── Held                     5  a candidate was not published: a person decides
    ├── TooOld                   7  what is served was not refreshed for longer than was asked
    ├── Busy                     6  somebody else holds what is needed, nothing was done: try again
    ├── Moved                    1  what was being read is replaced and gone: read the live one
    ├── TakenOver                9  another writer has the corpus now; what was committed stays
    ├── Unavailable              1  who is asked did not answer, for now: worth another try; itself,
    │   │                           this machine lacks file handles, memory, or its disk
    │   ├── SourceUnavailable       where the documents come from
    │   ├── StoreUnavailable        the store; or this machine lacks memory, threads, file handles
    │   ├── EndpointUnavailable     a model's endpoint, or the hub that has its files
    │   ├── ClusterUnavailable      the cluster that encodes
    │   └── OrchestratorUnavailable the server that runs are shown on
    ├── EmptySpan                1  a splitter made a span without any token
    ├── OutputLost               1  the result could not be written; what was done stays done
    ├── BadVectors               1  an encoder made vectors that no store can hold
    ├── ModelFault               1  weights are damaged, or not those that the profile names
    ├── DoesNotFit               1  one text alone needs more memory than its model's device has
    ├── IndexFault               1  a store failed, and nothing has proved why: nothing hangs on it
    │   ├── Damaged                 proved by a check of its own: it may be set aside and built anew
    │   ├── Refused                 a request that it will not take, however often it is asked
    │   └── Missing                 it does not hold what was asked for
    └── DiskFull                 1  not enough space to go on safely

The number is the exit code. An error takes one message (so that it can be pickled);
`at` adds where it happened and what to do about it.
"""

from __future__ import annotations

from typing import ClassVar, Self


class MillraceError(Exception):
    """Root of the tree. `where` names a file, document or option; `hint` says what to do."""

    exit_code: ClassVar[int] = 1
    where: str = ""
    hint: str = ""

    def at(self, where: str = "", hint: str = "") -> Self:
        """This error, with its place and its remedy set."""
        self.where = where or self.where
        self.hint = hint or self.hint
        return self

    @property
    def kind(self) -> str:
        """The class's name, for scripts."""
        return type(self).__name__

    def to_json(self) -> dict[str, str]:
        """As `--json` prints it."""
        return {"kind": self.kind, "message": str(self), "where": self.where, "hint": self.hint}


class UserError(MillraceError):
    """The request is wrong."""

    exit_code = 2


class SpecError(UserError):
    """A pipeline file or an override cannot be read."""


class UnknownComponent(UserError):
    """No component of that name in that stage."""


class BadOption(UserError):
    """An option is unknown, or its value is refused."""


class MissingExtra(UserError):
    """An optional package is not installed."""


class SourceMissing(UserError):
    """The source is not where the pipeline says."""


class NothingLive(UserError):
    """There is no index yet to search or describe."""


class ForeignCorpus(UserError):
    """The store holds a corpus of this name that came from another source."""


class BadDocument(MillraceError):
    """One document cannot be used. It is reported by name; the run goes on.

    `transient`: the cause may be gone next time without a new version, so it is tried again.
    """

    transient: bool = False

    def passing(self) -> Self:
        """This error, marked as worth another try."""
        self.transient = True
        return self


class NoAnswer(MillraceError):
    """One question has no answer, whatever becomes of the others."""


class GuardStopped(MillraceError):
    """A guard refused to do what was asked."""

    exit_code = 4


class Held(MillraceError):
    """A candidate was not published, or may not be without more: a person decides."""

    exit_code = 5


class TooOld(MillraceError):
    """No refresh has ended well for longer than was asked."""

    exit_code = 7


class Busy(MillraceError):
    """Somebody else holds what is needed."""

    exit_code = 6


class Moved(MillraceError):
    """What was being read has been replaced and is gone."""


class TakenOver(MillraceError):
    """Another writer has the corpus now, and goes on with what this one has committed."""

    exit_code = 9


class Unavailable(MillraceError):
    """Who is asked did not answer, or cannot for now. What is stored is as it was."""


class SourceUnavailable(Unavailable):
    """Where the documents come from."""


class StoreUnavailable(Unavailable):
    """The store is out of reach or overloaded, or this machine lacks memory, threads or file
    handles for it. What it holds is as it was.
    """


class EndpointUnavailable(Unavailable):
    """A model's endpoint, or the hub that has its files."""


class ClusterUnavailable(Unavailable):
    """The cluster that encodes."""


class OrchestratorUnavailable(Unavailable):
    """The server that runs are shown on."""


class EmptySpan(MillraceError):
    """A splitter made a span without any token, so no vector can stand for it."""


class OutputLost(MillraceError):
    """What was found could not be written to where the caller wants it."""


class BadVectors(MillraceError):
    """An encoder made vectors, or states of tokens, that no store can hold."""


class ModelFault(MillraceError):
    """Weights are damaged, or not those that the profile names."""


class DoesNotFit(MillraceError):
    """One text alone needs more memory than the device of its model has.

    `row`: its place among the texts or spans of a call, -1 where it is not told.
    """

    row: int = -1


class IndexFault(MillraceError):
    """A store failed, and nothing has proved why. No code decides by it."""


class Damaged(IndexFault):
    """What is stored is damaged, as a check of its own has proved. It alone may be set aside."""


class Refused(IndexFault):
    """A request that the store will not take, however often it is asked."""


class Missing(IndexFault):
    """The store does not hold what was asked for: a generation, a collection, a chunk's vector."""


class DiskFull(MillraceError):
    """Not enough disk space to go on safely."""


def line(message: str, where: str, hint: str) -> str:
    """An error on one line."""
    place = f"{where}: " if where else ""
    told = f"{place}{message}" + (f" ({hint})" if hint else "")
    return " ".join(told.splitlines())
