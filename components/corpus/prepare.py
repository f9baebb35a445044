"""Reading and splitting, gathered into shards: the unit of work that is committed as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from components.corpus.clock import Clock
from components.corpus.hashes import content_hash, metadata_hash
from components.corpus.plan import Step
from components.corpus.reading import bad_document, read
from components.corpus.request import Job
from components.encoders.windows import token_ranges
from components.errors import BadDocument
from components.stages import SparseEncoder, Tokens
from components.values import Document, Span
from infra.settings import settings

SHARD_DOCUMENTS = 1024
"""Most documents in a shard, however short they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A document ready to be encoded."""

    step: Step
    document: Document
    spans: Sequence[Span]
    bytes_hash: str
    content_hash: str
    metadata_hash: str
    tokens: int
    language: str = ""
    """That the sparse encoder reads it in, where it reads each document in its own."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that cannot be used, and why."""

    step: Step
    reason: str
    transient: bool = False


@dataclass(slots=True)
class Shard:
    """Documents that are encoded together and recorded together."""

    ready: list[Prepared] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ready) + len(self.failed)

    @property
    def ids(self) -> list[str]:
        """Of its documents."""
        steps = [each.step for each in self.ready] + [each.step for each in self.failed]
        return [step.document_id for step in steps]


def shards(steps: Iterable[Step], job: Job, clock: Clock) -> Iterator[Shard]:
    """The steps' documents, read and split, in order."""
    limit = settings().shard_characters
    shard, characters = Shard(), 0
    for step in steps:
        try:
            ready = prepare(step, job, clock)
            shard.ready.append(ready)
            characters += len(ready.document.text)
        except BadDocument as error:
            seen = step if error.transient else _seen(step, job)
            shard.failed.append(Failure(seen, str(error), error.transient))
        if characters >= limit or len(shard) >= SHARD_DOCUMENTS:
            yield shard
            shard, characters = Shard(), 0
    if len(shard):
        yield shard


def prepare(step: Step, job: Job, clock: Clock) -> Prepared:
    """One document, read and split. Raises BadDocument, whatever its components raise."""
    if step.action == "fail":
        raise BadDocument(step.reason)
    try:
        with clock.of("read"):
            digest, document = read(job.source, step.ref)
        with clock.of("split"):
            spans, tokens = cut(document, job)
        return Prepared(
            step=step,
            document=document,
            spans=spans,
            bytes_hash=digest,
            content_hash=content_hash(document, job.encoder.fields),
            metadata_hash=metadata_hash(document),
            tokens=len(tokens.ids),
            language=_language(document, job),
        )
    except Exception as error:  # a stranger's component must not stop the others' documents
        raise bad_document(error) from error


def _language(document: Document, job: Job) -> str:
    told = getattr(job.sparse, "language_of", None)
    return str(told(document.text)) if told else ""


def sparse_of(prepared: Prepared, job: Job) -> SparseEncoder:
    """What encodes the terms of a document."""
    sparse: Any = job.sparse
    return sparse.reading(prepared.language) if prepared.language else job.sparse


def cut(document: Document, job: Job) -> tuple[list[Span], Tokens]:
    """A document's spans, checked, and its tokens. Raises BadDocument, EmptySpan, and whatever a
    stranger's splitter does.
    """
    spans = job.splitter.split(document, job.encoder.tokenizer)
    tokens = job.encoder.tokenizer.tokens(document.text)
    _check_spans(document, spans, tokens)
    return spans, tokens


def _seen(step: Step, job: Job) -> Step:
    """The step with the hash of the bytes that cannot be used, by which they are known again."""
    if step.bytes_hash or step.action == "fail":
        return step
    try:
        return replace(step, bytes_hash=job.source.digest(step.ref))
    except Exception:  # it cannot be used anyway
        return step


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
