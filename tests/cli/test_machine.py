"""What the machine refuses is one line with a place and a remedy, and nothing stored is lost."""

from __future__ import annotations

import builtins
import errno
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path

import pytest

from components.corpus import run
from components.errors import DiskFull
from components.machine.system import shortage, telling
from flows.cli import cli
from flows.commands import register
from flows.failures import guarded
from tests.answering.data import data, gold, recorded
from tests.cli import call
from tests.cli.test_errors import raising
from tests.compare.data import beir, pipeline
from tests.corpora import HASHING, Corpus
from tests.corpus.test_promotion import INTERRUPTED

FULL = Path("/dev/full")
"""What is written to it finds no space."""
REFUSALS = [
    (errno.ENOSPC, "DiskFull", "free some space"),
    (errno.EDQUOT, "DiskFull", "free some space"),
    (errno.EROFS, "MillraceError", "may this user"),
    (errno.EACCES, "MillraceError", "may this user"),
    (errno.EMFILE, "Unavailable", "run it again"),
    (errno.ENOMEM, "Unavailable", "run it again"),
    (errno.EAGAIN, "Unavailable", "run it again"),
    (errno.ENOTCONN, "Unavailable", "run it again"),
]
MORE_THAN_THERE_ARE = 2**46
"""Addresses: no thread gets such a stack."""
needs_full = pytest.mark.skipif(not FULL.exists(), reason="Linux has such a device")


def refuse(patch: pytest.MonkeyPatch, call: str, number: int, module: object = os) -> None:
    """Have a call of the system fail."""

    def failing(*given: object, **named: object) -> None:
        raise OSError(number, os.strerror(number))

    patch.setattr(module, call, failing)


@contextmanager
def stacks_of(size: int) -> Iterator[None]:
    """Threads are begun with so many bytes of stack; 0: with the usual ones."""
    before = threading.stack_size(size)
    try:
        yield
    finally:
        threading.stack_size(before)


@pytest.mark.parametrize(("number", "kind", "hint"), REFUSALS)
def test_it_is_told_by_its_number(tmp_path: Path, number: int, kind: str, hint: str) -> None:
    done = call(
        *("refresh", raising(tmp_path, f"OSError({number}, 'any words', '/a/place')")),
        *("--engine-only", "--json"),
    )
    assert done.code == 1
    assert done.message.startswith(f"/a/place: {os.strerror(number)} (")
    assert done.json["error"]["kind"] == kind
    assert hint in done.json["error"]["hint"]


def test_what_the_error_says_itself_is_told_too(tmp_path: Path) -> None:
    done = call("refresh", raising(tmp_path, "OSError(28, 'writing the plan')"), "--engine-only")
    assert os.strerror(errno.ENOSPC) in done.message
    assert "writing the plan" in done.message


@pytest.mark.parametrize(
    ("error", "place"),
    [
        ("OSError(28, 'any', b'/a/b')", "/a/b"),
        ("OSError(28, 'any', 7)", ""),
        ("OSError(28, 'any', 0)", ""),
    ],
)
def test_a_place_is_a_path(tmp_path: Path, error: str, place: str) -> None:
    done = call("refresh", raising(tmp_path, error), "--engine-only", "--json")
    assert done.json["error"]["kind"] == "DiskFull"
    assert done.json["error"]["where"] == place


@pytest.mark.parametrize(
    ("error", "told"),
    [("MemoryError", ""), ("__import__('numpy').empty(2**60, 'u1')", "1.00 EiB")],
)
def test_no_memory_is_for_now(tmp_path: Path, error: str, told: str) -> None:
    done = call("refresh", raising(tmp_path, error), "--engine-only", "--json")
    assert done.code == 1
    assert done.json["error"]["kind"] == "Unavailable"
    assert os.strerror(errno.ENOMEM) in done.message
    assert "run it again" in done.json["error"]["hint"]
    assert told in done.message


def test_where_the_machine_refused_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level("DEBUG", "components.machine.system"),
        pytest.raises(DiskFull) as caught,
        telling("here"),
    ):
        raise OSError(errno.ENOSPC, "any")
    (logged,) = caplog.records
    assert logged.levelname == "DEBUG"
    assert logged.exc_info
    assert logged.exc_info[1] is caught.value.__cause__


def test_no_thread_is_for_now(tmp_path: Path) -> None:
    started = raising(tmp_path, "__import__('threading').Thread(target=print).start()")
    with stacks_of(MORE_THAN_THERE_ARE):
        done = call("refresh", started, "--engine-only", "--json")
    assert done.code == 1
    assert done.json["error"]["kind"] == "Unavailable"
    assert "start new thread" in done.message
    assert "run it again" in done.json["error"]["hint"]


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    error = f"OSError({errno.EFBIG}, 'any', '/a/b')"
    done = call("refresh", raising(tmp_path, error), "--engine-only", "--json")
    assert done.code == 1
    assert done.json["error"]["where"] == "/a/b"
    assert "larger files" in done.json["error"]["hint"]


