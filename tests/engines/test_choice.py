"""Which engine is used, and how it is told that it cannot be."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import pytest

from components.corpus import run
from components.corpus.encode import local
from components.corpus.spread import Answers, Work
from components.errors import ClusterUnavailable, MissingExtra
from components.spec.engine import Engine
from flows import engines
from infra import ray_runtime
from infra.ray_crew import ClusterLost, NoRoom
from infra.ray_runtime import ActorPool, TooSmall
from infra.settings import settings
from tests.corpora import Corpus, counts
from tests.engines import refresh
from tests.test_imports import command


def test_auto_is_ray_only_where_a_cluster_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engines.chosen(Engine()) is local
    assert engines.chosen(Engine(use="ray")) is not local
    settings.cache_clear()
    monkeypatch.setenv("MILLRACE_RAY_ADDRESS", "ray-head:6379")
    assert engines.chosen(Engine()) is not local
    assert engines.chosen(Engine(use="local")) is local


def test_ray_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="ray"):
        engines.chosen(Engine(use="ray"))
    assert engines.chosen(Engine()) is local


def test_ray_is_missed_only_where_there_is_something_to_encode(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.fill(2)
    corpus.refresh()
    there = importlib.util.find_spec

    def without_ray(name: str, package: str | None = None) -> Any:
        return None if name == "ray" else there(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_ray)
    on_ray = ["engine.use=ray"]
    assert run.run(corpus.job(on_ray), encoding=engines.encoding).unchanged == 2
    corpus.add("new.txt", "A mill by the river.")
    with pytest.raises(MissingExtra, match="ray"):
        run.run(corpus.job(on_ray), encoding=engines.encoding)


def test_nothing_to_encode_starts_no_ray(corpus: Corpus) -> None:
    corpus.fill(2)
    on_ray = ["--set", "engine.use=ray", "--engine-only"]
    assert "ray" not in command("refresh", corpus.file, *on_ray, "--dry-run")
    corpus.refresh()
    assert "ray" not in command("refresh", corpus.file, *on_ray)


@pytest.mark.parametrize(
    ("asked", "has", "expected"),
    [
        ({}, {"CPU": 2.0}, (1, 1.0, 0.0, 2)),
        ({}, {"CPU": 32.0}, (8, 1.0, 0.0, 4)),
        ({}, {"CPU": 64.0, "GPU": 4.0}, (4, 1.0, 1.0, 16)),
        ({"gpus": 0.25}, {"CPU": 64.0, "GPU": 2.0}, (8, 1.0, 0.25, 8)),
        ({"gpus": 0.0}, {"CPU": 8.0, "GPU": 2.0}, (2, 1.0, 0.0, 4)),
        ({"actors": 2}, {"CPU": 2.0}, (2, 0.5, 0.0, 1)),
        ({"actors": 2, "cpus": 1.0}, {"CPU": 2.0}, (2, 1.0, 0.0, 1)),
        ({"actors": 3}, {"CPU": 2.0}, (3, 1 / 3, 0.0, 1)),
        ({"actors": 3, "cpus": 1.0}, {"CPU": 2.0}, (2, 1.0, 0.0, 1)),
    ],
)
def test_a_pool_fits_its_cluster(
    asked: dict[str, float], has: dict[str, float], expected: tuple[int, float, float, int]
) -> None:
    shape = ActorPool(**asked).shape([{}, has])  # type: ignore[arg-type]
    assert (shape.actors, shape.cpus, shape.gpus, shape.threads) == pytest.approx(expected)


@pytest.mark.parametrize("asked", [{"cpus": 3.0}, {"actors": 1, "gpus": 1.0}, {"gpus": 0.5}])
def test_an_actor_that_has_room_on_no_node_is_refused(asked: dict[str, float]) -> None:
    with pytest.raises(TooSmall, match="the cluster has 0 CPU with 0 GPU, 2 CPU with 0 GPU"):
        ActorPool(**asked).shape([{"CPU": 0.0}, {"CPU": 2.0}])  # type: ignore[arg-type]


def test_cores_of_two_nodes_are_no_room_for_one_actor() -> None:
    pool = ActorPool(actors=2, cpus=3.0)
    with pytest.raises(TooSmall, match="cpus: 3"):
        pool.shape([{"CPU": 2.0}, {"CPU": 2.0}])
    assert pool.shape([{"CPU": 2.0}, {"CPU": 4.0}]).actors == 1


def test_a_cluster_without_a_core_may_have_one_later() -> None:
    with pytest.raises(NoRoom, match="no node with a core") as caught:
        ActorPool().shape([{"CPU": 0.0}])
    assert not isinstance(caught.value, TooSmall)


def test_a_head_that_is_gone_is_waited_for_and_then_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    head = ray_runtime._Head("127.0.0.1:9")
    with pytest.raises(NoRoom, match="does not answer"):
        head.nodes()
    monkeypatch.setattr(ray_runtime, "_GONE", 0.0)
    with pytest.raises(ClusterLost) as caught:
        head.nodes()
    assert not isinstance(caught.value, NoRoom)


def test_a_cluster_that_is_lost_keeps_what_was_committed(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("MILLRACE_SHARD_CHARACTERS", "1000")

    def lost(of: ActorPool, work: Work, items: Sequence[Any]) -> Answers:
        yield from work(items[:3])
        raise ClusterLost("the head is gone")

    monkeypatch.setattr(ActorPool, "__call__", lost)
    corpus.fill(6)
    with pytest.raises(ClusterUnavailable, match="the head is gone"):
        refresh(corpus, ["engine.use=ray"])
    report = refresh(corpus, ["engine.use=local"])
    assert report.resumed
    assert counts(report) == (3, 0, 3, 0, 0)
