"""A comparison from beginning to end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from components.errors import MillraceError, line
from components.phases import Phase, Runner, plainly
from evals.compare import costs, likeness, rankings, slices, texts
from evals.compare.costs import Cost
from evals.compare.evaluate import evaluate
from evals.compare.outcome import Measured, Outcome
from evals.compare.plan import Plan
from evals.experiment import indexes
from evals.experiment.comparisons import comparisons
from evals.experiment.run import carry_out
from evals.experiment.systems import System
from evals.metrics import interval


def run(plan: Plan, by: Runner = plainly, *, timed: bool = True) -> Outcome:
    """Build what is not built, ask what is not answered, and judge; `timed`: measure answers' time.

    A system that cannot be built or asked is left out, and the outcome says why. Raises
    MillraceError where none is left, and as `answered` does.
    """
    excluded = answered(plan, by)
    return by(Phase(name="judge", work=lambda tell: _judge(plan, excluded, timed=timed)))


def answered(plan: Plan, by: Runner = plainly) -> dict[str, str]:
    """Build what is not built and ask what is not answered; the systems of which that cannot be
    done, with the reason. Raises Busy, Moved as `carry_out` does, Damaged.
    """
    done = {e.name for e in plan.systems if rankings.finished(plan.file(e), plan.asked)}

    def phases(system: System) -> Iterator[Phase[object]]:
        if system.name not in done:
            yield Phase(
                name="ask",
                work=partial(rankings.rankings, system, plan.asked, plan.file(system)),
                of=system.name,
                counts="questions",
                total=len(plan.asked.data.questions),
            )

    failed = {name: each.error for name, each in carry_out(plan.systems, phases, by).items()}
    return {name: line(str(error), error.where, "") for name, error in failed.items()}


def _judge(plan: Plan, excluded: Mapping[str, str], *, timed: bool) -> Outcome:
    """What can be concluded from the answers. Systems in `excluded` are left out.

    Raises MillraceError, also where none is left.
    """
    kept = [each for each in plan.systems if each.name not in excluded]
    if not kept:
        name, reason = next(iter(excluded.items()))
        raise MillraceError(f"no system could be measured; {name}: {reason}")
    request = plan.request
    spent = costs.measure(kept, request.data.queries(scoped=request.scoped)) if timed else {}
    measured = {each.name: _measured(plan, each, spent.get(each.name)) for each in kept}
    return Outcome(
        data=request.data,
        scoped=request.scoped,
        metrics=plan.metrics,
        systems=[*measured.values()],
        excluded=excluded,
        comparisons=comparisons(
            [*measured],
            plan.metrics,
            lambda name, metric: measured[name].values[metric],
            request.baseline,
            request.rules,
        ),
        likeness=likeness.likeness(
            kept, [*measured.values()], request.data.corpus or request.data.checksum, request.home
        ),
        slices=slices.slices(request.data, [*measured.values()], plan.metrics[0]),
        corpus=texts.statistics(request.data, request.home),
        rules=request.rules,
    )


def _measured(plan: Plan, system: System, cost: Cost | None) -> Measured:
    request = plan.request
    built = indexes.known(system)
    if built is None:
        raise MillraceError("its index is not complete").at(where=system.name)
    found = evaluate(system, request.data, plan.metrics, scoped=request.scoped, home=request.home)
    return Measured(
        name=system.name,
        stages=system.options,
        fingerprint=system.fingerprint,
        generation=system.served.generation.name if system.served else "",
        live=system.live,
        built=built,
        cost=cost,
        values=found.values,
        intervals={name: interval(list(own.values())) for name, own in found.values.items()},
        rankings=found.rankings,
        absent=found.absent,
        namesakes=found.namesakes,
    )
