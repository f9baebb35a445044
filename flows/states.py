"""How a run ends in the Prefect UI: one clear line, and a traceback only for a fault of ours.

Completed               every document could be used
Some failed             (completed) done; the failed documents are named in an artifact
Many failed             (completed) the same, of more than a share of the documents
Busy                    (cancelled) another refresh of this corpus is running; nothing was done
Taken over              (cancelled) another refresh has the corpus now; what was committed stays
Stopped by guard        (failed) nothing was published, somebody has to decide
Unavailable             (failed) who was asked did not answer; the next run goes on from there
Failed                  the request is wrong, or something is broken
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from components.corpus.report import Report
from components.errors import Busy, GuardStopped, MillraceError, TakenOver, Unavailable
from flows.failures import line
from flows.page import summary

if TYPE_CHECKING:
    from prefect import State

Result = dict[str, Any]
_NO_FAILURES: dict[type[MillraceError], str] = {Busy: "Busy", TakenOver: "Taken over"}
_FAILURES: dict[type[MillraceError], str] = {
    GuardStopped: "Stopped by guard",
    Unavailable: "Unavailable",
}


def ended(report: Report, many: float) -> State[Result]:
    """Of a run that came to its end; `many` is a share of the documents, from 0 to 1."""
    from prefect.states import Completed

    failed, totals = len(report.failures), report.totals
    if failed > many * (failed + totals.documents - totals.stale):
        name = "Many failed"
    else:
        name = "Some failed" if failed else "Completed"
    return Completed(name=name, message=summary(report), data=asdict(report))


def stopped(error: MillraceError) -> State[Any]:
    """Of a run or task that an error has stopped; its result raises the error."""
    from prefect.states import Cancelled, Failed

    message = line(str(error), error.where, error.hint)
    for kind, name in _NO_FAILURES.items():
        if isinstance(error, kind):
            return Cancelled(name=name, message=message, data=error)
    names = [name for kind, name in _FAILURES.items() if isinstance(error, kind)]
    return Failed(name=names[0] if names else "Failed", message=message, data=error)


def without_traceback(record: logging.LogRecord) -> bool:
    """A filter of Prefect's logger: in a worker it logs what stopped a run with a traceback."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, MillraceError):
        record.msg, record.args = line(str(error), error.where, error.hint), ()
        record.exc_info = record.exc_text = None
    return True
