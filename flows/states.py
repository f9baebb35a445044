"""How a run ends in the Prefect UI: one clear line, and a traceback only for a fault of ours.

Completed               every document could be used
Some failed             (completed) done; the failed documents are named in an artifact
Many failed             (completed) the same, of more than a share of the documents
Promoted                (completed) the candidate was held, and a person let it go live
Rejected                (completed) the candidate was held, and a person gave it up
Busy                    (cancelled) another refresh of this corpus is running; nothing was done
Taken over              (cancelled) another refresh has the corpus now; what was committed stays
Cancelled               (cancelled) somebody wanted it so; what was committed stays
Stopped                 (crashed) the process was told to stop; the next run goes on from there
Held                    (failed) what was made waits for a person, what was live stays
Stopped by guard        (failed) nothing was published, somebody has to decide
Unavailable             (failed) who was asked did not answer; the next run goes on from there
Damaged                 (failed) a doctor found damage that is not mended; nothing else is changed
Failed                  the request is wrong, or something is broken
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from uuid import UUID

from components.corpus.report import Report
from components.errors import MillraceError, line
from flows import todo
from flows.page import summary
from infra import stopping

if TYPE_CHECKING:
    from prefect import State

_GOES_ON = "nothing to do, what was committed stays, the next run goes on from there"
_ANSWER = 5.0
"""Seconds that the server is given, each time that a run which is stopped asks it."""


def ended(report: Report, many: float) -> State[None]:
    """Of a run that came to its end; `many` is a share of the documents, from 0 to 1."""
    from prefect.states import Completed

    if report.error:
        return stopped(report.error)

    failed, totals = len(report.failures), report.totals
    if failed > many * (failed + totals.documents - totals.stale):
        name = "Many failed"
    else:
        name = "Some failed" if failed else "Completed"
    return Completed(name=name, message=summary(report))


def stopped(error: MillraceError) -> State[Any]:
    """Of a run or task that an error has stopped; its result raises the error."""
    from prefect.states import Cancelled, Failed

    name = todo.state_of(error)
    ends = Cancelled if name in ("Busy", "Taken over") else Failed
    return ends(name=name, message=line(str(error), error.where, error.hint), data=error)


def interrupted(by: str, key: str) -> State[Any]:
    """Of a run whose process was told to stop; `key`: where its page says what is to be done."""
    from prefect.logging import get_run_logger
    from prefect.settings import (
        PREFECT_API_REQUEST_TIMEOUT,
        PREFECT_CLIENT_MAX_RETRIES,
        temporary_settings,
    )
    from prefect.states import Cancelled, Crashed

    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: _ANSWER}):
        cancelled = _is_cancelling()
        if cancelled is not None:  # else nobody would hear more
            todo.show(key, todo.BY_STATE["Cancelled" if cancelled else "Stopped"])
    told = f"{'cancelled' if cancelled else by}: {_GOES_ON}"
    get_run_logger().warning(told)
    return Cancelled(message=told) if cancelled else Crashed(name="Stopped", message=told)


def _is_cancelling() -> bool | None:
    """Whether the server says that this run is to be cancelled; None where it does not answer."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectException
    from prefect.runtime import flow_run

    try:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(UUID(flow_run.id)).state
    except (httpx.HTTPError, PrefectException):
        return None
    return bool(state and state.is_cancelling())


def without_traceback(record: logging.LogRecord) -> bool:
    """A filter of Prefect's logger: in a worker it logs what stopped a run with a traceback."""
    from prefect.exceptions import CancelledRun, CrashedRun

    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, MillraceError):
        record.msg, record.args = line(str(error), error.where, error.hint), ()
        record.exc_info = record.exc_text = None
    return not (isinstance(error, CrashedRun | CancelledRun) and stopping.told())  # is said already
