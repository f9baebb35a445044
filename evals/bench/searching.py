"""What a search costs: `python -m evals.bench.searching`.

An embedded index of generated text, asked by opening it for each search, through one `Searcher`,
and through one `Searcher` in several threads while another process publishes two refreshes. Those
change some documents that one question in four asks for: their hits must all be of one revision,
that of the release which the search names.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import count, islice
from pathlib import Path

import click
import numpy as np
from rich.table import Table

from components import spec
from components.corpus import run
from components.corpus.request import Job, Request, new_run_id
from components.corpus.search import Found, Searcher, search
from components.spec import Pipeline
from components.values import Query
from evals.bench import generated, results
from evals.bench.generated import document, words
from evals.command import FOLDER, console, table, told

REFRESHES = 2
_SENTENCES = 20
_REVISED = 8
"""Documents that every refresh changes."""
_MARK = "zyzzyva revision"
_ASKED_ALONE = 40
"""Searches that open the index, at most."""
_WARM = 3
_ONE = "one Searcher"


Ask = Callable[[Sequence[Query]], Found]


@dataclass(frozen=True)
class Reading:
    """One search."""

    way: str
    seconds: float
    generation: str


def build(home: Path, chunks: int) -> Pipeline:
    """An index of about so many chunks, or the one that lies there."""
    file = generated.pipeline(home, "searching")
    if not (home / "index" / "searching" / "live.json").exists():
        documents = (document(number, _SENTENCES) for number in range(chunks // _SENTENCES))
        generated.write(home / "texts.jsonl", documents)
        _revise(home, 0)
        _refresh(file)
    return spec.load(file)


def in_turn(way: str, ask: Ask, searches: int) -> list[Reading]:
    """One after the other, and nothing else is going on."""
    return [_timed(way, ask, query)[0] for query in islice(_questions(0), searches)]


def while_refreshing(
    home: Path, pipeline: Pipeline, threads: int, searches: int, pause: float
) -> list[Reading]:
    """At least so many searches, and until two refreshes are published and seen. Raises Mixed."""
    first = _revision(home)
    with Searcher(pipeline) as searcher, ThreadPoolExecutor(threads) as pool:
        asking = _Asking(searcher, pause)
        running = [pool.submit(asking.go_on, thread) for thread in range(threads)]
        try:
            for number in range(1, REFRESHES + 1):
                _revise(home, first + number)
                _refresh_elsewhere(home / "pipeline.yaml")
            while not any(each.done() for each in running) and (
                len(asking.readings) < searches or len(asking.seen) <= REFRESHES
            ):
                time.sleep(pause)
        finally:
            asking.enough.set()
        for each in running:
            each.result()
    if sorted(asking.seen.values()) != list(range(first, first + REFRESHES + 1)):
        raise Mixed(f"revisions by generation: {asking.seen}")
    return asking.readings


class Mixed(Exception):
    """Hits of a search are from several releases, or not from the one that it names."""


class _Asking:
    """What several threads ask one searcher, and what they get."""

    def __init__(self, searcher: Searcher, pause: float) -> None:
        self.readings: list[Reading] = []
        self.seen: dict[str, int] = {}
        """Revisions by generation."""
        self.enough = threading.Event()
        self._searcher = searcher
        self._pause = pause

    def go_on(self, thread: int) -> None:
        """Until it is enough. Raises Mixed."""
        for query in _questions(thread):
            if self.enough.wait(self._pause):
                return
            reading, found = _timed(
                f"{_ONE}, refreshes", lambda asked: self._searcher.search(asked, 10), query
            )
            self.readings.append(reading)
            if query.text.startswith(_MARK):
                self._check(found)

    def _check(self, found: Found) -> None:
        texts = [hit.chunk.text for hit in found.hits[0] if hit.chunk.text.startswith(_MARK)]
        revisions = {int(text.rstrip(".").rsplit(" ", 1)[1]) for text in texts}
        name = found.release.generation.name
        if len(texts) != _REVISED or revisions != {self.seen.setdefault(name, min(revisions))}:
            raise Mixed(f"{name}: {texts}")


def _timed(way: str, ask: Ask, query: Query) -> tuple[Reading, Found]:
    start = time.perf_counter()
    found = ask([query])
    seconds = time.perf_counter() - start
    return Reading(way, seconds, found.release.generation.name), found


def _questions(seed: int) -> Iterator[Query]:
    chance = random.Random(seed)  # noqa: S311 - no secret
    for number in count():
        yield Query(text=f"{_MARK} mark" if number % 4 == 0 else " ".join(words(chance, 8)))


def _revise(home: Path, revision: int) -> None:
    """The corpus' file, in which some documents have this revision."""
    rows = (
        {"_id": f"revised-{number}", "text": f"{_MARK} mark of {number} is {revision}."}
        for number in range(_REVISED)
    )
    generated.write(home / "corpus.jsonl", rows)
    with (home / "corpus.jsonl").open("ab") as out, (home / "texts.jsonl").open("rb") as texts:
        shutil.copyfileobj(texts, out)
    (home / "revision").write_text(str(revision))


def _revision(home: Path) -> int:
    return int((home / "revision").read_text())


def _refresh_elsewhere(file: Path) -> None:
    """In a process of its own."""
    process = multiprocessing.get_context("spawn").Process(target=_refresh, args=(file,))
    process.start()
    process.join()
    if process.exitcode:
        raise click.ClickException(f"the refresh ended with {process.exitcode}")


def _refresh(file: Path) -> None:
    run.run(Job(Request(pipeline=str(file), run_id=new_run_id())))


@click.command()
@click.option("--chunks", type=click.IntRange(100), default=100_000, show_default=True)
@click.option("--searches", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=4, show_default=True)
@click.option(
    "--pause",
    type=click.FloatRange(0),
    default=0.05,
    show_default=True,
    help="Seconds between two searches of a thread.",
)
@click.option("--home", type=FOLDER, help="Keeps the index.")
@click.option("--only-build", is_flag=True, help="Build the index in --home, and end.")
@results.out("searching-")
@told()
def main(
    chunks: int,
    searches: int,
    threads: int,
    pause: float,
    home: Path | None,
    only_build: bool,
    out: Path | None,
) -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as own:
        place = home or Path(own)
        pipeline = build(place, chunks)
        if only_build:
            return
        few = min(_ASKED_ALONE, 1 + searches // 25)
        readings = in_turn("opening each time", lambda asked: search(pipeline, asked, 10), few)
        with Searcher(pipeline) as searcher:
            steady = in_turn(_ONE, lambda asked: searcher.search(asked, 10), _WARM + searches)
            readings += steady[_WARM:]
        readings += while_refreshing(place, pipeline, threads, searches, pause)
    found = {
        "asked": {"chunks": chunks, "threads": threads, "pause": pause},
        "readings": [asdict(each) for each in readings],
    }
    title = f"search {chunks:,} chunks, hybrid, {threads} threads while refreshing"
    console().print(_table(readings, title))
    results.keep(found, out, console(), "searching-")


def _table(readings: Sequence[Reading], title: str) -> Table:
    found = table(title, "way", "searches", "p50 ms", "p95 ms", "most ms", "generations")
    for way in dict.fromkeys(each.way for each in readings):
        own = [each for each in readings if each.way == way]
        spent = 1000 * np.array([each.seconds for each in own])
        found.add_row(
            way,
            f"{len(own):,}",
            *(f"{each:,.1f}" for each in np.percentile(spent, (50, 95, 100))),
            str(len({each.generation for each in own})),
        )
    return found


if __name__ == "__main__":
    main()
