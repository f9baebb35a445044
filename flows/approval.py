"""A person decides about a candidate that is held, on the page of the run that has made it.

The run is paused, and its page asks. It goes on when somebody has decided, there or by a command,
and ends as it would have without waiting when nobody has in time. It holds nothing meanwhile but
its own process: the next refresh may come.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import get_client
from prefect.input import RunInput, keyset_from_paused_state
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Paused
from prefect.utilities.engine import propose_state_sync
from pydantic import Field

from components.corpus import releases
from components.corpus.report import Report
from components.corpus.request import Job
from components.errors import Held, MillraceError, TakenOver, line
from components.indexes import ledger as ledgers
from flows.states import stopped
from infra import stopping
from infra.markdown import plain

if TYPE_CHECKING:
    from prefect import State

_LOOK = 5.0
"""Seconds between two looks whether somebody has decided."""
_LATER = timedelta(minutes=10)
"""After which the server ends a run by itself that this process has left paused."""
_LONG = 1000
"""Characters of a sentence that are shown."""


class Decision(StrEnum):
    """What a person may decide."""

    PROMOTE = "promote"
    REJECT = "reject"


class Form(RunInput):
    """What the page asks."""

    decision: Decision = Field(description="promote: it goes live. reject: what is live stays.")
    who: str = Field(min_length=1, description="Your name, for the history.")
    reason: str = Field("", description="Why; one that is worse is not promoted without.")


def awaited(job: Job, report: Report, hours: float) -> tuple[State[Any], Report] | None:
    """How the run ends when somebody has decided within so many hours, and its report then; None
    where nobody has.
    """
    until = time.monotonic() + 3600 * hours
    refused = ""
    while not (ended := _decided(job, report)):
        form = _answer(job, report, refused, until)
        if form is None:
            return _decided(job, report)
        refused = _refused(job, report, form)
    return ended


def _answer(job: Job, report: Report, refused: str, until: float) -> Form | None:
    """What a person has filled in; None where it is too late, or somebody has decided elsewhere.

    Prefect's own pause is over as soon as its server says so, and the run then ends as that says.
    """
    form = Form.with_initial_data(description=_question(report, refused))
    left = timedelta(seconds=until - time.monotonic()) + _LATER
    state: State[Any] = Paused(
        message=f"release {report.release} waits for a person: {report.held}",
        timeout_seconds=round(left.total_seconds()),
        pause_key=uuid4().hex,
    )
    keys = keyset_from_paused_state(state)
    state.state_details.run_input_keyset = dict(keys.items())
    form.save(keys)
    if refused:
        get_run_logger().warning("%s: not done: %s", report.pipeline, refused)
    get_run_logger().info("%s: %s", report.pipeline, state.message)
    own = UUID(flow_run.id)
    with get_client(sync_client=True) as client:
        if not propose_state_sync(client, state, flow_run_id=own).is_paused():
            return None  # it is being cancelled
        while (left_seconds := until - time.monotonic()) > 0 and not _decided(job, report):
            stopping.pause(min(_LOOK, left_seconds))
            with suppress(httpx.HTTPError):  # that server may be away for a while
                now = client.read_flow_run(own).state
                if now and now.is_running():
                    return cast(Form, form.load(keys))
    return None


def _question(report: Report, refused: str) -> str:
    """In Markdown, what stands above the form."""
    held = f"Release {report.release} of {report.pipeline} is held: {report.held}."
    more = f"The artifact {report.pipeline}-verdict says more."
    asked = f"{plain(held, _LONG)} {plain(more)}"
    return f"**Not done: {plain(refused, _LONG)}\\.**\n\n{asked}" if refused else asked


def _refused(job: Job, report: Report, form: Form) -> str:
    """Do what was decided; why that cannot be done, or not without more."""
    by, reason = f"{form.who.strip() or 'somebody'} in the Prefect UI", form.reason.strip()
    try:
        if form.decision == Decision.REJECT:
            releases.reject(job.pipeline, by=by, reason=reason, release=report.release)
        else:
            releases.promote(
                job.pipeline, by=by, reason=reason, force=bool(reason), release=report.release
            )
    except Held:
        return "its test says that it is worse, so it takes a reason to promote it"
    except MillraceError as error:
        return line(str(error), error.where, error.hint)
    return ""


def _decided(job: Job, report: Report) -> tuple[State[Any], Report] | None:
    """The end of a run whose candidate nobody needs to decide about any more, wherever that came
    from; None where somebody has to, or where the store does not answer.
    """
    try:
        history = ledgers.ledger(job.corpus)
    except MillraceError:
        return None
    listed = history.listed(report.release)
    if listed is None or history.held == listed.number:
        return None
    release, settled = f"release {listed.number}", replace(report, held="")
    if listed.state in ("live", "was live"):
        went = listed.lives[-1]
        told = f"{release} was {went['how']} by {went['by']}: {went['why']}"
        return Completed(name="Promoted", message=told), replace(settled, how=went["how"])
    if listed.state == "rejected":
        told = f"{release} was rejected: {listed.reason}".removesuffix(": ")
        return Completed(name="Rejected", message=told), settled
    error = TakenOver(f"{release} is not held any more, it is {listed.state}").at(report.pipeline)
    return stopped(error), settled
