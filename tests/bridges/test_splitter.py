from __future__ import annotations

import pickle

import pytest

from components.encoders.tokenizers import WordTokenizer
from components.errors import BadDocument, BadOption, UnknownComponent
from components.values import Document, Span
from tests.bridges.test_contracts import made

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
