"""Work spread over a pool of Ray actors, on a cluster that is there or one of our own.

Ray Data feeds the actors, starts them again when they die, does again what was lost with them, and
slows them down when nobody takes what they made.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra import stopping

if TYPE_CHECKING:
    import pyarrow as pa

Work = Callable[[Sequence[Any]], Iterator[bytes]]
Answers = Generator[bytes, None, None]
_CORES_PER_ACTOR = 4
"""A batch that stays in the cache does not keep more of them busy."""
_BATCHES_PER_ACTOR = 16
"""So that none has to wait long for the last one to end."""
_LONGEST_BATCH = 256
_ANSWER = 10.0
"""Seconds that a cluster may take to answer."""
_NOTHING_HAPPENS = 60 * 60.0
"""Seconds without an answer after which a run is given up: a batch whose actor dies is done again,
and one that kills its actor every time would be done for ever.
"""


class ClusterLost(Exception):
    """The cluster cannot be reached, or gave up."""


class TooSmall(Exception):
    """The cluster can never have all the actors that were asked for."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How many actors, and what each reserves."""

    actors: int
    cpus: float
    gpus: float
    threads: int
    """That each computes with."""


@dataclass(frozen=True, kw_only=True)
class ActorPool:
    """Actors that keep what they load. None: by what the cluster has."""

    address: str = ""
    """Of a cluster to join; empty: start one on this machine, and stop it in the end."""
    actors: int | None = None
    cpus: float | None = None
    gpus: float | None = None

    def __call__(self, work: Work, items: Sequence[Any]) -> Answers:
        """What a copy of `work` in each actor yields for the items, cut into batches, in any order.

        Raises ClusterLost where the cluster cannot be used or gives up, TooSmall.
        """
        with _connected(self.address):
            import ray

            shape = self.shape(ray.cluster_resources())  # type: ignore[no-untyped-call]
            yield from _answers(work, _batches(items, shape.actors), shape)

    def shape(self, has: dict[str, float]) -> Shape:
        """The pool on a cluster that has these resources. Raises TooSmall."""
        cores, devices = has.get("CPU", 0.0), has.get("GPU", 0.0)
        gpus = self.gpus if self.gpus is not None else float(devices > 0)
        most = devices // gpus if gpus else cores // _CORES_PER_ACTOR
        actors = self.actors or max(1, int(most))
        # Half of the cores stay free: a task of Ray's own that finds none would wait for ever.
        cpus = self.cpus if self.cpus is not None else min(1.0, cores / actors / 2)
        for name, wanted, there in (("cpus", cpus, cores), ("gpus", gpus, devices)):
            if actors * wanted > there + 1e-6:
                raise TooSmall(
                    f"{actors} actors with {name}: {wanted:g} need {actors * wanted:g}, "
                    f"the cluster has {there:g}"
                )
        threads = max(1, int(cores / actors))
        return Shape(actors=actors, cpus=cpus, gpus=gpus, threads=threads)


class _Actor:
    """A process with its copy of the work."""

    def __init__(self, work: Work, threads: int) -> None:
        # Before anything that computes is imported. Ray would set it to the cores reserved.
        os.environ["OMP_NUM_THREADS"] = str(threads)
        self._work = work

    def __call__(self, batch: pa.Table) -> Iterator[pa.Table]:
        for row in batch["items"]:
            for answer in self._work(pickle.loads(row.as_buffer())):  # noqa: S301 (made below)
                yield _table("answer", answer)


def _answers(work: Work, batches: list[list[Any]], shape: Shape) -> Answers:
    import ray
    from ray.exceptions import RayError

    with ray.data.DataContext.current(_context()):
        blocks = [_table("items", pickle.dumps(batch)) for batch in batches]
        answers = ray.data.from_arrow(blocks).map_batches(
            _Actor,
            fn_constructor_args=(work, shape.threads),
            batch_size=None,
            batch_format="pyarrow",
            zero_copy_batch=True,
            compute=ray.data.ActorPoolStrategy(size=min(shape.actors, len(batches))),
            num_cpus=shape.cpus,
            num_gpus=shape.gpus or None,
        )
        try:
            for block in answers.iter_batches(batch_size=None, batch_format="pyarrow"):
                for row in block["answer"]:
                    yield row.as_buffer()
        except (RayError, RuntimeError, ConnectionError, TimeoutError) as error:
            # What a batch raises is an answer, so all of this is Ray's own.
            raise ClusterLost(f"Ray gave up: {_last_line(error)}") from error


def _context() -> Any:
    """Ray Data's settings for one run: quiet, and each answer a block of its own, at once."""
    import ray.data

    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = 1
    context.max_errored_blocks = 0
    context.execution_no_progress_timeout_s = _NOTHING_HAPPENS
    return context


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Connected to the cluster; a connection that was there before is used and left alone."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    import ray
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if ray.is_initialized():
        yield
        return
    try:
        _check_reachable(address)
        with stopping.kept():  # Ray would end the process on SIGTERM, in its own way
            ray.init(
                # Without "local" it would join whatever a file in the temporary folder names.
                address=address or "local",
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except (ConnectionError, RuntimeError, OSError) as error:
        raise ClusterLost(_last_line(error)) from error
    try:
        yield
    finally:
        ray.shutdown()  # an own cluster ends, too


def _check_reachable(address: str) -> None:
    """Ray tries for minutes where nobody listens, and cannot be interrupted."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "//" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER).close()


def _batches(items: Sequence[Any], actors: int) -> list[list[Any]]:
    size = min(_LONGEST_BATCH, max(1, len(items) // (actors * _BATCHES_PER_ACTOR)))
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def _table(column: str, value: bytes) -> pa.Table:
    """One row, so that it becomes one block."""
    import pyarrow as pa

    return pa.table({column: pa.array([value], type=pa.large_binary())})


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # What its C++ side calls an error and prints is the daily life of actors that start again.
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
}
