"""A user's mistake: exit code 2, one clear line, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import call, clean, start
from tests.corpora import Corpus
from tests.spec import BASE

VERBS: dict[str, tuple[str, ...]] = {
    "refresh": ("--engine-only",),
    "search": ("what?",),
    "status": (),
}
FILES = {
    "no-such-key": (BASE + "splinter: {use: x}\n", "SpecError", "splinter"),
    "no-mapping": (BASE + "splitter: sentences\n", "SpecError", "splitter"),
    "a-list": ("- a\n", "SpecError", "mapping"),
    "empty": ("", "SpecError", "mapping"),
    "broken": (BASE + "splitter: {use: [\n", "SpecError", "line"),
    "control": (BASE + "splitter: \x01\n", "SpecError", "#x0001"),
    "twice": (BASE + BASE, "SpecError", "duplicate key"),
    "no-source": ("name: test\n", "SpecError", "source"),
    "bad-name": (BASE.replace("test", "a_b"), "SpecError", "a_b"),
    "bad-engine": (BASE + "engine: {use: rays}\n", "SpecError", "rays"),
    "no-such-component": (BASE + "encoder: {use: navie}\n", "UnknownComponent", "naive"),
    "no-such-module": (BASE + "encoder: {use: 'nowhere:At'}\n", "UnknownComponent", "nowhere"),
    "no-such-option": (BASE + "encoder: {use: naive, modle: x}\n", "BadOption", "model"),
    "wrong-type": (BASE + "splitter: {use: sentences, max_tokens: x}\n", "BadOption", "max_tokens"),
    "missing-option": ("name: test\nsource: {use: files}\n", "BadOption", "path"),
    "odd-path": ('name: test\nsource: {use: files, path: "\\0"}\n', "BadOption", "path"),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("mistake", FILES)
def test_a_mistake_in_the_file_is_one_line_and_exit_2(
    tmp_path: Path, mistake: str, verb: str
) -> None:
    text, kind, part = FILES[mistake]
    file = tmp_path / "pipeline.yaml"
    file.write_text(text)
    done = call(verb, file, *VERBS[verb])
    assert (done.code, done.out) == (2, "")
    assert part in done.message
    as_json = call(verb, file, *VERBS[verb], "--json")
    assert as_json.code == 2
    assert as_json.err == done.err
    assert set(as_json.json) == {"schema", "error"}
    error = as_json.json["error"]
    assert set(error) == {"kind", "message", "where", "hint"}
    assert error["kind"] == kind
    assert all(isinstance(value, str) for value in error.values())
    assert error["message"] in done.message
    assert error["where"] in done.message
    assert error["hint"] in done.message
    assert not (tmp_path / ".millrace").exists()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "override",
    [
        "",
        "x",
        "splitter.max_tokens",
        "splitter.=1",
        "nope.x=1",
        "splitter.max_tokens=many",
        "splitter.max_token=1",
        "splitter.use=",
        "splitter.use=sentense",
        "encoder.header=[a",
    ],
)
def test_a_mistake_in_an_override_is_one_line_and_exit_2(
    corpus: Corpus, override: str, verb: str
) -> None:
    done = call(verb, corpus.file, *VERBS[verb], "--set", override)
    assert (done.code, done.out) == (2, "")
    assert done.message


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("refreshh",), "refreshh"),
        (("--nonsense",), "--nonsense"),
        (("refresh",), "PIPELINE"),
        (("search", "pipeline.yaml"), "QUESTION"),
        (("search", "pipeline.yaml", "a", "b"), "b"),
        (("status", "pipeline.yaml", "--dry-run"), "--dry-run"),
        (("search", "pipeline.yaml", "a", "-k", "0"), "-k"),
        (("search", "pipeline.yaml", "a", "-k", "1001"), "-k"),
        (("search", "pipeline.yaml", "a", "-k", "many"), "-k"),
        (("search", "pipeline.yaml", "a", "-k"), "-k"),
        (("refresh", "pipeline.yaml", "--max-deletes", "1.5"), "--max-deletes"),
        (("refresh", "pipeline.yaml", "--max-deletes", "-0.1"), "--max-deletes"),
        (("refresh", "pipeline.yaml", "--max-deletes", "half"), "--max-deletes"),
        (("refresh", "pipeline.yaml", "--set"), "--set"),
        (("components", "--stage"), "--stage"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_2(arguments: tuple[str, ...], part: str) -> None:
    done = call(*arguments)
    assert (done.code, done.out) == (2, "")
    assert part in done.message
    as_json = call(arguments[0], "--json", *arguments[1:])
    assert as_json.code == 2
    assert as_json.json["error"]["kind"] == "UsageError"


def test_wrong_arguments_are_answered_with_where_to_read_more() -> None:
    assert call("search", "pipeline.yaml").message.endswith("search --help)")


@pytest.mark.parametrize("verb", VERBS)
def test_a_pipeline_that_is_not_there_is_named(tmp_path: Path, verb: str) -> None:
    done = call(verb, tmp_path / "absent.yaml", *VERBS[verb])
    assert done.code == 2
    assert done.message == f"{tmp_path / 'absent.yaml'}: no such pipeline file"


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_is_no_pipeline(tmp_path: Path, verb: str) -> None:
    done = call(verb, tmp_path, *VERBS[verb])
    assert done.code == 2
    assert str(tmp_path) in done.message


@pytest.mark.parametrize("verb", ["search", "status"])
def test_asking_before_the_first_refresh_says_what_to_do(corpus: Corpus, verb: str) -> None:
    done = call(verb, corpus.file, *VERBS[verb], "--json")
    assert done.code == 2
    assert done.json["error"]["kind"] == "NothingLive"
    assert "millrace refresh" in done.json["error"]["hint"]
    assert "has no index yet" in done.message
    assert not (corpus.folder / "store").exists(), "asking makes nothing"


@pytest.mark.parametrize(
    ("override", "part"),
    [("source.path=absent", "absent"), ("source.include=['*.nothing']", "no documents")],
)
def test_a_source_without_documents_is_said(corpus: Corpus, override: str, part: str) -> None:
    corpus.fill(1)
    done = call("refresh", corpus.file, "--engine-only", "--set", override, "--json")
    assert done.code == 2
    assert done.json["error"]["kind"] == "SourceMissing"
    assert part in done.message


def test_a_retriever_without_the_vectors_it_needs_is_refused(corpus: Corpus) -> None:
    corpus.fill(1)
    without = ("--set", "sparse.use=none")
    assert call("refresh", corpus.file, "--engine-only", *without).code == 0
    done = call("search", corpus.file, "what?", "--json", *without)
    assert done.code == 2
    assert done.json["error"]["where"] == "retriever.use"
    assert call("search", corpus.file, "what?", *without, "--set", "retriever.use=dense").code == 0


@pytest.mark.parametrize("text", ["year", "=2018", "", "="])
def test_a_filter_that_cannot_be_read_is_refused(corpus: Corpus, text: str) -> None:
    done = call("search", corpus.file, "what?", "--filter", text)
    assert done.code == 2
    assert repr(text) in done.message
    assert "write key=value" in done.message


def test_a_line_break_in_a_name_stays_on_the_one_line(tmp_path: Path) -> None:
    done = call("status", tmp_path / "two\nlines.yaml")
    assert done.code == 2
    assert "two lines.yaml" in done.message


def test_a_mistake_looks_the_same_from_a_process_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(BASE + "encoder: {use: navie}\n")
    done = start("refresh", file, "--json")
    assert done.code == 2
    assert done.json["error"]["kind"] == "UnknownComponent"
    assert "did you mean 'naive'?" in done.message


def test_a_notice_about_the_file_goes_to_stderr(corpus: Corpus) -> None:
    done = call("status", corpus.file, "--set", "splitter.use=pages", "--set", "sparse.use=none")
    assert done.code == 2
    assert "has no index yet" in done.err
    done = call("status", corpus.file, "--set", "encoder.use=naive", "--json")
    assert done.err.startswith("millrace: encoder 'naive' has no option width: left out\n")
    assert done.json["error"]["kind"] == "NothingLive"


RAISING = """
from dataclasses import dataclass
from components.errors import *

