"""A reader of LlamaIndex below a link that is flipped to the next checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpora import counts
from tests.corpus.test_flipped_links import NEXT, TEXTS, checkout, corpus, flip, refresh, written

READER = "llama_index:SimpleDirectoryReader"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A pipeline file over `current`, a link to the first of two checkouts."""
    checkout(tmp_path / "rev-a", TEXTS)
    checkout(tmp_path / "rev-b", NEXT)
    (tmp_path / "current").symlink_to("rev-a")
    return written(tmp_path / "p.yaml", {"use": READER, "input_dir": "./current/docs"})


def test_is_the_same_corpus_after_the_flip(file: Path) -> None:
    assert counts(refresh(file)) == (4, 0, 0, 0, 0)
    flip(file.parent / "current", "rev-b")
    assert counts(refresh(file)) == (0, 1, 3, 0, 0)
    assert corpus(file).owner() == f"{READER} {file.parent}/current/docs"


def test_is_the_same_corpus_as_when_links_were_followed(file: Path) -> None:
    refresh(file)
    corpus(file).claim(f"{READER} {file.parent}/rev-a/docs", "")
    assert counts(refresh(file)) == (0, 0, 4, 0, 0)
