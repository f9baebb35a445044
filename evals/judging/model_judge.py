"""A judge that asks a language model, once or several times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator

from components.endpoint.conversation import ChatModel, Message, Said
from components.endpoint.prompt import Prompt
from components.endpoint.reply import Text, Unreadable, line, one
from components.errors import BadOption, GuardStopped, Unavailable
from components.values import Usage
from evals.judging import prompts
from evals.judging.judgement import CLASSES, Judgement, Verdict
from evals.judging.offline import Gold

REVISION = 2
"""Raised when a prompt of the same text is put otherwise."""
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
    why: Text = "The model gives no reason."


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a judge says of one answer, what each repeat said, and what those that ended took."""

    judgement: Judgement
    repeats: tuple[Judgement, ...] = ()
    """In order; none where there was nothing to ask."""
    usage: Usage = field(default_factory=Usage)
    """Of the calls that were made for it, without those of repeats that were known before."""

    @property
    def failed(self) -> bool:
        """Whether a repeat has no verdict, so that asking again may help; a tie alone is none."""
        return any(each.verdict not in CLASSES for each in self.repeats)


class Stopped(GuardStopped):
    """No money is left for the other repeats."""

    opinion: Opinion
    """With the repeats that there are; those that were not asked for are unmeasured."""


@dataclass(frozen=True, kw_only=True)
class ModelJudge:
    """Asks `model` by a prompt with places for {question}, {gold} and {answer}, `repeats` times.
    What is filled in is fenced: an answer cannot end the material.

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
            "revision": REVISION,
            "prompt": Prompt(self.prompt).sha256,
            "repeats": self.repeats,
        }

    def judge(
        self, question: str, gold: Gold, answer: str, known: Sequence[Judgement] = ()
    ) -> Opinion:
        """Judge one answer by the gold one. Of `known`, repeats from before by the same judge,
        those with a verdict are kept, and only the others are asked for.

        As by the offline judge, an empty answer is refused, and without a gold answer it is
        unmeasured: nothing is asked then. A call that fails, or a reply that cannot be read, makes
        its repeat unmeasured. Raises Stopped, a GuardStopped with what there is so far; Busy.
        """
        written = str(gold).strip()
        if not written:
            return Opinion(
                Judgement("unmeasured", "no-gold", "There is no gold answer to judge by.")
            )
        if not answer.strip():
            return Opinion(Judgement("refused", "empty", "The answer is empty."))
        asked = Prompt(self.prompt).fenced(question=question, gold=written, answer=answer)
        repeats = [each for each in known if each.verdict in CLASSES][: self.repeats]
        usage = Usage()
        try:
            while len(repeats) < self.repeats:
                judgement, used = self._ask(asked)
                repeats.append(judgement)
                usage += used
        except GuardStopped as error:
            raise self._stopped(error, repeats, usage) from error
        return _opinion(repeats, usage)

    def _stopped(
        self, error: GuardStopped, repeats: Sequence[Judgement], usage: Usage
    ) -> GuardStopped:
        left = [_unmeasured("No money was left to ask.")] * (self.repeats - len(repeats))
        stopped = Stopped(*error.args).at(error.where, error.hint)
        stopped.opinion = _opinion([*repeats, *left], usage)
        return stopped

    def _ask(self, asked: str) -> tuple[Judgement, Usage]:
        try:
            said = self.model.ask([Message("user", asked)], PURPOSE)
        except (Unavailable, BadOption) as error:
            return _unmeasured(f"The call failed: {error}"), Usage()
        return _read(said), said.usage


def _opinion(repeats: Sequence[Judgement], usage: Usage) -> Opinion:
    return Opinion(majority(repeats), tuple(repeats), usage)


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
