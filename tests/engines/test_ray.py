"""A refresh on Ray ends in what a refresh in this process ends in, whoever dies on the way.

All tests of this module share one Ray of two cores: starting one takes seconds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from components.errors import BadOption, Unavailable
from infra import ray_crew
from infra.ray_crew import ClusterLost, Work
from infra.ray_runtime import ActorPool
from tests.corpora import HASHING, Corpus, counts
from tests.engines import ON_RAY, SLOWLY, refresh, slow, within
from tests.engines.work import Deadly, Greedy, Item, Unloadable, die, echo
from tests.faults.campaign import differences
from tests.faults.ray_campaign import Killer, actors, kill_an_actor, two_cores
from tests.sources import killers

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
BROKEN = """
from dataclasses import dataclass

from components.encoders.hashing import Hashing
from components.errors import Unavailable


@dataclass(frozen=True, kw_only=True)
class Broken(Hashing):
    '''Fails as a component of a stranger's may.'''

    how: str = "own"

    def encode_documents(self, documents, spans):
        if self.how == "own":
            raise Unavailable("the model server is asleep").at(where="mars", hint="wake it")
        raise ZeroDivisionError("a fault")
"""


@pytest.fixture(scope="module")
def ray() -> Iterator[None]:
    pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLRACE_SHARD_CHARACTERS", "2000")  # actors have what was set before them
        with two_cores():
            yield


@pytest.fixture
def slowly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """Documents that are committed three at a time, and a splitter that takes its time."""
    monkeypatch.setenv("MILLRACE_SHARD_CHARACTERS", "2000")
    corpus = Corpus(tmp_path, SLOWLY)
    corpus.fill(60)
    slow(corpus)
    return corpus


def quiet(corpus: Corpus) -> tuple[str, ...]:
    """The overrides that find what an undisturbed refresh in this process stored."""
    overrides = (f"index.path={corpus.folder / 'quiet'}", "engine.use=local")
    refresh(corpus, overrides)
    return overrides


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_ids_vectors_and_entries_are_those_of_a_local_refresh(corpus: Corpus) -> None:
    corpus.fill(12)
    corpus.add("bad.txt", "")
    with within(100):
        report = refresh(corpus)
    expected = corpus.stored(quiet(corpus))
    assert differences(expected, corpus.stored(ON_RAY)) == []
    assert counts(report) == (12, 0, 0, 0, 1)
    facts = {name: (e.chunks, e.tokens, e.reason) for name, e in expected.entries.items()}
    found = corpus.stored(ON_RAY).entries
    assert {name: (e.chunks, e.tokens, e.reason) for name, e in found.items()} == facts


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_a_document_that_hangs_its_parser_fails_alone(tmp_path: Path) -> None:
    source = {**HASHING["source"], "parse_seconds": 10}
    corpus = Corpus(tmp_path, {**HASHING, "source": source})
    corpus.fill(3)
    (corpus.documents / "endless.pdf").write_bytes(killers.endless_pdf())
    with within(100):
        report = refresh(corpus)
    assert counts(report) == (3, 0, 0, 0, 1)
    (failed,) = report.failures
    assert (failed.id, failed.reason) == ("endless.pdf", "parsing it takes longer than 10 s")


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_an_update_drops_the_old_chunks(corpus: Corpus) -> None:
    corpus.fill(4)
    refresh(corpus, ["engine.use=local"])
    corpus.add("001.txt", "Everything is new here.")
    (corpus.documents / "002.txt").unlink()
    with within(100):
        report = refresh(corpus)
    assert counts(report) == (0, 1, 2, 1, 0)
    assert differences(corpus.stored(quiet(corpus)), corpus.stored()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_two_actors_that_reserve_both_cores_do_not_hang(corpus: Corpus) -> None:
    corpus.fill(4)
    with within(100):
        report = refresh(corpus, [*ON_RAY, "engine.cpus=1"])
    assert counts(report) == (4, 0, 0, 0, 0)


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_more_than_the_cluster_has_is_refused(corpus: Corpus) -> None:
    corpus.fill(1)
    with within(60), pytest.raises(BadOption, match="the cluster has 2") as caught:
        refresh(corpus, [*ON_RAY, "engine.cpus=3"])
    assert caught.value.where == "engine"


@pytest.mark.usefixtures("ray")
def test_what_no_actor_has_is_not_packed_yet() -> None:
    items = [Item() for _ in range(200)]
    with within(60), closing(ActorPool(actors=2)(echo, items)) as answers:
        next(answers)
        # Of each actor what it has, and what was done: 6 in a batch.
        assert 0 < sum(each.packed for each in items) <= 2 * 3 * 6
        assert 1 + sum(1 for _ in answers) == len(items)


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_others_have_all_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setattr(ray_crew, "_NO_ROOM", 0.5)
    monkeypatch.setattr(ray_crew, "_LOOK", 0.2)
    greedy: Any = ray.remote(Greedy).options(num_cpus=2).remote()
    ray.get(greedy.ready.remote())
    try:
        with within(60), pytest.raises(ClusterLost, match="others may have all the room"):
            list(ActorPool(cpus=1.0, patience=1.0)(echo, [Item()]))
    finally:
        ray.kill(greedy)
    with within(60):
        assert len(list(ActorPool(cpus=1.0)(echo, [Item()]))) == 1


@pytest.mark.usefixtures("ray")
@pytest.mark.parametrize(
    ("work", "said"),
    [
        (Unloadable(), "No module named 'mars'"),
        pytest.param(die, "2 processes died of the same", marks=pytest.mark.slow),
        pytest.param(Deadly(), "4 processes died before they began", marks=pytest.mark.slow),
    ],
)
def test_what_cannot_be_done_is_given_up(
    monkeypatch: pytest.MonkeyPatch, work: Work, said: str
) -> None:
    monkeypatch.setattr(ray_crew, "_DEATHS", 2)
    with within(60), pytest.raises(ClusterLost, match=said):
        list(ActorPool(actors=2)(work, [Item(), Item()]))


@pytest.mark.usefixtures("ray")
def test_an_actor_killed_in_the_middle(slowly: Corpus) -> None:
    chance = random.Random(0)
    killer = Killer(lambda: kill_an_actor(chance), 20)
    with within(150):
        report = refresh(slowly, ON_RAY, killer)
    assert killer.killed_at is not None
    assert killer.killed_at < len(killer.committed)
    assert killer.committed[-1] == report.added == 60
    assert differences(slowly.stored(quiet(slowly)), slowly.stored(ON_RAY)) == []


@pytest.mark.usefixtures("ray")
@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("own", Unavailable),
        pytest.param("other", ZeroDivisionError, marks=pytest.mark.slow),
    ],
)
def test_an_error_in_an_actor_comes_through_as_itself(
    tmp_path: Path, how: str, kind: type[Exception]
) -> None:
    corpus = Corpus(
        tmp_path, {**HASHING, "encoder": {"use": "broken_in_an_actor:Broken", "width": 64}}
    )
    corpus.fill(2)
    (corpus.folder / "broken_in_an_actor.py").write_text(BROKEN)
    with within(100), pytest.raises(kind) as caught:
        refresh(corpus, [*ON_RAY, "engine.actors=1", f"encoder.how={how}"])
    if isinstance(caught.value, Unavailable):
        assert (caught.value.where, caught.value.hint) == ("mars", "wake it")
    else:
        assert "broken_in_an_actor.py" in "".join(caught.value.__notes__)


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_actors_end_with_the_refresh_that_began_them(corpus: Corpus) -> None:
    corpus.fill(40)

    def give_up(done: object) -> None:
        raise KeyboardInterrupt

    with within(100), pytest.raises(KeyboardInterrupt):
        refresh(corpus, ON_RAY, give_up)
    with within(60):
        while actors():
            pass


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_a_models_vectors_are_those_of_a_local_refresh(tmp_path: Path) -> None:
    encoder = {"use": "late", "model": "minilm", "window": 128, "header": "{title}"}
    corpus = Corpus(tmp_path, {**HASHING, "encoder": encoder})
    corpus.fill(6, sentences=30)
    with within(250):
        report = refresh(corpus)
    assert report.model_loaded
    assert differences(corpus.stored(quiet(corpus)), corpus.stored(ON_RAY)) == []
