"""What it costs to parse documents in a process of their own: `python -m evals.bench.parsing PDFS`.

The same documents are parsed here and there, in turns, and a part of them is encoded by the default
encoder: the share says what the other process adds to a refresh that reads and encodes them all.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

from components.encoders.naive import Naive
from components.sources import extract, isolated
from components.sources.worker import Limits
from components.splitters.sentences import Sentences
from components.values import Document
from evals import extras
from evals.bench.texts import load
from evals.command import FOLDER, console, table, told

_LIMITS = Limits(600, 4 * 2**30)
_ENCODED = 150_000
"""Characters of a set that are encoded."""
Raw = tuple[str, bytes]
Spent = tuple[float, float]
"""Wall and processor time, in seconds; the other process's counts."""


@dataclass(frozen=True)
class Cost:
    """Of one set, in seconds of wall and of processor time."""

    name: str
    documents: int
    here: Spent
    apart: Spent
    encoding: Spent
    """Of all of it, as a part lets expect."""

    def share(self, which: int) -> float:
        """What the other process adds to reading and encoding."""
        return (self.apart[which] - self.here[which]) / (self.here[which] + self.encoding[which])


def measure(name: str, files: Sequence[Raw], rounds: int) -> Cost:
    """Both ways in turns; the medians count. Starting the process and its imports counts once."""
    isolated.call(_LIMITS, extract.document, *files[0])
    here: list[Spent] = []
    apart: list[Spent] = []
    documents: list[Document] = []
    for _ in range(rounds):
        start = _clock()
        documents = [extract.document(*each) for each in files]
        here.append(_since(start))
        start = _clock()
        documents = [isolated.call(_LIMITS, extract.document, *each) for each in files]
        apart.append(_since(start))
    return Cost(name, len(files), _middle(here), _middle(apart), _encoding(documents))


def pages(count: int) -> list[Raw]:
    """Small pages of HTML: pieces of the PEPs, or of texts like them."""
    texts = [each.text for each in load("peps", 60).documents]
    chance = random.Random(1)  # noqa: S311 (no secret)
    return [(f"{at}.html", _page(chance.choice(texts), chance)) for at in range(count)]


def _page(text: str, chance: random.Random) -> bytes:
    start = chance.randrange(max(1, len(text) - 2_000))
    paragraphs = "".join(f"<p>{each}</p>" for each in text[start : start + 2_000].split("\n\n"))
    return f"<html><head><title>Page</title></head><body>{paragraphs}</body></html>".encode()


def _middle(readings: Sequence[Spent]) -> Spent:
    return median(wall for wall, _ in readings), median(used for _, used in readings)


def _encoding(documents: Sequence[Document]) -> Spent:
    encoder, splitter = Naive(), Sentences()
    chance = random.Random(2)  # noqa: S311 (no secret)
    some, characters = [], 0
    for each in chance.sample(documents, len(documents)):
        some.append(Document(id=each.id, text=each.text[:_ENCODED]))
        characters += len(some[-1].text)
        if characters >= _ENCODED:
            break
    list(encoder.encode_documents(some[:1], [splitter.split(some[0], encoder.tokenizer)[:1]]))
    start = _clock()
    spans = [splitter.split(each, encoder.tokenizer) for each in some]
    for _ in encoder.encode_documents(some, spans):
        pass
    wall, processor = _since(start)
    times = sum(len(each.text) for each in documents) / characters
    return wall * times, processor * times


def _clock() -> Spent:
    with extras.needed("processor time needs", extras.BENCH):
        import psutil
    own = psutil.Process()
    used = sum(sum(each.cpu_times()[:2]) for each in (own, *own.children()))
    return time.perf_counter(), used


def _since(start: Spent) -> Spent:
    now = _clock()
    return now[0] - start[0], now[1] - start[1]


@click.command()
@click.argument("pdfs", type=FOLDER, required=False)
@click.option("--most", type=click.IntRange(1), default=1_000, help="Of the PDFs, by name.")
@click.option("--pages", "count", type=click.IntRange(1), default=5_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@told()
def main(pdfs: Path | None, most: int, count: int, rounds: int) -> None:
    """Print a row for the PDFs of a folder, and one for small pages of HTML."""
    _clock()  # which says what is missing before the work
    columns = ("documents", "here, s", "apart, s", "encoding, s", "wall", "processor")
    shown = table("Seconds of wall (of processor) time; shares of here + encoding.", "", *columns)
    sets = {"pages of HTML": pages(count)}
    if pdfs:
        sets["PDFs"] = [(each.name, each.read_bytes()) for each in sorted(pdfs.iterdir())[:most]]
    for name, files in sets.items():
        cost = measure(name, files, rounds)
        times = [
            f"{wall:.2f} ({used:.2f})" for wall, used in (cost.here, cost.apart, cost.encoding)
        ]
        shares = [f"{cost.share(which):+.1%}" for which in (0, 1)]
        shown.add_row(name, f"{cost.documents:,}", *times, *shares)
    console().print(shown)


if __name__ == "__main__":
    main()