@dataclass(frozen=True, kw_only=True)
class Raising:
    identity = "nowhere"

    def scan(self):
        raise {error}

    digest = read = scan
"""


def raising(folder: Path, error: str) -> Path:
    """A pipeline whose source, beside the file, raises an error."""
    module = f"raising_{abs(hash(folder))}"
    (folder / f"{module}.py").write_text(RAISING.format(error=error))
    file = folder / "pipeline.yaml"
    file.write_text(
        f"name: test\nsource: {{use: '{module}:Raising'}}\nencoder: {{use: hashing}}\n"
        "index: {use: qdrant_edge, path: store}\n"
    )
    return file


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("MillraceError('no luck').at(where='here', hint='wait')", 1),
        ("Unavailable('no luck').at(where='here', hint='wait')", 1),
        ("StoreUnavailable('no luck').at(where='here', hint='wait')", 1),
        ("TakenOver('no luck').at(where='here', hint='wait')", 9),
        ("IndexFault('no luck').at(where='here', hint='wait')", 1),
        ("SourceMissing('no luck').at(where='here', hint='wait')", 2),
        ("GuardStopped('no luck').at(where='here', hint='wait')", 4),
        ("Busy('no luck').at(where='here', hint='wait')", 6),
    ],
)
def test_every_error_of_ours_has_its_exit_code_and_one_line(
    tmp_path: Path, error: str, code: int
) -> None:
    done = call("refresh", raising(tmp_path, error), "--engine-only", "--json")
    assert done.code == code
    assert done.message == "here: no luck (wait)"
    assert done.json["error"] == {
        "kind": error.partition("(")[0],
        "message": "no luck",
        "where": "here",
        "hint": "wait",
    }


def test_a_fault_is_named_in_one_line_before_its_traceback(tmp_path: Path) -> None:
    done = call("refresh", raising(tmp_path, "KeyError('a\\nb')"), "--engine-only", "--json")
    assert done.code == 1
    assert done.json["error"]["kind"] == "KeyError"
    first, second = done.err.split("\n")[:2]
    assert first == r"millrace: 'a\nb' (this is a fault of Millrace's)"
    assert second.startswith("Traceback")


def test_an_interrupted_run_says_that_it_can_go_on(tmp_path: Path) -> None:
    done = call("refresh", raising(tmp_path, "KeyboardInterrupt"), "--engine-only")
    assert (done.code, done.out) == (130, "")
    assert done.err.count("\n") <= 2
    assert "interrupted: what was committed stays, run it again to go on" in done.err


def test_a_reader_that_went_away_is_no_matter() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "components", "--json"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        env=clean(),
        timeout=60,
    )
    os.close(writer)
    assert done.stderr == b""
