"""A judge that asks a language model, once or several times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator

from components.endpoint.conversation import ChatModel, Message, Said
from components.endpoint.prompt import Prompt
from components.errors import BadOption, Unavailable
from components.values import Usage
from evals.judging import prompts
from evals.judging.judgement import CLASSES, Judgement, Verdict
from evals.judging.offline import Gold
from evals.judging.reply import Unreadable, line, one

PURPOSE = "judge"
RULE = "model"
PLACES = ("question", "gold", "answer")
"""What a prompt has to have a place for."""
_ALSO: Mapping[object, Verdict] = {
    "correct answer": "correct",
    "incorrect answer": "incorrect",
    "refusal": "refused",
}
"""FinanceBench's own words for the verdicts."""
_LONGEST = 400


def _plain(written: object) -> object:
    """A verdict as models write it, such as `Correct.`, as ours."""
    plain = written.lower().strip(" .") if isinstance(written, str) else written
    return _ALSO.get(plain, plain)


class _Graded(BaseModel):
    verdict: Annotated[Literal["correct", "incorrect", "refused"], BeforeValidator(_plain)]
    why: str = "The model gives no reason."


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a judge says of one answer, what each repeat said, and what those that ended took."""

    judgement: Judgement
    repeats: tuple[Judgement, ...] = ()
    """In order; none where there was nothing to ask."""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, kw_only=True)
class ModelJudge:
    """Asks `model` by a prompt with places for {question}, {gold} and {answer}, `repeats` times.

    More than half of the measured repeats make a verdict. Repeats differ only where the model's
    sampling lets them.
    """

    model: ChatModel
    repeats: int = 1
    prompt: str = field(default_factory=lambda: prompts.shipped(prompts.RUBRIC))

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise BadOption(f"repeats is {self.repeats}").at(where="repeats", hint="1 or more")
        prompts.check(self.prompt, *PLACES)

    @property
    def facts(self) -> Mapping[str, object]:
        """What its judgements depend on."""
        return {
            "model": dict(self.model.facts),
            "prompt": Prompt(self.prompt).sha256,
            "repeats": self.repeats,
        }

    def judge(self, question: str, gold: Gold, answer: str) -> Opinion:
        """Judge one answer by the gold one.

        As by the offline judge, an empty answer is refused, and without a gold answer it is
        unmeasured: nothing is asked then. A call that fails, or a reply that cannot be read, makes
        its repeat unmeasured. Raises GuardStopped.
        """
        written = str(gold).strip()
        if not written:
            return Opinion(
                Judgement("unmeasured", "no-gold", "There is no gold answer to judge by.")
            )
        if not answer.strip():
            return Opinion(Judgement("refused", "empty", "The answer is empty."))
        asked = Prompt(self.prompt).filled(question=question, gold=written, answer=answer)
        said = [self._ask(asked) for _ in range(self.repeats)]
        repeats = tuple(judgement for judgement, _ in said)
        return Opinion(majority(repeats), repeats, sum((used for _, used in said), Usage()))

    def _ask(self, asked: str) -> tuple[Judgement, Usage]:
        try:
            said = self.model.ask([Message("user", asked)], PURPOSE)
        except (Unavailable, BadOption) as error:
            return _unmeasured(f"The call failed: {error}"), Usage()
        return _read(said), said.usage


def majority(repeats: Sequence[Judgement]) -> Judgement:
    """What more than half of the measured repeats say, with the first one's reason; unmeasured
    where there is no such verdict.
    """
    measured = [each for each in repeats if each.verdict in CLASSES]
    if not measured:
        return repeats[0]
    counts = Counter(each.verdict for each in measured)
    verdict, votes = counts.most_common(1)[0]
    if 2 * votes > len(measured):
        return next(each for each in measured if each.verdict == verdict)
    told = ", ".join(f"{counts[each]} {each}" for each in CLASSES if counts[each])
    return _unmeasured(f"No verdict has a majority of the repeats: {told}.")


def _read(said: Said) -> Judgement:
    try:
        found = one(said.text, _Graded, cut=said.cut)
    except Unreadable as error:
        return _unmeasured(f"The reply cannot be read: {error}.")
    return Judgement(found.verdict, RULE, _sentence(found.why))


def _unmeasured(why: str) -> Judgement:
    return Judgement("unmeasured", RULE, _sentence(why))


def _sentence(text: str) -> str:
    return line(text)[:_LONGEST]
