"""Whether a person has to do something about a run, in one line: for its page, and for messages."""

from __future__ import annotations

from collections.abc import Mapping

from components.corpus.doctor.diagnosis import Diagnosis
from components.corpus.report import Report
from components.corpus.survey import Survey
from components.errors import (
    Busy,
    GuardStopped,
    Held,
    MillraceError,
    OrchestratorUnavailable,
    TakenOver,
    Unavailable,
    UserError,
)
from flows.page import counted, new_and_healed

NOTHING = "Nothing to do."
FAULT = (
    "Report it: a fault of Millrace's, its trace is in the log. What was committed stays, and the "
    "next run goes on from there."
)
BY_STATE: Mapping[str, str] = {
    "Completed": NOTHING,
    "Some failed": "Look at the documents that failed; the others are served.",
    "Many failed": (
        "Look at the documents that failed, the run's page names them: they are many. The others "
        "are served."
    ),
    "Some left out": "Look at the systems that were left out; the others were compared.",
    "Some unmeasured": "Look at what failed or was not measured; the next run tries it again.",
    "Paused": "Decide: resume the run, its page asks what is to become of the candidate.",
    "Promoted": "Nothing to do: a person let the candidate go live.",
    "Rejected": "Nothing to do: a person gave the candidate up, what was live stays.",
    "Busy": "Nothing to do: another run is at work on the same.",
    "Taken over": "Nothing to do: another refresh goes on with what this one committed.",
    "Cancelled": "Nothing to do: somebody cancelled it. The next run goes on from there.",
    "Stopped": "Nothing to do: its process was told to stop. The next run goes on from there.",
    "Unavailable": (
        "Nothing to do yet: the next run goes on from there. If that ends so as well, see to what "
        "did not answer."
    ),
    "Held": "Decide: promote the candidate or reject it. What is live stays until somebody does.",
    "Stopped by guard": "Decide: what is served stays as it was until somebody does.",
    "Crashed": (
        "Nothing to do yet: what was committed stays, and the next run goes on from there. If that "
        "crashes as well, look at the worker's log and at the machine's memory."
    ),
    "Damaged": "Look at what is damaged, and run millrace doctor with --repair.",
    "Failed": "Mend what the message names: the next run would end so as well.",
}
"""By the name of the state that a run ended in; what is known of the run says more."""
_BY_ERROR: Mapping[type[MillraceError], str] = {
    Busy: "Busy",
    TakenOver: "Taken over",
    Unavailable: "Unavailable",
    GuardStopped: "Stopped by guard",
    Held: "Held",
}


def of_report(found: Survey, report: Report) -> str:
    """Of a refresh that came to its end."""
    if report.held:
        return f"Decide: {report.pipeline}-verdict says why it is held, and what to do."
    gaps, (new, _) = len(report.gaps), new_and_healed(found, report)
    told = [counted(gaps, "part", "of the source could not be listed")] if gaps else []
    told += [counted(len(new), "document", "newly failed")] if new else []
    shown = f"{report.pipeline}-failures"
    if told:
        return f"Look at {shown}: {', '.join(told)}."
    if failed := len(report.failures) - gaps:
        before = counted(failed, "document", "failed as before")
        return f"Nothing new to do: {before}, see {shown}."
    return NOTHING


def of_diagnosis(diagnosis: Diagnosis) -> str:
    """Of a doctor's visit that came to its end."""
    shown, wrong = f"doctor-{diagnosis.pipeline}-findings", len(diagnosis.damage)
    if not wrong:
        mended = counted(len(diagnosis.findings), "finding", "mended")
        return f"Nothing to do: {mended}, see {shown}." if diagnosis.findings else NOTHING
    if diagnosis.repaired:
        return f"Decide: {counted(wrong, 'finding', 'not mended')}, {shown} says why."
    return f"Look at {shown}, and run it again with repair: {counted(wrong, 'finding', 'open')}."


def state_of(error: MillraceError) -> str:
    """The name of the state of a run that an error has stopped."""
    return next((name for kind, name in _BY_ERROR.items() if isinstance(error, kind)), "Failed")


def of_error(error: MillraceError) -> str:
    """Of a run that an error has stopped."""
    name, hint = state_of(error), error.hint or error
    if name in ("Stopped by guard", "Held"):
        return f"Decide: {hint}"
    if name == "Failed":
        return f"{'Change the request' if isinstance(error, UserError) else 'Mend it'}: {hint}"
    return BY_STATE[name]


def show(key: str, line: str) -> None:
    """Put it on the page of the run that this is called in; outside of one nothing is shown."""
    from prefect.runtime import flow_run

    from infra import artifacts
    from infra.markdown import plain

    if flow_run.id:
        told = plain(line, 1000)
        artifacts.markdown(f"{artifacts.slug(key)}-to-do", f"{told}\n", told)


def show_error(key: str, error: MillraceError) -> None:
    """The same of an error; a server that does not answer is not asked once more."""
    if not isinstance(error, OrchestratorUnavailable):
        show(key, of_error(error))
