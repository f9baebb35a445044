"""Sections: where they start, and the headings they stand under."""

from __future__ import annotations

import cProfile
import tracemalloc

import pytest

from components.errors import BadDocument
from components.sources import extract
from components.sources.extract import markdown
from components.sources.extract.headings import LONGEST_TITLE


def paths(name: str, text: str) -> dict[str, str]:
    """Each section's path, by the line that it starts with."""
    document = extract.document(name, text.encode())
    starts = [section.start for section in document.sections]
    assert starts == sorted(starts)
    assert all(start < len(document.text) for start in starts)
    return {
        document.text[section.start :].split("\n", 1)[0]: section.path
        for section in document.sections
    }


class TestMarkdown:
    def test_levels_nest(self) -> None:
        text = "intro\n\n# A\n\n## B ##\ntext\n\n#### D\n\n## C\n\n# E\n\n### F\n"
        assert paths("a.md", text) == {
            "# A": "A",
            "## B ##": "A > B",
            "#### D": "A > B > D",
            "## C": "A > C",
            "# E": "E",
            "### F": "E > F",
        }

    def test_underlined_ones(self) -> None:
        text = "Two\nlines\n===\n\ntext\nmore\n---\n\n- item\n---\n\n---\n"
        assert paths("a.markdown", text) == {"Two": "Two lines", "text": "Two lines > text more"}

    def test_a_heading_must_stand_by_itself(self) -> None:
        text = (
            "---\nfront: matter\n# comment\n---\n\n"
            "```sh\n# fenced\n```\n\n~~~\n# other fence\n```\n~~~\n\n"
            "    # indented\n\n1. ```\n   # fenced in a list\n   ```\n\n> # quoted\n\n- # item\n\n"
            "<!--\n# comment\n-->\n\n#hashtag\n\n####### seven\n\n   ## Real #1 #\n#\n"
        )
        assert paths("a.md", text) == {"   ## Real #1 #": "Real #1"}

    def test_an_open_fence_goes_on_to_the_end(self) -> None:
        assert paths("a.md", "# A\n```\n# B\n") == {"# A": "A"}

    def test_offsets_follow_wide_characters_and_long_lines(self) -> None:
        long = "🎉 word " * 10_000
        text = f"{long}\r\n\r\n# Größe 🎉\r\n\r\n{long}\r\n\r\n## B\r\n"
        assert paths("a.md", text) == {"# Größe 🎉": "Größe 🎉", "## B": "Größe 🎉 > B"}

    def test_a_path_is_bounded(self) -> None:
        text = "".join(f"{'#' * level} {'word ' * 100_000}\n" for level in range(1, 7))
        document = extract.document("a.md", text.encode())
        assert len(document.sections) == 6
        assert max(len(each.path) for each in document.sections) < 6 * LONGEST_TITLE + 20

    def test_a_list_of_many_items_takes_little_memory(self) -> None:
        tracemalloc.start()
        found = markdown.headings("- a\n" * 20_000 + "\n# After\n")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [each.text for each in found] == ["After"]
        assert peak < 20_000 * 400, "a parser's tokens would take 1,800 bytes an item"

    def test_deep_nesting(self) -> None:
        deep = "".join(f"{'  ' * level}- a\n" for level in range(40))
        assert paths("a.md", f"{deep}\n\n# After\n") == {"# After": "After"}
        assert paths("a.md", f"{'>' * 40} x\n\n# After\n") == {"# After": "After"}
        for text in (">" * 50_000, "- " * 50_000, "[" * 50_000, "`" * 50_000):
            assert set(paths("a.md", f"# Before\n\n{text} x\n\n# After\n")) >= {"# Before"}

    def test_deep_quotes_cost_little(self) -> None:
        text = "> " * 500 + "\n" + "> a\n" * 2_000 + "\n# After\n"
        with cProfile.Profile() as profile:
            assert paths("a.md", text) == {"# After": "After"}
        calls = sum(each.callcount for each in profile.getstats())
        assert calls < 2_000 * 200, "each level of quotes is another look at every line"


class TestRst:
    def test_levels_are_styles_in_order_of_appearance(self) -> None:
        text = (
            "=====\nTitle\n=====\n\ntext\n\nPart\n====\nSub\n---\n\ntext\n\nDeep\n~~~~\n\n"
            "Part 2\n======\n\nSub 2\n-----\n"
        )
        assert paths("a.rst", text) == {
            "=====": "Title",
            "Part": "Title > Part",
            "Sub": "Title > Part > Sub",
            "Deep": "Title > Part > Sub > Deep",
            "Part 2": "Title > Part 2",
            "Sub 2": "Title > Part 2 > Sub 2",
        }

    def test_what_is_no_title(self) -> None:
        text = (
            "A paragraph\nof two lines\n------------\n\n----\n\n::\n\n   Code\n   ----\n\n"
            "too long for it\n---\n\n== ==\nab cd\n== ==\n\n+----+\n| ab |\n+----+\n\n"
            "Real\n====\n\nA longer title\n=======\n"
        )
        assert paths("a.rst", text) == {"Real": "Real", "A longer title": "A longer title"}

    def test_depth_is_bounded(self) -> None:
        text = "".join(f"Level {mark}\n{mark * 9}\n\n" for mark in "=-~^\"'+*#")
        document = extract.document("a.rst", text.encode())
        assert [each.path.count(" > ") for each in document.sections] == [0, 1, 2, 3, 4, 5, 5, 5, 5]


class TestHtml:
    def test_levels_nest_at_offsets_of_the_text(self) -> None:
        page = """<title>T</title><p>before</p><h1>A <i>one</i></h1><p>x<h3>C</h3>
            <pre>  kept  </pre><h2>B &amp; b</h2><ul><li>y</ul><h1><div>D</div></h1>z<h2> </h2>"""
        assert paths("a.html", page) == {
            "A one": "A one",
            "C": "A one > C",
            "B & b": "A one > B & b",
            "D": "D",
        }

    def test_in_a_table_a_section_starts_with_its_row(self) -> None:
        page = "<p>x<table><tr><td>side<td><h2>Main</h2>text</tr><tr><td>1<td>2</table><p>after"
        document = extract.document("a.html", page.encode())
        assert document.text == "x\nside | Main text\n1 | 2\nafter"
        assert [(each.start, each.path) for each in document.sections] == [(2, "Main")]

    def test_a_heading_of_several_lines_is_one_of_several_words(self) -> None:
        page = "<h1>One<br>two<div>three</div></h1>x"
        document = extract.document("a.html", page.encode())
        assert (document.title, document.text) == ("One two three", "One\ntwo\nthree\nx")
        assert [each.path for each in document.sections] == ["One two three"]

    def test_what_is_not_shown_is_no_heading(self) -> None:
        page = "<template><h1>no</h1></template><!-- <h1>no</h1> --><p>x"
        assert paths("a.html", page) == {}

    @pytest.mark.parametrize(
        "page", ["<h1>open", "<h1><h2>x</h1></h2>", "</h1>x</h2>", "<h1>x<p>y", "x<h1>|</h1>"]
    )
    def test_broken_pages(self, page: str) -> None:
        paths("a.html", page)


def test_formats_without_headings_have_no_sections() -> None:
    assert paths("a.txt", "# not a heading\n===\n") == {}
    with pytest.raises(BadDocument):
        extract.document("a.md", b"")
