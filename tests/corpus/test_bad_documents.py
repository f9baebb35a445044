"""One folder with every kind of bad document, and of good ones that look bad, on the command line.

Bad ones are named with the reason and skipped; the others are found, down to the last sentence of
one huge line; and the whole takes less than 2 GB of memory.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cli import call, clean
from tests.corpora import HASHING, Corpus, prose
from tests.sources.test_extract import pdf, rewritten

MOST_MEMORY = 2 * 10**9
"""Bytes that the refresh's processes may take together."""
PIPELINE = {
    **HASHING,
    "splitter": {"use": "sentences", "max_tokens": 512},
    "retriever": {"use": "sparse"},
}
_LOCKED = rewritten(pdf(["Nobody reads this."]), user_password="u", algorithm="AES-256")
_SEVERAL = pdf(["The first page."], ["The second page."])

BAD: Mapping[str, tuple[bytes, str]] = {
    "truncated.pdf": (_SEVERAL[: len(_SEVERAL) // 2], "not a PDF, or damaged or cut short"),
    "encrypted.pdf": (_LOCKED, "encrypted: a password is needed to read it"),
    "random.pdf": (random.Random(1).randbytes(5_000), "not a PDF, or damaged or cut short"),
    "random.txt": (random.Random(2).randbytes(5_000), "not text: it holds NUL bytes"),
    "no-pages.pdf": (rewritten(b""), "it has no pages"),
    "scanned.pdf": (pdf([], []), "no text on any of its 2 pages: scanned?"),
    "empty.md": (b"", "empty"),
    "blank.txt": (b" \r\n\t\n", "empty"),
    "no-text.html": (b"<title>only</title><p></p>", "no text in this HTML"),
}
SPECIAL = {
    "pipe.md": "not a regular file",
    "socket.md": "not a regular file",
    "endless.md": "not a regular file",
    "nothing.md": "a link to nothing",
}
UNREADABLE = "unreadable.md"
LINE = "one-line.txt"
GOOD: Mapping[bytes, tuple[bytes, str, str]] = {
    b"latin-1.txt": (
        "Très bon café crème. Où ça ? Le zébrule mange.".encode("latin-1"), "zébrule", "cp1252",
    ),
    b"utf-16.txt": ("Der Quittenbaum blüht.".encode("utf-16"), "Quittenbaum", "utf-16-le"),
    b"new\nline.md": (b"# Names\n\nA walnut escapement ticks.", "walnut escapement", ""),
    b"caf\xe9.md": (b"# Bytes\n\nThe periwinkle engine starts.", "periwinkle engine", ""),
    b"windows.txt": (b"First line.\r\nThe tamarind\r\nturbine spins.\r\n", "tamarind turbine", ""),
    b"hyphens.pdf": (
        pdf(["A zither-maker sings. The old zither-", "maker, too."]), "zither-maker", "",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Refreshed:
    """A corpus after its refresh, how that ended, and what it took."""

    corpus: Corpus
    code: int
    report: Any
    errors: str
    memory: int

    @property
    def failures(self) -> dict[str, str]:
        return {each["id"]: each["reason"] for each in self.report["failures"]}

    def first(self, query: str) -> Any:
        """The best hit."""
        done = call("search", self.corpus.file, query, "--json", "-k", "1")
        assert done.code == 0, done.err
        return done.json["hits"][0]


def held_back() -> list[str] | None:
    """What to start a process with so that permissions count; None where it cannot be done."""
    if os.geteuid() != 0:
        return []
    tool = shutil.which("setpriv")
    prefix = [tool or "", "--bounding-set=-dac_override,-dac_read_search"]
    if tool and subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode == 0:
        return prefix
    return None


LONG, LONGEST = 2_000_000, 50_000_000


@pytest.fixture(scope="module", params=[LONG, pytest.param(LONGEST, marks=pytest.mark.slow)])
def refreshed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Refreshed]:
    corpus = Corpus(tmp_path_factory.mktemp("bad"), PIPELINE)
    folder = corpus.documents
    files = {name: data for name, (data, _) in BAD.items()}
    files |= {os.fsdecode(name): data for name, (data, _, _) in GOOD.items()}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / LINE).write_text(long_line(request.param))
    (folder / UNREADABLE).write_text("Nobody may read this.")
    (folder / UNREADABLE).chmod(0)
    os.mkfifo(folder / "pipe.md")
    (folder / "endless.md").symlink_to("/dev/zero")
    (folder / "nothing.md").symlink_to(folder / "gone")
    with socket.socket(socket.AF_UNIX) as bound:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path may have 107 bytes
        try:
            bound.bind("socket.md")
        finally:
            os.chdir(here)
        yield refresh(corpus)


def long_line(length: int) -> str:
    words = [f"{a}{b}" for a in ("mill", "weir", "grain", "stone") for b in range(2_000)]
    chosen = random.Random(3).choices(words, k=length // 9)
    return " ".join(chosen).ljust(length, "x") + " The heliotrope governor turns."


def refresh(corpus: Corpus) -> Refreshed:
    """`millrace refresh` in a process of its own, its memory and its children's watched."""
    command = [sys.executable, "-m", "flows.cli", "refresh", str(corpus.file), "--json"]
    out, errors = corpus.folder / "out", corpus.folder / "errors"
    with out.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(
            [*(held_back() or []), *command, "--engine-only"],
            stdout=stdout, stderr=stderr, env=clean(),
        )  # fmt: skip
        memory = 0
        while process.poll() is None:
            memory = max(memory, taken(process.pid))
            time.sleep(0.02)
    report = json.loads(out.read_text())
    return Refreshed(corpus, process.returncode, report, errors.read_text(), memory)


def taken(pid: int) -> int:
    """Resident bytes of a process and all below it."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        own = psutil.Process(pid)
        for each in (own, *own.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss
    return total


class TestEveryKind:
    def test_some_failed_and_the_rest_is_served(self, refreshed: Refreshed) -> None:
        assert refreshed.code == 3
        assert "Traceback" not in refreshed.errors
        assert refreshed.report["promoted"] is True
        expected = {*BAD, *SPECIAL} | ({UNREADABLE} if held_back() is not None else set())
        assert set(refreshed.failures) == expected
        unread = held_back() is None
        assert refreshed.report["documents"] == len(GOOD) + 1 + unread

    def test_a_bad_document_is_named_with_its_reason(self, refreshed: Refreshed) -> None:
        reasons = {name: reason for name, (_, reason) in BAD.items()} | SPECIAL
        assert {name: refreshed.failures[name] for name in reasons} == reasons

    def test_a_file_that_may_not_be_read(self, refreshed: Refreshed) -> None:
        if held_back() is None:
            pytest.skip("root may read everything, and there is no setpriv to hold it back")
        assert refreshed.failures[UNREADABLE] == "cannot be read: Permission denied"

    @pytest.mark.parametrize("name", GOOD, ids=ascii)
    def test_a_good_one_is_found(self, refreshed: Refreshed, name: bytes) -> None:
        _, query, encoding = GOOD[name]
        hit = refreshed.first(query)
        assert (
            hit["document_id"]
            == name.decode("utf-8", "surrogateescape").encode("utf-8", "backslashreplace").decode()
        )
        assert hit["metadata"] == ({"encoding": encoding} if encoding else {})
        assert not set(hit["text"]) & set("\x02\r\ufffe")

    def test_the_end_of_a_huge_line_is_found(self, refreshed: Refreshed) -> None:
        hit = refreshed.first("heliotrope governor")
        assert hit["document_id"] == LINE
        assert hit["text"].endswith("The heliotrope governor turns.")
        assert hit["end"] == (refreshed.corpus.documents / LINE).stat().st_size

    def test_memory_is_bounded(self, refreshed: Refreshed) -> None:
        assert 10**8 < refreshed.memory < MOST_MEMORY


def test_two_documents_of_one_id_are_both_named(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, {**PIPELINE, "source": {"use": "archive", "path": "both.zip"}})
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as file:
        file.writestr("a.md", prose(1))
        file.writestr("b.md", prose(2))
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("a.md", prose(3))
    done = call("refresh", corpus.file, "--json", "--engine-only")
    assert (done.code, done.json["documents"]) == (3, 1)
    reason = "member 1 and member 3 have the same id"
    assert done.json["failures"] == [{"id": "a.md", "reason": reason}]
