"""HTML against Chromium, which showed the pages once, and html5lib, which builds the same trees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import html5lib
import pytest
import webencodings
from html5lib.filters import optionaltags
from hypothesis import given, settings
from hypothesis import strategies as st
from webencodings.labels import LABELS

from components.errors import BadDocument
from components.sources import extract, patterns
from components.sources.extract.elements import LEFT_OUT
from components.values import Document

PAGES = sorted((Path(__file__).parent / "pages").glob("*.html"))

ROW = "a row of a table is one line"
BOX = "what stands beside a picture, a field or a formula is another word"
OPENED = "what a reader can open, find or choose is read"
FIELD = "what stands in a field, or beside its choices, is shown; innerText does not look there"
BAR = "what stands for a bar, an object or a frame says in words what it shows"

DIFFERENT = {
    "buttons-in-a-row": (BOX, "Save Cancel or Quit now"),
    "cell-words": (ROW, "a | b\nc | | d e"),
    "cjk-lines": (
        "by CSS a line end between such characters is no space; Chromium makes one of it",
        "すべての人間は、生まれながらにして自由であり、平等である。\n"
        "中文段落换行 and English 混合 ok\n한국어 문장",
    ),
    "details": (OPENED, "Question\nClosed answer.\nSecond\nOpen answer."),
    "dialog-and-popover": (OPENED, "closed dialog\nopen dialog\npopover\nOpen"),
    "fieldset-legend-output": (BAR, "Address\nStreet12 high half"),
    "headings-in-a-table": (ROW, "menu | Main text Sub more"),
    "hidden": (OPENED, "shown\nfound by searching\nLinux Windows\nmake\nnmake\nend"),
    "iframe": (BAR, "a\nframed\nbc"),
    "inputs": (FIELD, "Name Ada Lovelace agree Send"),
    "line-breaks-in-cells": (ROW, "Line one | two three | x y"),
    "math": (
        "a formula in its line, its letters as they were written",
        "Let x = 1 2 be. E and text in math",
    ),
    "media-fallback": (BAR, "a b c Drawn chart d object text e"),
    "object-nested": (BOX, "outer inner end"),
    "options-alone": (FIELD, "a\nb\nc\nd\ne"),
    "pictures": (BOX, "before after\nFigure 1"),
    "ruby": (
        "readings follow their word, which stays whole",
        "漢字(かんじ)を読む。東京(とうきょう)",
    ),
    "select": (FIELD, "Size\nS\nM\nLarge\nL\nXL\nend"),
    "style-display-none": ("style sheets are not read", "shown\nby style\nend"),
    "table-cells-with-blocks": (ROW, "one two | x y"),
    "textarea": (FIELD, "Note:\nfirst line\nsecond <line\nend"),
    "word-break-hints": (
        "a soft hyphen is no part of its word",
        "Donaudampfschiff and supercalifragilistic and std::vector",
    ),
}
"""Pages of which something else is read than Chromium's innerText, why, and what."""


def read(page: str | bytes) -> Document:
    return extract.document("a.html", page.encode() if isinstance(page, str) else page)


def shown(page: Path) -> tuple[str, str]:
    """Title and text as Chromium had them."""
    title, _, text = page.with_suffix(".txt").read_text(encoding="utf-8").partition("\n\n")
    return title, text


def lines(text: str) -> list[str]:
    """Lines with anything in them, and their words."""
    return [" ".join(line.replace("|", " ").split()) for line in text.split("\n") if line.strip()]


def named(pages: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=[page.stem for page in pages])


