"""The text that a data set judges to be evidence, from an index' chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from components.values import Chunk
from evals.answers.answered import Passage
from evals.datasets.judged import Evidence, Judged
from evals.pages import spanned


def evidence(data: Judged, question: str, chunks: Sequence[Chunk]) -> Iterator[Passage]:
    """A passage for each judged unit that some of these chunks are of, which are those of the
    judged documents, in order.
    """
    for unit in sorted(data.relevant(question)):
        own = [each for each in chunks if _holds(data, question, unit, each)]
        if own:
            yield Passage.of_chunks(own)


def _holds(data: Judged, question: str, unit: str, chunk: Chunk) -> bool:
    if data.document_of(unit) != chunk.document_id:
        return False
    if data.unit == "page":
        return unit in spanned(chunk.document_id, chunk.page, chunk.last_page)
    if data.unit == "span":
        of = next(each for each in data.evidence[question] if each.id == unit)
        return _overlap(of, chunk)
    return True


def _overlap(evidence: Evidence, chunk: Chunk) -> bool:
    return evidence.start < chunk.span.end and chunk.span.start < evidence.end
