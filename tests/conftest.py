"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpora import Corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """An empty folder of documents with a hashing pipeline."""
    return Corpus(tmp_path)
