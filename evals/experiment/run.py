"""What is done to the systems of an experiment, in phases: each is built, asked, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from components.errors import Busy, MillraceError, Moved
from components.phases import Phase, Runner
from evals.experiment import indexes
from evals.experiment.systems import System

Phases = Callable[[System], Iterable[Phase[object]]]
"""What is left to do once a system is built; asked for the next one when one is done."""


@dataclass(frozen=True)
class Failed:
    """What came in the way of a system."""

    error: MillraceError
    built: bool
    """Whether its index is there, so that it may have been asked something."""


def carry_out(
    systems: Sequence[System], phases: Phases, by: Runner, *, searched: bool = True
) -> dict[str, Failed]:
    """Build what is not built, where it is `searched`, and have each system's phases done; those of
    which that cannot be done, by name.

    Raises Busy where another process has one of the indexes, Moved where a refresh has replaced
    what was chosen: the next run may do what this one could not.
    """
    failed: dict[str, Failed] = {}
    for group in indexes.groups(systems):
        try:
            if searched and indexes.known(group[0]) is None:
                by(_building(group[0]))
        except (Busy, Moved):
            raise
        except MillraceError as error:
            failed |= {each.name: Failed(error, built=False) for each in group}
            continue
        for each in group:
            try:
                for phase in phases(each):
                    by(phase)
            except (Busy, Moved):
                raise
            except MillraceError as error:
                failed[each.name] = Failed(error, built=True)
    return failed


def _building(system: System) -> Phase[indexes.Built]:
    work = partial(indexes.build, system)
    return Phase(name="build", work=work, of=system.name, counts="documents")
