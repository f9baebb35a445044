"""Which engine does the work of a refresh."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from components.corpus.clock import Clock
from components.corpus.encode import Encoding, Stream, local
from components.corpus.plan import Change
from components.corpus.request import Job
from components.errors import BadOption, ClusterUnavailable, MissingExtra
from components.indexes.manifest import Generation
from components.spec.engine import Engine
from infra.settings import settings

if TYPE_CHECKING:
    from components.corpus.spread import Answers, Work


def encoding(changes: Sequence[Change], job: Job, draft: Generation, clock: Clock) -> Stream:
    """By the engine that the job's pipeline asks for, of which nothing has to be there before."""
    return chosen(job.pipeline.engine)(changes, job, draft, clock)


def chosen(engine: Engine) -> Encoding:
    """What the engine that a pipeline file asks for does. Starts nothing. Raises MissingExtra."""
    address = settings().ray_address
    if engine.use == "local" or (engine.use == "auto" and not address):
        return local
    if importlib.util.find_spec("ray") is None:
        raise MissingExtra("the engine 'ray' needs a package that is not installed").at(
            where="engine", hint='pip install "millrace[ray]", or use engine: {use: local}'
        )
    return _on_ray(engine, address)


def _on_ray(engine: Engine, address: str) -> Encoding:
    from components.corpus.spread import spread
    from infra.ray_crew import ClusterLost
    from infra.ray_runtime import ActorPool, NoNodeHere, TooSmall

    pool = ActorPool(
        address=address,
        actors=engine.actors,
        cpus=engine.cpus,
        gpus=engine.gpus,
        patience=settings().patience,
    )

    def checked(work: Work, items: Sequence[Any]) -> Answers:
        try:
            yield from pool(work, items)
        except TooSmall as error:
            raise BadOption(str(error)).at(where="engine", hint="ask for less for each") from None
        except NoNodeHere as error:
            raise ClusterUnavailable(str(error)).at(
                where="MILLRACE_RAY_ADDRESS",
                hint=f"begin a node without cores, `ray start --address={address} --num-cpus=0 "
                "--num-gpus=0`, where the refresh runs; or use engine: {use: local}",
            ) from None
        except ClusterLost as error:
            raise ClusterUnavailable(f"the Ray cluster cannot be used: {error}").at(
                where="MILLRACE_RAY_ADDRESS" if address else "engine",
                hint="what was committed stays, run it again to go on; or use engine: {use: local}",
            ) from error

    return spread(checked)
