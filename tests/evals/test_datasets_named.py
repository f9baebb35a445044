"""The sample's own questions, and tasks of mteb."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from components.errors import BadOption, MissingExtra, SourceMissing
from evals.datasets import catalogue, from_mteb


def test_the_samples_questions_name_documents_that_exist() -> None:
    data = catalogue.load("sample")
    assert data.source == {"use": "pydocs"}
    assert data.left_out == {}
    assert len(data.questions) >= 50
    kinds = Counter(each.type for each in data.questions)
    assert min(kinds["language"], kinds["library"]) >= 20
    assert len({each.text for each in data.questions}) == len(data.questions)
    with pytest.raises(SourceMissing, match="no split 'dev'"):
        catalogue.load("sample", "dev")


SPLIT_DATA: dict[str, Any] = {
    "corpus": [{"id": "d1", "title": "", "text": "x"}, {"id": "d2", "title": "", "text": "y"}],
    "queries": [{"id": "q1", "text": "x?"}, {"id": "q2", "text": "y?"}],
    "relevant_docs": {"q1": {"d1": 1, "d2": 0}, "q2": {"d2": 1}},
}


def test_a_task_of_mteb_as_a_folder(tmp_path: Path) -> None:
    from_mteb.write(tmp_path, "test", SPLIT_DATA)
    data = catalogue.load(str(tmp_path))
    assert data.judgements == SPLIT_DATA["relevant_docs"]
    assert [each.text for each in data.questions] == ["x?", "y?"]


@pytest.mark.skipif(find_spec("mteb") is not None, reason="mteb is installed")
def test_mteb_is_an_extra(tmp_path: Path) -> None:
    with pytest.raises(MissingExtra, match="need the package 'mteb'"):
        catalogue.load("mteb:SciFact", cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_task_of_mteb(tmp_path: Path) -> None:
    pytest.importorskip("mteb", reason="mteb is not installed")
    from datasets import Dataset
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    class Local(AbsTaskRetrieval):  # type: ignore[misc]
        metadata = TaskMetadata(
            name="Local", description="made here", type="Retrieval", category="t2t",
            modalities=["text"], dataset={"path": "none", "revision": "1"}, main_score="ndcg_at_10",
            eval_splits=["test"], eval_langs=["eng-Latn"], reference=None, date=None,
            domains=[], task_subtypes=[], license=None, annotations_creators=None, dialect=[],
            sample_creation=None, bibtex_citation="",
        )  # fmt: skip

        def load_data(self, **_: Any) -> None:
            own: dict[str, Any] = dict(SPLIT_DATA)
            for name in ("corpus", "queries"):
                own[name] = Dataset.from_list(own[name])
            self.dataset["default"]["test"] = {**own, "top_ranked": None}
            self.data_loaded = True

    data = from_mteb.from_task(Local(), cache=tmp_path)
    assert data.judgements == SPLIT_DATA["relevant_docs"]
    with pytest.raises(SourceMissing, match="no split 'dev'"):
        from_mteb.from_task(Local(), "dev", cache=tmp_path)
    with pytest.raises(BadOption, match="no task 'NothingOfTheKind'"):
        catalogue.load("mteb:NothingOfTheKind", cache=tmp_path)
