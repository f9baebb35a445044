from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from components import registry
from components.errors import BadDocument, BadOption, MissingExtra, SourceMissing, UnknownComponent
from components.values import Document
from tests.bridges.test_contracts import made
from tests.contracts.source import refs
from tests.corpora import Corpus, counts
from tests.spec import loaded, refused

HERE = "tests.bridges.readers."


def reading(folder: Path, **options: Any) -> Corpus:
    use = options.pop("use", "llama_index:SimpleDirectoryReader")
    return Corpus(
        folder,
        {
            "name": "bridged",
            "source": {"use": use, **options},
            "splitter": {"use": "llama_index:SentenceSplitter", "chunk_size": 16},
            "encoder": {"use": "hashing", "width": 64},
            "index": {"use": "qdrant_edge", "path": "store"},
        },
    )


def read_all(source: Any) -> list[Document]:
    return [source.read(ref) for ref in refs(source)]


def pages(*urls: str, **options: Any) -> Any:
    return made("source", f"{HERE}Pages", urls=list(urls), **options)


def test_a_refresh_reads_only_what_changed(tmp_path: Path) -> None:
    corpus = reading(tmp_path, input_dir="documents", recursive=True)
    corpus.add("a.md", "The wheel of the mill turns. Grain becomes flour.")
    corpus.add("deep/b.txt", "Water flows over the weir.")
    assert counts(corpus.refresh()) == (2, 0, 0, 0, 0)
    assert counts(corpus.refresh()) == (0, 0, 2, 0, 0)
    assert set(corpus.stored().entries) == {"a.md", "deep/b.txt"}, "ids are below the folder"
    corpus.add("a.md", "The wheel of the mill stands still.")
    (corpus.documents / "deep" / "b.txt").unlink()
    assert counts(corpus.refresh()) == (0, 1, 0, 1, 0)
    (entry,) = corpus.stored().entries.values()
    assert entry.document_id == "a.md"


def test_paths_are_relative_to_the_pipeline_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "beside"
    corpus = reading(folder, input_files=["documents/a.md"])
    corpus.add("a.md", "text")
    monkeypatch.chdir(tmp_path)
    (ref,) = refs(corpus.job().source)
    assert ref.id == str(folder / "documents" / "a.md")
    moved = corpus.load(["source.input_files=[beside/documents/a.md]"])
    assert moved.stages["source"].options["input_files"] == [str(folder / "documents/a.md")]
    address = corpus.load(["source.input_dir=s3://bucket/x"])
    assert address.stages["source"].options["input_dir"] == "s3://bucket/x"


def test_where_it_reads_is_not_in_the_fingerprint_but_how_is(tmp_path: Path) -> None:
    corpus = reading(tmp_path, input_dir="documents")
    prints = {
        name: corpus.load([each] if each else []).fingerprint()
        for name, each in {
            "file": "",
            "elsewhere": "source.input_dir=elsewhere",
            "workers": "source.num_workers=1",
            "encoding": "source.encoding=latin-1",
        }.items()
    }
    assert prints["file"] == prints["elsewhere"] == prints["workers"] != prints["encoding"]
    assert "llama-index-core" in corpus.load().build("source").facts


def test_ids_are_where_a_document_is_from() -> None:
    first, second = pages("https://a.example/x", "b"), pages("https://a.example/x", "b")
    assert [ref.id for ref in refs(first)] == ["https://a.example/x", "b"]
    assert list(first.scan()) == list(second.scan())


def test_ids_of_the_reader_are_kept_and_texts_without_any_are_hashed() -> None:
    named = made("source", f"{HERE}Plain", texts=["one", "two"], ids=["x", "y"])
    assert [ref.id for ref in refs(named)] == ["x", "y"]
    nameless = made("source", f"{HERE}Plain", texts=["one", "two"])
    ids = [ref.id for ref in refs(nameless)]
    assert len(set(ids)) == 2
    swapped = made("source", f"{HERE}Plain", texts=["two", "one"])
    assert [ref.id for ref in refs(swapped)] == ids[::-1]


def test_two_documents_of_one_id_are_named(tmp_path: Path) -> None:
    corpus = reading(tmp_path, use=f"llama_index:{HERE}Pages", urls=["same", "same", "other"])
    report = corpus.refresh()
    (failure,) = report.failures
    assert failure.id == "same"
    assert "document 1 of 3 (same) and document 2 of 3 (same)" in failure.reason
    assert set(corpus.stored().chunks)


def test_metadata_is_flattened() -> None:
    (document,) = read_all(pages("u"))
    assert document.title == "All about u"
    assert document.metadata == {
        "url": "u",
        "title": "All\n about u",
        "nested": '{"a": null, "b": [1]}',
        "words": ["x", "y"],
        "score": "nan",
    }


def test_a_document_per_page_has_the_pages_label() -> None:
    source = made("source", f"{HERE}Labelled", file="/books/a.pdf", labels=["iv", "1"])
    assert [ref.id for ref in refs(source)] == ["/books/a.pdf#iv", "/books/a.pdf#1"]
    assert [each.metadata["page_label"] for each in read_all(source)] == ["iv", "1"]


