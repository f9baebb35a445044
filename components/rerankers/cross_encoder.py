"""A cross-encoder: question and passage read together, one forward pass per pair."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from components.encoders.device import PRECISION, Precision, device, dtype
from components.errors import BadOption, DoesNotFit, EndpointUnavailable, MissingExtra
from components.options import Count, Share, option
from components.rerankers.order import DEPTH, INTERPOLATE, all_reordered, cut, heads
from components.rerankers.paced import BUDGET
from components.values import Hit, Matrix, Query, Ranked

_PAIR = 100.0
"""What a pair costs besides the passage, in characters of one."""
_CHARACTERS, _TOKENS = 5, 512
"""Of a token, and of what most cross-encoders read."""
_PAIRS, _SHOWN = 32, 60
"""Read at once where memory suffices; characters by which a passage is named."""
_at_once: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
"""How many pairs of each model memory has sufficed for."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CrossEncoder:
    """Scores hits by the logits of a sentence-transformers cross-encoder, in 32 bits: as they are
    where it has one label, else the logarithm of the odds of one of them.
    """

    revision: ClassVar[int] = 2
    requires: ClassVar[tuple[str, ...]] = ("sentence_transformers",)
    needs_vectors: ClassVar[bool] = False

    model: str = option(help="./folder, or a hub id", or_folder=True)
    model_revision: str = option("", help="of the model on the hub; empty: the newest")
    label: str = option(
        "", help="of a model with several the one that says relevant; empty: the second of two"
    )
    depth: Count = DEPTH
    tokens: Count | None = option(None, help="of question and passage together; none: the model's")
    interpolate: Share = INTERPOLATE
    precision: Precision = option("auto", help=PRECISION)
    rerank_budget_ms: Count | None = BUDGET

    def rerank(
        self, queries: Sequence[Query], ranked: Ranked, vectors: Sequence[Matrix]
    ) -> list[list[Hit]]:
        """See `Reranker`. Raises BadOption, MissingExtra, EndpointUnavailable, DoesNotFit."""
        scored = heads(ranked, self.depth)
        pairs = [
            (query.text, hit.chunk.text)
            for query, head in zip(queries, scored, strict=True)
            for hit in head
        ]
        return all_reordered(ranked, cut(self._scores(pairs), scored), self.interpolate)

    def efforts(self, hits: Sequence[Hit]) -> list[float]:
        """How long each takes, relative to the others: see `Paced`."""
        longest = _CHARACTERS * (self.tokens or _TOKENS)
        return [_PAIR + min(len(hit.chunk.text), longest) for hit in hits]

    def _scores(self, pairs: Sequence[tuple[str, str]]) -> Matrix:
        if not pairs:
            return np.zeros(0, np.float32)
        loaded = _loaded(self.model, self.model_revision, self.tokens, self.precision)
        column = _column(loaded, self.model, self.label)
        logits = _logits(loaded, pairs)
        if logits.ndim == 1:
            return logits
        others = np.delete(logits, column, axis=1)
        return np.asarray(logits[:, column] - np.logaddexp.reduce(others, axis=1), np.float32)


@cache
def _loaded(name: str, revision: str, tokens: int | None, precision: Precision) -> Any:
    """This process's one copy of a model."""
    try:
        import sentence_transformers
    except ModuleNotFoundError:
        raise MissingExtra("a cross-encoder needs the package 'sentence-transformers'").at(
            where="reranker.use", hint="install millrace[sentence-transformers]"
        ) from None
    from components.rerankers.logits import in_32_bits

    folder = Path(name).expanduser()
    if name.startswith((".", "/", "~")) and not folder.is_dir():
        raise BadOption(f"there is no folder {name}").at(where="reranker.model")
    where = device()
    try:
        made = sentence_transformers.CrossEncoder(
            str(folder) if folder.is_dir() else name,
            revision=revision or None,
            device=str(where),
            max_length=tokens,
            model_kwargs={"dtype": dtype(precision, where)},
        )
    except Exception as error:  # the hub's client and the library raise a dozen kinds
        kind = BadOption if folder.is_dir() else EndpointUnavailable
        reason = " ".join(str(error).split())[:200]
        raise kind(f"the cross-encoder {name!r} could not be loaded: {reason}").at(
            where="reranker.model", hint="is the hub reachable? a folder with the model works too"
        ) from error
    in_32_bits(made)
    if made.model is not None:  # a decoder would keep keys and values for a next token
        made.model.config.use_cache = False
    return made


def _logits(loaded: Any, pairs: Sequence[tuple[str, str]]) -> Matrix:
    """Of each pair, (pairs,), or (pairs, labels) where there are several. Pairs of which the model
    reads the same are read once: beside others it would round them otherwise.
    """
    import torch

    queries, passages = zip(*pairs, strict=True)
    read = loaded.tokenizer(list(queries), list(passages), truncation=True).input_ids
    distinct = dict(zip(map(tuple, read), pairs, strict=True))
    row = {ids: at for at, ids in enumerate(distinct)}
    made = _predicted(loaded, list(distinct.values()), torch.nn.Identity())
    return made[[row[tuple(ids)] for ids in read]]


def _predicted(loaded: Any, pairs: Sequence[tuple[str, str]], activation: Any) -> Matrix:
    """Of each pair, read as many at once as memory suffices for. Raises DoesNotFit."""
    made = _tried(loaded, pairs, activation)
    while made is None and _at_once[loaded] > 1:
        _at_once[loaded] //= 2
        _log.warning("memory does not suffice: %d pairs at once from now on", _at_once[loaded])
        made = _tried(loaded, pairs, activation)
    if made is None:
        longest = max(pairs, key=lambda pair: len(pair[0]) + len(pair[1]))[1]
        raise DoesNotFit(
            f"the memory of {loaded.device} does not suffice for a passage at a time: the longest "
            f"is {longest[:_SHOWN]!r} …"
        ).at(where="reranker.model", hint="fewer tokens, or a smaller model")
    return made


def _tried(loaded: Any, pairs: Sequence[tuple[str, str]], activation: Any) -> Matrix | None:
    """None where memory does not suffice. What was made until then is free again by now."""
    import torch

    try:
        scores = loaded.predict(
            list(pairs),
            batch_size=_at_once.setdefault(loaded, _PAIRS),
            show_progress_bar=False,
            convert_to_tensor=True,
            activation_fn=activation,
        )
        return np.asarray(scores.float().cpu().numpy(), dtype=np.float32)
    except (torch.OutOfMemoryError, MemoryError):
        return None


def _column(loaded: Any, model: str, label: str) -> int:
    """Of the label that says relevant. Raises BadOption where that is not known."""
    count = int(loaded.num_labels)
    named = loaded.model.config.id2label if count > 1 else {}
    names = [str(named.get(at, f"LABEL_{at}")) for at in range(count)]
    if label in names:
        return names.index(label)
    if not label and count <= 2 and names == [f"LABEL_{at}" for at in range(count)]:
        return count - 1
    known = ", ".join(names)
    reason = f"no label {label!r}" if label else f"{count} labels"
    raise BadOption(f"{model} has {reason}").at(
        where="reranker.label", hint=f"name the one that says how relevant a passage is: {known}"
    )
