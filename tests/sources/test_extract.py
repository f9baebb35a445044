from __future__ import annotations

import io
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from components.errors import BadDocument
from components.sources import extract
from components.sources.extract.headings import LONGEST_TITLE
from components.sources.storable import storable
from components.values import Document

WESTERN = "Don’t say “no” when the naïve director asks for 5 €."
RUSSIAN = "Все люди рождаются свободными и равными в своем достоинстве и правах."
POLISH = (
    "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni bracią."
)
JAPANESE = "すべての人間は、生まれながらにして自由であり、平等である。"


def pdf(*pages: list[str]) -> bytes:
    """A PDF with these lines on its pages."""
    file = io.BytesIO()
    canvas = Canvas(file)
    for lines in pages:
        for number, line in enumerate(lines):
            canvas.drawString(72, 800 - 14 * number, line)
        canvas.showPage()
    canvas.setTitle("A title that is not the file's")
    canvas.save()
    return file.getvalue()


def rewritten(data: bytes, **encryption: Any) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data))) if data else PdfWriter()
    if encryption:
        writer.encrypt(**encryption)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def read(name: str, data: bytes | str) -> Document:
    return extract.document(name, data.encode() if isinstance(data, str) else data)


class TestText:
    @pytest.mark.parametrize(("data", "text", "encoding"), [
        ("Grüße".encode(), "Grüße", ""),
        ("\ufeffGrüße".encode(), "Grüße", ""),
        ("Grüße".encode("utf-16"), "Grüße", "utf-16-le"),
        ("\ufeffGrüße 🎉".encode("utf-16-be"), "Grüße 🎉", "utf-16-be"),
        ("Grüße".encode("utf-32"), "Grüße", "utf-32-le"),
        ("Café crème".encode("latin-1"), "Café crème", "cp1252"),
        (b"It\x92s here", "It’s here", "cp1252"),
        (WESTERN.encode("cp1252"), WESTERN, "cp1252"),
        (RUSSIAN.encode("cp1251"), RUSSIAN, "cp1251"),
        (POLISH.encode("cp1250"), POLISH, "cp1250"),
        (JAPANESE.encode("shift-jis"), JAPANESE, "cp932"),
    ])  # fmt: skip
    def test_encodings(self, data: bytes, text: str, encoding: str) -> None:
        document = read("a.txt", data)
        assert document.text == text
        assert document.metadata == ({"encoding": encoding} if encoding else {})

    def test_line_ends(self) -> None:
        assert read("a.txt", "a\r\nb\rc\n\r\n").text == "a\nb\nc\n\n"
        assert read("a.txt", "a\r\nb".encode("utf-16")).text == "a\nb"

    @pytest.mark.parametrize(("data", "reason"), [
        (b"", "empty"),
        (b" \r\n\t ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\x7fELF\0\x01", "not text"),
        ("no mark".encode("utf-16-le"), "not text"),
        ("\ufeffa\0b".encode("utf-16-le"), "not text"),
        (b"\xff\xfea", "not text"),
        (b"\xff\xfe\x00\xd8a\x00", "not text"),
        (bytes(random.Random(1).choices(range(1, 256), k=5_000)), "not text"),
    ])  # fmt: skip
    def test_what_is_not_text(self, data: bytes, reason: str) -> None:
        with pytest.raises(BadDocument, match=reason):
            read("a.txt", data)

    def test_a_byte_that_the_likeliest_encoding_lacks(self) -> None:
        data = "Très bon café. ".encode("latin-1") * 5_000 + b"\x81"
        assert read("a.txt", data).text.startswith("Très bon café. ")

    def test_one_line_of_fifty_megabytes_in_bounded_time(self) -> None:
        began = time.process_time()
        document = read("a.md", b"# " + b"word " * 10_000_000 + "café".encode("latin-1"))
        assert time.process_time() - began < 10
        assert document.text.endswith("word café")
        assert len(document.title) <= LONGEST_TITLE

    @pytest.mark.parametrize(("name", "text", "title"), [
        ("x/a.md", "intro\n# The *title* #\n## Next", "The *title*"),
        ("a.MD", "---\nauthor: x\n# comment\n---\n\n## Second level first", "Second level first"),
        ("a.md", "```sh\n# comment\n```\n# Real", "Real"),
        ("a.md", "Underlined\n===\n# Later", "Underlined"),
        ("a.md", "---\n# After a rule", "After a rule"),
        ("a.md", "#hashtag", "a"),
        ("a.b.markdown", "no heading", "a.b"),
        ("a.rst", ".. _label:\n\n=====\nTitle\n=====\n\nSub\n---\n", "Title"),
        ("a.rst", "text\n\n  Sub title\n~~~~~~~~~~~~\n", "Sub title"),
        ("a.rst", "too long for it\n---\n", "a"),
        ("a.txt", "# not a heading", "a"),
        ("folder.d/README", "# not a heading", "README"),
    ])  # fmt: skip
    def test_titles(self, name: str, text: str, title: str) -> None:
        assert read(name, text).title == title

    def test_surrogates(self) -> None:
        assert storable("a\ud83c\udf89\ud800b") == "a🎉\ufffdb"


