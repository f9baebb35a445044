from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document as Foreign

from components.encoders.tokenizers import WordTokenizer
from components.errors import BadDocument, BadOption, UnknownComponent
from components.values import Document, Span
from tests.bridges.test_contracts import made
from tests.corpora import Corpus, prose

TEXT = "One two three. Four five six. Seven eight nine. Ten."
HERE = "tests.bridges.readers."


def cut(splitter: object, text: str = TEXT, **fields: tuple[int, ...]) -> list[str]:
    document = Document(id="d", text=text, **fields)  # type: ignore[arg-type]
    spans: list[Span] = splitter.split(document, WordTokenizer())  # type: ignore[attr-defined]
    return [text[span.start : span.end] for span in spans]


def test_cuts_where_nodes_begin() -> None:
    splitter = made("splitter", "SentenceSplitter", chunk_size=5)
    parts = ["One two three. ", "Four five six. ", "Seven eight nine. ", "Ten."]
    assert cut(splitter) == parts
    assert cut(pickle.loads(pickle.dumps(splitter))) == parts


def test_offsets_are_exact(tmp_path: Path) -> None:
    """Of every span as it is stored: the node's own text, and what stands between two nodes."""
    text = f"{prose(1)}\n\nFlour, 中文 😀 and e\u0301. {prose(2)}"
    corpus = Corpus(
        tmp_path,
        {
            "name": "exact",
            "source": {"use": "jsonl", "path": "documents/corpus.jsonl"},
            "splitter": {"use": "llama_index:SentenceSplitter", "chunk_size": 32},
            "encoder": {"use": "hashing", "width": 64},
            "index": {"use": "qdrant_edge", "path": "store"},
        },
    )
    corpus.add("corpus.jsonl", json.dumps({"_id": "d", "text": text}))
    corpus.refresh()
    chunks = sorted(corpus.stored().chunks.values(), key=lambda each: each.ordinal)
    nodes = SentenceSplitter(chunk_size=32, chunk_overlap=0).get_nodes_from_documents(
        [Foreign(text=text)]
    )
    assert len(chunks) == len(nodes) > 10
    for chunk, node in zip(chunks, nodes, strict=True):
        assert text[chunk.span.start : chunk.span.end] == chunk.text
        assert chunk.text.strip() == node.get_content().strip()
    assert "".join(chunk.text for chunk in chunks) == text


def test_cuts_at_pages_too() -> None:
    splitter = made("splitter", "SentenceSplitter", chunk_size=100)
    assert cut(splitter) == [TEXT]
    assert cut(splitter, page_starts=(0, 15)) == [TEXT[:15], TEXT[15:]]


def test_a_node_whose_text_occurs_before_is_found_in_its_place() -> None:
    splitter = made("splitter", f"{HERE}Repeating")
    assert cut(splitter, "a b c a b a b and so on") == ["a b c a b ", "a ", "b and so on"]


def test_sections_of_markdown() -> None:
    text = "# One\n\nA mill.\n\n# Two\n\nA wheel.\n"
    assert cut(made("splitter", "MarkdownNodeParser"), text) == [text[:16], text[16:]]


def test_overlap_is_refused() -> None:
    assert made("splitter", "SentenceSplitter").chunk_overlap == 0
    with pytest.raises(BadOption, match=r"chunk_overlap must be 0, not 20.*encoder\.use=late"):
        made("splitter", "SentenceSplitter", chunk_overlap=20)


def test_a_parser_that_changes_the_text_is_refused() -> None:
    with pytest.raises(BadDocument, match="does not follow the node before"):
        cut(made("splitter", f"{HERE}Shouting", chunk_size=5))


def test_overlapping_nodes_are_refused() -> None:
    with pytest.raises(BadDocument, match="does not follow the node before"):
        cut(made("splitter", f"{HERE}Overlapping"))


def test_an_abstract_parser_is_refused() -> None:
    with pytest.raises(UnknownComponent, match="is an abstract class"):
        made("splitter", "NodeParser")


def test_options_are_checked() -> None:
    with pytest.raises(BadOption, match="greater than 0"):
        made("splitter", "SentenceSplitter", chunk_size=0)
    with pytest.raises(BadOption, match="has no option 'chunk_sise'"):
        made("splitter", "SentenceSplitter", chunk_sise=5)
