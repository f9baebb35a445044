"""What refreshes ask of a server, and what they cost: `python -m tests.qdrant_http.measure`.

Every source tree that is named refreshes the same documents, in a process of its own, against a
new stand-in of this tree: all of them, some with another text, some with other metadata, and none
that has changed. Bytes are those of bodies. The stand-in does one request at a time, in Python:
seconds compare with each other, and with no server's.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import httpx
from rich.console import Console
from rich.table import Table
from starlette.responses import JSONResponse

from evals.bench import results
from tests.qdrant_http import start
from tests.qdrant_http.app import application
from tests.qdrant_http.options import Options

_HERE = Path(__file__).parents[2]
_COUNTS = "/counts"
_WORDS = 40
"""Of a document, which is one chunk."""
_PIPELINE = """\
name: measured
source: {{use: jsonl, path: corpus.jsonl}}
splitter: {{use: whole}}
encoder: {{use: hashing, width: {width}}}
index: {{use: qdrant}}
"""
_REFRESH = "import sys; from flows.cli import main; sys.argv[1:] = ['refresh', {!r}]; main()"


@dataclass(frozen=True)
class Reading:
    """One refresh, as the server and the system saw it."""

    tree: str
    refresh: str
    requests: int
    received: int
    """Bytes, by the server."""
    sent: int
    seconds: float
    processor: float
    """Seconds that the refreshing process used."""
    peak: int
    """Bytes of its resident memory."""
    routes: dict[str, dict[str, int]]
    """Requests, bytes and microseconds by route."""


class Counted:
    """The stand-in, which counts what it is asked. Asked for the counts, it begins anew."""

    def __init__(self, options: Options) -> None:
        self._app = application(options)
        self._routes: dict[str, Counter[str]] = {}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope.get("path") == _COUNTS:
            told, self._routes = self._routes, {}
            await JSONResponse(told)(scope, receive, send)
            return
        own = Counter(requests=1)

        async def receiving() -> Any:
            message = await receive()
            own["received"] += len(message.get("body", b""))
            return message

        async def sending(message: Any) -> None:
            own["sent"] += len(message.get("body", b""))
            await send(message)

        begun = time.perf_counter()
        await self._app(scope, receiving, sending)
        own["microseconds"] = round(1e6 * (time.perf_counter() - begun))
        self._routes.setdefault(_route(scope), Counter()).update(own)


def _route(scope: MutableMapping[str, Any]) -> str:
    """Whatever the collection is called; a corpus' records apart."""
    parts = scope["path"].split("/")
    if parts[1] == "collections" and parts[2:] and parts[2] != "aliases":
        parts[2] = "{control}" if parts[2].endswith("__control") else "{name}"
    return f"{scope['method']} {'/'.join(parts)}"


def measure(tree: Path, documents: int, changed: int, width: int) -> Iterator[Reading]:
    """Refreshes by the code in `tree`, one after the other."""
    with TemporaryDirectory(prefix="measured-") as name:
        home = Path(name)
        (home / "server").mkdir()
        (home / "pipeline.yaml").write_text(_PIPELINE.format(width=width), encoding="utf-8")
        process, started = start(Options(folder=home / "server", strict={}), Counted)
        try:
            address = started.recv()
            for what, revised, described in (
                ("first", 0, 0),
                ("some changed", changed, 0),
                ("some described", changed, changed),
                ("no change", changed, changed),
            ):
                _write(home / "corpus.jsonl", documents, revised, described)
                yield _refresh(tree, what, home, address)
        finally:
            process.kill()
            process.join()
            started.close()


def _refresh(tree: Path, what: str, home: Path, address: str) -> Reading:
    named = {"MILLRACE_QDRANT_URL": address, "MILLRACE_CACHE_BYTES": "0", "PYTHONPATH": str(tree)}
    named["MILLRACE_QDRANT_TIMEOUT"] = (
        "600"  # the stand-in optimises while it is asked for its state
    )
    command = [sys.executable, "-c", _REFRESH.format(str(home / "pipeline.yaml"))]
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=home, env=os.environ | named)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"the refresh of {tree} ended with {process.returncode}")
    routes = httpx.get(f"{address}{_COUNTS}").json()
    total: Counter[str] = sum(map(Counter, routes.values()), Counter())
    return Reading(
        tree=tree.name,
        refresh=what,
        requests=total["requests"],
        received=total["received"],
        sent=total["sent"],
        seconds=seconds,
        processor=used.ru_utime + used.ru_stime,
        peak=1024 * used.ru_maxrss,
        routes=routes,
    )


def _write(file: Path, documents: int, revised: int, described: int) -> None:
    """Documents of common and rare words: the first with another text than before, the last with
    other metadata.
    """
    with file.open("w", encoding="utf-8") as lines:
        for number in range(documents):
            chance = random.Random(f"{number} {number < revised}")
            words = (f"w{int(20_000 * chance.random() ** 3)}" for _ in range(_WORDS))
            year = 2026 if number >= documents - described else 2025
            told = {"_id": f"d{number}", "text": " ".join(words), "year": year}
            lines.write(json.dumps(told) + "\n")


@click.command()
@click.argument("trees", nargs=-1, type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--documents", type=click.IntRange(100), default=100_000, show_default=True)
@click.option("--changed", type=click.FloatRange(0, 1), default=0.01, show_default=True)
@click.option("--width", type=click.IntRange(1), default=256, show_default=True)
@results.out("server-")
def main(
    trees: Sequence[Path], documents: int, changed: float, width: int, out: Path | None
) -> None:
    """Measure each of TREES (this one if none is named), and print a table."""
    console = Console(highlight=False)
    table = Table(title=f"{documents:,} documents", title_justify="left", box=None, pad_edge=False)
    for column in (
        "tree",
        "refresh",
        "requests",
        "MB to it",
        "MB from it",
        "s",
        "CPU s",
        "peak MB",
    ):
        table.add_column(column, justify="left" if column in ("tree", "refresh") else "right")
    readings: list[Reading] = []
    try:
        for tree in trees or [_HERE]:
            for each in measure(tree.resolve(), documents, round(changed * documents), width):
                readings.append(each)
                console.print(f"{each.tree}, {each.refresh}: {each.seconds:.1f} s")
                sizes = (each.received, each.sent, each.peak)
                to, back, peak = (f"{size / 1e6:,.1f}" for size in sizes)
                spent = (f"{each.seconds:,.1f}", f"{each.processor:,.1f}")
                table.add_row(each.tree, each.refresh, f"{each.requests:,}", to, back, *spent, peak)
    finally:  # what was measured stays, whatever comes after
        console.print(table)
        asked = {"documents": documents, "changed": changed, "width": width}
        found = {"asked": asked, "readings": [asdict(each) for each in readings]}
        results.keep(found, out, console, "server-")


if __name__ == "__main__":
    main()
