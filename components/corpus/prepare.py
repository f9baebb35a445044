"""Reading and splitting, gathered into shards: the unit of work that is committed as one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from components.corpus.clock import Clock
from components.corpus.plan import Change
from components.corpus.reading import bad_document, content_hash, metadata_hash, read
from components.corpus.request import Job
from components.encoders.windows import token_ranges
from components.errors import BadDocument
from components.fields import full_names
from components.indexes.manifest import Entry
from components.stages import SparseEncoder, Tokens
from components.values import Document, Span
from infra.settings import settings

SHARD_DOCUMENTS = 1024
"""Most documents in a shard, however short they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A document ready to be encoded."""

    change: Change
    document: Document
    spans: Sequence[Span]
    entry: Entry
    """What the manifest will say of it, but for the run and the time."""


class Outcome(NamedTuple):
    """What became of a document."""

    change: Change
    """As it was planned; `fail` where the document cannot be used after all."""
    entry: Entry | None = None
    """What the manifest will say of it, but for the run and the time; None where it fails."""


@dataclass(slots=True)
class Shard:
    """Documents that are encoded together and recorded together."""

    ready: list[Prepared] = field(default_factory=list)
    failed: list[Change] = field(default_factory=list)
    characters: int = 0
    """Of what is ready."""

    def __len__(self) -> int:
        return len(self.ready) + len(self.failed)

    @property
    def outcomes(self) -> list[Outcome]:
        """Of its documents, once they are stored."""
        return [Outcome(e.change, e.entry) for e in self.ready] + [*map(Outcome, self.failed)]


def shards(changes: Iterable[Change], job: Job, clock: Clock) -> Iterator[Shard]:
    """The documents of changes, read and split, in order."""
    limit = settings().shard_characters
    shard = Shard()
    for change in changes:
        try:
            ready = prepare(change, job, clock)
            shard.ready.append(ready)
            shard.characters += len(ready.document.text)
        except BadDocument as error:
            seen = change if error.transient else _seen(change, job)
            shard.failed.append(seen.failing(error))
        if shard.characters >= limit or len(shard) >= SHARD_DOCUMENTS:
            yield shard
            shard = Shard()
    if len(shard):
        yield shard


def prepare(change: Change, job: Job, clock: Clock) -> Prepared:
    """One document, read and split. Raises BadDocument, whatever its components raise."""
    if change.action == "fail":
        raise BadDocument(change.reason)
    try:
        with clock.of("read"):
            digest, document = read(job.source, change.ref)
        with clock.of("split"):
            spans, tokens = cut(document, job)
        told = getattr(job.sparse, "language_of", None)
        return Prepared(
            change=change,
            document=document,
            spans=spans,
            entry=Entry(
                document_id=change.document_id,
                version=change.version,
                bytes_hash=digest,
                content_hash=content_hash(document, job.encoder.fields),
                metadata_hash=metadata_hash(document),
                chunks=len(spans),
                tokens=len(tokens.ids),
                pages=len(document.page_starts),
                language=str(told(document.text)) if told else "",
                fields=full_names(
                    document.metadata,
                    paged=bool(document.page_starts),
                    sections=any(section_of(document, span) for span in spans),
                ),
                reason=document.incomplete,
            ),
        )
    except Exception as error:  # a stranger's component must not stop the others' documents
        raise bad_document(error) from error


def sparse_of(prepared: Prepared, job: Job) -> SparseEncoder:
    """What encodes the terms of a document."""
    sparse: Any = job.sparse
    return sparse.reading(prepared.entry.language) if prepared.entry.language else job.sparse


def cut(document: Document, job: Job) -> tuple[list[Span], Tokens]:
    """A document's spans, checked, and its tokens. Raises BadDocument, EmptySpan, and whatever a
    stranger's splitter does.
    """
    spans = job.splitter.split(document, job.encoder.tokenizer)
    tokens = job.encoder.tokenizer.tokens(document.text)
    _check_spans(document, spans, tokens)
    return spans, tokens


def section_of(document: Document, span: Span) -> str:
    """Headings that a span's first character stands under; empty before the first heading."""
    at = bisect_right(document.sections, span.start, key=lambda section: section.start) - 1
    return document.sections[at].path if at >= 0 else ""


def _seen(change: Change, job: Job) -> Change:
    """The change with the hash of the bytes that cannot be used, by which they are known again."""
    if change.bytes_hash or change.action == "fail":
        return change
    try:
        return replace(change, bytes_hash=job.source.digest(change.ref))
    except Exception:  # it cannot be used anyway
        return change


def _check_spans(document: Document, spans: Sequence[Span], tokens: Tokens) -> None:
    """Spans of a stranger's splitter that would go wrong later, found while there is a name."""
    if not spans:
        raise BadDocument("no text in it")
    at = 0
    for span in spans:
        if not at <= span.start < span.end <= len(document.text):
            raise BadDocument(f"the splitter made span {span.start}..{span.end} after {at}")
        at = span.end
    token_ranges(tokens, spans)
