"""From a plan to its outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from components.endpoint.ledger import Ledger
from components.errors import GuardStopped, MillraceError, Unavailable
from components.outlook import Outlook
from components.phases import Done, Phase, Runner, Tell, plainly
from evals.answers import asking, judging, judging_labels, metrics
from evals.answers.conclusion import conclude
from evals.answers.estimate import estimate
from evals.answers.outcome import Outcome
from evals.answers.plan import Plan
from evals.experiment.run import carry_out
from evals.experiment.systems import System

Work = Callable[[Plan, System, Ledger, Tell], None]


def run(plan: Plan, by: Runner = plainly) -> Outcome:
    """Build what is not built, ask what is not answered, judge what is not judged, and conclude.

    A system that cannot be built is left out, and the outcome says why; so it is where not
    everything can be asked, for want of money or of an answer. Raises Busy, Moved, and what has
    stopped the first system where there is no answer at all.
    """
    with Ledger(plan.ledger, plan.max_cost) as spent:
        failed = carry_out(plan.systems, partial(_phases, plan, spent), by, searched=plan.searched)
        of_labels = _judge_labels(plan, spent, by)
    excluded = {name: each.error for name, each in failed.items() if not each.built}
    stopped = {name: each.error for name, each in failed.items() if each.built} | of_labels
    if not any(asking.answered(plan, each) for each in plan.systems):
        raise next(iter((excluded | stopped).values()), MillraceError("nothing is answered"))
    return by(Phase(name="conclude", work=lambda tell: conclude(plan, excluded, stopped)))


def _judge_labels(plan: Plan, spent: Ledger, by: Runner) -> dict[str, MillraceError]:
    """What has stopped it, if anything: then rates are corrected by the labels that are judged."""
    if not judging_labels.todo(plan):
        return {}

    def work(tell: Tell) -> None:
        judging_labels.judge(plan, spent, _paying(spent, tell))

    total = sum(bool(each.human) for each in plan.labels)
    try:
        by(Phase(name="judge", work=work, of="labels", counts="judgements", total=total))
    except (GuardStopped, Unavailable) as error:
        return {"labels": error}
    return {}


def _phases(plan: Plan, spent: Ledger, system: System) -> Iterator[Phase[object]]:
    def phase(name: str, work: Work, counts: str, outlook: Outlook | None = None) -> Phase[object]:
        return Phase(
            name=name,
            work=lambda tell: work(plan, system, spent, _paying(spent, tell)),
            of=system.name,
            counts=counts,
            total=len(plan.data.questions),
            outlook=outlook,
        )

    if left := asking.waiting(plan, system):
        outlook = estimate(plan, system, len(left), spent.totals.cost)
        yield phase("ask", asking.ask, "answers", outlook)
    if judging.todo(plan, system):
        yield phase("judge", judging.judge, "judgements")
    if metrics.todo(plan, system):
        yield phase("measure", metrics.measure, "metrics")


def _paying(spent: Ledger, tell: Tell) -> Tell:
    """Tells besides what was spent since now, and what is left to spend."""
    before = spent.totals.known.cost

    def told(done: Done) -> None:
        totals = spent.totals
        budget = None if spent.limit is None else max(0.0, spent.limit - totals.cost)
        tell(replace(done, cost=totals.known.cost - before, budget=budget))

    return told
