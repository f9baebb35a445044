"""What Chromium shows of the pages beside this file: `python -m tests.sources.chromium`.

Writes NAME.txt beside each NAME.html: the title, an empty line, `innerText`. Scripts of the pages
are off, as they are for whoever reads files. Needs `chromium`; the tests do not, they read what was
written.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from websockets.sync.client import connect
from websockets.sync.connection import Connection

PAGES = Path(__file__).parent / "pages"
_SHOWN = """
(() => {
    const nodes = [...document.querySelectorAll("*")]
    const composed = (node) => {
        const copy = node.cloneNode(false)
        const filled = node.localName == "slot" ? node.assignedNodes() : []
        const inside = filled.length ? filled : (node.shadowRoot || node).childNodes
        copy.append?.(...[...inside].map(composed))
        return copy
    }
    if (nodes.some((each) => each.shadowRoot)) document.body.replaceWith(composed(document.body))
    return document.title + "\\n\\n" + (document.body || document.documentElement).innerText
})()
"""
"""innerText does not look into shadow trees, so they are put in their hosts' place first."""


def main() -> None:
    """Ask a headless browser about each page, over its debugging protocol."""
    with tempfile.TemporaryDirectory() as profile:
        options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0")
        command = ["chromium", *options, f"--user-data-dir={profile}", "about:blank"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as browser:
            try:
                with connect(_address(browser), max_size=None) as socket:
                    _take(_Target(socket))
            finally:
                browser.terminate()


def _address(browser: subprocess.Popen[str]) -> str:
    assert browser.stderr
    for line in browser.stderr:
        if "listening on " in line:
            return line.split("listening on ")[1].strip()
    raise SystemExit("chromium did not start")


class _Target:
    """A tab whose pages run no scripts."""

    def __init__(self, socket: Connection) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.call("Page.enable")
        self.call("Emulation.setScriptExecutionDisabled", value=True)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a call of the protocol."""
        number = next(self._numbers)
        session = {"sessionId": self._session} if self._session else {}
        self._socket.send(json.dumps({"id": number, "method": method, "params": params, **session}))
        answer: dict[str, Any] = self._until(lambda each: each.get("id") == number)
        return dict(answer["result"])

    def shown(self, page: Path) -> str:
        """Title and text of a page."""
        self.call("Page.navigate", url=page.as_uri())
        self._until(lambda each: each.get("method") == "Page.loadEventFired")
        return str(self.call("Runtime.evaluate", expression=_SHOWN)["result"]["value"])

    def _until(self, wanted: Any) -> dict[str, Any]:
        while True:
            told: dict[str, Any] = json.loads(self._socket.recv(timeout=60))
            if wanted(told):
                return told


def _take(target: _Target) -> None:
    for page in sorted(PAGES.glob("*.html")):
        page.with_suffix(".txt").write_text(target.shown(page), encoding="utf-8", newline="")


if __name__ == "__main__":
    main()
