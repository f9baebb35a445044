"""Which field a name means."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import BadOption
from components.fields import OURS, Fields, full_names, is_ours, plain

names = st.sampled_from(
    [
        *OURS,
        *(f"{kind}.{name}" for name, kind in OURS.items()),
        *("year", "metadata", "a.b", "", "document", "chunk", "document.", "metadata.x", "text"),
        *("metadata.page", "document.page"),
    ]
)
corpora = st.builds(
    lambda own, some: Fields.of([*(f"metadata.{name}" for name in own), *some]),
    st.frozensets(names),
    st.sampled_from([(), ("chunk.page", "chunk.last_page"), ("chunk.section",)]),
)


@given(names, corpora)
def test_a_field_of_the_documents_is_always_found_in_full(name: str, fields: Fields) -> None:
    if name in fields.own:
        assert fields.find(f"metadata.{name}") == f"metadata.{name}"
        assert fields.has(fields.find(f"metadata.{name}"))


@given(st.sampled_from(sorted(OURS)), corpora)
def test_a_field_of_millrace_is_always_found_in_full(name: str, fields: Fields) -> None:
    assert fields.find(f"{OURS[name]}.{name}") == name


@given(names, corpora)
def test_a_name_alone_is_whose_it_is_and_refused_where_it_is_both_s(
    name: str, fields: Fields
) -> None:
    if is_ours(name) or name.startswith("metadata."):
        return
    theirs, ours = name in fields.own, name in fields.ours
    if theirs and ours:
        with pytest.raises(BadOption) as caught:
            fields.find(name)
        for full in (f"metadata.{name}", f"{OURS[name]}.{name}"):
            assert full in str(caught.value)
    else:
        found = fields.find(name)
        assert found == (name if ours or (not theirs and name in OURS) else f"metadata.{name}")
        assert fields.has(found) == (theirs or ours)


@given(names, corpora)
def test_what_is_there_instead_is_told(name: str, fields: Fields) -> None:
    try:
        missing = not fields.has(fields.find(name))
    except BadOption:
        return
    if missing:
        assert fields.lacks(name).startswith(f"no document has the field {name!r}: ")


def test_a_field_called_as_a_name_in_full() -> None:
    fields = Fields.of(["metadata.metadata.x", "metadata.document.title"])
    assert fields.find("metadata.x") == "metadata.metadata.x"
    assert fields.find("metadata.metadata.x") == "metadata.metadata.x"
    assert fields.find("document.title") == "title"
    assert fields.find("metadata.document.title") == "metadata.document.title"
    both = Fields.of(["metadata.metadata.x", "metadata.x"])
    assert both.find("metadata.x") == both.find("x") == "metadata.x"


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("typed", ["NFC", "NFD"])
def test_a_name_is_met_in_either_form(stored: str, typed: str) -> None:
    held = unicodedata.normalize(stored, "größe")  # type: ignore[arg-type]
    asked = unicodedata.normalize(typed, "größe")  # type: ignore[arg-type]
    fields = Fields.of([f"metadata.{held}"])
    assert fields.find(asked) == fields.find(f"metadata.{asked}") == f"metadata.{held}"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Year", "did you mean 'year'?"),
        ("metadata.Year", "did you mean 'year'?"),
        ("yaer", "did you mean 'year'?"),
        ("metadata.title", "did you mean 'document.title'?"),
        ("chunk.page", "did you mean 'metadata.page'?"),
        ("author", "they have page, year"),
    ],
)
def test_what_may_have_been_meant(name: str, told: str) -> None:
    fields = Fields.of(["metadata.year", "metadata.page"])
    assert not fields.has(fields.find(name))
    assert fields.lacks(name) == f"no document has the field {name!r}: {told}"


def test_documents_without_any_field() -> None:
    fields = Fields.of([])
    assert fields.lacks("author").endswith("they have none of their own")
    assert not fields.has(fields.find("page"))
    assert fields.has(fields.find("title"))


def test_what_a_document_has_to_filter_by() -> None:
    metadata = {"b": 0, "a": "", "f": False, "none": None, "empty": [], "many": [None, 1]}
    assert full_names(metadata, paged=True, sections=False) == (
        "chunk.last_page",
        "chunk.page",
        "metadata.a",
        "metadata.b",
        "metadata.f",
        "metadata.many",
    )
    assert full_names({}, paged=False, sections=True) == ("chunk.section",)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("metadata.x", "x"), ("chunk.page", "page"), ("document.page", "document.page"), ("x", "x")],
)
def test_plain(name: str, expected: str) -> None:
    assert plain(name) == expected
