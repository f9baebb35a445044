"""The processes that the embedded index starts: what they run, and when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.errors import StoreUnavailable
from components.indexes.edge import optimise, proof
from components.indexes.edge.index import EdgeIndex
from components.indexes.manifest import Generation, total
from tests.contracts.index import chunks_of, entry, finish, sparse, wanted

WIDTH = 2**15
COUNT = 80
"""10 MiB of vectors."""


@pytest.fixture
def other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a process that is told nothing looks for our code, there is another."""
    own = tmp_path / "other" / "components" / "__init__.py"
    own.parent.mkdir(parents=True)
    own.write_text("raise ImportError('not this one')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other"))


@pytest.fixture
def index(tmp_path: Path) -> EdgeIndex:
    return EdgeIndex(path=tmp_path / "store")


def drafted(index: EdgeIndex, width: int, *documents: str, count: int = 3) -> Generation:
    corpus = index.corpus("own")
    draft = corpus.draft(replace(wanted(), width=width), None)
    rows = np.random.default_rng(0).standard_normal((count, width), dtype=np.float32)
    with corpus.write(draft) as writer:
        for name in documents:
            chunks = chunks_of(name, count=count)
            writer.put(chunks, rows, sparse(chunks))
            writer.commit([entry(name, chunks=count)])
    return draft


@pytest.mark.usefixtures("other_code")
def test_the_process_that_proves_damage_runs_our_code(index: EdgeIndex) -> None:
    shard = index.corpus("own").folder / drafted(index, 8, "a").name / "shard"
    told = proof.explained(shard, Exception("whatever"))
    assert isinstance(told, StoreUnavailable)
    assert "a fresh process can open it" in str(told)


@pytest.mark.usefixtures("other_code")
def test_a_mass_deletion_is_optimised_in_a_process_of_its_own(
    index: EdgeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left is small; what the shard holds is not, and all of it is gone through."""
    corpus = index.corpus("own")
    base = finish(corpus, drafted(index, WIDTH, "large", count=COUNT))
    draft = corpus.draft(replace(wanted(), width=WIDTH), base)
    with corpus.write(draft) as writer:
        small = chunks_of("small")
        writer.put(small, np.eye(3, WIDTH, dtype=np.float32), sparse(small))
        writer.commit([entry("small")])
        writer.forget(["large"])
        totals = total(writer.entries())
    monkeypatch.setattr(optimise, "_optimise", _in_this_process)
    assert corpus.finish(draft, totals).totals.chunks == 3


def _in_this_process(folder: Path) -> None:
    pytest.fail("a large shard is optimised in this process")
