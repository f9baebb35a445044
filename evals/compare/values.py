"""Values of metrics, question by question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from components.errors import BadOption
from evals.compare.ranking import Asked, Ranking
from evals.metrics import per_question

COVERAGE = "coverage"
_SPELLINGS = {
    "ndcg": "nDCG",
    "recall": "R",
    "r": "R",
    "mrr": "RR",
    "recip_rank": "RR",
    "rr": "RR",
    "map": "AP",
    "ap": "AP",
    "precision": "P",
    "p": "P",
    "hit": "Success",
    "hr": "Success",
    "hits": "Success",
    "hit_rate": "Success",
    "success": "Success",
    COVERAGE: COVERAGE,
}
_UNCUT = ("AP", "RR")
_DEEP = 100
"""Where a metric that has no cut ends all the same."""
_LEAST = 20
"""Units that are ranked in any case, to tell how alike two systems are."""
Values = Mapping[str, Mapping[str, float]]
"""Metric to question id to value; higher is better."""


def canonical(name: str) -> str:
    """A metric's one spelling, of those in use: `ndcg@10`, `recall_at_10`, `MRR@10`, `hit_rate@1`.

    Raises BadOption.
    """
    found = re.fullmatch(r"([a-z_]+?)(?:(?:@|_at_|\.|_cut_|_)?0*(\d+))?", name.strip().lower())
    kind = _SPELLINGS.get(found[1]) if found else None
    cut = found[2] if found else None
    if kind is None or cut == "0" or (cut is None and kind not in _UNCUT):
        raise BadOption(f"no metric {name!r}").at(
            where="--metrics",
            hint="nDCG@10, R@100, RR@10, AP, P@5, Success@1, coverage@2000 (tokens)",
        )
    return f"{kind}@{cut}" if cut else kind


def depth(metrics: Sequence[str]) -> int:
    """Units that must be ranked: as deep as the metrics look, 100 for those without end."""
    cuts = [int(each.partition("@")[2] or _DEEP) for each in metrics if not _covers(each)]
    return max([_LEAST, *cuts])


def values(found: Mapping[str, Ranking], metrics: Sequence[str], asked: Asked) -> Values:
    """Each metric's value for every question. Raises BadOption, MissingExtra."""
    data = asked.data
    run = {id: each.units for id, each in found.items()}
    plain = [each for each in metrics if not _covers(each)]
    made = per_question(data.judgements, run, plain) if plain else {}
    made |= {name: _coverage(found, name, asked) for name in metrics if _covers(name)}
    return {name: made[name] for name in metrics}


def budgets(metrics: Sequence[str]) -> tuple[int, ...]:
    """The budgets in tokens that the metrics name."""
    return tuple(int(each.partition("@")[2]) for each in metrics if _covers(each))


def _coverage(found: Mapping[str, Ranking], name: str, asked: Asked) -> dict[str, float]:
    if not asked.data.evidence:
        raise BadOption(f"{asked.data.name} has no spans of evidence to cover").at(
            where=f"--metrics {name}"
        )
    budget = name.partition("@")[2]
    return {id: each.coverage[budget] for id, each in found.items()}


def _covers(metric: str) -> bool:
    return metric.startswith(COVERAGE)
