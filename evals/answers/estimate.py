"""What answers that are not there yet will take, by those that are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from components import registry
from components.outlook import FEW, Outlook
from components.values import Usage
from evals import kept
from evals.answers import findings
from evals.answers.answered import Answered
from evals.answers.plan import Plan
from evals.experiment.systems import System
from evals.judging.model_judge import Opinion


def estimate(plan: Plan, system: System, count: int, spent: float) -> Outlook | None:
    """Of so many more answers of a system: the time to search and answer, and what answering and
    judging cost at the plan's prices; `spent` is what its limit counts already.

    By all of its answers that are kept, and their opinions; None where these are too few to tell.
    """
    found = _answers(plan, system)
    if len(found) < FEW:
        return None
    choice = plan.answerer(system)
    at_once = registry.build("answerer", choice).concurrency
    seconds = fmean(each.searching + each.seconds / at_once for each in found.values())
    cost = _cost([each.usage for each in found.values()], choice.options)
    if plan.judge:
        opinions = findings.known(plan.opinions(system), found, Opinion).values()
        cost += _cost([each.usage for each in opinions], plan.judge.model_dump())
    return Outlook(
        units=count,
        seconds=count * seconds,
        cost=count * cost,
        budget=None if plan.max_cost is None else max(0.0, plan.max_cost - spent),
    )


def of_the_rest(plan: Plan, systems: Sequence[System], spent: float) -> Outlook | None:
    """Of what all systems have not answered of the questions that a part leaves out; None where the
    plan is for all of them, or one has too few answers to tell.
    """
    if plan.data.part is None:
        return None
    found = [
        estimate(plan, each, max(0, plan.data.part.of - len(_answers(plan, each))), spent)
        for each in systems
    ]
    told = [each for each in found if each]
    if len(told) < len(found):
        return None
    return Outlook(
        units=sum(each.units for each in told),
        seconds=sum(each.seconds for each in told),
        cost=sum(each.cost for each in told),
        budget=told[0].budget,
    )


def _answers(plan: Plan, system: System) -> dict[str, Answered]:
    found = kept.values(plan.file(system), Answered)
    return {id: each for id, each in found.items() if not each.error}


def _cost(taken: Sequence[Usage], prices: Mapping[str, Any]) -> float:
    """Mean of one; 0 where there are none. What was paid before may have had another price."""
    if not taken:
        return 0.0
    whole = sum(taken, Usage())
    sent, said = (float(prices.get(each, 0.0)) for each in ("input_price", "output_price"))
    return (whole.input_tokens * sent + whole.output_tokens * said) / len(taken) / 1_000_000
