"""Clusters of a test's own: started and stopped by a refresh, lost a node, out of reach."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from components.errors import ClusterUnavailable, TakenOver
from components.indexes.contract import Shared
from components.indexes.qdrant.writer import QdrantWriter
from infra import ray_runtime
from tests.corpora import Corpus, counts
from tests.engines import ON_RAY, SLOWLY, refresh, slow, within
from tests.faults.campaign import differences
from tests.faults.ray_campaign import Killer, two_nodes

pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def _refuse(*given: object) -> None:
    raise AssertionError("this process writes no chunks")


@pytest.mark.slow
def test_actors_write_to_a_server_and_what_was_started_is_stopped(
    server: str, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    on_server = ("index.use=qdrant", *ON_RAY)
    corpus.fill(6)
    local = (f"index.path={corpus.folder / 'quiet'}", "engine.use=local")
    refresh(corpus, local)
    monkeypatch.setattr(QdrantWriter, "put", _refuse)
    with within(150):
        report = refresh(corpus, on_server)
    assert counts(report) == (6, 0, 0, 0, 0)
    assert differences(corpus.stored(local), corpus.stored(on_server)) == []
    assert not ray.is_initialized()


def test_who_writes_for_another_stops_when_that_one_has_ended(server: str, corpus: Corpus) -> None:
    corpus.fill(1)
    refresh(corpus, ["index.use=qdrant", "engine.use=local"])
    of = corpus.job(["index.use=qdrant"]).corpus
    release = of.live()
    assert isinstance(of, Shared)
    assert release is not None
    with of.lock():
        right = of.lend()
        assert right
    opened = of.write(release.generation)
    with of.borrow(right), pytest.raises(TakenOver, match="ended or lost its right"), opened:
        pytest.fail("it may not even be looked at")


def test_a_cluster_that_is_out_of_reach(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.fill(1)
    monkeypatch.setenv("MILLRACE_RAY_ADDRESS", "127.0.0.1:9")
    with within(100), pytest.raises(ClusterUnavailable) as caught:
        refresh(corpus, [])
    assert caught.value.where == "MILLRACE_RAY_ADDRESS"
    assert "\n" not in str(caught.value)


def test_a_machine_that_is_no_node_of_the_cluster(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.fill(1)
    monkeypatch.setattr(ray_runtime, "_NODE_BEGINS", 0.0)
    monkeypatch.setattr(ray_runtime, "_is_raylet", lambda name: False)  # others may run here
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setenv("MILLRACE_RAY_ADDRESS", address)
        with within(60), pytest.raises(ClusterUnavailable, match="no node of the Ray") as caught:
            refresh(corpus, [])
    assert f"ray start --address={address} --num-cpus=0" in caught.value.hint


@pytest.mark.slow
def test_a_node_killed_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_SHARD_CHARACTERS", "2000")
    corpus = Corpus(tmp_path, SLOWLY)
    corpus.fill(60)
    slow(corpus)
    local = (f"index.path={tmp_path / 'quiet'}", "engine.use=local")
    refresh(corpus, local)
    with two_nodes() as kill, within(250):
        killer = Killer(kill, 20)
        report = refresh(corpus, ON_RAY, killer)
    assert killer.killed_at is not None
    assert killer.killed_at < len(killer.committed)
    assert killer.committed[-1] == report.added == 60
    assert differences(corpus.stored(local), corpus.stored(ON_RAY)) == []
