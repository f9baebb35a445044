"""Processes of tests: forked from one that has loaded what most of them take, a second's work."""

from __future__ import annotations

import multiprocessing

FORKED = multiprocessing.get_context("forkserver")
_SERVER = ("uvicorn", "tests.qdrant_http.app")
_REFRESH = (
    "pandas",
    "pyarrow.parquet",
    "tests.faults.releasing",
    "components.encoders.hashing",
    "components.indexes.edge.index",
    "components.indexes.qdrant.index",
    "components.rerankers.none",
    "components.retrievers.hybrid",
    "components.sources.files",
    "components.splitters.sentences",
)
"""Of `tests.corpora.HASHING`."""
FORKED.set_forkserver_preload(["__main__", *_SERVER, *_REFRESH])
