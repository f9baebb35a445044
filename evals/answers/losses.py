"""The evidence, how much of it the hits hold, and where an answer that is not right was lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from components.values import Chunk, Hit, Metadata, Query
from evals.answers.answered import Answered, Passage
from evals.datasets.judged import Evidence, Judged
from evals.judging.judgement import Verdict
from evals.pages import spanned
from evals.units import shows, units_of

Loss = Literal[
    "not retrieved",
    "not cited",
    "no citation",
    "used but wrong",
    "from memory",
    "refused",
    "failed",
    "unmeasured",
]
LOSSES: Mapping[Loss, str] = {
    "not retrieved": "none of the evidence was among the passages that were read",
    "not cited": "evidence was read, and the answer cites something else",
    "no citation": "evidence was read, and the answer cites nothing",
    "used but wrong": "the answer cites evidence, and is wrong",
    "from memory": "nothing was read",
    "refused": "the answerer says that it cannot tell",
    "failed": "no answer came",
    "unmeasured": "the question was not put, or its answer is beyond whoever judges",
}
OF_HITS: Mapping[str, str] = {
    "document": "share of the evidence's documents among the hits",
    "recall": "share of the evidence among the hits",
    "all": "whether all of the evidence is among the hits",
    "rr": "one over the rank of the first hit with evidence",
    "wrong_company": "share of hits from another company than the evidence",
    "wrong_period": "share of hits from the right company and another period",
}
"""What is measured of a question's hits."""
_COMPANY, _PERIOD = "company", "doc_period"


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


def retrieval(
    data: Judged, query: Query, hits: Sequence[Hit], gold: Sequence[Metadata]
) -> dict[str, float]:
    """Those of OF_HITS that can be told. `gold`: metadata of the evidence's documents."""
    units = units_of(data)
    wanted = set(data.relevant(query.id))
    documents = {data.document_of(each) for each in wanted}
    shown = [set(units(query, hit)) & wanted for hit in hits]
    held = set().union(*shown)
    ranks = [rank for rank, each in enumerate(shown, start=1) if each]
    return {
        "document": len(documents & {hit.chunk.document_id for hit in hits}) / len(documents),
        "recall": len(held) / len(wanted),
        "all": float(held == wanted),
        "rr": 1 / ranks[0] if ranks else 0.0,
        **_wrong([hit.chunk.metadata for hit in hits], gold),
    }


def _wrong(hits: Sequence[Metadata], gold: Sequence[Metadata]) -> dict[str, float]:
    companies = {str(each[_COMPANY]) for each in gold if _COMPANY in each}
    if not companies or not hits:
        return {}
    right = [each for each in hits if str(each.get(_COMPANY)) in companies]
    periods = {str(each[_PERIOD]) for each in gold if _PERIOD in each}
    other = [each for each in right if periods and str(each.get(_PERIOD)) not in periods]
    return {
        "wrong_company": 1 - len(right) / len(hits),
        "wrong_period": len(other) / len(hits),
    }


def loss(data: Judged, question: str, answered: Answered | None, verdict: Verdict) -> Loss | None:
    """None where nothing was lost."""
    if verdict == "correct":
        return None
    if verdict == "refused" or verdict == "failed":
        return verdict
    if verdict == "unmeasured" or answered is None:
        return "unmeasured"
    if not answered.consulted:
        searched = answered.retrieval and not answered.passages
        return "not retrieved" if searched else "from memory"
    if not evidence_among(data, question, answered.consulted):
        return "not retrieved"
    if not answered.citations:
        return "no citation"
    named = {each.chunk_id for each in answered.citations}
    used = tuple(each for each in answered.consulted if named & set(each.chunk_ids))
    return "used but wrong" if evidence_among(data, question, used) else "not cited"


def evidence_among(data: Judged, question: str, passages: tuple[Passage, ...]) -> bool:
    """Whether a passage holds some of the evidence."""
    wanted = set(data.relevant(question))
    return any(wanted & _units(data, question, each) for each in passages)


def _units(data: Judged, question: str, passage: Passage) -> set[str]:
    if data.unit == "document":
        return {passage.document_id}
    if data.unit == "page":
        return set(spanned(passage.document_id, passage.page, passage.last_page))
    own = Evidence(passage.document_id, passage.start, passage.end)
    return {each.id for each in data.evidence.get(question, ()) if shows(own, each)}