def test_file_names_as_ids_are_below_the_folder_too(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("text")
    source = made("source", "SimpleDirectoryReader", input_dir=str(tmp_path), filename_as_id=True)
    assert [ref.id for ref in refs(source)] == ["a.md"]


def test_options_of_load_data_are_options() -> None:
    (document,) = read_all(pages("u", shout=True, languages=["b", "a"]))
    assert document.text == "PAGE ABOUT U WITH TEXT."
    with pytest.raises(BadOption, match="has no option 'shuot'") as caught:
        pages("u", shuot=True)
    assert "did you mean 'shout'" in caught.value.hint
    with pytest.raises(BadOption, match="valid list"):
        made("source", f"{HERE}Pages", urls="u")
    with pytest.raises(BadOption, match="has no option 'hook'"):
        pages("u", hook="f")


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"api_key": "sesame"}, "set the environment variable MILLRACE_LLAMA_INDEX_API_KEY"),
        ({"password": "sesame"}, "set the environment variable MILLRACE_LLAMA_INDEX_PASSWORD"),
        ({"shout": {"headers": [{"X-Api-Key": "sesame"}]}}, "variable of their own"),
        ({"shout": {"headers": {"Cookie": "sesame"}}}, "variable of their own"),
        ({"urls": ["https://me:sesame@example.org"]}, "variable of their own"),
        ({"urls": ["https://sesame@example.org"]}, "variable of their own"),
        ({"urls": ["https://example.org/a?b=c&api_key=sesame"]}, "variable of their own"),
        ({"urls": ["https://example.org/a?X-Amz-Signature=sesame"]}, "variable of their own"),
    ],
)
def test_a_secret_in_a_file_is_refused_and_not_shown(
    tmp_path: Path, options: dict[str, Any], hint: str
) -> None:
    source = {"use": f"llama_index:{HERE}Pages", "urls": ["u"], **options}
    error = refused(tmp_path, json.dumps({"name": "x", "source": source}))
    assert isinstance(error, BadOption)
    assert "sesame" not in f"{error}{error.where}{error.hint}"
    assert hint in error.hint


def test_addresses_without_a_secret_are_taken() -> None:
    urls = ("https://example.org/@me?max_tokens=3&sort=key", "see ?key=here", "mail@example.org")
    assert len(read_all(pages(*urls))) == 3


def test_a_key_that_is_no_secret_is_an_option() -> None:
    (document,) = read_all(pages("u", text_key="body"))
    assert document.text == "Page about u with body."


def test_a_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    source = made("source", f"{HERE}Closed")
    with pytest.raises(SourceMissing, match="needs MILLRACE_LLAMA_INDEX_ACCESS_TOKEN"):
        refs(source)
    monkeypatch.setenv("MILLRACE_LLAMA_INDEX_ACCESS_TOKEN", "sesame")
    monkeypatch.setenv("EXPECTED", "sesame")
    assert len(refs(source)) == 1
    assert "sesame" not in repr(source)


def test_a_readers_error_keeps_its_message_but_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_LLAMA_INDEX_API_KEY", "wrongkey")
    with pytest.raises(SourceMissing, match=r"the key \*\*\* is wrong"):
        refs(pages("u"))


def test_what_is_no_document_is_named() -> None:
    source = made("source", f"{HERE}Careless")
    with pytest.raises(SourceMissing, match="Careless: its document 2 of 2 is a NoneType"):
        refs(source)


def test_a_missing_folder(tmp_path: Path) -> None:
    source = made("source", "SimpleDirectoryReader", input_dir=str(tmp_path / "nowhere"))
    with pytest.raises(SourceMissing, match=r"Directory .*nowhere does not exist"):
        list(source.scan())


def test_what_a_reader_prints_is_not_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert refs(made("source", f"{HERE}Chatty"))
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "loading\n")


def test_a_package_that_a_reader_lacks_is_named() -> None:
    source = made("source", f"{HERE}Chatty", package="surely_absent")
    with pytest.raises(MissingExtra, match="surely_absent"):
        refs(source)


def test_bytes_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"%PDF-1.7 \0\1")
    (tmp_path / "b.txt").write_text(" ")
    source = made("source", "SimpleDirectoryReader", input_dir=str(tmp_path))
    for ref, reason in zip(refs(source), ("the bytes of a file", "empty"), strict=True):
        with pytest.raises(BadDocument, match=reason):
            source.read(ref)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("SimpleDirectoryRaeder", "has no class 'SimpleDirectoryRaeder'"),
        ("SentenceSplitter", "is no BaseReader"),
        (f"{HERE}NO_READER", "is no BaseReader"),
        (f"{HERE}Unwritable", "needs 'hook'"),
        ("llama_index.core.readers.base.BaseReader", "is an abstract class"),
    ],
)
def test_what_cannot_be_a_source(use: str, message: str) -> None:
    with pytest.raises(UnknownComponent, match=message):
        registry.load("source", f"llama_index:{use}")


def test_other_stages_are_refused() -> None:
    with pytest.raises(UnknownComponent, match="no retriever"):
        registry.load("retriever", "llama_index:SimpleDirectoryReader")


def test_a_readers_package_that_is_missing_is_named() -> None:
    with pytest.raises(MissingExtra, match=r"llama_index\.readers") as caught:
        registry.load("source", "llama_index:llama_index.readers.absent.Reader")
    assert "install the package" in caught.value.hint


def test_without_llama_index_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from components.bridges.llama_index import component

    component.cache_clear()
    monkeypatch.setitem(sys.modules, "llama_index.core", None)
    with pytest.raises(MissingExtra) as caught:
        registry.load("source", "llama_index:SimpleDirectoryReader")
    assert caught.value.hint == "install millrace[llama-index]"


def test_the_catalogue_can_show_its_options() -> None:
    component = registry.load("source", "llama_index:SimpleDirectoryReader")
    shown = {each.name: each for each in registry.help_of(component)}
    assert shown["recursive"].default is False
    assert shown["input_dir"].type == "Path|str|none"
    assert "fs" not in shown


def test_a_pipeline_file_takes_it(tmp_path: Path) -> None:
    text = "name: x\nsource: {use: 'llama_index:SimpleDirectoryReader', input_dir: docs}\n"
    pipeline = loaded(tmp_path, text)
    assert pipeline.stages["source"].options["input_dir"] == str(tmp_path / "docs")
