"""What Prefect's server watches for a deployment, and the messages that it sends.

Automations: no run has ended well for too long, a run failed, and, of a refresh, many documents
failed, or a run waits for a person. The server sees to them by itself: whatever became of worker,
schedule and run, it tells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from glob import escape
from typing import Any

from flows import todo
from infra.chart import duration

Automation = Mapping[str, Any]
"""As Prefect's API takes it."""
_ENDED = "prefect.flow-run.*"
_AT = "{{ event.occurred.strftime('%Y-%m-%d %H:%M') }} UTC"
_RUN = "{{ event.resource['prefect.resource.name'] }}"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A deployment."""

    flow: str
    name: str
    files: tuple[str, ...] = ()
    """Pipeline files that its runs read."""
    page: str = ""
    """Its address in the UI; empty where that is not known, as `run_page`."""
    run_page: str = ""
    """Where a run of it is shown, with `{{ flow_run.id }}` in its place."""

    @property
    def called(self) -> str:
        """As Prefect calls it."""
        return f"{self.flow}/{self.name}"

    @property
    def told(self) -> str:
        """With its pipeline files, in a template."""
        return _plain(f"{self.called} ({', '.join(self.files)})" if self.files else self.called)


def automations(watched: Watched, max_age: timedelta, block: str) -> list[Automation]:
    """Those of a deployment; `block` is the id of what sends the messages."""
    found = [_stale(watched, max_age, block), _failed(watched, block)]
    own = [_many(watched, block), _waits(watched, block)] if watched.flow == "refresh" else []
    return [*found, *own]


def _stale(watched: Watched, max_age: timedelta, block: str) -> Automation:
    """Two triggers, because each is blind where the other sees: one counts from the last run that
    ended well, and so knows none before the first, nor after a restart of the server that came too
    late for it; the other counts whole spans, and so speaks late, and again while it lasts.
    """
    span = duration(max_age.total_seconds())
    well = {
        **_of(watched, "COMPLETED"),
        "posture": "Proactive",
        "expect": [_ENDED],
        "threshold": 1,
        "within": max_age.total_seconds(),
    }
    trigger = {
        "type": "compound",
        "require": "any",
        "within": None,
        "triggers": [{**well, "after": [_ENDED]}, {**well, "after": []}],
    }
    since = "(firing.triggered - firing.triggering_firings[0].trigger.within)"
    where = f": {watched.page}" if watched.page else "."
    asked = "".join(
        f"\n`millrace status {_plain(file)}` says what is served, and since when."
        for file in watched.files
    )
    body = (
        f"No run of {watched.told} has ended well for {span}: what is served may be out of date.\n"
        f"{{% if event %}}The last one that did: {_RUN}, at {_AT}.{{% else %}}"
        f"None has, since {{{{ {since}.strftime('%Y-%m-%d %H:%M') }}}} UTC at least."
        "{% endif %}\n"
        "Look whether the worker runs, the schedule is active, and how the last runs ended"
        f"{where}{asked if watched.flow == 'refresh' else ''}"
    )
    return _named(
        watched, "no run ends well", trigger, block, f"no run has ended well for {span}", body
    )


def _failed(watched: Watched, block: str) -> Automation:
    trigger = {**_of(watched, "FAILED", "CRASHED"), "posture": "Reactive", "expect": [_ENDED]}
    by_state = json.dumps(dict(todo.BY_STATE), sort_keys=True)
    what = f"{{{{ {by_state}.get(flow_run.state.name, {json.dumps(todo.BY_STATE['Failed'])}) }}}}"
    return _named(
        watched, "a run failed", trigger, block, "{{ flow_run.state.name }}", _told(watched, what)
    )


def _many(watched: Watched, block: str) -> Automation:
    trigger = {
        **_of(watched, "COMPLETED"),
        "posture": "Reactive",
        "expect": ["prefect.flow-run.Many failed"],
    }
    body = _told(watched, todo.BY_STATE["Many failed"])
    return _named(watched, "many documents failed", trigger, block, "Many failed", body)


def _waits(watched: Watched, block: str) -> Automation:
    trigger = {
        **_of(watched, "PAUSED"),
        "posture": "Reactive",
        "expect": ["prefect.flow-run.Paused"],
    }
    body = _told(watched, todo.BY_STATE["Paused"], did="waits since")
    return _named(watched, "a run waits for a person", trigger, block, "waits for a person", body)


def _of(watched: Watched, *types: str) -> dict[str, Any]:
    """Runs of the deployment that come to a state of these types."""
    related = [
        {"prefect.resource.role": role, "prefect.resource.name": escape(name)}
        for role, name in (("flow", watched.flow), ("deployment", watched.name))
    ]
    ended = {"prefect.resource.id": _ENDED, "prefect.state-type": list(types)}
    return {"type": "event", "match": ended, "match_related": related, "for_each": []}


def _told(watched: Watched, what: str, did: str = "ended as {{ flow_run.state.name }} at") -> str:
    return (
        f"{_RUN}, a run of {watched.told}, {did} {_AT}: "
        f"{{{{ flow_run.state.message }}}}\n{what}" + f"\n{watched.run_page}".rstrip()
    )


def _plain(name: str) -> str:
    """In a template, as it is written."""
    return name.replace("{", "{{ '{' }}")


def _named(
    watched: Watched, what: str, trigger: Automation, block: str, subject: str, body: str
) -> Automation:
    send = {
        "type": "send-notification",
        "block_document_id": block,
        "subject": f"{_plain(watched.called)}: {subject}",
        "body": body,
    }
    return {
        "name": f"{watched.called}: {what}",
        "description": "Made by millrace automations, which changes it when it is run again.",
        "trigger": trigger,
        "actions": [send],
    }
