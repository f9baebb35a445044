"""A comparison from beginning to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from components.corpus.write import Committed
from components.errors import Busy, MillraceError, Moved
from evals.compare import indexes, steps
from evals.compare.indexes import Built
from evals.compare.outcome import Outcome
from evals.compare.steps import Plan
from evals.compare.systems import System


@dataclass(frozen=True)
class Watch:
    """Told how far the work is."""

    building: Callable[[System, Committed], None] = lambda system, done: None
    asking: Callable[[System, int], None] = lambda system, answered: None


@dataclass(frozen=True)
class Steps:
    """The steps, each as it is or wrapped by an orchestrator."""

    build: Callable[[Plan, System, Watch], Built]
    ask: Callable[[Plan, System, Watch], None]
    judge: Callable[[Plan, dict[str, str], bool], Outcome]


PLAIN = Steps(
    build=lambda of, system, watch: steps.build(
        of, system, lambda done: watch.building(system, done)
    ),
    ask=lambda of, system, watch: steps.ask(of, system, lambda more: watch.asking(system, more)),
    judge=lambda of, excluded, timed: steps.judge(of, excluded, timed=timed),
)


def run(of: Plan, watch: Watch | None = None, by: Steps = PLAIN, *, timed: bool = True) -> Outcome:
    """Build what is not built, ask what is not answered, and judge; `timed`: measure answers' time.

    A system that cannot be built or asked is left out, and the outcome says why. Raises
    MillraceError where none is left, and as `answered` does.
    """
    return by.judge(of, answered(of, watch, by), timed)


def answered(of: Plan, watch: Watch | None = None, by: Steps = PLAIN) -> dict[str, str]:
    """Build what is not built and ask what is not answered; the systems of which that cannot be
    done, with the reason.

    Raises Busy where another process has one of the indexes, Moved where a refresh has replaced
    what was chosen to be compared.
    """
    watch = watch or Watch()
    excluded: dict[str, str] = {}
    for group in steps.todo(of):
        try:
            if indexes.known(group[0]) is None:
                by.build(of, group[0], watch)
        except (Busy, Moved):
            raise
        except MillraceError as error:
            excluded |= {each.name: _reason(error) for each in group}
            continue
        for each in group:
            try:
                by.ask(of, each, watch)
            except (Busy, Moved):
                raise
            except MillraceError as error:
                excluded[each.name] = _reason(error)
    return excluded


def _reason(error: MillraceError) -> str:
    return ": ".join(filter(None, [error.where, str(error)]))
