"""One generation, looked at from all sides: its points, its source, its own encoder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from components.corpus.doctor.anew import Sample, Witness, alike, compare, drawn
from components.corpus.doctor.examine import examine
from components.corpus.doctor.finding import BY_DOCUMENT, Finding, documents
from components.corpus.doctor.treatment import Listing
from components.corpus.ownership import check_owner, trusted
from components.corpus.plan import make_plan
from components.corpus.prepare import cut
from components.corpus.request import Job, job_of
from components.encoders.cache import cache as vector_cache
from components.errors import SourceUnavailable, UserError, line
from components.indexes.contract import GenerationReader, mendable
from components.indexes.manifest import Entry, Generation
from components.phases import Phase, Runner
from components.stages import Source
from components.values import Document, DocumentRef, Gap, LeftOut

BEHIND = ("new", "changed", "failing", "gone")
"""How the source may be ahead of what is stored of a document."""
_BY_ACTION = {"add": "new", "change": "changed", "describe": "changed", "fail": "failing"}
_NOT_ITS_OWN = (
    "this version, or this pipeline file's model, would store something else: the next refresh "
    "builds it anew"
)


@dataclass(kw_only=True)
class Seen:
    """What was seen of a generation."""

    generation: Generation
    job: Job
    """Of the stages that it was made by."""
    entries: Mapping[str, Entry]
    findings: list[Finding]
    listing: Listing = field(default_factory=dict)
    behind: Mapping[str, int] = field(default_factory=dict)
    sample: Sample = field(default_factory=Sample)
    uncompared: str = ""
    """Why nothing can be encoded as it was; empty where it can."""


@dataclass(frozen=True)
class Scanned:
    """A source as it was listed once."""

    of: Source
    found: Sequence[DocumentRef | Gap | LeftOut]

    @property
    def identity(self) -> str:
        return self.of.identity

    def scan(self) -> Iterator[DocumentRef | Gap | LeftOut]:
        """See `Source`."""
        return iter(self.found)

    def digest(self, ref: DocumentRef) -> str:
        """See `Source`."""
        return self.of.digest(ref)

    def read(self, ref: DocumentRef) -> Document:
        """See `Source`."""
        return self.of.read(ref)


def look(job: Job, generation: Generation, sample: int, by: Runner, *, widened: bool) -> Seen:
    """`sample`: how many documents are encoded anew; `widened`: where some are not what is stored,
    all that the same runs wrote. Raises Damaged or Missing where the generation cannot be read.
    """
    own = of_generation(job, generation)
    with mendable(job.corpus).examine(generation) as reader:
        entries = reader.entries()
        found = by(Phase(name="examine", work=lambda _: examine(reader, generation, entries)))
        seen = Seen(generation=generation, job=own, entries=entries, findings=found)
        try:
            by(Phase(name="source", work=lambda _: _compare_source(seen)))
        except (UserError, SourceUnavailable) as error:
            seen.uncompared = line(str(error), error.where, error.hint)
            return seen
        if sample and not seen.uncompared:
            _encode_some(seen, reader, sample, by, widened=widened)
    return seen


def of_generation(job: Job, generation: Generation) -> Job:
    """The job of the stages that a generation was made by. It takes nothing from the cache, which
    may be what is wrong, and compares with it what it makes.
    """
    stages = {**job.pipeline.stages, **generation.stages}
    index = stages["index"]
    if "quantization" in index.options:  # in what form it is kept
        options = {**index.options, "quantization": generation.quantization}
        stages["index"] = replace(index, options=options)
    request = replace(job.request, use_cache=False)
    own = job_of(request, replace(job.pipeline, stages=stages))
    if held := vector_cache():
        vars(own)["cache"] = Witness(held, alike(generation))  # a cached property
    return own


def _compare_source(seen: Seen) -> None:
    job, entries = seen.job, seen.entries
    check_owner(job)
    if job.fingerprint != seen.generation.fingerprint:
        seen.uncompared = _NOT_ITS_OWN
    source = Scanned(job.source, list(job.source.scan()))
    fields = job.encoder.fields
    listed = make_plan(source, {}, fields).changes
    seen.listing = {each.document_id: each for each in listed if each.action == "add"}
    plan = make_plan(
        source, trusted(job, entries), fields, trial=lambda document: cut(document, job)
    )
    counted = Counter({name: 0 for name in BEHIND})
    counted.update(_BY_ACTION[each.action] for each in plan.changes if each.action in _BY_ACTION)
    counted["gone"] += len(plan.of("delete"))
    handled = {each.document_id for each in plan.changes if each.action != "touch"}
    counted["failing"] += sum(
        each.state == "failed" for name, each in entries.items() if name not in handled
    )
    seen.behind = dict(counted)


def _encode_some(
    seen: Seen, reader: GenerationReader, count: int, by: Runner, *, widened: bool
) -> None:
    wrong = documents(seen.findings, *BY_DOCUMENT)
    sound = [
        each
        for name, each in seen.entries.items()
        if each.chunks and each.state == "done" and name in seen.listing and name not in wrong
    ]
    chosen = drawn(sound, count, seen.job.request.run_id)
    seen.sample = _compared(chosen, seen, reader, by)
    if widened and seen.sample.findings:
        runs = {seen.entries[each.where].run_id for each in seen.sample.findings}
        known = set(chosen)
        rest = [e.document_id for e in sound if e.run_id in runs and e.document_id not in known]
        seen.sample += _compared(rest, seen, reader, by)
    seen.findings += seen.sample.findings


def _compared(chosen: Sequence[str], seen: Seen, reader: GenerationReader, by: Runner) -> Sample:
    changes = [seen.listing[each] for each in chosen]
    return by(
        Phase(
            name="encode-anew",
            work=lambda tell: compare(
                changes, seen.entries, reader, seen.job, seen.generation, tell
            ),
            counts="documents",
            total=len(changes),
        )
    )
