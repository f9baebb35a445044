from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from components.errors import BadOption, Unavailable
from components.rerankers.cross_encoder import CrossEncoder
from components.values import Hit, Query, Ranked
from tests.rerankers.test_e2rank import listed, names, texts

library = pytest.importorskip("sentence_transformers")
QUERIES = ("Which wheel turns?", "水車はどこ？")


def rerank(by: CrossEncoder, documents: Sequence[str]) -> list[list[Hit]]:
    queries = [Query(text=text) for text in QUERIES]
    return by.rerank(queries, Ranked([listed(documents)] * len(QUERIES)), [])


@pytest.mark.parametrize("tokens", [None, 20])
def test_scores_are_those_of_the_library(crossed: Path, tokens: int | None) -> None:
    documents = texts(30)
    model = library.CrossEncoder(str(crossed), device="cpu", max_length=tokens)
    found = rerank(CrossEncoder(model=str(crossed), precision="fp32", tokens=tokens), documents)
    for query, own in zip(QUERIES, found, strict=True):
        scores = model.predict([(query, text) for text in documents], show_progress_bar=False)
        assert names(own) == [f"{at:04}" for at in np.argsort(-scores, kind="stable")]
        assert [each.score for each in own] == pytest.approx(np.sort(scores)[::-1], abs=1e-5)


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(BadOption, match="no folder"):
        rerank(CrossEncoder(model="./nowhere"), texts(3))


def test_a_folder_that_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="could not be loaded"):
        rerank(CrossEncoder(model=str(tmp_path)), texts(3))


def test_a_hub_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Unavailable, match="could not be loaded") as caught:
        rerank(CrossEncoder(model="somebody/nothing"), texts(3))
    assert "hub" in caught.value.hint


def test_more_labels_than_one(crossed: Path, tmp_path: Path) -> None:
    import shutil

    import transformers

    folder = tmp_path / "two"
    shutil.copytree(crossed, folder)
    config = transformers.AutoConfig.from_pretrained(folder, num_labels=2)
    made = transformers.AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-untyped-call]
    made.save_pretrained(folder)
    with pytest.raises(BadOption, match="2 labels"):
        rerank(CrossEncoder(model=str(folder)), texts(3))