class TestHtml:
    def test_blocks_lines_and_spaces(self) -> None:
        page = """<!DOCTYPE html><html><head><title> The
            title </title><style>p {}</style><meta name=a content=b></head><body>
            <script>if (a < b) "<p>"</script><template><p>no</p></template><!-- no -->
            <h1>Head</h1>one <b>bold</b>&nbsp;word<br>two<ul><li>x<li>y &amp; z</ul>
            <div>out<div>in</div>out</div></body></html>"""
        document = read("a.html", page)
        assert document.text == "Head\none bold word\ntwo\nx\ny & z\nout\nin\nout"
        assert document.title == "The title"
        assert document.metadata == {}

    def test_pre_is_kept(self) -> None:
        text = read("a.htm", "<p>x<pre>\ndef f():\n    return <b>1</b>\n\n# end </pre>y").text
        assert text == "x\ndef f():\n    return 1\n\n# end\ny"

    def test_tables(self) -> None:
        page = """<table><caption>C</caption><tr><th>a</th><th>b</th></tr>
            <tr><td><p>1</p><p>one</p></td><td></td><td>3<br>three</td></tr>
            <tr><td>in <table><tr><td>x<td>y</table> out</td></tr><tr><td></td></tr></table>after"""
        assert read("a.html", page).text.split("\n") == [
            "C", "a | b", "1 one | | 3 three", "in", "x | y", "out", "after",
        ]  # fmt: skip

    @pytest.mark.parametrize(("page", "title"), [
        ("<title></title><h1>First <i>one</i></h1><h1>Second</h1>", "First one"),
        ("<p>text", "a"),
        ("<title>T</title><svg><title>icon</title></svg><p>x", "T"),
    ])  # fmt: skip
    def test_titles(self, page: str, title: str) -> None:
        assert read("a.html", page).title == title

    @pytest.mark.parametrize(("data", "encoding"), [
        ("<p>Grüße".encode(), ""),
        ("\ufeff<p>Grüße".encode(), ""),
        ("<meta charset=iso-8859-1><p>Grüße".encode("latin-1"), "cp1252"),
        ("<META content='text/html; charset=Windows-1252'><p>Grüße".encode("cp1252"), "cp1252"),
        ("<?xml encoding='iso-8859-15'?><p>Grüße".encode("iso-8859-15"), "iso8859-15"),
        ("<meta charset=utf-16><p>Grüße".encode(), ""),
        ("<meta charset=no-such-thing><p>Grüße".encode(), ""),
        ("<meta charset=rot13><p>Grüße".encode(), ""),
        ("<meta charset=utf-8><p>Grüße".encode("cp1252"), "cp1252"),
        ("<p>Grüße".encode("utf-16"), "utf-16-le"),
    ])  # fmt: skip
    def test_encodings(self, data: bytes, encoding: str) -> None:
        document = read("a.html", data)
        assert document.text == "Grüße"
        assert document.metadata == ({"encoding": encoding} if encoding else {})

    @pytest.mark.parametrize("page", [
        "<p>x</b></div></table><", "<<<<p>x", "x<!-- open", "<p x='y>x</p>'>x", "x</html>y<html>z",
        "<table><td>x", "<td>x</tr></tr></table>", "</pre></pre>x", "x&#xD800;&#0;&nope;",
        "<p>x\ufffe",
    ])  # fmt: skip
    def test_broken_pages_are_read(self, page: str) -> None:
        document = read("a.html", page)
        assert "x" in document.text
        document.text.encode()

    @pytest.mark.parametrize(
        "page", ["<p></p>", "<!-- x -->", "<title>only</title>", " \n", "<td> <td>"]
    )
    def test_pages_without_text(self, page: str) -> None:
        with pytest.raises(BadDocument, match=r"empty|no text"):
            read("a.html", page)

    def test_depth_and_length_are_no_matter(self) -> None:
        for page in (
            "<div>" * 100_000,
            "<table><tr><td>" * 20_000,
            "<pre>" * 50_000,
            "word " * 3_000_000,
        ):
            assert read("a.html", page + "end").text.endswith("end")


