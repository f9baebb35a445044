"""Markdown: front matter, embedded files, and what is left as text."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.corpus.reading import LARGEST_FIELDS
from components.errors import BadDocument
from components.indexes import payload
from components.sources import extract
from components.values import Document

BODY = "You may stay away for fourteen months.\n"
PICTURE = "data:image/png;base64," + base64.b64encode(random.Random(1).randbytes(9_000)).decode()
SMALL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
DRAWING = "data:image/svg+xml,%3Csvg%20xmlns='x'%3E%3Cg%20transform='rotate(45)'/%3E%3C/svg%3E"


def read(text: str | bytes, name: str = "leave/index.md") -> Document:
    return extract.document(name, text.encode() if isinstance(text, str) else text)


def fields(block: str) -> dict[str, Any]:
    """Metadata of a document with a block of YAML, which is not text."""
    document = read(f"---\n{block}\n---\n{BODY}")
    assert document.text == BODY
    payload.check({"metadata": document.metadata}, "it can be stored")
    return dict(document.metadata)


class TestFrontMatter:
    def test_its_title_is_the_title_and_the_rest_is_metadata(self) -> None:
        document = read(
            "---\ntitle: Parental leave\ndepartment: HR\ntags: [a, b]\ndraft: true\n---\n\n"
            f"# Who\n\n{BODY}"
        )
        assert document.title == "Parental leave"
        assert document.metadata == {"department": "HR", "tags": ["a", "b"], "draft": True}
        assert document.text == "# Who\n\n" + BODY
        assert [(each.start, each.path) for each in document.sections] == [(0, "Who")]

    @pytest.mark.parametrize("name", ["a.md", "a.MARKDOWN", "b.Md"])
    @pytest.mark.parametrize("text", [
        "---\ntitle: T\nn: 1\n---\nBody",
        "---  \r\ntitle: T\r\nn: 1\r\n---\t\r\n\r\nBody",
        "\ufeff---\ntitle: T\nn: 1\n...\nBody",
        "\ufeff---\r\ntitle: T\r\nn: 1\r\n---\r\nBody",
        "---\rtitle: T\rn: 1\r---\rBody",
        "+++\ntitle = 'T'\nn = 1\n+++\nBody",
        "+++\r\ntitle = 'T'\r\nn = 1\r\n+++\r\n\r\nBody",
    ])  # fmt: skip
    def test_marks_and_line_ends(self, name: str, text: str) -> None:
        document = read(text, name)
        assert (document.title, document.metadata, document.text) == ("T", {"n": 1}, "Body")

    def test_it_may_be_in_another_encoding(self) -> None:
        text = "---\ntitle: Größe\nort: Köln\n---\nÜber allen Gipfeln ist Ruh, spürest du.\n"
        for encoding in ("utf-16", "cp1252"):
            document = read(text.encode(encoding))
            assert (document.title, document.metadata["ort"]) == ("Größe", "Köln")
            assert document.metadata["encoding"]
        assert read("---\nencoding: mine\n---\nx").metadata == {"encoding": "mine"}

    @pytest.mark.parametrize(("written", "value"), [
        ("no", "no"), ("yes", "yes"), ("NO", "NO"), ("off", "off"), ("y", "y"),
        ("false", False), ("True", True), ("'true'", "true"),
        ("7", 7), ("-7", -7), ("1.5", 1.5), ("'7'", "7"),
        ("1.10", "1.10"), ("01234", "01234"), ("1_000", "1_000"), ("0x1F", "0x1F"),
        ("12:30", "12:30"), ("1e400", "1e400"), (".nan", ".nan"), (".inf", ".inf"),
        ("9223372036854775807", 2**63 - 1), ("9223372036854775808", "9223372036854775808"),
        ("9" * 5_000, "9" * 5_000),
        ("2026-11-30", "2026-11-30"), ("2026-02-30", "2026-02-30"),
        ("2026-11-30T10:00:00Z", "2026-11-30T10:00:00+00:00"),
        ("2026-11-30 10:00:00 +02:00", "2026-11-30T10:00:00+02:00"),
        ("2026-11-30 10:00", "2026-11-30 10:00"),
        ("[2026-11-30, 1, x]", ["2026-11-30", 1, "x"]),
        ("!env SECRET", "SECRET"), ("!!python/name:os.system ''", ""),
        ("!!binary aGFsbG8=", "aGFsbG8="), ("!!str 7", "7"),
        ("|\n  two\n  ---\n  lines", "two\n---\nlines"), (">\n  two\n  lines", "two lines"),
        ("{email: x, name: y}", '{"email": "x", "name": "y"}'),
        ("[{a: 1}, 2]", '[{"a": 1}, 2]'), ("[a, null]", '["a", null]'), ("[]", []),
    ])  # fmt: skip
    def test_values(self, written: str, value: Any) -> None:
        assert fields(f"a: {written}") == {"a": value}
        assert type(fields(f"a: {written}")["a"]) is type(value)

    def test_nothing_is_no_value(self) -> None:
        assert fields("a:\nb: null\nc: ~\nd: x") == {"d": "x"}

    def test_names(self) -> None:
        block = "1: a\n2026-11-30: b\nog:image: c\n'a.b': d\nNo: e\ntrue: f\n"
        assert fields(block) == {
            "1": "a", "2026-11-30": "b", "og:image": "c", "a.b": "d", "No": "e", "true": "f",
        }  # fmt: skip

    @pytest.mark.parametrize(("block", "title"), [
        ("title: 1984", "1984"), ("title: 1.10", "1.10"), ("title: 2026-11-30", "2026-11-30"),
        ("Title: Upper", "Upper"), ("title: no", "no"), ('title: "Foo: bar"', "Foo: bar"),
        ("title: |\n  two\n  lines", "two lines"), ("title: ' x '", "x"),
        ("title:", "Heading"), ("title: ''", "Heading"), ("title: [a, b]", "Heading"),
        ("title: {en: x}", "Heading"), ("subtitle: s", "Heading"),
        ("TITLE: second\ntitle: first", "first"),
    ])  # fmt: skip
    def test_titles(self, block: str, title: str) -> None:
        document = read(f"---\n{block}\n---\n# Heading\n{BODY}")
        assert document.title == title
        assert "title: " not in document.text

    def test_aliases_and_merges(self) -> None:
        assert fields("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}
        assert fields("base: &b {x: 1, y: 2}\nown: {<<: *b, y: 3}")["own"] == '{"x": 1, "y": 3}'
        several = fields("a: &a {x: 1}\nb: &b {x: 2, y: 2}\n<<: [*a, *b]\nz: 3")
        assert {name: several[name] for name in "xyz"} == {"x": 1, "y": 2, "z": 3}
        assert fields("<<: [word, 7]\nz: 3") == {"<<": ["word", 7], "z": 3}
        assert fields("a: 1\na: 2") == {"a": 2}

    @pytest.mark.parametrize("block", [
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{n}: &{n} [{', '.join(f'*{p}' for _ in range(9))}]\n" for p, n in zip(
            "abcdefgh", "bcdefghi", strict=True)),
        "a: &a {x: 1}\n"
        + "".join(f"{n}: &{n} {{{', '.join(f'{i}: *{p}' for i in range(9))}}}\n" for p, n in zip(
            "abcdefgh", "bcdefghi", strict=True)),
        "a: &a [*a]", "a: &a {b: *a}",
        "a: " + "[" * 5_000, "a: " + "{b: " * 5_000,
        "a: " + "[" * 900 + "]" * 900,
        "".join(f"k{at}: {at}\n" for at in range(3_000)),
        f"a: &a {'x' * 900}\n" + "".join(f"k{at}: *a\n" for at in range(99)),
        "a: " + "x" * (LARGEST_FIELDS + 1),
        "? [a, b]\n: c", "? {a: b}\n: c",
    ], ids=lambda block: block[:9])  # fmt: skip
    def test_absurd_ones_are_text(self, block: str) -> None:
        document = read(f"---\n{block}\n---\n{BODY}")
        assert document.text.endswith(BODY)
        assert block in document.text
        assert document.metadata == {}

    @pytest.mark.parametrize(("block", "title"), [
        ("title: Foo: bar\ntags: [a", "Foo: bar"),
        ("title: Foo: bar", "Foo: bar"),
        ("title: @home\nauthor: x", "@home"),
        ("title: 'open\nauthor: x", "open"),
        ("author: \tx\n\ttitle: y", "index"),
        ("title: T\n<<<<<<< HEAD\nauthor: x", "T"),
        ("title: T\nauthor: *nobody", "T"),
        ("title: T\n%TAG ! x", "T"),
    ])  # fmt: skip
    def test_broken_ones_stay_text_and_still_name_the_document(
        self, block: str, title: str
    ) -> None:
        document = read(f"---\n{block}\n# no heading\n---\n\n{BODY}")
        assert document.text == f"---\n{block}\n# no heading\n---\n{BODY}"
        assert (document.title, document.metadata, document.sections) == (title, {}, ())

    @pytest.mark.parametrize("text", [
        "---\n\nA rule at the beginning.\n\n---\n\nNote: another one.\n",
        "---\n\nNote: this is said\n\n---\n\nAnd more.\n",
        "---\nA rule, and a line.\n---\nMore.\n",
        "---\n- a list\n- of two\n---\nMore.\n",
        "---\ntitle: no end\n\nMore.\n",
        "---\ntitle: the end is indented\n ---\nMore.\n",
        "---",
        "---\n# A heading between rules\n---\nMore.\n",
        "----\ntitle: four\n----\nMore.\n",
        "\n---\ntitle: not at the beginning\n---\nMore.\n",
        " ---\ntitle: indented\n---\nMore.\n",
        "Text\n---\ntitle: later\n---\n",
        "+++\nnot toml\n+++\nMore.\n",
        "+++\ntitle = 'no end'\n",
    ])  # fmt: skip
    def test_what_is_none(self, text: str) -> None:
        document = read(text)
        assert (document.text, document.metadata) == (text, {})

    def test_a_block_without_fields_is_nothing(self) -> None:
        assert read(f"---\n---\n{BODY}").text == BODY

    def test_a_broken_block_of_toml(self) -> None:
        document = read(f"+++\ntitle = 'T'\nauthor: x\n+++\n{BODY}")
        assert document.text.endswith(BODY)
        assert "author: x" in document.text

    def test_toml(self) -> None:
        document = read(
            "+++\ntitle = 'T'\ndate = 2026-11-30\nat = 2026-11-30T10:00:00Z\nclock = 10:00:00\n"
            "draft = false\ntags = ['a', 'b']\nbig = 99999999999999999999\nn = nan\n"
            "[author]\nname = 'x'\n+++\nBody"
        )
        assert document.metadata == {
            "date": "2026-11-30", "at": "2026-11-30T10:00:00+00:00", "clock": "10:00:00",
            "draft": False, "tags": ["a", "b"], "big": "99999999999999999999", "n": "nan",
            "author": '{"name": "x"}',
        }  # fmt: skip

    def test_a_document_of_nothing_else(self) -> None:
        assert read("---\ntitle: Only a title\nn: 1\n---\n").text == "Only a title"
        with pytest.raises(BadDocument, match="no text but front matter"):
            read("---\ndraft: true\n---\n\n")

    @pytest.mark.parametrize("name", ["a.txt", "a.rst", "README"])
    def test_other_formats_have_none(self, name: str) -> None:
        text = "---\ntitle: T\n---\nx\n"
        assert (read(text, name).text, read(text, name).metadata) == (text, {})

    @given(st.text(alphabet="ab:-#&*!|>'\"%@`{}[],? \t\n.<1", max_size=60))
    def test_whatever_it_is_nothing_crashes_and_words_stay(self, block: str) -> None:
        document = read(f"---\n{block}\n---\nThe body.\n")
        assert document.text.endswith("The body.\n")
        payload.check({"title": document.title, "metadata": document.metadata}, "it can be stored")


class TestEmbedded:
    @pytest.mark.parametrize(("text", "shown"), [
        ("![chart]({})", "chart"),
        ("![chart]({} \"Sales by year\")", "chart Sales by year"),
        ("![chart](<{}>)", "chart"),
        ("![chart]( {} 'Sales' )", "chart Sales"),
        ("![]({})", ""),
        ("see [the annex]({}) for more", "see the annex for more"),
        ("[![chart]({})](https://x.org)", "[chart](https://x.org)"),
        ("![see [1] here]({})", "![see [1] here]"),
        ("<img alt=\"chart\" src=\"{}\">", "<img alt=\"chart\" src=\"\">"),
        ("<img src='{}' alt=chart>", "<img src=\"\" alt=chart>"),
        ("<img src={} alt=chart>", "<img src=\"\" alt=chart>"),
        ("<image xlink:href=\"{}\"/>", "<image xlink:href=\"\"/>"),
        ("<div style=\"background: url({})\">x</div>", "<div style=\"background: url()\">x</div>"),
        ("![chart][fig]\n\n[fig]: {}\n", "![chart][fig]\n\n"),
        ("![chart][fig]\n\n[fig]: <{}> \"Sales\"\n\nx", "![chart][fig]\n\n\nx"),
        ("[fig]:\n  {}\n", ""),
        ("a <{}> b", "a  b"),
    ])  # fmt: skip
    @pytest.mark.parametrize("uri", [PICTURE, SMALL], ids=["large", "small"])
    def test_the_words_stay_and_the_bytes_go(self, text: str, shown: str, uri: str) -> None:
        document = read(f"Before.\n\n{text.replace('{}', uri)}\n\nAfter.\n")
        assert document.text == f"Before.\n\n{shown}\n\nAfter.\n"

    @pytest.mark.parametrize("text", [
        "![drawing]({})", "[drawing](<{}>)", "<img alt='drawing' src=\"{}\">", "drawing\n\n[d]: {}",
    ])  # fmt: skip
    def test_data_that_is_not_base64(self, text: str) -> None:
        shown = read(text.replace("{}", DRAWING) + "\n\nAfter.\n").text
        assert "drawing" in shown
        assert "svg" not in shown
        assert "rotate" not in shown

    @pytest.mark.parametrize("text", [
        "```html\n{}\n```", "`{}`", "see {}, please", "    {}", "const a = \"{}\";", "({})",
    ])  # fmt: skip
    @pytest.mark.parametrize("name", ["a.md", "a.txt", "a.rst"])
    def test_long_ones_go_wherever_they_stand(self, text: str, name: str) -> None:
        document = read(f"Before.\n\n{text.replace('{}', PICTURE)}\n\nAfter.\n", name)
        assert len(document.text) < 100
        assert document.text.startswith("Before.")
        assert document.text.endswith("After.\n")

    def test_lines_of_base64_go_together(self) -> None:
        head, _, bytes_ = PICTURE.partition(",")
        wrapped = "\n".join(bytes_[at : at + 76] for at in range(0, len(bytes_), 76))
        for text in ('<img src="{}">', "![x]({})", "[x]: <{}>", "{}"):
            shown = read(f"Before.\n\n{text.replace('{}', f'{head},{wrapped}')}\n\nAfter words.\n")
            assert shown.text.endswith("\n\nAfter words.\n")
            assert len(shown.text) < 120

    @pytest.mark.parametrize("text", [
        "A data URI begins with data:text/plain, and then comes the text.",
        "`data:text/plain;base64,SGVsbG8=` says Hello.",
        "data: [1, 2], and value=data",
        "[a link](https://example.org/data:x) and ![a picture](chart.png)",
        "[id]: https://example.org \"data\"",
    ])  # fmt: skip
    def test_what_a_text_says_about_them_stays(self, text: str) -> None:
        assert read(text).text == text

    @pytest.mark.parametrize("text", [
        "Words[^1].\n\n[^1]: {} and the note goes on.", "[^note]: The note shows {} as well.",
        "[fig]: {} is what the figure holds.", "> [fig]: {} is quoted.",
    ])  # fmt: skip
    def test_the_words_beside_a_file_in_a_footnote_stay(self, text: str) -> None:
        before, _, after = text.partition("{}")
        assert read(f"{text.replace('{}', PICTURE)}\nEnd.\n").text == f"{before}{after}\nEnd.\n"

    @pytest.mark.parametrize("parameters", [
        ";name=a%20chart.png", ";name=\"a, chart.png\"", ";filename*=UTF-8''chart.png",
        ";charset=utf-8", ";name=a chart.png", ";name=chart(1).png", ";utf8;name=x",
    ])  # fmt: skip
    @pytest.mark.parametrize("text", ["![chart]({})", "chart {} end", "chart\n\n[c]: <{}>"])
    def test_whatever_else_the_head_says(self, parameters: str, text: str) -> None:
        uri = PICTURE.replace(";base64", f"{parameters};base64")
        shown = read(text.replace("{}", uri) + "\n\nAfter.\n").text
        assert "chart" in shown
        assert len(shown) < 120

    def test_headings_are_found_after_what_is_gone(self) -> None:
        text = f"---\ntitle: T\n---\n![a]({PICTURE})\n\n# First\n\n[f]: {PICTURE}\n\n## Second\n"
        document = read(text)
        starts = [document.text[each.start :].split("\n")[0] for each in document.sections]
        assert starts == ["# First", "## Second"]

    def test_only_pictures(self) -> None:
        with pytest.raises(BadDocument, match="embedded files"):
            read(f"![]({PICTURE})")

    @pytest.mark.parametrize("text", [
        "![" * 100_000 + "data:", "](data:" * 100_000, "](data:image/png;base64," * 50_000,
        "<img src=\"data:x," * 50_000, "[a]: <data:x,\n" * 50_000, "url(data:," * 50_000,
        "[" * 100_000 + f"]({SMALL})", "data:;;;;" * 50_000, "data:a/b;c=d" * 50_000,
    ], ids=lambda text: text[:12])  # fmt: skip
    def test_it_takes_time_that_grows_with_the_text(self, text: str) -> None:
        read(f"x {text}")
