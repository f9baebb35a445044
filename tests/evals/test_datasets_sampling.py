from __future__ import annotations

from pathlib import Path

from evals.datasets import catalogue


def test_a_sample_keeps_the_corpus_and_the_order(tmp_path: Path) -> None:
    whole = catalogue.load("needle?lengths=64&documents=20&questions=20", cache=tmp_path)
    part = whole.sampled(5, seed=1)
    ids = [each.id for each in part.questions]
    assert len(ids) == 5
    assert ids == [each.id for each in whole.questions if each.id in ids]
    assert [*part.judgements] == ids
    assert set(part.evidence) == set(ids)
    assert (part.corpus, part.source) == (whole.corpus, whole.source)
    assert whole.sampled(5, seed=1) == part
    assert len({whole.sampled(5, seed=each).checksum for each in (1, 2)} | {whole.checksum}) == 3
    assert whole.sampled(20, seed=1) is whole