class TestChromium:
    def test_there_are_enough_pages(self) -> None:
        assert len(PAGES) >= 100
        assert {page.stem for page in PAGES} >= set(DIFFERENT)

    @named([page for page in PAGES if shown(page)[1] and page.stem not in DIFFERENT])
    def test_what_it_shows_is_read_line_by_line(self, page: Path) -> None:
        assert lines(read(page.read_bytes()).text) == lines(shown(page)[1])

    @named([page for page in PAGES if page.stem in DIFFERENT])
    def test_where_we_differ(self, page: Path) -> None:
        _, expected = DIFFERENT[page.stem]
        assert read(page.read_bytes()).text == expected
        assert lines(expected) != lines(shown(page)[1]), "no difference any more"

    @named([page for page in PAGES if shown(page)[0] and shown(page)[1]])
    def test_its_title_is_the_title(self, page: Path) -> None:
        assert read(page.read_bytes()).title == shown(page)[0]

    @named([page for page in PAGES if not shown(page)[1]])
    def test_a_page_that_shows_nothing_has_no_text(self, page: Path) -> None:
        with pytest.raises(BadDocument, match="no text in this HTML"):
            read(page.read_bytes())


WORDS = st.integers(0, 99).map("w{}".format)
INLINE = st.sampled_from(["b", "i", "a", "span", "em", "code", "x-term"])
BLOCK = st.sampled_from(
    ["div", "section", "article", "main", "nav", "aside", "x-card", "blockquote"]
)


def element(tag: str, content: str) -> str:
    return f"<{tag}>{content}</{tag}>"


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Words, some of them in inline elements, some glued to their neighbours."""
    parts = draw(
        st.lists(st.tuples(WORDS, st.none() | INLINE, st.sampled_from(["", " "])), max_size=4)
    )
    return "".join((element(tag, word) if tag else word) + gap for word, tag, gap in parts)


def items(tag: str, content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Several of an element."""
    return st.lists(content, min_size=1, max_size=3).map(
        lambda parts: "".join(element(tag, part) for part in parts)
    )


