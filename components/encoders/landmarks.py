"""Spans read off a special token after each of them, of models trained for it (ACL 2024, long 180).

The landmark, the last special token that the model expects after a text, stands after every span of
a document, all in one sequence, and a span's vector is the hidden state at its landmark. The model
is causal: the state knows the span and what stands before it, so all context is on the left.
Encoding every span by itself with the token after it is not this method but `naive`.

Lengths are in tokens, landmarks counted. A document of at most `window` tokens is read whole. A
longer one is read in windows, and every span is in one together with at least the `context` tokens
before it. A span that is too long for that is cut into pieces of at most `window - context - 1`
tokens, each followed by a landmark, and its vector is the mean of their states.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from components.encoders.contextual import Reading
from components.encoders.model import Model
from components.encoders.pieces import NOBODY, Rows, Window
from components.encoders.rows import first_rows
from components.encoders.tokenizers import TokenArrays
from components.encoders.variants import Variant
from components.encoders.windows import token_ranges
from components.errors import BadOption
from components.values import Document, Integers, Span


def facts(of: Model, reading: Reading) -> Mapping[str, object]:
    """What the reading stands for in a fingerprint. Raises BadOption, see `check`."""
    check(of, reading)
    return reading.facts


def check(of: Model, reading: Reading) -> None:
    """Raises BadOption where the model cannot encode this way."""
    name = of.checkpoint.profile.name
    if of.checkpoint.pooling != "last":
        raise BadOption(f"{name} pools by {of.checkpoint.pooling} and has a landmark token").at(
            where="encoder.model", hint="a model of landmarks pools by its last token"
        )
    reading.check_window(name, of.checkpoint.positions - len(_before(of)))
    if reading.context + 2 > reading.window:
        kind = "overlap" if reading.min_context is None else "min_context"
        raise BadOption(
            f"{reading.context} tokens of context leave nothing of a window of {reading.window}"
        ).at(where=f"encoder.{kind}", hint=f"at most {max(0, reading.window - 2)}")


def rows(
    of: Variant, documents: Sequence[Document], spans: Sequence[Sequence[Span]], reading: Reading
) -> Rows:
    """A row per span. Raises BadOption, EmptySpan."""
    check(of.model, reading)
    return of.pooled(_windows(of.model, documents, spans, reading))


def plan(starts: Integers, ends: Integers, window: int, context: int) -> list[tuple[int, int, int]]:
    """Windows as (start, end, first piece owned) over pieces [starts, ends) of a sequence, which
    end with their landmarks and have at most `window - context` tokens.
    """
    found = []
    at = 0
    while at < len(ends):
        start = max(0, int(starts[at]) - context)
        until = int(np.searchsorted(ends, start + window, side="right"))
        found.append((start, int(ends[until - 1]), at))
        at = until
    return found


def _windows(
    of: Model, documents: Sequence[Document], spans: Sequence[Sequence[Span]], reading: Reading
) -> Iterator[Window]:
    before, landmark = _before(of), of.tokenizer.suffix[-1]
    for document, own, row in zip(documents, spans, first_rows(spans), strict=True):
        tokens = of.tokenizer.tokens(document.text)
        fits = len(tokens) + len(own) <= reading.window
        left = reading.window if fits else reading.context
        longest = reading.window - (0 if fits else left + 1)
        first, past, rows = _pieces(tokens, own, row, longest)
        sequence, marked = _with_landmarks(tokens, past, rows, landmark)
        marks = np.arange(len(past))
        starts, ends = first + marks, past + marks + 1
        for start, end, piece in plan(starts, ends, reading.window, left):
            owned = int(starts[piece])
            owners = np.full(len(before) + end - start, NOBODY, dtype=np.int64)
            owners[len(before) + owned - start :] = marked[owned:end]
            ids = np.concatenate([before, sequence[start:end]])
            yield Window(ids, owners, int(rows[piece]))


def _pieces(
    tokens: TokenArrays, spans: Sequence[Span], row: int, longest: int
) -> tuple[Integers, Integers, Integers]:
    """First and past-the-last token and row of each piece, each of shape (pieces,)."""
    first, past = token_ranges(tokens, spans)
    counts = -(-(past - first) // longest)
    whose = np.repeat(np.arange(len(spans)), counts)
    nth = np.arange(len(whose)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = first[whose] + nth * longest
    return starts, np.minimum(starts + longest, past[whose]), row + whose


def _with_landmarks(
    tokens: TokenArrays, past: Integers, rows: Integers, landmark: int
) -> tuple[Integers, Integers]:
    """Ids with a landmark after each piece, and owners: rows at the landmarks, NOBODY elsewhere."""
    ids = np.insert(tokens.ids, past, landmark)
    owners = np.full(len(ids), NOBODY, dtype=np.int64)
    owners[past + np.arange(len(past))] = rows
    return ids, owners


def _before(of: Model) -> Integers:
    prompt = of.tokenizer.ids(of.checkpoint.profile.document_prompt)
    return np.array([*of.tokenizer.prefix, *prompt], dtype=np.int64)
