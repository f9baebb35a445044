"""What is thought of each answer: by the rules, and by a model where one is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from components.endpoint.ledger import Ledger
from components.errors import EndpointUnavailable, MillraceError
from components.phases import Done, Tell
from components.values import Usage
from evals import kept, pool
from evals.answers.answered import Answered
from evals.answers.asking import answers
from evals.answers.gold import alternatives
from evals.answers.plan import Plan
from evals.datasets.judged import Question
from evals.experiment.systems import System
from evals.judging import judge_file, offline
from evals.judging.judgement import CLASSES, Judgement
from evals.judging.model_judge import Opinion, Stopped

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


def judged(plan: Plan, system: System, otherwise: Answered) -> dict[str, Judged]:
    """By question id, in the questions' order; nobody is asked. A question without an answer has
    failed, unless that is excused; then, and where the model has not judged an answer, it is
    unmeasured. `otherwise` stands for those that were not asked.
    """
    found = answers(plan, system)
    opinions = _opinions(plan, system, found) if plan.judge else {}
    return {
        each.id: _judged(plan, each, found.get(each.id, otherwise), opinions.get(each.id))
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
    file = plan.opinions(system)
    model = judge_file.model_judge(plan.judge, ledger)
    with kept.adding(file):
        found = answers(plan, system)
        known = kept.read(file)
        waiting = [each for each in plan.data.questions if _is_new(each, found, known)]
        done = len(plan.data.questions) - len(waiting)
        tell(Done(units=done))

        def ask(question: Question) -> Opinion:
            said = _known(known.get(question.id), found[question.id])
            return model.judge(question.text, _for_model(question), found[question.id].text, said)

        for question, made in pool.each(waiting, ask, _AT_ONCE, _failure):
            opinion = made.opinion if isinstance(made, Stopped) else made
            if isinstance(opinion, Opinion) and (opinion is made or opinion.usage.calls):
                whole = _with_known(opinion, known.get(question.id), found[question.id])
                kept.add(file, {question.id: {"of": found[question.id].text, **asdict(whole)}})
                done += 1
                tell(Done(units=done))


def todo(plan: Plan, system: System) -> bool:
    """Whether there are answers that the plan's model has not judged."""
    if plan.judge is None:
        return False
    found, known = answers(plan, system), kept.read(plan.opinions(system))
    return any(_is_new(each, found, known) for each in plan.data.questions)


def _is_new(
    question: Question, found: Mapping[str, Answered], known: Mapping[str, Mapping[str, Any]]
) -> bool:
    """Whether there is an answer without an opinion, or with one of which a part has failed."""
    answered = found.get(question.id)
    if answered is None or answered.error:
        return False
    opinion = known.get(question.id)
    return opinion is None or opinion["of"] != answered.text or _read(opinion).failed


def _known(raw: Mapping[str, Any] | None, answered: Answered) -> tuple[Judgement, ...]:
    """What was said of this answer already."""
    if raw is None or raw["of"] != answered.text:
        return ()
    return tuple(each for each in _read(raw).repeats if each.verdict in CLASSES)


def _with_known(opinion: Opinion, raw: Mapping[str, Any] | None, answered: Answered) -> Opinion:
    """With what the repeats that were there before have taken."""
    before = _read(raw).usage if raw and raw["of"] == answered.text else Usage()
    return replace(opinion, usage=before + opinion.usage)


def _failure(opinion: Opinion) -> MillraceError | None:
    return EndpointUnavailable(opinion.judgement.why) if opinion.failed else None


def _opinions(plan: Plan, system: System, found: Mapping[str, Answered]) -> dict[str, Opinion]:
    """Those of the answers that there are."""
    return {
        id: _read(raw)
        for id, raw in kept.read(plan.opinions(system)).items()
        if id in found and raw["of"] == found[id].text
    }


def _read(raw: Mapping[str, Any]) -> Opinion:
    return Opinion(
        Judgement(**raw["judgement"]),
        tuple(Judgement(**each) for each in raw["repeats"]),
        Usage(**raw["usage"]),
    )


def _judged(plan: Plan, question: Question, found: Answered, opinion: Opinion | None) -> Judged:
    if found.error:
        # Without a gold answer nobody can be right, so nobody fails.
        unmeasured = found.excused or not alternatives(question)
        none = Judgement("unmeasured" if unmeasured else "failed", "no-answer", found.error)
        return Judged(judgement=none, by_rules=none)
    by_rules = _by_rules(question, found.text)
    if plan.judge is None:
        return Judged(judgement=by_rules, by_rules=by_rules)
    if opinion is None:
        none = Judgement("unmeasured", "model", "The model has not judged it.")
        return Judged(judgement=none, by_rules=by_rules)
    return Judged(judgement=opinion.judgement, by_rules=by_rules, opinion=opinion)


def _by_rules(question: Question, answer: str) -> Judgement:
    """By the gold answer that it agrees with, where there are several; else by the first."""
    wanted = alternatives(question) or [""]
    found = [offline.judge(question.text, each, answer) for each in wanted]
    return next((each for each in found if each.verdict == "correct"), found[0])


def _for_model(question: Question) -> offline.Gold:
    wanted = alternatives(question)
    return wanted[0] if len(wanted) == 1 else "  or  ".join(map(str, wanted))
