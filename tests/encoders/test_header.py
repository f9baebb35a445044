from __future__ import annotations

from typing import Any

import pytest

from components.encoders.header import Header, field_of
from components.encoders.late import Late
from components.encoders.naive import Naive
from components.errors import BadOption
from components.registry import build, resolve
from components.values import Document

DOCUMENT = Document(
    id="d1",
    text="Flour",
    title="A {mill}",
    metadata={"year": 1831, "tags": ["water", "wheel"], "draft": False},
)


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("", ""),
        ("{title}", "A {mill}"),
        ("{title} ({year})", "A {mill} (1831)"),
        ("  {id}: {title}\n", "d1: A {mill}"),
        ("{{{id}}}", "{d1}"),
        ("{draft}", "False"),
        ("by {author}", ""),
        ("{title} by {author}", "A {mill} by"),
    ],
)
def test_rendered(template: str, line: str) -> None:
    assert Header(template).render(DOCUMENT) == line


def test_the_fields_that_it_reads() -> None:
    assert Header("{title} {year} {title} {{no}}").fields == {"title", "year"}
    assert Header("").fields == frozenset()


def test_fields_of_a_document() -> None:
    assert field_of(DOCUMENT, "id") == "d1"
    assert field_of(DOCUMENT, "year") == "1831"
    assert "wheel" in field_of(DOCUMENT, "tags")
    assert field_of(DOCUMENT, "author") == ""


@pytest.mark.parametrize(
    "template", ["{", "}", "{}", "{0}", "{title.x}", "{title[0]}", "{title!r}", "{year:>10}"]
)
def test_anything_but_plain_names_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Header(template)
    for use in ("naive", "late", "hashing"):
        with pytest.raises(BadOption):
            build("encoder", resolve("encoder", use, {"header": template}))


@pytest.mark.parametrize("use", [Naive, Late])
def test_encoders_report_the_fields_of_their_header(use: Any) -> None:
    assert use(header="{title} {source}").fields == {"title", "source"}
    assert use().fields == frozenset()
