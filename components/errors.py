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
    ├── Busy                     6  somebody else holds what is needed: try again
    │   └── Moved                   what was being read is replaced and gone: read the live one
    ├── Unavailable              1  an outside system did not answer: worth another try
    │   └── StoreUnavailable        the store, for now: out of reach, or short of memory or threads
    ├── EmptySpan                1  a splitter made a span without any token
    ├── ModelFault               1  weights are damaged, or not those that the profile names
    ├── IndexFault               1  something is wrong with the store or what was given to it
    │   ├── Damaged                 proved by its own check: it may be set aside and built anew
    │   └── Refused                 a request that it will not take; what it holds is as it was
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


class Busy(MillraceError):
    """Somebody else holds what is needed."""

    exit_code = 6


class Moved(Busy):
    """What was being read has been replaced twice and is gone."""


class Unavailable(MillraceError):
    """An outside system did not answer."""


class StoreUnavailable(Unavailable):
    """The store cannot do it for now: it is out of reach or overloaded, or this machine lacks the
    memory, threads or file handles. What it holds is as it was.
    """


class EmptySpan(MillraceError):
    """A splitter made a span without any token, so no vector can stand for it."""


class ModelFault(MillraceError):
    """Weights are damaged, or not those that the profile names."""


class IndexFault(MillraceError):
    """Something is wrong with the store, or with what was given to it."""


class Damaged(IndexFault):
    """What is stored is damaged, as a check of its own has proved. It alone may be set aside."""


class Refused(IndexFault):
    """A request that the store will not take, however often it is asked."""


class DiskFull(MillraceError):
    """Not enough disk space to go on safely."""