class TestPdf:
    def test_pages(self) -> None:
        document = read("x/report.final.pdf", pdf(["one", "line two"], [], ["three"], []))
        assert document.text == "one\nline two\n\nthree\n\n"
        assert document.page_starts == (0, 13, 14, 20)
        assert document.title == "report.final"
        assert document.metadata == {}

    def test_hyphens_at_line_ends(self) -> None:
        assert read("a.pdf", pdf(["a year-", "on-year change"])).text == "a year-on-year change\n"

    def test_a_rewrite_of_the_same_text_is_the_same_document(self) -> None:
        data = pdf(["one - two", "three"], ["four"])
        assert rewritten(data) != data
        assert read("a.pdf", rewritten(data)) == read("a.pdf", data)

    def test_an_owner_password_does_not_matter(self) -> None:
        data = rewritten(pdf(["one"]), user_password="", owner_password="o", algorithm="AES-256")
        assert read("a.pdf", data).text == "one\n"

    @pytest.mark.parametrize(("data", "reason"), [
        (b"random" * 100, "damaged"),
        (pdf(["one"])[:-300], "damaged"),
        (pdf(["one"])[:500], "damaged"),
        (pdf(["one"], ["two"]).replace(b"/Count 2", b"/Count 9"), "damaged: page 3 of"),
        (rewritten(pdf(["one"]), user_password="u", algorithm="AES-256"), "encrypted: a password"),
        (rewritten(pdf(["one"]), user_password="u", algorithm="RC4-128"), "encrypted: a password"),
        (rewritten(b""), "no pages"),
        (pdf([], []), r"no text on any of its 2 pages: scanned\?"),
    ], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
    def test_verdicts(self, data: bytes, reason: str) -> None:
        with pytest.raises(BadDocument, match=reason):
            read("a.pdf", data)

    def test_threads_take_turns(self) -> None:
        files = [pdf([f"number {n}"] * 20, [str(n)]) for n in range(8)]
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda data: read("a.pdf", data).text, files * 4))
        assert found == [f"number {n}\n" * 20 + f"{n}\n" for n in range(8)] * 4

    def test_controls_and_surrogates(self) -> None:
        from components.sources.extract import pdf as module

        assert (
            module._clean("a\x02b\ufffec\r\nd\re\x00f\tg\x85h\x0c") == "a\x02b\x02c\nd\ne f\tg h "
        )
