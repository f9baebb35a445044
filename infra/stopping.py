"""Being told to stop: SIGTERM and SIGHUP do what Ctrl-C does.

Each raises `Stopped` in the main thread, so that whatever is under way is put in order by the code
that began it. What is told again meanwhile changes nothing, so that this comes to its end, unless a
person insists: Ctrl-C once more ends the process at once, and its children with it.

Of several signals that come at once the system may hand all to other threads. Python notes them,
but wakes the main thread from no call that it waits in: a thread that Python tells does that.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INSISTS = 1.0
"""Seconds after which Ctrl-C comes from a person: programs in between may double one."""
_IN_A_HURRY = b"millrace: ended at once: the next run tidies up\n"
_HEARD = 0.1
"""Seconds until a thread that waits has heard of it. No event tells it: a signal's handler may take
no lock.
"""
_told = 0
"""The signal that told it."""
_told_at = 0.0
_settling = 0
"""How many wait for what was under way."""


class Stopped(KeyboardInterrupt):
    """This process was told to stop, by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)

    def __str__(self) -> str:
        interrupted = self.signal is signal.SIGINT
        return "interrupted" if interrupted else f"stopped by {self.signal.name}"

    @property
    def exit_code(self) -> int:
        """As a shell has it for what a signal ends."""
        return 128 + self.signal


def listen() -> None:
    """From now on the process can be told to stop; not by a signal that whoever began it made it
    deaf to, as `nohup` does.
    """
    global _told
    _told = 0
    for each in SIGNALS:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, _tell)
    signal.set_wakeup_fd(_waker(), warn_on_full_buffer=False)


def ignore() -> None:
    """From now on it cannot: it is about to end, or another process will end it."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)


@contextmanager
def listening() -> Iterator[None]:
    """It can be told to stop in here, if this is the main thread, which alone hears signals."""
    with kept():
        if _hears():
            listen()
        yield


@contextmanager
def kept() -> Iterator[None]:
    """What is done on a signal is afterwards as it was, whatever is set in here."""
    if not _hears():
        yield
        return
    before = {each: signal.getsignal(each) for each in SIGNALS}
    woken = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        for each, handler in before.items():
            if handler is not None:  # None: it is not Python's
                signal.signal(each, handler)


@contextmanager
def settling() -> Iterator[None]:
    """What was under way when the process was told to stop comes to its end in here: what is told
    again changes nothing, unless a person insists.
    """
    global _settling
    _settling += 1
    try:
        yield
    finally:
        _settling -= 1


def told() -> bool:
    """Whether the process was told to stop."""
    return bool(_told)


def check() -> None:
    """Raises Stopped where it was."""
    if _told:
        raise Stopped(_told)


def pause(seconds: float) -> None:
    """Sleep, in any thread. Raises Stopped as soon as the process is told to stop, and where it was
    told before: nobody waits for what would be tried again.
    """
    check()
    if _hears():  # what it hears interrupts it
        time.sleep(seconds)
        return
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _HEARD))
        check()


def _hears() -> bool:
    return threading.current_thread() is threading.main_thread()


def _tell(number: int, frame: FrameType | None) -> None:
    global _told, _told_at
    now = time.monotonic()
    if number == signal.SIGINT and _told and now - _told_at > _INSISTS:
        with suppress(OSError, ValueError):  # who insists may have closed the terminal
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, _IN_A_HURRY)
        os._exit(128 + number)
    if not (_told and _settling) and not _is_stopping():
        _told, _told_at = number, now
        raise Stopped(number)


def _is_stopping() -> bool:
    """Whether what runs now runs because the process was told to stop."""
    error = sys.exception()
    while error is not None:
        if isinstance(error, Stopped):
            return True
        error = error.__context__
    return False


@cache
def _waker() -> int:
    """The end of a pipe that Python writes the numbers of signals to; -1, for none, where the
    machine has no handle or thread left for it. Signals are heard without it, some of them late.
    """
    try:
        numbers, written = os.pipe()
    except OSError:
        return -1
    os.set_blocking(written, False)
    try:
        threading.Thread(target=_wake, args=(numbers,), daemon=True, name="signals").start()
    except RuntimeError:
        os.close(numbers)
        os.close(written)
        return -1
    return written


def _wake(numbers: int) -> None:
    main = threading.main_thread().ident
    while read := os.read(numbers, 1):
        number = read[0]
        while main and not _told and signal.getsignal(number) is _tell:
            signal.pthread_kill(main, number)
            time.sleep(_HEARD)


def _forget() -> None:
    """After a fork: what this process is told is not for the one that it came of."""
    if _waker.cache_info().currsize:
        signal.set_wakeup_fd(-1)
        _waker.cache_clear()
    for each in SIGNALS:
        if signal.getsignal(each) is _tell:
            signal.signal(
                each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL
            )


os.register_at_fork(after_in_child=_forget)
