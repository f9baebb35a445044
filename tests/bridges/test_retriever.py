from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.bridges.postprocessor import _hit
from components.bridges.retriever import MillraceRetriever
from components.errors import BadOption, NothingLive
from components.values import Document, DocumentRef, Filter, Section
from tests.corpora import HASHING, Corpus


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


OWN: dict[str, Any] = {
    "section": "pumps",
    "page": 7,
    "title": "Pumps",
    "document_id": "no. 1",
    "version": "2.1",
}


def own_fields(folder: Path) -> Corpus:
    """Two documents, of which one has fields called as Millrace's; sections and titles of both."""
    source = {"use": "tests.bridges.test_retriever:Told"}
    corpus = Corpus(folder, {**HASHING, "source": source})
    corpus.refresh()
    return corpus


@dataclass(frozen=True, kw_only=True)
class Told:
    identity = "told"

    def scan(self) -> Iterator[DocumentRef]:
        yield DocumentRef(id="own", version="1")
        yield DocumentRef(id="none", version="1")

    def digest(self, ref: DocumentRef) -> str:
        return ref.version

    def read(self, ref: DocumentRef) -> Document:
        return Document(
            id=ref.id,
            text="The wheel of the mill turns.",
            title="Ours",
            metadata=OWN if ref.id == "own" else {},
            page_starts=(0,),
            sections=(Section(0, "Wheels"),),
        )


def test_fields_of_the_documents_stay_beside_millrace_s(tmp_path: Path) -> None:
    found = MillraceRetriever(own_fields(tmp_path).file, 5).retrieve("wheel")
    told = {each.node.metadata["document.document_id"]: each.node.metadata for each in found}
    ours = {"chunk.section": "Wheels", "chunk.page": 0, "document.title": "Ours"}
    assert told == {
        "own": {**OWN, **ours, "document.document_id": "own"},
        "none": {**ours, "document.document_id": "none"},
    }


def test_a_reranker_of_nodes_reads_millrace_s_fields(tmp_path: Path) -> None:
    found = MillraceRetriever(own_fields(tmp_path).file, 5).retrieve("wheel")
    for each in found:
        chunk = _hit(each.node, 1.0, 0).chunk
        assert (chunk.title, chunk.section) == ("Ours", "Wheels")
        assert chunk.document_id == each.node.metadata["document.document_id"]


def test_filters_name_either_s_fields(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    corpus = own_fields(tmp_path)

    def asked(wanted: Filter) -> set[str]:
        found = MillraceRetriever(corpus.file, 5, filter=wanted).retrieve("wheel")
        return {each.node.metadata["document.document_id"] for each in found}

    for name, value in OWN.items():
        assert asked({f"metadata.{name}": [value]}) == {"own"}
        with pytest.raises(BadOption, match=f"metadata.{name} and "):
            asked({name: [value]})
    assert asked({"chunk.page": [0], "document.title": ["Ours"]}) == {"own", "none"}
    assert not caplog.records
    assert asked({"sections": ["pumps"]}) == set()
    assert "no document has the field 'sections': did you mean 'section'?" in caplog.text


def test_a_title_that_the_document_says_itself_is_told_once(tmp_path: Path) -> None:
    source = {"use": "tests.bridges.test_retriever:Titled"}
    corpus = Corpus(tmp_path, {**HASHING, "source": source})
    corpus.refresh()
    (found,) = MillraceRetriever(corpus.file, 5).retrieve("wheel")
    assert found.node.metadata == {"title": "Mill", "document_id": "own"}
    assert _hit(found.node, 1.0, 0).chunk.title == "Mill"


@dataclass(frozen=True, kw_only=True)
class Titled(Told):
    identity = "titled"

    def scan(self) -> Iterator[DocumentRef]:
        yield DocumentRef(id="own", version="1")

    def read(self, ref: DocumentRef) -> Document:
        return Document(id=ref.id, text="The wheel.", title="Mill", metadata={"title": "Mill"})


@pytest.mark.parametrize("value", ["mine", 7, ["a", "b"], [1, 2], True])
def test_a_field_of_the_documents_is_not_taken_for_the_parts_of_a_passage(
    tmp_path: Path, value: Any
) -> None:
    held = {"_id": "d", "text": "The wheel turns. The mill is old. It stands by the weir."}
    rows = [{**held, "chunk_ids": value}, {"_id": "e", "text": held["text"]}]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"use": "jsonl", "path": str(tmp_path / "c.jsonl")}
    for at, retriever in enumerate(({"use": "dense"}, {"use": "neighbourhood"})):
        splitter = {"use": "tokens", "max_tokens": 4}
        folder = tmp_path / str(at)
        folder.mkdir()
        corpus = Corpus(
            folder, {**HASHING, "source": source, "splitter": splitter, "retriever": retriever}
        )
        corpus.refresh()
        found = MillraceRetriever(corpus.file, 5).retrieve("wheel mill weir")
        assert any(each.node.metadata.get("chunk_ids") == value for each in found)
        for each in found:
            ids = _hit(each.node, 1.0, 0).chunk_ids
            assert each.node.node_id in ids
            assert at or len(ids) == 1
            assert ("chunk.chunk_ids" in each.node.metadata) == (len(ids) > 1)
        assert max(len(_hit(each.node, 1.0, 0).chunk_ids) for each in found) > at
