"""Who of an experiment's systems is compared with whom, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from evals.significance.compare import compare
from evals.significance.comparison import Comparison
from evals.significance.pairing import Pair
from evals.significance.rules import Rules

_EVERY_PAIR = 4
"""Systems of which every two are compared where no baseline is named."""


def comparisons(
    names: Sequence[str],
    metrics: Sequence[str],
    values: Callable[[str, str], Mapping[str, float]],
    baseline: str,
    rules: Rules,
    *,
    fewest: int = 1,
) -> list[Comparison]:
    """All of an experiment, by metric: one family. `values` has a system's values of a metric, by
    question; compared are those that both have, where these are `fewest` or more.
    """
    found = []
    for metric in metrics:
        for a, b in pairs(names, baseline):
            own, other = values(a, metric), values(b, metric)
            shared = [id for id in own if id in other]
            if len(shared) >= fewest:
                of_a, of_b = ({id: each[id] for id in shared} for each in (own, other))
                found.append(Pair(a, b, metric, of_a, of_b))
    return compare(found, rules) if found else []


def pairs(names: Sequence[str], baseline: str) -> list[tuple[str, str]]:
    """Who is compared with whom, the baseline first: with the one that is named, else every two of
    a few systems, else with the first; nobody where the one that is named is missing. More
    comparisons need a larger difference each.
    """
    if baseline and baseline not in names:
        return []
    if not baseline:
        if len(names) <= _EVERY_PAIR:
            return list(combinations(names, 2))
        baseline = names[0]
    return [(baseline, each) for each in names if each != baseline]