OTHERS = [
    ("OSError(2, 'gone', 'there')", "there: gone"),
    ("OSError(2, 'gone', b'there')", "there: gone"),
    ("OSError('any words')", "any words"),
    ("OSError", "OSError"),
    ("NotADirectoryError(20, 'any', 'here')", "here: any"),
    ("PermissionError(1, 'of no file')", "of no file"),
    ("PermissionError(13, 'a descriptor', 7)", "a descriptor"),
    ("TimeoutError('too long')", "too long"),
    ("ConnectionRefusedError(111, 'refused')", "refused"),
    ("__import__('shutil').Error([('a', 'b', 'c')])", "Error: "),
    ("__import__('ssl').SSLCertVerificationError(1, 'self-signed')", "self-signed"),
    ("__import__('ssl').SSLError(5, 'broken off')", "SSLError: broken off"),
    ("__import__('socket').herror(1, 'unknown host')", "herror: unknown host"),
    ("__import__('socket').gaierror(11, 'any')", "gaierror: any"),
    ("__import__('urllib.error', fromlist='x').URLError('no host')", "no host"),
]


@pytest.mark.parametrize(("error", "told"), OTHERS)
def test_whatever_else_the_system_says_is_no_fault(tmp_path: Path, error: str, told: str) -> None:
    done = call("refresh", raising(tmp_path, error), "--engine-only", "--json")
    assert done.code == 1
    assert told in done.message
    assert "run it again" in done.json["error"]["hint"]


@pytest.mark.parametrize(
    "error",
    [
        "RuntimeError('can\\'t start new thread')",
        "RuntimeError('Could not determine home directory.')",
        "ValueError('any')",
        "ImportError('any')",
        "type('Mute', (Exception,), {'__str__': lambda of: 1 / 0})",
    ],
)
def test_any_other_is_still_a_fault(tmp_path: Path, error: str) -> None:
    done = call("refresh", raising(tmp_path, error), "--engine-only")
    assert done.code == 1
    assert "this is a fault of Millrace's" in done.err
    assert "Traceback" in done.err


@needs_full
def test_a_plan_that_finds_no_space(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tempfile.mkdtemp

    def on_a_full_disk(**given: object) -> str:
        folder = made(**given)  # type: ignore[call-overload]
        (Path(folder) / "plan.parquet").symlink_to(FULL)
        return str(folder)

    monkeypatch.setattr(tempfile, "mkdtemp", on_a_full_disk)
    corpus.fill(1)
    done = call("refresh", corpus.file, "--engine-only", "--json")
    assert done.code == 1
    assert done.json["error"]["kind"] == "DiskFull"
    assert done.json["error"]["where"].endswith("plan.parquet")
    assert "No space left" in done.message


def test_no_folder_for_temporary_files(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.fill(1)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(corpus.file)])
    done = call("refresh", corpus.file, "--engine-only", "--json")
    assert done.code == 1
    assert str(corpus.file) in done.message
    assert "TMPDIR" in done.json["error"]["hint"]


@needs_full
@pytest.mark.parametrize("name", ["corpus.json", "live.json"])
def test_a_small_file_of_the_store_that_finds_no_space(corpus: Corpus, name: str) -> None:
    corpus.fill(1)
    store = corpus.folder / "store" / "test"
    store.mkdir(parents=True)
    (store / f".{name}.{os.getpid()}").symlink_to(FULL)
    done = call("refresh", corpus.file, "--engine-only", "--json")
    assert done.code == 1
    assert done.json["error"]["kind"] == "DiskFull"
    assert done.json["error"]["where"] == str(store / name)
    assert done.message


def test_a_copy_of_an_index(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.fill(1)
    corpus.refresh()
    corpus.fill(2)
    for number, kind in ((errno.ENOSPC, "DiskFull"), (errno.EMFILE, "StoreUnavailable")):
        with monkeypatch.context() as patch:
            refuse(patch, "pwrite", number)
            done = call("refresh", corpus.file, "--engine-only", "--json")
        assert done.code == 1
        assert done.json["error"]["kind"] == kind
        assert "store/test/0002" in done.json["error"]["where"]
        assert os.strerror(number) in done.message
    assert corpus.refresh().added == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE])
