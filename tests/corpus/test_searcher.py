"""One searcher, asked again and again, while refreshes publish."""

from __future__ import annotations

import gc
import pickle
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from components.bridges.retriever import MillraceRetriever
from components.corpus.search import Found, Searcher, search
from components.errors import BadOption, NothingLive
from components.indexes.edge import shards
from components.indexes.qdrant.server import connect
from components.values import Query
from infra.settings import settings
from tests.corpora import Corpus, prose

NAMES = "abcdefgh"
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
QUESTION = [Query(text="revision of the water wheel")]


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where private copies lie."""
    monkeypatch.setenv("MILLRACE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "copies"


@pytest.fixture
def mills(corpus: Corpus, copies: Path) -> Corpus:
    """Documents that all have revision 0, not refreshed yet."""
    revise(corpus, 0)
    return corpus


def revise(corpus: Corpus, revision: int) -> None:
    for name in NAMES:
        corpus.add(f"{name}.txt", f"The water wheel of mill {name} has revision {revision}.")


def revisions(found: Found) -> set[int]:
    assert {hit.chunk.document_id for hit in found.hits[0]} == {f"{name}.txt" for name in NAMES}
    return {int(hit.chunk.text.rstrip(".").rsplit(" ", 1)[1]) for hit in found.hits[0]}


def held(copies: Path) -> list[str]:
    """Copies that there are."""
    return sorted(each.name for each in copies.iterdir() if each.is_dir())


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Folders of shards that the engine opens, as it does."""
    found: list[str] = []
    there = shards._shards()

    class Counting:
        def load(self, folder: str) -> Any:
            found.append(folder)
            return there.load(folder)

        def __getattr__(self, name: str) -> Any:
            return getattr(there, name)

    monkeypatch.setattr(shards, "_shards", Counting)
    return found


class Counted:
    """A client that notes what it asks the server for."""

    def __init__(self, client: Any, asked: list[str]) -> None:
        self._client = client
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def asked(*arguments: Any, **options: Any) -> Any:
            self._asked.append(name)
            return method(*arguments, **options)

        return asked


