"""Questions of a corpus, asked for one by one."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

from components.endpoint.conversation import ChatModel, Message, Said
from components.endpoint.prompt import Prompt
from components.errors import BadOption, Unavailable
from components.stages import Encoder
from components.values import Chunk, Usage
from evals import kept
from evals.judging import prompts
from evals.questions.draft import Draft, LeftOut, read
from evals.questions.draw import draw
from evals.questions.filters import Distinct, Limits, check

PURPOSE = "question"
PLACES = ("document", "passage")
"""What a prompt has to have a place for."""
FAILED = "the call failed"
_FAILURES = 3
"""Calls in a row that may fail before it is given up."""


@dataclass(frozen=True, kw_only=True)
class Generated:
    """Questions in the order of asking, and what became of all other passages."""

    drafts: tuple[Draft, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Passages by reason."""

    @property
    def asked(self) -> int:
        """Passages that were asked about."""
        return len(self.drafts) + sum(self.left_out.values())


Told = Callable[[Generated], None]


def shipped() -> str:
    """The prompt that comes with the package."""
    return (files(__package__) / "ask.txt").read_text(encoding="utf-8")


def generate(
    chunks: Iterable[Chunk],
    model: ChatModel,
    count: int,
    *,
    encoder: Encoder,
    file: Path,
    seed: int = 0,
    tries: int = 4,
    prompt: str = "",
    limits: Limits | None = None,
    told: Told = lambda _: None,
) -> Generated:
    """At most `count` questions; at most `tries` times as many passages are asked about.

    Replies are kept in `file` as they come, each under its model, prompt and passage: a run that is
    begun again asks only what it lacks, whatever limits it has. `told` hears of every passage.
    Raises GuardStopped, Busy, and what a call raises that fails three times in a row.
    """
    prompt, limits = prompt or shipped(), limits or Limits()
    prompts.check(prompt, *PLACES)
    left_out, distinct = Counter[str](), Distinct(encoder, limits)
    drafts: list[Draft] = []
    with kept.adding(file):
        ask = _Asking(model, prompt, file, kept.read(file))
        for chunk in islice(draw(chunks, seed), count * tries):
            if len(drafts) >= count:
                break
            try:
                draft = read(ask(chunk), chunk)
                check(draft, limits)
                distinct.add(draft.question)
                drafts.append(draft)
            except LeftOut as reason:
                left_out[str(reason)] += 1
            told(Generated(drafts=tuple(drafts), left_out=dict(left_out)))
    return Generated(drafts=tuple(drafts), left_out=dict(left_out))


@dataclass
class _Asking:
    """Asks about chunks, each once and for all."""

    model: ChatModel
    prompt: str
    file: Path
    kept: dict[str, Any]
    failures: int = 0
    """In a row."""

    def __call__(self, chunk: Chunk) -> Said:
        """What the model says. Raises LeftOut where a call fails, and what it raises where that
        goes on.
        """
        prompt = Prompt(self.prompt)
        values = {"document": chunk.title or chunk.document_id, "passage": chunk.text}
        key = _key(self.model.facts, chunk.id, prompt.filled(**values))
        if key not in self.kept:
            said = self._ask(prompt.fenced(**values))
            self.kept[key] = {"text": said.text, "cut": said.cut}
            kept.add(self.file, {key: self.kept[key]})
        return Said(usage=Usage(), **self.kept[key])

    def _ask(self, asked: str) -> Said:
        try:
            said = self.model.ask([Message("user", asked)], PURPOSE)
        except (Unavailable, BadOption):
            self.failures += 1
            if self.failures >= _FAILURES:
                raise
            raise LeftOut(FAILED) from None
        self.failures = 0
        return said


def _key(facts: Mapping[str, Any], chunk_id: str, asked: str) -> str:
    whole = json.dumps([dict(facts), chunk_id, asked], sort_keys=True, default=str)
    return hashlib.sha256(whole.encode()).hexdigest()[:32]
