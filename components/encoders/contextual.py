"""Spans pooled from a pass over the text around them: the core that late and landmark share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from components.encoders.header import Header
from components.encoders.kernel import Window, pool
from components.encoders.model import Model
from components.encoders.rows import first_rows
from components.encoders.variants import Variant
from components.encoders.windows import windows
from components.errors import BadOption
from components.values import Document, Matrix, Span


def check(of: Model, window: int, overlap: int) -> None:
    """Raises BadOption where the model cannot encode this way."""
    profile = of.checkpoint.profile
    if profile.late_refusal:
        raise BadOption(f"{profile.name} {profile.late_refusal}").at(
            where="encoder.model", hint="use: naive, or a mean-pooled model"
        )
    longest = of.checkpoint.positions - len(of.tokenizer.prefix) - len(of.tokenizer.suffix)
    if window > longest:
        raise BadOption(f"a window of {window} tokens does not fit {profile.name}").at(
            where="encoder.window", hint=f"at most {longest}"
        )
    if overlap >= window:
        raise BadOption(f"an overlap of {overlap} leaves nothing of a window of {window}").at(
            where="encoder.overlap", hint="well below the window"
        )


def rows(
    of: Variant,
    documents: Sequence[Document],
    spans: Sequence[Sequence[Span]],
    *,
    window: int,
    overlap: int,
    header: Header,
) -> Iterator[tuple[int, Matrix]]:
    """A row per span. Raises EmptySpan."""
    check(of.model, window, overlap)
    found = _windows(of.model, documents, spans, window, overlap, header)
    return pool(of.model, found, of.dimensions)


def _windows(
    of: Model,
    documents: Sequence[Document],
    spans: Sequence[Sequence[Span]],
    window: int,
    overlap: int,
    header: Header,
) -> Iterator[Window]:
    tokenizer = of.tokenizer
    for document, own, row in zip(documents, spans, first_rows(spans), strict=True):
        if not own:
            continue
        lead = of.checkpoint.profile.document_prompt + header.lead(document)
        # Half of the model's positions stay for the text, however long a header is.
        before = [int(i) for i in tokenizer.tokens(lead).ids[: of.checkpoint.positions // 2]]
        before = [*tokenizer.prefix, *before]
        room = of.checkpoint.positions - len(before) - len(tokenizer.suffix)
        yield from windows(
            tokenizer.tokens(document.text),
            own,
            row,
            window=min(window, room),
            overlap=overlap,
            before=before,
            after=tokenizer.suffix,
        )