def test_no_work_is_discarded(corpus: Corpus, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    corpus.fill(2)
    with pytest.raises(KeyboardInterrupt):
        run.run(corpus.job(), INTERRUPTED)
    store = corpus.folder / "store" / "test"
    draft = [each.name for each in store.iterdir() if each.is_dir()]
    for refused, module in (("fsync", os), ("mkdtemp", tempfile)):
        with monkeypatch.context() as patch:
            refuse(patch, refused, number, module)
            done = call("refresh", corpus.file, "--engine-only")
        assert done.code == 1
        assert done.message
    assert [each.name for each in store.iterdir() if each.is_dir()] == draft
    assert corpus.refresh().resumed


@needs_full
@pytest.mark.parametrize(("verb", "name"), [("compare", "a.run"), ("answers", "outcome.json")])
def test_a_report(tmp_path: Path, verb: str, name: str) -> None:
    """It is no mistake in the request."""
    make, file = {
        "compare": (beir, pipeline(tmp_path, "a")),
        "answers": (data, recorded(tmp_path, "a", gold())),
    }[verb]
    more = ("--no-timing",) if verb == "compare" else ("--setting", "closed_book")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(FULL)
    done = call(
        *(verb, file, "--data", make(tmp_path / "data"), "--home", tmp_path / "home"),
        *("--out", tmp_path / "out", "--engine-only", "--json", *more),
    )
    assert done.code == 1
    assert done.json["error"]["kind"] == "DiskFull"
    assert done.json["error"]["where"] == str(tmp_path / "out")


def test_a_search_that_may_not_open_what_it_needs(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.fill(1)
    corpus.refresh()
    refuse(monkeypatch, "walk", errno.EMFILE)
    done = call("search", corpus.file, "what?", "--json")
    assert done.code == 1
    assert done.json["error"]["kind"] == "Unavailable"
    assert done.message


@needs_full
@pytest.mark.parametrize("given", [["status", "{file}"], ["components"], ["no-such-verb"]])
def test_output_that_finds_no_space(
    corpus: Corpus, capsys: pytest.CaptureFixture[str], given: list[str]
) -> None:
    corpus.fill(1)
    corpus.refresh()
    register(cli)
    with suppress(OSError), FULL.open("w") as full, redirect_stdout(full):
        code = guarded(cli, [each.format(file=corpus.file) for each in (*given, "--json")])
    assert code == (2 if given == ["no-such-verb"] else 1)
    told = capsys.readouterr().err
    assert told.startswith("millrace: ")
    assert told.count("\n") == 1


SHORT = [
    "OSError(24, 'any', '/a/place')",
    "OSError(28, 'any', '/a/place')",
    "MemoryError",
]


@pytest.mark.parametrize("error", SHORT)
def test_a_component_that_cannot_be_loaded_for_want_of_something(
    tmp_path: Path, error: str
) -> None:
    """It is no mistake in the file."""
    file = raising(tmp_path, "KeyError")
    (module,) = tmp_path.glob("raising_*.py")
    module.write_text(f"raise {error}")
    done = call("refresh", file, "--engine-only", "--json")
    assert done.code == 1
    assert done.json["error"]["kind"] == ("DiskFull" if "28" in error else "Unavailable")
    assert done.message


@pytest.mark.parametrize("error", [*SHORT, "__import__('threading').Thread(target=bool).start()"])
def test_no_document_is_blamed_for_it(tmp_path: Path, error: str) -> None:
    module = f"wanting_{abs(hash(tmp_path))}"
    (tmp_path / f"{module}.py").write_text(
        "from dataclasses import dataclass\n"
        "from components.sources.files import Files\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Wanting(Files):\n"
        "    def read(self, ref):\n"
        f"        raise {error}\n"
    )
    source = {"use": f"{module}:Wanting", "path": "documents"}
    corpus = Corpus(tmp_path, {**HASHING, "source": source})
    corpus.fill(2)
    with stacks_of(MORE_THAN_THERE_ARE if "Thread" in error else 0):
        done = call("refresh", corpus.file, "--engine-only", "--json")
    assert done.code == 1
    assert done.json["error"]["kind"] == ("DiskFull" if "28" in error else "Unavailable")


def test_a_library_that_fails_for_want_of_a_handle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an error of its own; nothing is decided by what it says."""
    refuse(monkeypatch, "open", errno.EMFILE, builtins)
    short = shortage()
    monkeypatch.undo()
    assert short is not None
    assert "Too many open files" in str(short)
    assert "ulimit -n" in short.hint
    assert shortage() is None
    monkeypatch.setattr("flows.failures.shortage", lambda: short)
    done = call("refresh", raising(tmp_path, "ImportError('any')"), "--engine-only")
    assert done.code == 1
    assert "Too many open files" in done.message


def test_a_library_that_interrupts_itself_for_want_of_a_thread(tmp_path: Path) -> None:
    """As OpenBLAS does."""
    file = raising(tmp_path, "KeyboardInterrupt")
    with stacks_of(MORE_THAN_THERE_ARE):
        done = call("refresh", file, "--engine-only", "--json")
    assert done.code == 1
    assert done.json["error"]["kind"] == "Unavailable"
    assert "start new thread" in done.err
    assert "interrupted" not in done.err
