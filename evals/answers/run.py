"""From a plan to its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from components.corpus.write import Committed
from components.endpoint.ledger import Ledger
from components.errors import Busy, MillraceError, UserError
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


@dataclass(frozen=True)
class Steps:
    """The steps, each as it is or wrapped by an orchestrator."""

    build: Callable[[Plan, System, Watch], None]
    ask: Callable[[Plan, System, Ledger, Watch], None]
    judge: Callable[[Plan, System, Ledger, Watch], None]
    measure: Callable[[Plan, System, Ledger, Watch], None]
    conclude: Callable[[Plan, dict[str, str], dict[str, MillraceError]], Outcome]


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
    everything can be asked, for want of money or of an answer. Raises UserError, Busy,
    MillraceError where no system is left.
    """
    watch = watch or Watch()
    spent = steps.ledger(plan)
    excluded: dict[str, str] = {}
    stopped: dict[str, MillraceError] = {}
    for system in plan.systems:
        try:
            if steps.todo(plan, system):
                by.build(plan, system, watch)
        except (Busy, UserError):
            raise
        except MillraceError as error:
            excluded[system.name] = steps.reason(error)
            continue
        try:
            if steps.todo(plan, system):
                by.ask(plan, system, spent, watch)
            if plan.judge:
                by.judge(plan, system, spent, watch)
            if steps.unmeasured(plan, system):
                by.measure(plan, system, spent, watch)
        except (Busy, UserError):
            raise
        except MillraceError as error:
            stopped[system.name] = error
    return by.conclude(plan, excluded, stopped)
