"""Where an answer that is not correct was lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from evals.answers.answered import Answered, Passage
from evals.datasets.judged import Evidence, Judged
from evals.judging.judgement import Verdict
from evals.pages import spanned
from evals.units import shows

Loss = Literal[
    "not retrieved", "not used", "used but wrong", "from memory", "refused", "failed", "unmeasured"
]
LOSSES: Mapping[Loss, str] = {
    "not retrieved": "none of the evidence was among the passages that were read",
    "not used": "evidence was read, and the answer does not cite it",
    "used but wrong": "the answer cites evidence, and is wrong",
    "from memory": "nothing was read",
    "refused": "the answerer says that it cannot tell",
    "failed": "no answer came",
    "unmeasured": "the question was not put, or there is no judgement of the answer",
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
    named = {each.chunk_id for each in answered.citations}
    used = tuple(each for each in answered.consulted if named & set(each.chunk_ids))
    return "used but wrong" if evidence_among(data, question, used) else "not used"


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
