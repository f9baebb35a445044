"""One side of `evals.bench.sides`, in a process of its own.

Run as a file, with that side's source tree first on the path, so it takes from `components` only
what has long been there.

    one_side.py where                     prints the folder of the code
    one_side.py refresh FILE [SET ...]    prints seconds, bytes of the index and chunks
    one_side.py search FILE [SET ...]     answers every line of stdin, a question, by its seconds
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import components
from components import spec
from components.corpus import run
from components.corpus.request import Job, Request, new_run_id
from components.corpus.search import Searcher
from components.values import Query


def refresh(file: str, overrides: list[str]) -> None:
    """Of all that the pipeline's source has."""
    begun = time.perf_counter()
    asked = Request(pipeline=file, run_id=new_run_id(), overrides=tuple(overrides))
    report = run.run(Job(asked))
    seconds = time.perf_counter() - begun
    held = Path(file).with_name("index").rglob("*")
    size = sum(512 * each.lstat().st_blocks for each in held)
    _say({"seconds": seconds, "bytes": size, "chunks": report.totals.chunks})


def search(file: str, overrides: list[str]) -> None:
    """Until stdin ends."""
    with Searcher(spec.load(Path(file), overrides)) as searcher:
        for line in sys.stdin:
            query = Query(text=line.strip())
            begun = time.perf_counter()
            found = searcher.search([query], 10)
            _say({"seconds": time.perf_counter() - begun, "hits": len(found.hits[0])})


def _say(told: dict[str, object]) -> None:
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    task, *rest = sys.argv[1:]
    if task == "where":
        _say({"folder": str(Path(components.__file__).resolve().parents[1])})
    else:
        {"refresh": refresh, "search": search}[task](rest[0], rest[1:])
