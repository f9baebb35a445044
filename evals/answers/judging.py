"""What is thought of each answer: by the rules, and by a model where one is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from components.endpoint.ledger import Ledger
from components.errors import EndpointUnavailable, MillraceError
from components.phases import Tell
from components.values import Usage
from evals import kept, pool
from evals.answers import findings
from evals.answers.answered import Answered
from evals.answers.asking import answers
from evals.answers.gold import alternatives
from evals.answers.plan import Plan
from evals.datasets.judged import Question
from evals.experiment.systems import System
from evals.judging import judge_file, offline
from evals.judging.judgement import CLASSES, Judgement
from evals.judging.model_judge import Opinion, Stopped

AT_ONCE = 4
"""Answers that a model judges at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedAnswer:
    """What is thought of one answer."""

    judgement: Judgement
    """The model's where one was asked, else that of the rules."""
    by_rules: Judgement
    opinion: Opinion | None = None
    """The model's, with its repeats."""


def judged(plan: Plan, system: System, otherwise: Answered) -> dict[str, JudgedAnswer]:
    """By question id, in the questions' order; nobody is asked. A question without an answer has
    failed, unless that is excused; then, and where the model has not judged an answer, it is
    unmeasured. `otherwise` stands for those that were not asked.
    """
    found = answers(plan, system)
    said = opinions(plan, system, found) if plan.judge else {}
    return {
        each.id: _judged(plan, each, found.get(each.id, otherwise), said.get(each.id))
        for each in plan.data.questions
    }


def judge(plan: Plan, system: System, ledger: Ledger, tell: Tell) -> None:
    """Ask the plan's model for its opinion of every answer that it has none of; each is kept, and
    what failed is tried again by the next run.

    Raises GuardStopped where the ledger's limit is reached, Unavailable where nothing succeeds any
    more, MissingExtra.
    """
    if plan.judge is None:
        return
    model = judge_file.model_judge(plan.judge, ledger)
    with kept.adding(plan.opinions(system)):
        found = answers(plan, system)
        known = opinions(plan, system, found)
        waiting = findings.waiting(plan, found, known, _failure)

        def ask(question: Question) -> Opinion:
            repeats = known[question.id].repeats if question.id in known else ()
            said = tuple(each for each in repeats if each.verdict in CLASSES)
            return model.judge(
                question.text, for_model(alternatives(question)), found[question.id].text, said
            )

        def rows() -> Iterator[dict[str, Any]]:
            for question, made in pool.each(waiting, ask, AT_ONCE, _failure):
                opinion = made.opinion if isinstance(made, Stopped) else made
                if isinstance(opinion, Opinion) and (opinion is made or opinion.usage.calls):
                    before = known[question.id].usage if question.id in known else Usage()
                    whole = replace(opinion, usage=before + opinion.usage)
                    yield {question.id: {"of": found[question.id].text, **asdict(whole)}}

        left = len(plan.data.questions) - len(waiting)
        kept.grow(plan.opinions(system), rows(), tell, left)


def todo(plan: Plan, system: System) -> bool:
    """Whether there are answers that the plan's model has not judged."""
    if plan.judge is None:
        return False
    found = answers(plan, system)
    return bool(findings.waiting(plan, found, opinions(plan, system, found), _failure))


def opinions(plan: Plan, system: System, found: Mapping[str, Answered]) -> dict[str, Opinion]:
    """By question id, of the answers that are `found`; nobody is asked."""
    return findings.known(plan.opinions(system), found, Opinion)


def _failure(opinion: Opinion) -> MillraceError | None:
    return EndpointUnavailable(opinion.judgement.why) if opinion.failed else None


def _judged(
    plan: Plan, question: Question, found: Answered, opinion: Opinion | None
) -> JudgedAnswer:
    if found.error:
        # Without a gold answer nobody can be right, so nobody fails.
        unmeasured = found.excused or not alternatives(question)
        none = Judgement("unmeasured" if unmeasured else "failed", "no-answer", found.error)
        return JudgedAnswer(judgement=none, by_rules=none)
    ruled = by_rules(question.text, alternatives(question), found.text)
    if plan.judge is None:
        return JudgedAnswer(judgement=ruled, by_rules=ruled)
    if opinion is None:
        none = Judgement("unmeasured", "model", "The model has not judged it.")
        return JudgedAnswer(judgement=none, by_rules=ruled)
    return JudgedAnswer(judgement=opinion.judgement, by_rules=ruled, opinion=opinion)


def by_rules(question: str, wanted: Sequence[offline.Gold], answer: str) -> Judgement:
    """By the gold answer that it agrees with, where there are several; else by the first."""
    found = [offline.judge(question, each, answer) for each in wanted or [""]]
    return next((each for each in found if each.verdict == "correct"), found[0])


def for_model(wanted: Sequence[offline.Gold]) -> offline.Gold:
    """All that are right, as a model is told."""
    return wanted[0] if len(wanted) == 1 else "  or  ".join(map(str, wanted))
