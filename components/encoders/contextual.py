"""Spans pooled from a pass over the text around them: the core that late and landmark share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.encoders.header import NO_HEADER, Header
from components.encoders.model import Model
from components.encoders.pieces import Rows, Window
from components.encoders.rows import first_rows
from components.encoders.variants import Variant
from components.encoders.windows import windows
from components.errors import BadOption
from components.options import option
from components.values import Document, Span

WINDOW = option(256, help="tokens of text read at once")
OVERLAP = option(64, help="tokens shared by neighbouring windows, half of them on each side")


@dataclass(frozen=True, slots=True)
class Reading:
    """How much of a document is read at once, in tokens. `min_context` replaces the overlap."""

    window: int
    overlap: int
    min_context: int | None = None
    causal: bool = False
    """Whether all context stands before a span, as models of landmarks read it."""

    @property
    def context(self) -> int:
        """Tokens on each side of every span, of causal models before it."""
        return self._shared if self.min_context is None else self.min_context

    @property
    def facts(self) -> Mapping[str, object]:
        """What `min_context` changes; nothing where it says what the overlap says."""
        return {} if self.context == self._shared else {"min_context": self.context}

    @property
    def _shared(self) -> int:
        return self.overlap if self.causal else self.overlap // 2

    def check_window(self, name: str, longest: int) -> None:
        """Raises BadOption where a window is more than the model of this name takes."""
        if self.window > longest:
            raise BadOption(f"a window of {self.window} tokens does not fit {name}").at(
                where="encoder.window", hint=f"at most {longest}"
            )

    def refused(self, reason: str, most: int) -> BadOption:
        """The error of too much context; `most` is how much there may be on a side."""
        if self.min_context is None:
            return BadOption(f"an overlap of {self.overlap} {reason}").at(
                where="encoder.overlap", hint=f"at most {2 * most}"
            )
        return BadOption(f"a context of {self.min_context} tokens on each side {reason}").at(
            where="encoder.min_context", hint=f"at most {most}"
        )


def check(of: Model, reading: Reading) -> None:
    """Raises BadOption where the model cannot encode this way."""
    profile = of.checkpoint.profile
    if profile.late_refusal:
        raise BadOption(f"{profile.name} {profile.late_refusal}").at(
            where="encoder.model", hint="use: naive, or a mean-pooled model"
        )
    longest = _longest(of)
    reading.check_window(profile.name, longest)
    unasked = reading.min_context is None and reading.overlap >= reading.window
    if unasked or 2 * reading.context >= reading.window:
        reason = f"leaves nothing of a window of {reading.window}"
        raise reading.refused(reason, (reading.window - 1) // 2)
    room = longest - len(of.tokenizer.ids(profile.document_prompt))
    if 2 * reading.context >= room:
        raise reading.refused(f"leaves no room for the prompt of {profile.name}", (room - 1) // 2)


def facts(of: Model, reading: Reading, header: Header = NO_HEADER) -> Mapping[str, object]:
    """What the reading stands for in a fingerprint. Raises BadOption, see `check`."""
    check(of, reading)
    # Where there is room for both, it always was as it is.
    cut = header.template and _header_limit(of, reading) < of.checkpoint.positions // 2
    return {**reading.facts, **({"header_cut_for_context": True} if cut else {})}


def rows(
    of: Variant,
    documents: Sequence[Document],
    spans: Sequence[Sequence[Span]],
    reading: Reading,
    header: Header = NO_HEADER,
) -> Rows:
    """A row per span. Raises EmptySpan."""
    check(of.model, reading)
    return of.pooled(_windows(of.model, documents, spans, reading, header))


def _windows(
    of: Model,
    documents: Sequence[Document],
    spans: Sequence[Sequence[Span]],
    reading: Reading,
    header: Header,
) -> Iterator[Window]:
    tokenizer = of.tokenizer
    for document, own, row in zip(documents, spans, first_rows(spans), strict=True):
        if not own:
            continue
        lead = of.checkpoint.profile.document_prompt + header.lead(document)
        before = [int(i) for i in tokenizer.tokens(lead).ids[: _header_limit(of, reading)]]
        yield from windows(
            tokenizer.tokens(document.text),
            own,
            row,
            window=min(reading.window, _longest(of) - len(before)),
            context=reading.context,
            before=[*tokenizer.prefix, *before],
            after=tokenizer.suffix,
        )


def _longest(of: Model) -> int:
    """Tokens that fit the model beside its special ones."""
    return of.checkpoint.positions - len(of.tokenizer.prefix) - len(of.tokenizer.suffix)


def _header_limit(of: Model, reading: Reading) -> int:
    """Tokens of prompt and header: however long they are, half of the model's positions stay for
    the text, and as many as a span with its context needs.
    """
    return min(of.checkpoint.positions // 2, _longest(of) - 2 * reading.context - 1)
