from __future__ import annotations

import gzip
import json
import random
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


class TestPacked(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> JsonLines:
        rows = [{"_id": n, "title": f"T{n}", "text": "wheel " * n} for n in range(1, 30)]
        packed(tmp_path / "corpus.jsonl.gz", *rows)
        return JsonLines(path=tmp_path)


def packed(path: Path, *objects: object) -> JsonLines:
    path.write_bytes(gzip.compress("".join(json.dumps(each) + "\n" for each in objects).encode()))
    return JsonLines(path=path)


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
        "trust": False,
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


@pytest.mark.parametrize(
    ("row", "id"),
    [
        ({"id": "a", "contents": "T"}, "a"),
        ({"docid": 7, "text": "T"}, "7"),
        ({"doc_id": "a/b", "text": "T"}, "a/b"),
        ({"docno": "FT911-1", "text": "T"}, "FT911-1"),
        ({"pid": "msmarco_passage_01_5", "passage": "T", "docid": "D9"}, "msmarco_passage_01_5"),
        ({"docid": "D1", "url": "http://x.org", "body": "T"}, "D1"),
        ({"docid": "D1#0", "segment": "T", "start_char": 0}, "D1#0"),
        ({"id": "a", "content": "T"}, "a"),
        ({"id": "a", "page_content": "T", "metadata": {"source": "x"}}, "a"),
        ({"id": "a", "text": None, "content": "", "body": "T"}, "a"),
        ({"_id": "a", "id": "b", "docid": "c", "text": "T"}, "a"),
        ({"id": "b", "docid": "c", "contents": "T"}, "b"),
        ({"_id": None, "id": "b", "text": "T"}, "b"),
        ({"_id": " a\t", "text": "T"}, "a"),
    ],
)
def test_ids_by_the_names_that_are_in_use(tmp_path: Path, row: dict[str, object], id: str) -> None:
    source = lines(tmp_path / "x.jsonl", row)
    assert (first(source).id, first(source).text) == (id, "T")


def test_an_id_that_is_none_is_not_replaced_by_another_field(tmp_path: Path) -> None:
    source = lines(tmp_path / "x.jsonl", {"_id": ["a"], "id": "b", "text": "T"})
    assert refs(source) == []
    assert "no _id that is a string or a number" in gaps(source)[0].reason


def test_what_has_no_role_is_metadata(tmp_path: Path) -> None:
    row = {"_id": "a", "id": "b", "docid": "c", "text": "T", "contents": "C"}
    source = lines(tmp_path / "x.jsonl", row)
    assert first(source) == Document(
        id="a", text="T", metadata={"id": "b", "docid": "c", "contents": "C"}
    )
    row = {"id": "b", "docid": "c", "text": " ", "contents": "C\nD"}
    source = lines(tmp_path / "x.jsonl", row)
    assert first(source) == Document(id="b", text="C\nD", metadata={"docid": "c"})
    other = JsonLines(path=tmp_path / "x.jsonl", template="{docid}: {contents}")
    assert first(other).text == "c: C\nD"


@pytest.mark.parametrize("name", ["body", "passage", "segment", "content", "page_content"])
def test_a_title_does_not_stand_for_a_text_by_another_name(tmp_path: Path, name: str) -> None:
    row = {"docid": "D1", "title": "Mills", name: "The wheel turns.", "headings": "Wheels"}
    found = first(lines(tmp_path / "x.jsonl", row))
    assert (found.text, found.title) == ("Mills\nThe wheel turns.", "Mills")
    assert found.metadata == {"headings": "Wheels"}


def test_flat_fields_below_metadata_are_metadata(tmp_path: Path) -> None:
    nested = {"year": 2020, "tags": ["a"], "title": "inner", "deep": {"a": 1}, "none": None}
    row = {"_id": "a", "title": "outer", "text": "T", "metadata": {**nested, "site": "inner"}}
    source = lines(tmp_path / "x.jsonl", {**row, "site": "outer", "year": None})
    assert first(source) == Document(
        id="a",
        text="outer\nT",
        title="outer",
        metadata={"year": 2020, "tags": ["a"], "title": "inner", "site": "outer"},
    )
    for told, held in (({}, {}), ("m", {"metadata": "m"}), (["m"], {"metadata": ["m"]})):
        source = lines(tmp_path / "x.jsonl", {"_id": "a", "text": "T", "metadata": told})
        assert first(source).metadata == held


def test_packed_or_not_the_documents_are_the_same(tmp_path: Path) -> None:
    rows = [{"_id": n, "text": f"wheel {n}", "metadata": {"n": n}} for n in range(9)]
    plain, other = lines(tmp_path / "x.jsonl", *rows), packed(tmp_path / "y.jsonl.gz", *rows)
    assert [plain.read(ref) for ref in refs(plain)] == [other.read(ref) for ref in refs(other)]
    assert list(map(plain.digest, refs(plain))) == list(map(other.digest, refs(other)))
    # By what it is, not by its name: browsers unpack, and some tools pack without a word.
    (tmp_path / "y.jsonl.gz").rename(tmp_path / "z.jsonl")
    (tmp_path / "x.jsonl").rename(tmp_path / "z.jsonl.gz")
    for name in ("z.jsonl", "z.jsonl.gz"):
        source = JsonLines(path=tmp_path / name)
        assert [source.read(ref).text for ref in refs(source)] == [row["text"] for row in rows]


def test_a_folder_with_both_gives_what_is_not_packed(tmp_path: Path) -> None:
    packed(tmp_path / "corpus.jsonl.gz", {"_id": "a", "text": "packed"})
    assert first(JsonLines(path=tmp_path)).text == "packed"
    lines(tmp_path / "corpus.jsonl", {"_id": "a", "text": "plain"})
    assert first(JsonLines(path=tmp_path)).text == "plain"


def test_a_packed_file_that_is_cut_off_may_hold_any_document(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes
    rows = [{"_id": n, "text": noise(3_000).hex()} for n in range(40)]
    whole = packed(tmp_path / "x.jsonl.gz", *rows)
    all_refs = refs(whole)
    data = whole.path.read_bytes()
    whole.path.write_bytes(data[: len(data) // 2])
    listed = refs(whole)
    assert 0 < len(listed) < 40
    assert whole.read(listed[0]).id == "0"
    (gap,) = gaps(whole)
    assert (gap.prefix, gap.where) == ("", str(whole.path))
    assert "damaged" in gap.reason
    with pytest.raises(BadDocument, match="damaged") as caught:
        whole.read(all_refs[-1])
    assert caught.value.transient


def test_a_packed_file_that_changes_is_opened_anew(tmp_path: Path) -> None:
    source = packed(tmp_path / "x.jsonl.gz", {"_id": "a", "text": "one"})
    (old,) = refs(source)
    assert source.read(old).text == "one"
    packed(tmp_path / "new", {"_id": "a", "text": "another"})
    (tmp_path / "new").rename(tmp_path / "x.jsonl.gz")
    with pytest.raises(BadDocument, match="changed after it was listed"):
        source.read(old)
    assert first(source).text == "another"


def test_a_packed_file_is_read_forward_only(tmp_path: Path) -> None:
    """Each document begins where the last one ended: what is read of the disk is no more than a
    few times the file, not a part of it for every document.
    """
    counted = Path("/proc/self/io")
    if not counted.exists():
        pytest.skip("this system does not count what is read")
    noise = random.Random(1).randbytes
    rows = [{"_id": n, "text": noise(4_000).hex()} for n in range(200)]
    source = packed(tmp_path / "x.jsonl.gz", *rows)
    size = source.path.stat().st_size

    def so_far() -> int:
        return int(counted.read_text().partition("rchar: ")[2].split()[0])

    before = so_far()
    for ref in refs(source):
        digest = source.digest(ref)
        source.read(ref)
        assert source.digest(ref) == digest
    assert so_far() - before < 10 * size
