"""The metrics of ragas: the one module that imports it.

ragas gets a language model and an encoder of ours, so that retries, limits, secrets and the ledger
are those of every other call. What it cannot measure is unmeasured here, never 0: it counts an
answer without any statement as right, and its own runner turns every failure into NaN.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import isfinite
from types import ModuleType
from typing import Any, TypeVar

from pydantic import BaseModel

from components.endpoint.conversation import ChatModel, Message
from components.endpoint.reply import Unreadable, one
from components.errors import BadOption, Busy, GuardStopped
from components.stages import Encoder

PURPOSE = "ragas"
HINT = "pip install 'millrace[ragas]'"
_Reply = TypeVar("_Reply", bound=BaseModel)
_ROUNDING = 1e-6
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Sample:
    """An answer, what it answers, and what it was made from."""

    question: str
    gold: str
    answer: str
    contexts: tuple[str, ...] = ()
    """Texts of the hits, best first."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric of one answer, 1 being best; None where it is unmeasured, with the reason."""

    value: float | None
    why: str = ""
    again: bool = False
    """Whether trying again may help: a call failed, or what came of it makes no sense."""


@dataclass(frozen=True, slots=True)
class _Metric:
    name: str
    """Of ragas' class."""
    reads: tuple[str, ...]
    """Fields of a sample."""
    llm: bool = False
    embeddings: bool = False


_TEXTS = ("gold", "answer")
_ALL: Mapping[str, _Metric] = {
    "exact_match": _Metric("ExactMatch", _TEXTS),
    "string_presence": _Metric("StringPresence", _TEXTS),
    "string_similarity": _Metric("NonLLMStringSimilarity", _TEXTS),
    "rouge": _Metric("RougeScore", _TEXTS),
    "chrf": _Metric("CHRFScore", _TEXTS),
    "semantic_similarity": _Metric("SemanticSimilarity", _TEXTS, embeddings=True),
    "faithfulness": _Metric("Faithfulness", ("question", "answer", "contexts"), llm=True),
    "answer_correctness": _Metric(
        "AnswerCorrectness", ("question", *_TEXTS), llm=True, embeddings=True
    ),
    "context_precision": _Metric("ContextPrecision", ("question", "gold", "contexts"), llm=True),
    "context_recall": _Metric("ContextRecall", ("question", "gold", "contexts"), llm=True),
}
OFFLINE = tuple(name for name, each in _ALL.items() if not each.llm)
"""Metrics that ask no language model; `semantic_similarity` needs an encoder."""
ASKING = tuple(name for name, each in _ALL.items() if each.llm)
_CALLED = {
    "question": "user_input",
    "gold": "reference",
    "answer": "response",
    "contexts": "retrieved_contexts",
}
"""Fields of a sample as ragas calls them."""


@cache
def available() -> str:
    """Why ragas cannot be used and what to do about it; empty where it can."""
    try:
        _collections()
    except (Exception, SystemExit) as error:  # whatever a broken installation does
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST]
        return f"ragas cannot be imported ({reason}): {HINT}"
    return ""


def measure(
    names: Iterable[str],
    sample: Sample,
    *,
    model: ChatModel | None = None,
    encoder: Encoder | None = None,
) -> dict[str, Measured]:
    """The named metrics, in their order. Not for use inside of a running event loop.

    Raises BadOption for an unknown name, GuardStopped where no money is left, Busy.
    """
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in _ALL:
            raise BadOption(f"ragas has no metric {name!r}").at(hint=f"known: {', '.join(_ALL)}")
    return {name: _measure(_ALL[name], sample, model, encoder) for name in wanted}


def _measure(
    metric: _Metric, sample: Sample, model: ChatModel | None, encoder: Encoder | None
) -> Measured:
    if why := available():
        return Measured(None, why, again=True)
    if why := _lack(metric, sample, model, encoder):
        return Measured(None, why)
    parts = {
        **({"llm": _Model(model)} if metric.llm and model else {}),
        **({"embeddings": _Embedding(encoder)} if metric.embeddings and encoder else {}),
    }
    given = {_CALLED[name]: _plain(getattr(sample, name)) for name in metric.reads}
    try:
        value = float(getattr(_collections(), metric.name)(**parts).score(**given).value)
    except (GuardStopped, Busy):
        raise
    except Exception as error:  # whatever a stranger's metric does
        return Measured(None, _reason(error), again=True)
    # A cosine may be below 0.
    if not (isfinite(value) and -1 - _ROUNDING <= value <= 1 + _ROUNDING):
        return Measured(None, f"ragas gives {value}", again=metric.llm)
    return Measured(value)


def _lack(metric: _Metric, sample: Sample, model: ChatModel | None, encoder: Encoder | None) -> str:
    if metric.llm and model is None:
        return "it asks a language model, and there is none"
    if metric.embeddings and encoder is None:
        return "it needs an encoder, and there is none"
    empty = [name for name in metric.reads if not "".join(getattr(sample, name)).strip()]
    return f"the sample has no {' and no '.join(empty)}" if empty else ""


def _plain(value: str | tuple[str, ...]) -> str | list[str]:
    return value if isinstance(value, str) else list(value)


def _reason(error: Exception) -> str:
    said = " ".join(str(error).split())[:_LONGEST]
    kind = type(error).__name__
    told = f"{kind}: {said}" if said else kind
    return f"{told} (or {HINT})" if isinstance(error, ImportError) else told


@cache
def _collections() -> ModuleType:
    """Ragas' metrics. Raises whatever its import raises."""
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"  # read once, at import
    from ragas.embeddings.base import BaseRagasEmbedding
    from ragas.llms.base import InstructorBaseRagasLLM
    from ragas.metrics import collections

    InstructorBaseRagasLLM.register(_Model)
    BaseRagasEmbedding.register(_Embedding)
    found: ModuleType = collections
    return found


@dataclass(frozen=True)
class _Model:
    """A chat model as ragas asks one: its prompts hold the schema of the reply."""

    model: ChatModel

    def generate(self, prompt: str, response_model: type[_Reply]) -> _Reply:
        said = self.model.ask([Message("user", prompt)], PURPOSE)
        found = one(said.text, response_model, cut=said.cut)
        lists = [each for _, each in found if isinstance(each, list)]
        if lists and not any(lists):  # which would count as a perfect answer
            raise Unreadable("the model's lists are all empty")
        return found

    async def agenerate(self, prompt: str, response_model: type[_Reply]) -> _Reply:
        return self.generate(prompt, response_model)


@dataclass(frozen=True)
class _Embedding:
    """An encoder as ragas asks one."""

    encoder: Encoder

    def embed_text(self, text: str, **_: Any) -> list[float]:
        return [float(each) for each in self.encoder.encode_queries([text])[0]]

    async def aembed_text(self, text: str, **_: Any) -> list[float]:
        return self.embed_text(text)
