"""A source that cannot be listed, or a document that cannot be opened, for want of something that
the machine may have again: no mistake of the user's, and nothing about the document.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.errors import SourceUnavailable
from components.sources.archive import Archive
from components.sources.files import Files
from components.sources.financebench import FinanceBench
from components.sources.jsonl import JsonLines
from components.stages import Source

BROKEN = Path("/proc/self/mem")
"""A regular file whose first byte cannot be read: EIO."""


@contextmanager
def no_more_handles() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(not BROKEN.is_file(), reason="Linux has such a file")
@pytest.mark.parametrize("source", [JsonLines(path=BROKEN), Archive(path=BROKEN)])
def test_a_disk_that_fails(source: Source) -> None:
    with pytest.raises(SourceUnavailable, match="Input/output error") as caught:
        list(source.scan())
    assert caught.value.where == str(BROKEN)
    assert "run it again" in caught.value.hint


@pytest.mark.parametrize("kind", [Files, FinanceBench])
def test_a_folder_without_a_handle_for_it(tmp_path: Path, kind: type) -> None:
    (tmp_path / "pdfs").mkdir()
    source = kind(path=tmp_path)
    list(source.scan())
    with no_more_handles(), pytest.raises(SourceUnavailable, match="Too many open files"):
        list(source.scan())


@pytest.mark.parametrize("kind", [Files, FinanceBench])
def test_documents_without_handles_are_not_at_fault(tmp_path: Path, kind: type) -> None:
    (tmp_path / "pdfs").mkdir()
    (tmp_path / "pdfs" / "a.pdf").write_bytes(b"%PDF")
    source = kind(path=tmp_path)
    (ref,) = source.scan()
    with no_more_handles(), pytest.raises(SourceUnavailable, match="Too many open files") as caught:
        source.digest(ref)
    assert caught.value.where == str(tmp_path / "pdfs" / "a.pdf")
