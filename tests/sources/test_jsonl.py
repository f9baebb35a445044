from __future__ import annotations

import json
from pathlib import Path

import pytest

from components import registry
from components.errors import BadDocument, BadOption, SourceMissing, SourceUnavailable
from components.sources.jsonl import JsonLines
from components.values import Document, Gap
from tests.contracts.source import SourceContract, refs


def lines(path: Path, *objects: object) -> JsonLines:
    path.write_text("".join(json.dumps(each) + "\n" for each in objects))
    return JsonLines(path=path)


def first(source: JsonLines) -> Document:
    return source.read(refs(source)[0])


def gaps(source: JsonLines) -> list[Gap]:
    return [each for each in source.scan() if isinstance(each, Gap)]


class TestJsonLines(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> JsonLines:
        lines(
            tmp_path / "corpus.jsonl",
            {"_id": "a", "title": "T", "text": "x\r"},
            {"_id": 2, "title": "", "text": "Müller 🎉", "metadata": {}},
            {"_id": "\ud800", "text": "\udfff", "n\udfff": ["\udfff"], "year": 2020},
        )
        return JsonLines(path=tmp_path)


def test_a_line_is_a_document(tmp_path: Path) -> None:
    source = lines(tmp_path / "x.jsonl", {"_id": 7, "title": "Title", "text": "Body "})
    assert first(source) == Document(id="7", text="Title\nBody", title="Title")
    untitled = lines(tmp_path / "x.jsonl", {"_id": "q", "title": None, "text": "Body"})
    assert first(untitled) == Document(id="q", text="Body")


def test_metadata_is_the_flat_rest(tmp_path: Path) -> None:
    flat = {"year": 2020, "share": 0.5, "done": True, "tags": ["a", 1], "none_yet": []}
    deep: dict[str, object] = {"nothing": None, "map": {"a": 1}, "nested": [["a"]], "maps": [{}]}
    source = lines(tmp_path / "x.jsonl", {"_id": "a", "text": "t", **flat, **deep})
    assert first(source).metadata == flat


def test_numbers_that_are_none_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"_id": "a", "text": "t", "a": NaN, "b": 1e999, "c": [Infinity], "d": 1}\n')
    assert first(JsonLines(path=path)).metadata == {"d": 1}


def test_the_template(tmp_path: Path) -> None:
    fields = {"_id": "a", "text": "T", "year": 2020, "tags": ["a", "ü"], "none": None, "ok": True}
    lines(tmp_path / "x.jsonl", fields)
    template = " {{{text}}} {year} {tags} {none}{missing} {ok}  "
    source = JsonLines(path=tmp_path / "x.jsonl", template=template)
    assert first(source).text == '{T} 2020 ["a", "ü"]  true'
    nothing = JsonLines(path=tmp_path / "x.jsonl", template="{missing} ")
    with pytest.raises(BadDocument, match="empty"):
        first(nothing)


@pytest.mark.parametrize(
    "template", ["{", "}", "{}", "{a.b}", "{a[0]}", "{a!r}", "{a:>3}", "{text", "{a:{b}}"]
)
def test_a_malformed_template_is_refused(template: str) -> None:
    choice = registry.resolve("source", "jsonl", {"path": "x", "template": template})
    with pytest.raises(BadOption):
        registry.build("source", choice)


def test_the_template_is_stored_and_the_path_is_not() -> None:
    options = registry.options_of(registry.load("source", "jsonl"))
    assert {name: each.metadata["stored"] for name, each in options.items()} == {
        "path": False,
        "template": True,
    }


def test_bytes_around_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    one, two = '{"_id": "é", "text": "ü"}'.encode(), b'{"_id": "b", "text": "t"}'
    path.write_bytes(b"\xef\xbb\xbf" + one + b"\r\n\n   \n" + two)
    source = JsonLines(path=path)
    before = refs(source)
    assert [source.read(ref).text for ref in before] == ["ü", "t"]
    path.write_bytes(b"\xef\xbb\xbf" + one + b"\n" + two + b"\n")
    after = refs(source)
    assert [ref.version for ref in after] == [ref.version for ref in before]
    assert [source.digest(ref) for ref in after] == [ref.version for ref in after]
    assert len(after[0].version) == 16


def test_lone_surrogates_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(
        r'{"_id": "a\ud800", "title": "\udc00", "text": "\ud83c\udf89 \ud83c", "m\ud800": "\ud800"}'
    )
    assert first(JsonLines(path=path)) == Document(
        id="a�", text="�\n🎉 �", title="�", metadata={"m�": "�"}
    )


@pytest.mark.parametrize(("line", "reason"), [
    (b"{", "not JSON"),
    (b"[1]", "not a JSON object"),
    (b'"a"', "not a JSON object"),
    (b'{"text": "t"}', "no _id"),
    (b'{"_id": "", "text": "t"}', "no _id"),
    (b'{"_id": null}', "no _id"),
    (b'{"_id": true}', "no _id"),
    (b'{"_id": ["a"]}', "no _id"),
    (b'{"_id": NaN}', "no _id"),
    (b'{"_id": "\xff"}', "not UTF-8"),
    (b'{"_id": ' + b"9" * 5_000 + b"}", "not JSON"),
    (b"[" * 100_000, "not JSON"),
])  # fmt: skip
def test_a_line_that_cannot_be_understood_may_be_any_document(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'\n{"_id": "a", "text": "t"}\n' + line + b'\n{"_id": "b", "text": "t"}\n')
    source = JsonLines(path=path)
    assert [ref.id for ref in refs(source)] == ["a", "b"]
    (gap,) = gaps(source)
    assert gap.prefix == ""
    assert gap.where == f"{path} line 3"
    assert reason in gap.reason


def test_two_lines_with_one_id_are_both_listed_with_their_places(tmp_path: Path) -> None:
    source = lines(tmp_path / "x.jsonl", {"_id": 1, "text": "one"}, {"_id": "1", "text": "two"})
    assert [(ref.id, ref.place) for ref in refs(source)] == [("1", "line 1"), ("1", "line 2")]


def test_a_number_too_large_to_be_stored_is_left_out_of_metadata(tmp_path: Path) -> None:
    source = lines(tmp_path / "x.jsonl", {"_id": 1, "text": "one", "n": 2**70, "m": 2**62})
    (ref,) = refs(source)
    assert source.read(ref).metadata == {"m": 2**62}


def test_a_change_after_the_scan(tmp_path: Path) -> None:
    source = lines(tmp_path / "x.jsonl", {"_id": "a", "text": "one"}, {"_id": "b", "text": "two"})
    ref = refs(source)[1]
    lines(tmp_path / "x.jsonl", {"_id": "b", "text": "two"})
    for use in (source.read, source.digest):
        with pytest.raises(BadDocument, match="changed after it was listed"):
            use(ref)
    (tmp_path / "x.jsonl").unlink()
    with pytest.raises(SourceUnavailable, match="where documents are read: No such file") as caught:
        source.read(ref)
    assert caught.value.where == str(tmp_path / "x.jsonl")


def test_a_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "x.jsonl"):
        with pytest.raises(SourceMissing) as caught:
            list(JsonLines(path=path).scan())
        assert caught.value.where.endswith(".jsonl")
        assert caught.value.hint
