"""A deployment whose runs are watched: a server, a deployment without a worker, and a webhook that
takes the messages. Runs end in the states that a test gives them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any

from tests.cli import Outcome, call
from tests.flows.server import Server

BLOCK = "custom-webhook"
_LONGEST = 120.0
"""Seconds that a message may take on a busy machine."""


@dataclass(frozen=True)
class Message:
    """As it arrived."""

    subject: str
    body: str


@dataclass(frozen=True)
class Watched:
    """A deployment of the refresh, and what its messages say."""

    server: Server
    name: str
    id: str
    arrived: Queue[Message]

    def automations(self, max_age: str = "26h", *more: str) -> Outcome:
        """`millrace automations` for it."""
        notify = ("--notify", f"{BLOCK}/{self.name}")
        return call("automations", f"refresh/{self.name}", *notify, "--max-age", max_age, *more)

    def end(self, kind: str, name: str, message: str) -> dict[str, Any]:
        """A run that ended so."""
        run: dict[str, Any] = self.server.ask(
            f"deployments/{self.id}/create_flow_run", name=f"{self.name}-0123456789ab"
        )
        state = {"type": kind, "name": name, "message": message}
        self.server.ask(f"flow_runs/{run['id']}/set_state", state=state, force=True)
        return run

    def message(self) -> Message:
        """The next one."""
        return self.arrived.get(timeout=_LONGEST)


@contextmanager
def watched(server: Server, name: str) -> Iterator[Watched]:
    """Inside, Prefect's clients in this process talk to the server."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    known = {
        PREFECT_API_URL: server.environment["PREFECT_API_URL"],
        PREFECT_API_AUTH_STRING: server.environment.get("PREFECT_API_AUTH_STRING"),
    }
    with temporary_settings(known), _webhook() as (url, arrived):
        _block(name, url)
        flow = server.ask("flows/", name="refresh")
        made = server.ask(
            "deployments/",
            name=name,
            flow_id=flow["id"],
            parameters={"pipeline": f"pipelines/{name}.yaml"},
        )
        yield Watched(server, name, made["id"], arrived)


def _block(name: str, url: str) -> None:
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    told = {"subject": "{{subject}}", "body": "{{body}}"}
    block = CustomWebhookNotificationBlock(
        name=name, url=url, json_data=told, headers=None, cookies=None
    )
    block.save(name, overwrite=True)


@contextmanager
def _webhook() -> Iterator[tuple[str, Queue[Message]]]:
    """Its address, and the messages that come."""
    arrived: Queue[Message] = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            arrived.put(Message(**json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as listening:
        thread = Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}/", arrived
        finally:
            listening.shutdown()
            thread.join()
