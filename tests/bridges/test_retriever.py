from __future__ import annotations

from pathlib import Path

import pytest

from components.bridges.retriever import MillraceRetriever
from components.errors import NothingLive
from tests.corpora import Corpus


def test_llama_index_retrieves_from_the_live_index(corpus: Corpus) -> None:
    corpus.add("a.md", "# The mill\n\nThe wheel of the mill turns.")
    corpus.add("b.md", "# The weir\n\nWater flows.")
    corpus.refresh()
    found = MillraceRetriever(corpus.file, k=1).retrieve("the wheel of the mill")
    (first,) = found
    stored = corpus.stored().chunks[first.node.node_id]
    assert first.node.get_content() == stored.text
    assert first.node.metadata["document_id"] == "a.md"
    assert first.node.metadata["title"] == "The mill"
    assert first.score is not None
    kept = first.node.to_dict()
    assert (kept["start_char_idx"], kept["end_char_idx"]) == (stored.span.start, stored.span.end)


def test_filter_and_overrides(corpus: Corpus) -> None:
    corpus.fill(3)
    corpus.refresh()
    retriever = MillraceRetriever(
        corpus.file, 5, filter={"document_id": ["001.txt"]}, overrides=["retriever.use=dense"]
    )
    found = retriever.retrieve("mill")
    assert {each.node.metadata["document_id"] for each in found} == {"001.txt"}


def test_a_refresh_is_seen(corpus: Corpus) -> None:
    retriever = MillraceRetriever(str(corpus.file), k=3)
    with pytest.raises(NothingLive):
        retriever.retrieve("mill")
    corpus.fill(1)
    corpus.refresh()
    assert retriever.retrieve("mill")


def test_importing_it_is_the_only_way_to_load_llama_index(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, components.bridges.llama_index, components.bridges.reader\n"
        "import components.bridges.parser, components.registry\n"
        "assert 'llama_index.core' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
