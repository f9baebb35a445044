"""From a plan to its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from components.corpus.write import Committed
from components.endpoint.ledger import Ledger
from components.errors import Busy, MillraceError, Moved
from evals.answers import steps
from evals.answers.outcome import Outcome
from evals.answers.plan import Plan
from evals.compare.systems import System


@dataclass(frozen=True)
class Watch:
    """Told how far the work is."""

    building: Callable[[System, Committed], None] = lambda system, done: None
    asking: Callable[[System, int], None] = lambda system, answered: None
    judging: Callable[[System, int], None] = lambda system, judged: None
    measuring: Callable[[System, int], None] = lambda system, measured: None


Errors = dict[str, MillraceError]
"""By system."""


@dataclass(frozen=True)
class Steps:
    """The steps, each as it is or wrapped by an orchestrator."""

    build: Callable[[Plan, System, Watch], None]
    ask: Callable[[Plan, System, Ledger, Watch], None]
    judge: Callable[[Plan, System, Ledger, Watch], None]
    measure: Callable[[Plan, System, Ledger, Watch], None]
    conclude: Callable[[Plan, Errors, Errors], Outcome]


PLAIN = Steps(
    build=lambda plan, system, watch: steps.build(
        plan, system, lambda done: watch.building(system, done)
    ),
    ask=lambda plan, system, spent, watch: steps.ask(
        plan, system, spent, lambda more: watch.asking(system, more)
    ),
    judge=lambda plan, system, spent, watch: steps.judge(
        plan, system, spent, lambda more: watch.judging(system, more)
    ),
    measure=lambda plan, system, spent, watch: steps.measure(
        plan, system, spent, lambda more: watch.measuring(system, more)
    ),
    conclude=steps.conclude,
)


def run(plan: Plan, watch: Watch | None = None, by: Steps = PLAIN) -> Outcome:
    """Build what is not built, ask what is not answered, judge what is not judged, and conclude.

    A system that cannot be built is left out, and the outcome says why; so it is where not
    everything can be asked, for want of money or of an answer. Raises Busy, Moved, and what has
    stopped the first system where there is no answer at all.
    """
    watch = watch or Watch()
    excluded: Errors = {}
    stopped: Errors = {}
    with steps.ledger(plan) as spent:
        for system in plan.systems:
            try:
                _build(plan, system, watch, by)
            except (Busy, Moved):
                raise
            except MillraceError as error:
                excluded[system.name] = error
                continue
            try:
                _ask(plan, system, spent, watch, by)
            except (Busy, Moved):
                raise
            except MillraceError as error:
                stopped[system.name] = error
    if not any(steps.answered(plan, each) for each in plan.systems):
        raise next(iter((excluded | stopped).values()), MillraceError("nothing is answered"))
    return by.conclude(plan, excluded, stopped)


def _build(plan: Plan, system: System, watch: Watch, by: Steps) -> None:
    if steps.todo(plan, system):
        by.build(plan, system, watch)


def _ask(plan: Plan, system: System, spent: Ledger, watch: Watch, by: Steps) -> None:
    if steps.todo(plan, system):
        by.ask(plan, system, spent, watch)
    if steps.unjudged(plan, system):
        by.judge(plan, system, spent, watch)
    if steps.unmeasured(plan, system):
        by.measure(plan, system, spent, watch)
