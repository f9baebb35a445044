"""What a model says of answers with people's labels: how it errs is not known without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from components.endpoint.ledger import Ledger
from components.errors import EndpointUnavailable, MillraceError
from components.phases import Tell
from evals import kept, pool
from evals.answers import judging
from evals.answers.asking import answers
from evals.answers.judging import AT_ONCE, for_model
from evals.answers.plan import Plan
from evals.judging import judge_file
from evals.judging.judgement import CLASSES
from evals.judging.label_file import Answer
from evals.judging.model_judge import Opinion, Stopped


def opinions(plan: Plan) -> Mapping[str, Opinion]:
    """By a labelled answer's id; nobody is asked. What was said of the same answer in this run is
    said of it, too.
    """
    said = {}
    for system in plan.systems:
        found = answers(plan, system)
        for id, opinion in judging.opinions(plan, system, found).items():
            said[id, found[id].text] = opinion
    own = {
        each.id: said[each.question_id, each.text]
        for each in plan.labels
        if (each.question_id, each.text) in said
    }
    return kept.values(plan.opinions_of_labels, Opinion) | own


def todo(plan: Plan) -> list[Answer]:
    """Labelled answers that the plan's model has not judged."""
    if plan.judge is None:
        return []
    known = opinions(plan)
    found = [each for each in plan.labels if each.human]
    return [each for each in found if each.id not in known or known[each.id].failed]


def judge(plan: Plan, ledger: Ledger, tell: Tell) -> None:
    """Ask the plan's model for its opinion of every labelled answer that it has none of; each is
    kept. Raises as `judging.judge` does.
    """
    if plan.judge is None:
        return
    model = judge_file.model_judge(plan.judge, ledger)
    with kept.adding(plan.opinions_of_labels):
        known = opinions(plan)
        waiting = todo(plan)

        def ask(answer: Answer) -> Opinion:
            repeats = known[answer.id].repeats if answer.id in known else ()
            said = tuple(each for each in repeats if each.verdict in CLASSES)
            return model.judge(answer.question, for_model(answer.golds), answer.text, said)

        def rows() -> Iterator[dict[str, Any]]:
            for answer, made in pool.each(waiting, ask, AT_ONCE, _failure):
                opinion = made.opinion if isinstance(made, Stopped) else made
                if isinstance(opinion, Opinion) and (opinion is made or opinion.usage.calls):
                    yield {answer.id: asdict(opinion)}

        done = sum(bool(each.human) for each in plan.labels) - len(waiting)
        kept.grow(plan.opinions_of_labels, rows(), tell, done)


def _failure(opinion: Opinion) -> MillraceError | None:
    return EndpointUnavailable(opinion.judgement.why) if opinion.failed else None
