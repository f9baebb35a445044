"""How many terms chunks and documents have on average, which BM25 is told once per generation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from statistics import fmean

from components.corpus.clock import Clock
from components.corpus.plan import Change
from components.corpus.prepare import prepare, sparse_of
from components.corpus.request import Job
from components.errors import BadDocument

MEASURED_DOCUMENTS = 256
"""How many documents are measured: a sample chosen by hash of id."""
MEASURED_CHARACTERS = 2_000_000
"""No further document is measured after so much text."""


def average_lengths(changes: Sequence[Change], job: Job) -> tuple[float, float]:
    """Of a chunk and of a document, over a sample that depends on the documents' ids alone."""
    if job.pipeline.stages["sparse"].use == "none":
        return 0.0, 0.0
    chunks: list[int] = []
    documents: list[int] = []
    characters = 0
    for batch in _sample(changes):
        if characters > MEASURED_CHARACTERS:
            break
        for change in batch:
            try:
                ready = prepare(change, job, Clock())
            except BadDocument:
                continue
            text = ready.document.text
            characters += len(text)
            sparse = sparse_of(ready, job)
            chunks += [sparse.length(text[span.start : span.end]) for span in ready.spans]
            documents.append(sparse.length(text))
    return (fmean(chunks), fmean(documents)) if chunks else (1.0, 1.0)


def _sample(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """In batches that double, each in the source's order: some sources, a compressed archive for
    one, begin anew for every document that comes before the last one.
    """
    order = [hashlib.sha256(each.document_id.encode()).digest() for each in changes]
    chosen = sorted(range(len(changes)), key=order.__getitem__)[:MEASURED_DOCUMENTS]
    size = 4
    while chosen:
        yield [changes[at] for at in sorted(chosen[:size])]
        chosen, size = chosen[size:], 2 * size
