from __future__ import annotations

import pytest

from components.errors import BadOption
from evals.compare.values import canonical, depth


@pytest.mark.parametrize(
    ("written", "one"),
    [
        ("ndcg@10", "nDCG@10"), ("nDCG@010", "nDCG@10"), ("ndcg_cut_10", "nDCG@10"),
        ("recall_at_100", "R@100"), ("Recall@5", "R@5"), ("MRR@10", "RR@10"), ("mrr", "RR"),
        ("recip_rank", "RR"), ("map", "AP"), ("P.5", "P@5"), ("hit_rate@1", "Success@1"),
        ("hr@3", "Success@3"), (" coverage@2000 ", "coverage@2000"),
    ],
)  # fmt: skip
def test_all_spellings_of_a_metric_are_one(written: str, one: str) -> None:
    assert canonical(written) == one


@pytest.mark.parametrize("written", ["", "P@0", "ndcg", "recall", "nDCG@ten", "bleu@4", "@10"])
def test_what_is_no_metric_is_refused(written: str) -> None:
    with pytest.raises(BadOption, match="no metric"):
        canonical(written)


def test_rankings_are_as_deep_as_the_metrics_look() -> None:
    assert depth(["nDCG@10", "R@250"]) == 250
    assert depth(["nDCG@10", "AP"]) == 100
    assert depth(["nDCG@10", "coverage@4000"]) == 20
