"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import settings
from tests.corpora import Corpus


@pytest.fixture(autouse=True)
def _own_settings() -> Iterator[None]:
    """Settings are read once per process; a test that sets one must not be heard by the next."""
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """An empty folder of documents with a hashing pipeline."""
    return Corpus(tmp_path)