@pytest.fixture
def requests(server: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the server is asked for from now on."""
    asked: list[str] = []
    monkeypatch.setattr(connect(), "client", Counted(connect().client, asked))
    return asked


def test_questions_open_the_index_once(mills: Corpus, openings: list[str]) -> None:
    mills.refresh()
    openings.clear()
    retriever = MillraceRetriever(mills.file, 3)
    for _ in range(5):
        assert len(retriever.retrieve("water wheel")) == 3
    assert len(openings) == 1


@pytest.mark.parametrize(("retriever", "queries"), [("dense", 1), ("hybrid", 4)])
def test_a_question_to_a_server_is_its_queries_and_one_look_at_what_is_live(
    mills: Corpus, requests: list[str], retriever: str, queries: int
) -> None:
    overrides = ["index.use=qdrant", f"retriever.use={retriever}"]
    mills.refresh(overrides)
    with MillraceRetriever(mills.file, 3, overrides=overrides) as own:
        requests.clear()
        assert own.retrieve("water wheel")
        assert len(requests) == queries + 3
        assert requests.count("get_collection") == 1, "what it allows"
        requests.clear()
        assert own.retrieve("the mill")
        assert requests == ["query_batch_points"] * queries + ["retrieve"]


def test_every_thread_gets_the_answer_to_its_own_question(mills: Corpus) -> None:
    mills.fill(20)
    mills.refresh()
    pipeline = mills.load(["reranker.use=feedback"])
    asked = [Query(text=prose(number).split(".")[number % 12]) for number in range(20)] * 5

    def answer(query: Query) -> Sequence[tuple[str, float]]:
        (hits,) = searcher.search([query], 5).hits
        return [(hit.chunk.id, hit.score) for hit in hits]

    with Searcher(pipeline) as searcher:
        expected = list(map(answer, asked))
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(answer, asked)) == expected


def test_the_chunks_beside_a_hit_are_there(mills: Corpus) -> None:
    mills.fill(3)
    mills.refresh()
    with Searcher(mills.load()) as searcher:
        (hits,) = searcher.search([Query(text="water wheel")], 1).hits
        chunk = hits[0].chunk
        around = range(max(0, chunk.ordinal - 1), chunk.ordinal + 2)
        found = searcher.neighbours({chunk.document_id: around, "no such document": [0]})
    assert chunk in found
    assert {each.document_id for each in found} == {chunk.document_id}
    assert {each.ordinal for each in found} <= {*around}


def test_two_refreshes_publish_while_four_threads_search(
    mills: Corpus, store: tuple[str, ...]
) -> None:
    mills.refresh(store)
    enough = threading.Event()
    seen: dict[str, set[int]] = {}

    def go_on() -> int:
        searches = 0
        while not enough.wait(0.02) or searches < 10:
            found = searcher.search(QUESTION, len(NAMES))
            seen.setdefault(found.release.generation.name, set()).update(revisions(found))
            searches += 1
        return searches

    with Searcher(mills.load(store)) as searcher, ThreadPoolExecutor(4) as pool:
        running = [pool.submit(go_on) for _ in range(4)]
        try:
            for revision in (1, 2):
                revise(mills, revision)
                mills.refresh(store)
                while revisions(searcher.search(QUESTION, len(NAMES))) != {revision}:
                    enough.wait(0.01)  # another thread is opening it
        finally:
            enough.set()
        assert sum(each.result() for each in running) >= 40
    assert sorted(seen.values(), key=min) == [{0}, {1}, {2}]


def test_what_is_replaced_is_closed_when_its_last_search_has_ended(
    mills: Corpus, copies: Path
) -> None:
    mills.refresh()
    with Searcher(mills.load()) as searcher:
        with searcher.opened() as old:
            (first,) = held(copies)
            revise(mills, 1)
            mills.refresh()
            assert revisions(searcher.search(QUESTION, len(NAMES))) == {1}
            with old.reading() as reader:
                assert reader.chunks("a.txt")[0].text.endswith("revision 0.")
            both = held(copies)
            assert len(both) == 2
        assert held(copies) == [name for name in both if name != first]
    assert held(copies) == []


def test_a_refresh_keeps_the_models(mills: Corpus) -> None:
    mills.refresh()
    with Searcher(mills.load()) as searcher:
        with searcher.opened() as before:
            revise(mills, 1)
        mills.refresh()
        with searcher.opened() as after:
            assert after.serving is before.serving
        mills.refresh(["encoder.width=32"])
        with searcher.opened() as other:
            assert other.serving is not before.serving
            assert searcher.search(QUESTION, 1).pending


def test_an_index_in_use_by_another_reader_is_asked_all_the_same(
    mills: Corpus, copies: Path
) -> None:
    """Whoever opens each time and whoever keeps it open do not meet."""
    mills.refresh()
    with Searcher(mills.load()) as one, Searcher(mills.load()) as other:
        for _ in range(2):
            for each in (one, other):
                assert revisions(each.search(QUESTION, len(NAMES))) == {0}
            assert revisions(search(mills.load(), QUESTION, len(NAMES))) == {0}
        assert len(held(copies)) == 2
        mills.refresh()


def test_nothing_is_opened_before_it_is_asked_and_nothing_stays(
    mills: Corpus, copies: Path
) -> None:
    searcher = Searcher(mills.load())
    assert not copies.exists()
    with pytest.raises(NothingLive):
        searcher.search(QUESTION, 1)
    mills.refresh()
    assert searcher.search(QUESTION, 1).hits
    (name,) = held(copies)
    with pickle.loads(pickle.dumps(searcher)) as copy:
        assert copy.search(QUESTION, 1).hits
        assert len(held(copies)) == 2
    assert held(copies) == [name]
    del searcher
    gc.collect()
    assert held(copies) == []


def test_a_closed_one_is_asked_no_more(mills: Corpus, copies: Path) -> None:
    mills.refresh()
    with Searcher(mills.load()) as searcher:
        with searcher.opened() as at:
            searcher.close()
            found, _ = at.ask(QUESTION, 1)
            assert found.hits[0]
        assert held(copies) == []
        with pytest.raises(RuntimeError, match="closed"):
            searcher.search(QUESTION, 1)


_KILLED = """
import sys
from pathlib import Path
from components.corpus.search import Searcher
from components.values import Query
from tests.corpora import Corpus
searcher = Searcher(Corpus(Path(sys.argv[1])).load())
searcher.search([Query(text="mill")], 1)
print("ready", flush=True)
sys.stdin.read()
"""


def test_the_copy_of_a_killed_process_is_removed_by_the_next(mills: Corpus, copies: Path) -> None:
    mills.refresh()
    arguments = [sys.executable, "-c", _KILLED, str(mills.folder)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(arguments, **pipes) as other, Searcher(mills.load()) as searcher:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        searcher.search(QUESTION, 1)
        assert len(held(copies)) == 2
        other.kill()
        other.wait()
    left = held(copies)
    assert len(left) == 1
    with Searcher(mills.load()) as searcher:
        searcher.search(QUESTION, 1)
        assert len(held(copies)) == 1
        assert held(copies) != left


def test_what_somebody_else_keeps_in_the_cache_folder_stays(mills: Corpus, copies: Path) -> None:
    mills.refresh()
    (copies / "thesis").mkdir(parents=True)
    (copies / "thesis" / "final.txt").write_text("the only one")
    with Searcher(mills.load()) as searcher:
        searcher.search(QUESTION, 1)
    assert held(copies) == ["thesis"]
    assert [each.name for each in (copies / "thesis").iterdir()] == ["final.txt"]


def test_without_a_folder_for_copies_the_index_is_opened_for_each_search(
    mills: Corpus, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mills.refresh()
    monkeypatch.setenv("MILLRACE_CACHE", str(mills.file / "below a file"))
    settings.cache_clear()
    with Searcher(mills.load()) as searcher:
        for _ in range(3):
            assert revisions(searcher.search(QUESTION, len(NAMES))) == {0}
    (record,) = caplog.records
    assert "opened anew for each search: MILLRACE_CACHE" in record.getMessage()


def test_a_question_that_is_refused_is_told_as_it_is(mills: Corpus) -> None:
    mills.refresh()
    with Searcher(mills.load()) as searcher:
        odd = [Query(text="mill", filter={'a"b': ["c"]})]
        with pytest.raises(BadOption, match="no index can filter"):
            searcher.search(odd, 1)
        assert searcher.search(QUESTION, 1).hits


@pytest.mark.parametrize("page", ["README.md", "docs/searching.md"])
def test_the_examples_of_the_pages_run(
    mills: Corpus, page: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mills.refresh()
    mills.file.rename(mills.folder / "handbook.yaml")
    monkeypatch.chdir(mills.folder)
    text = (Path(__file__).parents[2] / page).read_text()
    examples = [each for each in _PYTHON.findall(text) if "Searcher" in each]
    assert examples
    for each in examples:
        exec(each, {})
        assert len(capsys.readouterr().out.splitlines()) == 5
