"""Paths by the names that people give them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.machine import paths


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """`current` leads to a folder two levels further down."""
    (tmp_path / "releases" / "1" / "docs").mkdir(parents=True)
    (tmp_path / "current").symlink_to("releases/1")
    return tmp_path


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("current/docs", "current/docs"),
        ("./current//docs/", "current/docs"),
        ("current/docs/../docs", "current/docs"),
        ("absent/../current", "current"),
        ("current/..", "current/.."),
        ("current/../../docs", "current/../../docs"),
        ("current/../1/../docs", "current/../docs"),
        ("releases/1/../../current/docs", "current/docs"),
    ],
)
def test_a_name_is_kept_and_means_what_it_means_to_the_system(
    tree: Path, written: str, expected: str
) -> None:
    found = paths.named(written, tree)
    assert str(found) == f"{tree}/{expected}"
    assert paths.named(found) == paths.named(f"{tree}/{written}") == found
    if "absent" not in written:
        assert os.path.realpath(found) == os.path.realpath(tree / written)


def test_nothing_leads_out_of_the_root() -> None:
    assert paths.named("/../../etc/..") == Path("/")


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_a_character_that_no_path_can_have(name: str) -> None:
    with pytest.raises(ValueError, match=r"null|surrogates"):
        paths.named(name)


class TestWorkingFolder:
    @pytest.fixture
    def entered(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tree / "current")
        return tree

    def test_is_called_as_it_was_entered(
        self, entered: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PWD", str(entered / "current"))
        assert paths.named("docs") == entered / "current" / "docs"
        assert paths.named("../docs") == entered / "current" / ".." / "docs"

    @pytest.mark.parametrize(
        "told", ["", "releases/1", "{tree}", "{tree}/absent", "{tree}/./current"]
    )
    def test_is_what_it_is_where_the_shell_tells_something_else(
        self, entered: Path, monkeypatch: pytest.MonkeyPatch, told: str
    ) -> None:
        monkeypatch.setenv("PWD", told.replace("{tree}", str(entered)))
        assert paths.named("docs") == Path(os.path.realpath(entered)) / "releases" / "1" / "docs"

    def test_is_what_it_is_once_the_link_is_flipped(
        self, entered: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PWD", str(entered / "current"))
        (entered / "current").unlink()
        (entered / "current").symlink_to("releases")
        assert paths.working_folder() == Path(os.path.realpath(entered)) / "releases" / "1"


def test_where_a_name_leads(tree: Path) -> None:
    assert paths.real(str(tree / "current" / "docs")) == os.path.realpath(tree / "releases/1/docs")
    assert paths.real("s3://bucket/../docs") == "s3://bucket/../docs"
