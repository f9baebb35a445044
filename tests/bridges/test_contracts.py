"""LlamaIndex's own reader and node parsers keep the laws of the stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components import registry
from tests.contracts.source import SourceContract
from tests.contracts.splitter import SplitterContract


def made(stage: str, use: str, **options: Any) -> Any:
    return registry.build(stage, registry.resolve(stage, f"llama_index:{use}", options))


class TestSimpleDirectoryReader(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Any:
        (tmp_path / "deep").mkdir()
        (tmp_path / "a.md").write_text("# The mill\n\nIts wheel turns.")
        (tmp_path / "deep" / "b.txt").write_text("Où est la meunière ?")
        return made("source", "SimpleDirectoryReader", input_dir=str(tmp_path), recursive=True)


class TestSentenceSplitter(SplitterContract):
    @pytest.fixture
    def splitter(self) -> Any:
        return made("splitter", "SentenceSplitter", chunk_size=16)


class TestTokenTextSplitter(SplitterContract):
    @pytest.fixture
    def splitter(self) -> Any:
        return made("splitter", "TokenTextSplitter", chunk_size=64)


class TestAcrossPages(SplitterContract):
    breaks_at_pages = False

    @pytest.fixture
    def splitter(self) -> Any:
        return made("splitter", "SentenceSplitter", chunk_size=32, across_pages=True)
