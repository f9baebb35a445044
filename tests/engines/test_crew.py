"""Whatever becomes of its actors, a crew gives the answers of all batches, or says why it cannot.

A stand-in has the place of Ray: it does in this process what actors do, and tells of deaths that
no test can bring about on a real cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from infra import ray_crew
from infra.ray_crew import ClusterLost, Crew, Shape
from tests.engines.work import echo

ray = pytest.importorskip("ray")
from ray.exceptions import ActorDiedError, OutOfMemoryError, RayError  # noqa: E402

ITEMS = 6


@dataclass(eq=False)
class Told:
    """What will be known of something that an actor does."""

    value: Any
    """An error is raised to who asks."""


@dataclass
class Cluster:
    """Says of the actors that it makes, in their order, what they die of: before they have begun,
    or where they answer. Those after them live.
    """

    begin: Sequence[RayError | str] = ()
    answer: Sequence[RayError] = ()
    made: int = 0
    killed: list[object] = field(default_factory=list)

    def remote(self, kind: Callable[..., Any]) -> Any:
        def make(work: bytes, threads: int) -> object:
            actor, at, self.made = kind(work, threads), self.made, self.made + 1
            unborn, dead = (each[at : at + 1] for each in (self.begin, self.answer))

            def begin() -> Told:
                return Told([*unborn, actor.begin()][0])

            def answer(batch: bytes) -> Iterator[Told]:
                return map(Told, [*dead, *actor.answer(batch)])

            return SimpleNamespace(begin=_method(begin), answer=_method(answer))

        return _method(make)

    def put(self, value: bytes) -> bytes:
        return value

    def get(self, told: Told) -> Any:
        if isinstance(told.value, RayError):
            raise told.value
        return told.value

    def wait(self, each: list[Any], **_: object) -> tuple[list[Any], list[Any]]:
        return each, []

    def kill(self, actor: object) -> None:
        self.killed.append(actor)


def _method(do: Callable[..., Any]) -> Any:
    own = SimpleNamespace(remote=do)
    own.options = lambda **_: own
    return own


def crew(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, actors: int = 1) -> Crew:
    for name in ("put", "get", "wait", "kill", "remote"):
        monkeypatch.setattr(ray, name, getattr(cluster, name))
    shape = Shape(actors=actors, cpus=1, gpus=0, threads=1)
    return Crew(echo, range(ITEMS), batch=1, size=lambda: shape, patience=0)


SHORT: RayError = OutOfMemoryError("the node is low on memory")  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("error", [ActorDiedError(), SHORT])
@pytest.mark.parametrize("when", ["begin", "answer"])
def test_what_a_dead_actor_had_is_done_again(
    monkeypatch: pytest.MonkeyPatch, error: RayError, when: str
) -> None:
    """Ray's monitor of memory ends actors, too, and has an error of its own for that."""
    cluster = Cluster(**{when: [error]})  # type: ignore[arg-type]
    assert len(list(crew(cluster, monkeypatch).answers())) == ITEMS
    assert cluster.made == len(cluster.killed) == 2


def test_a_place_where_none_begins_ends_nothing_that_others_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray_crew, "_DEATHS", 1)
    cluster = Cluster(begin=["mars", *[ActorDiedError()] * 4])
    assert len(list(crew(cluster, monkeypatch, actors=2).answers())) == ITEMS
    assert cluster.made > 3


def test_where_none_begins_the_crew_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(begin=[ActorDiedError()] * 99)
    with pytest.raises(ClusterLost, match="5 processes died before they began"):
        list(crew(cluster, monkeypatch).answers())
