"""The standard streams: results go to stdout, everything else to stderr.

Nothing fails because nobody listens. A reader that ends early (`| head`) has had enough, a stream
that the caller closed is one that leads nowhere, and what finds no way out of stderr is lost. Only
a result that cannot be written is an error.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO, cast

from components.errors import OutputLost

_STANDARD = (0, 1, 2)


def keep_numbers() -> None:
    """Streams that the caller closed lead nowhere from now on. The next file that is opened would
    have such a number otherwise, and what is said would be written into it.
    """
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):  # it gets the lowest number that is free: that one
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


@contextmanager
def standing() -> Iterator[None]:
    """In here no write to stderr raises anything, and none to stdout anything but OutputLost."""
    out, err = (_whole(each) if each else _Nowhere() for each in (sys.stdout, sys.stderr))
    with redirect_stdout(cast(TextIO, _Results(out))), redirect_stderr(cast(TextIO, _Asides(err))):
        yield


def _whole(stream: TextIO) -> TextIO:
    """The stream, or one on its file that writes all that it is given: Python's own, where it holds
    nothing back (`PYTHONUNBUFFERED`), takes the first part of a write for the whole.
    """
    if not isinstance(getattr(stream, "buffer", None), io.RawIOBase):
        return stream
    file = io.FileIO(stream.fileno(), "w", closefd=False)
    return _Whole(io.BufferedWriter(file), encoding=stream.encoding, errors=stream.errors)


class _Whole(io.TextIOWrapper):
    """Holds nothing back."""

    def write(self, text: str, /) -> int:
        written = super().write(text)
        self.flush()
        return written


class _Nowhere(io.StringIO):
    """Takes everything and keeps nothing."""

    def write(self, text: str, /) -> int:
        return len(text)


class _Asides:
    """A stream of text: what cannot be written is lost. In all else it is the stream it was."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str, /) -> int:
        if text != "":  # with that click tries what the stream is, and hears no error
            with self._heard():
                self._stream.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str], /) -> None:
        for each in lines:
            self.write(each)

    def flush(self) -> None:
        with self._heard():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # what is written there would pass by
            raise AttributeError(name)
        return getattr(self._stream, name)

    @contextmanager
    def _heard(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            _lead_nowhere(self._stream)
            self._judge(error)
        except ValueError:  # somebody closed it
            self._judge(OSError())

    def _judge(self, error: OSError) -> None:
        """Whether it matters."""


class _Results(_Asides):
    """A stream of text: what cannot be written is OutputLost, unless its reader has gone. So is all
    that comes after it: whoever wrote may have heard no error.
    """

    _lost: OutputLost | None = None

    def flush(self) -> None:
        super().flush()
        if self._lost:
            raise self._lost

    def _judge(self, error: OSError) -> None:
        if not isinstance(error, BrokenPipeError):
            reason = error.strerror or "it is closed"
            self._lost = OutputLost(f"the result cannot be written: {reason}").at(
                where="stdout", hint="what was done stays; give the output room, and ask again"
            )
            raise self._lost from error


def _lead_nowhere(stream: TextIO) -> None:
    """What it holds back would fail again, at the latest when Python ends."""
    with suppress(OSError, ValueError):
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, number)
        finally:
            os.close(nowhere)
