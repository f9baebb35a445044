"""What is thought of each answer: by the rules, and by a model where one is asked."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any

from components.endpoint.ledger import Ledger
from components.errors import GuardStopped
from components.values import Usage
from evals.answers.answered import Answered
from evals.answers.asking import Progress, answers, silent
from evals.answers.gold import gold
from evals.answers.plan import Plan
from evals.compare import kept
from evals.compare.systems import System
from evals.judging import judge_file, offline
from evals.judging.judgement import Judgement
from evals.judging.model_judge import ModelJudge, Opinion

_AT_ONCE = 4
"""Answers that a model judges at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is thought of one answer."""

    judgement: Judgement
    """The model's where one was asked, else that of the rules."""
    by_rules: Judgement
    opinion: Opinion | None = None
    """The model's, with its repeats."""


def judged(plan: Plan, system: System) -> dict[str, Judged]:
    """By question id, in the questions' order; nobody is asked. Questions without an answer, and
    those that the model has not judged, are unmeasured.
    """
    found = answers(plan, system)
    opinions = _opinions(plan, system) if plan.judge else {}
    return {
        each.id: _judged(plan, each.text, gold(each), found.get(each.id), opinions.get(each.id))
        for each in plan.data.questions
    }


def judge(plan: Plan, system: System, ledger: Ledger, progress: Progress = silent) -> None:
    """Ask the plan's model for its opinion of every answer that it has none of; each is kept.

    Raises GuardStopped where the ledger's limit is reached, MissingExtra.
    """
    if plan.judge is None:
        return
    file = plan.opinions(system)
    model = judge_file.model_judge(plan.judge, ledger)
    with kept.adding(file), ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        known = kept.read(file)
        found = answers(plan, system)
        waiting = {
            pool.submit(_ask, model, each.text, gold(each), found[each.id]): each.id
            for each in plan.data.questions
            if _is_new(found.get(each.id), known.get(each.id))
        }
        progress(len(plan.data.questions) - len(waiting))
        stopped: GuardStopped | None = None
        for each in as_completed(waiting):
            try:
                opinion = each.result()
            except GuardStopped as error:
                stopped = error
                continue
            kept.add(file, {waiting[each]: {"of": found[waiting[each]].text, **asdict(opinion)}})
            progress(1)
    if stopped:
        raise stopped


def _is_new(answered: Answered | None, known: Mapping[str, Any] | None) -> bool:
    """Whether there is an answer that has no verdict; a failed judgement is tried again."""
    if answered is None or answered.error:
        return False
    return (
        known is None
        or known["of"] != answered.text
        or known["judgement"]["verdict"] == "unmeasured"
    )


def _ask(model: ModelJudge, question: str, wanted: offline.Gold, answered: Answered) -> Opinion:
    return model.judge(question, wanted, answered.text)


def _opinions(plan: Plan, system: System) -> dict[str, Opinion]:
    return {id: _read(raw) for id, raw in kept.read(plan.opinions(system)).items()}


def _read(raw: Mapping[str, Any]) -> Opinion:
    return Opinion(
        Judgement(**raw["judgement"]),
        tuple(Judgement(**each) for each in raw["repeats"]),
        Usage(**raw["usage"]),
    )


def _judged(
    plan: Plan, question: str, wanted: offline.Gold, found: Answered | None, opinion: Opinion | None
) -> Judged:
    if found is None or found.error:
        why = found.error if found else "The question was not asked."
        none = Judgement("unmeasured", "no-answer", why)
        return Judged(judgement=none, by_rules=none)
    by_rules = offline.judge(question, wanted, found.text)
    if plan.judge is None:
        return Judged(judgement=by_rules, by_rules=by_rules)
    if opinion is None:
        none = Judgement("unmeasured", "model", "The model has not judged it.")
        return Judged(judgement=none, by_rules=by_rules)
    return Judged(judgement=opinion.judgement, by_rules=by_rules, opinion=opinion)