def blocks(flow: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Blocks, most of which end without an end tag."""
    rows = items("tr", st.one_of(items("td", flow), items("th", texts())))
    return st.one_of(
        st.tuples(BLOCK, flow).map(lambda pair: element(*pair)),
        items("p", texts()),
        items("li", flow).map(lambda inner: element("ul", inner)),
        st.tuples(items("dt", texts()), items("dd", flow)).map(
            lambda pair: element("dl", "".join(pair))
        ),
        st.tuples(rows, rows, texts()).map(
            lambda parts: (
                f"<table><caption>{parts[2]}</caption><thead>{parts[0]}</thead>"
                f"<tbody>{parts[1]}</tbody></table>"
            )
        ),
        items("option", WORDS).map(lambda inner: element("select", inner)),
    )


FLOW = st.recursive(
    texts(), lambda flow: st.lists(blocks(flow), min_size=1, max_size=3).map("".join), max_leaves=8
)


@st.composite
def pages(draw: st.DrawFn) -> str:
    """A whole page with every tag written out, that shows something."""
    body = draw(FLOW) + element("p", "end")
    return f"<!DOCTYPE html><html><head><title>Title</title></head><body>{body}</body></html>"


class SomeTagsLeftOut(optionaltags.Filter):  # type: ignore[misc, unused-ignore]
    """Leaves out the tags that the standard allows to leave out, most of them."""

    def __init__(self, source: Any, chance: Random) -> None:
        super().__init__(source)
        self._chance = chance

    def is_optional_start(self, *given: Any) -> bool:
        return bool(super().is_optional_start(*given)) and self._chance.random() < 0.7

    def is_optional_end(self, *given: Any) -> bool:
        return bool(super().is_optional_end(*given)) and self._chance.random() < 0.7


def written(page: str, chance: Random) -> str:
    """The page as html5lib writes its tree, without most of what may be left out."""
    tokens: Iterator[Any] = html5lib.getTreeWalker("etree")(html5lib.parse(page))
    writer = html5lib.serializer.HTMLSerializer(omit_optional_tags=False)
    return str(writer.render(SomeTagsLeftOut(tokens, chance)))


TAGS = (
    "html head body title p div b i a nobr font table tbody tr td th caption ul li dd dt h1 h2 form"
    " button pre br hr img input center main section x-foo span"
)
SOUP = st.lists(
    st.one_of(
        WORDS,
        st.sampled_from(TAGS.split()).flatmap(
            lambda tag: st.sampled_from([f"<{tag}>", f"</{tag}>"])
        ),
        st.sampled_from([" ", "\n", "<!-- c -->", "<!DOCTYPE html>", "&amp;"]),
    ),
    max_size=30,
).map("".join)


class TestHtml5lib:
    @settings(max_examples=50, deadline=None)
    @given(pages(), st.integers(0, 2**32))
    def test_optional_tags_do_not_matter(self, page: str, seed: int) -> None:
        assert read(written(page, Random(seed))) == read(page)

    @settings(deadline=None)
    @given(SOUP)
    def test_no_word_of_tag_soup_is_lost(self, soup: str) -> None:
        tree: ElementTree.Element = html5lib.parse(soup, namespaceHTMLElements=False)
        for title in tree.iter("title"):
            title.text = None
        expected = re.findall(r"w\d+", "".join(tree.itertext()))
        try:
            found = re.findall(r"w\d+", read(soup).text)
        except BadDocument:
            found = []
        assert found == expected


class TestWords:
    @pytest.mark.parametrize(("page", "text"), [
        ("<b>a</b>b", "ab"),
        ("<td>a<td>b", "ab"),  # no table, no cells: the standard ignores the tags
        ("<table><td>a<td>b", "a | b"),
        ("a<br>b", "a\nb"),
        ("a&nbsp;b", "a b"),
        ("Donau&shy;dampf", "Donaudampf"),
        ("super<wbr>cali", "supercali"),
        ("a<img>b<input>c<button>d</button>e", "a b c d e"),
        ("<pre>a<br>b<br><br>c<div>d</div>e</pre>", "a\nb\n\nc\nd\ne"),
        ("<ruby>a<rt>b</ruby> <rt>c</rt>d", "a(b) cd"),
        ("<p hidden>a</p><p hidden=HIDDEN>b</p><p hidden=Until-Found>c", "c"),
        ("<math><mi>a</mi><annotation>b</annotation></math><annotation>c</annotation>", "a c"),
        ("<p>|<table><tr><td><td></tr><tr><td>|<td></table><h2>||</h2>", "|\n| |\n||"),
        ("<title>T&shy;t</title><h1>Do&shy;nau</h1>", "Donau"),
        ("<iframe srcdoc='<title>T</title><p>a<iframe srcdoc=b></iframe>'></iframe>", "a\nb"),
        ("<div><template shadowrootmode=closed>a<p><slot>c</slot></template>b</div>", "a\nb"),
        ("notice<sup>1</sup> of 10<sup>6</sup> m<sup>2</sup>", "notice¹ of 10⁶ m2"),
        ("<h2>notice <sup><a href=#n>1, 2</a></sup></h2>", "notice 1, 2"),
        ("notice<sup><a>1, 2</a></sup>, the 5<sup>th</sup>", "notice¹, ², the 5th"),
        ("<select><option label=a>b</option><option label=c></option></select>", "a\nb\nc"),
        ("<body hidden>a", None),
    ])  # fmt: skip
    def test_they_are_neither_glued_nor_split(self, page: str, text: str | None) -> None:
        if text is None:
            with pytest.raises(BadDocument, match="no text in this HTML"):
                read(page)
        else:
            assert read(page).text == text

    def test_readings_follow_the_heading_too(self) -> None:
        document = read("<h1><ruby>漢<rt>かん</rt>字<rt>じ</rt></ruby></h1><p>x")
        assert document.sections[0].path == document.title == "漢字(かんじ)"


class TestTitles:
    @pytest.mark.parametrize(("page", "title"), [
        ("<svg><title>icon</title></svg><p>x", "a"),
        ("<template><title>no</title></template><p>x", "a"),
        ("<iframe srcdoc='<title>framed</title>y'></iframe><h1>H</h1>", "H"),
        ("<title> </title><p>x<title>Late</title>", "Late"),
        ("<title>One <b>two</title><p>x", "One <b>two"),
    ])  # fmt: skip
    def test_a_title_is_the_pages_own(self, page: str, title: str) -> None:
        assert read(page).title == title


def of_text(label: str) -> bool:
    """Whether it names an encoding, not a trap for pages that nobody should read."""
    return webencodings.lookup(label).name not in ("replacement", "x-user-defined")


class TestEncodings:
    @pytest.mark.parametrize("label", [each for each in sorted(LABELS) if of_text(each)])
    def test_labels_mean_what_they_mean_to_browsers(self, label: str) -> None:
        encoding = webencodings.lookup(label)
        letter = next(x for x in "ÄДάאبĀあ가漢ก" if encoding.codec_info.encode(x, "ignore")[0])
        utf_16 = encoding.name.startswith("utf-16")  # which a claim written in ASCII cannot mean
        letters = letter.encode() if utf_16 else encoding.codec_info.encode(letter)[0]
        assert read(b"<meta charset=%b><p>%b" % (label.encode(), letters)).text == letter

    @pytest.mark.parametrize(("encoding", "broken", "words"), [
        ("utf-8", b"\xe4", "Größe und Übermut, Bücher über Käse. "),
        ("utf-8", b"\xe3\x81", "日本語の文章です。"),
        ("shift_jis", b"\x81", "日本語の文章です。"),
        ("windows-1251", b"\x98", "Все люди. "),
    ])  # fmt: skip
    def test_a_broken_byte_is_one_broken_character(
        self, encoding: str, broken: bytes, words: str
    ) -> None:
        half = (10 * words).encode(encoding)
        page = b"<meta charset=%b><p>%b%b<p>%b" % (encoding.encode(), half, broken, half)
        text = (10 * words).strip()
        assert read(page).text == f"{10 * words}\ufffd\n{text}"

    def test_a_claim_that_does_not_fit_is_not_believed(self) -> None:
        page = "<meta charset=utf-8><p>Größe und Übermut, Bücher über Käse".encode("cp1252")
        assert read(page).text == "Größe und Übermut, Bücher über Käse"

    @pytest.mark.parametrize("head", [
        '<meta name=description content="what charset=koi8-r means">',
        "<meta content='text/html; charset=koi8-r'>",
        "<meta charset=klingon>",
        '<meta property="og:title" content="a > b charset=koi8-r">',
        "<meta data-charset=koi8-r name=x>",
    ])  # fmt: skip
    def test_what_only_speaks_of_an_encoding_names_none(self, head: str) -> None:
        assert read(f"{head}<meta charset=utf-8><p>Grüße aus Köln").text == "Grüße aus Köln"
        page = f"{head}<meta charset=windows-1251><p>Все люди".encode("cp1251")
        assert read(page).text == "Все люди"

    @pytest.mark.parametrize("head", [
        "<meta http-equiv=Content-Type content='text/html;charset=windows-1251'>",
        "<META content=\"text/html; charset = 'windows-1251'\" HTTP-EQUIV=content-type />",
        "<meta\ncharset\n=\n'windows-1251'\n>",
        "<meta charset=windows-1251/>",
        "<?xml version='1.0' encoding='windows-1251'?>",
    ])  # fmt: skip
    def test_ways_to_name_one(self, head: str) -> None:
        assert read(f"{head}<p>Все люди".encode("cp1251")).text == "Все люди"

    @pytest.mark.parametrize("before", [
        f"<!-- {'long ' * 1_500} -->",
        f"<script>{'let a = 1;' * 700}</script>",
        f"<style>{'a { b: c }' * 700}</style>",
        "<!--[if !IE]><!-->",
        "<!-- <!-- -->",
    ], ids=lambda before: before[:12])  # fmt: skip
    def test_a_claim_may_come_late(self, before: str) -> None:
        page = f"{before}<meta charset=windows-1251><p>Все люди рождаются свободными"
        assert read(page.encode("cp1251")).text.endswith("Все люди рождаются свободными")

    @pytest.mark.parametrize("claim", ["iso-8859-1", "windows-1251", "gbk", "shift_jis", "big5"])
    def test_text_that_can_only_be_utf_8_is(self, claim: str) -> None:
        """It was converted, and what it claims stayed."""
        document = read(f"<meta charset={claim}><p>Größe, Übermut und 水車小屋")
        assert document.text == "Größe, Übermut und 水車小屋"
        assert document.metadata == {}

    @pytest.mark.parametrize(("encoding", "words"), [
        ("iso2022_jp", "漢字かな交じり文の文章です。"),
        ("iso2022_jp_ext", "ﾊﾝｶｸと全角"),
        ("iso2022_kr", "이것은 한국어 문서입니다."),
    ])  # fmt: skip
    @pytest.mark.parametrize("suffix", ["html", "txt", "md"])
    def test_what_looks_like_ascii_and_shifts(self, encoding: str, words: str, suffix: str) -> None:
        document = extract.document(f"a.{suffix}", f"ABC {words} abc".encode(encoding))
        assert document.text == f"ABC {words} abc"
        assert extract.document("a.txt", b"\x1b[1mbold\x1b(B\x1b[m").text.startswith("\x1b[1m")

    def test_a_claim_in_a_comment_is_none(self) -> None:
        page = "<!-- <meta charset=koi8-r> --><meta charset=utf-8><p>Grüße"
        assert read(page).metadata == {}


class TestXhtml:
    """What a browser reads as XML."""

    @pytest.mark.parametrize("suffix", ["xhtml", "XHT"])
    @pytest.mark.parametrize(("body", "text"), [
        ("<p><![CDATA[a < b & c]]></p>", "a < b & c"),
        ("<p>a<![CDATA[]]>b<![CDATA[</p>]]>c</p>", "ab</p>c"),
        ("<script src='x'/><p>a</p>", "a"),
        ("<textarea/><iframe src='a>b'/><p>a</p>", "a"),
        ("<p>a<br/>b<br />c</p><hr/><div/>d", "a\nb\nc\nd"),
        ("<p>a<b/>b&nbsp;&eacute;&#233;</p>", "ab éé"),
        ("<script><![CDATA[ if (a < b) x('</script>') ]]></script><p>a</p>", "a"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><g/><text>a</text></svg>", "a"),
        ("<p>a</p><p>b", "a\nb"),
    ])  # fmt: skip
    def test_it_is_read(self, body: str, text: str, suffix: str) -> None:
        page = f"""<?xml version='1.0' encoding='utf-8'?>
            <!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN' 'x.dtd'>
            <html xmlns='http://www.w3.org/1999/xhtml'><head><title/></head>
            <body>{body}</body></html>"""
        document = extract.document(f"page.{suffix}", page.encode())
        assert document.text == text
        assert document.title == "page"

    def test_sources_list_it(self) -> None:
        chosen = patterns.Chosen(patterns.INCLUDE, ())
        assert all(map(chosen.takes, ["a.xhtml", "b/c.XHT", "OEBPS/d.html"]))


class TestHostilePages:
    @pytest.mark.parametrize("page", [
        "<div>" * 100_000,
        "<ul><li>" * 50_000,
        "<b>" * 100_000,
        "".join(f"<b {at}>" for at in range(4_000)) + "<p>" * 4_000,
        "".join(f"<b {at}><i {at}>" for at in range(4_000)) + "x</b>" * 4_000,
        "<table><i>" * 20_000,
        "<form><div></form>" * 30_000,
        "<svg><g>" * 50_000,
        "<template>" * 20_000 + "</template>" * 20_000,
        "<p " + " ".join(f"a{at}=1" for at in range(100_000)) + ">",
        "<div><template shadowrootmode=open>" * 2_000 + "</template></div>" * 2_000,
        "<!--" * 100_000 + "-->",
        "<meta content=\"" * 20_000 + "\">",
        "<meta " + "a='" * 20_000 + "'>",
        "<?xml " * 20_000 + "?>",
        "&amp" * 500_000,
    ], ids=lambda page: page[:24])  # fmt: skip
    def test_they_are_read_to_their_end(self, page: str) -> None:
        assert read(page + "end").text.endswith("end")


def test_what_is_left_out_is_said_in_the_documentation() -> None:
    told = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    section = told.split("## HTML\n")[1].split("\n## ")[0]
    missing = {name for name in LEFT_OUT if f"`{name.split(' ')[-1]}`" not in section}
    assert not missing
