"""How much of the evidence the hits hold that an answerer was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.values import Hit, Metadata, Query
from evals.datasets.judged import Judged
from evals.units import units_of

MEASURES: Mapping[str, str] = {
    "document": "share of the evidence's documents among the hits",
    "recall": "share of the evidence among the hits",
    "all": "whether all of the evidence is among the hits",
    "rr": "one over the rank of the first hit with evidence",
    "wrong_company": "share of hits from another company than the evidence",
    "wrong_period": "share of hits from the right company and another period",
}
_COMPANY, _PERIOD = "company", "doc_period"


def retrieval(
    data: Judged, query: Query, hits: Sequence[Hit], gold: Sequence[Metadata]
) -> dict[str, float]:
    """Those of MEASURES that can be told. `gold`: metadata of the evidence's documents."""
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
