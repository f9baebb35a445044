"""What a refresh was asked to do, small enough to pass between processes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from components import spec
from components.corpus.release import corpus_of
from components.encoders.cache import VectorCache
from components.encoders.cache import cache as vector_cache
from components.errors import SpecError
from components.indexes.contract import CorpusIndex
from components.spec import Pipeline
from components.stages import Encoder, Source, SparseEncoder, Splitter
from infra import machine


@dataclass(frozen=True, kw_only=True)
class Request:
    """A refresh of one corpus."""

    pipeline: str
    """Path of the pipeline file."""
    run_id: str
    overrides: tuple[str, ...] = ()
    retry_failed: bool = False
    """Try documents again that failed before, although their version is the same."""
    max_deletes: float = 0.5
    """Largest share of the corpus that a run may delete."""
    max_missing: int = 0
    """How many documents that are served now a new fingerprint's generation may lack."""
    adopt: bool = False
    """Take over a corpus of another source or machine."""
    dry_run: bool = False
    use_cache: bool = True
    """Take vectors that were made before from this machine's cache, and keep new ones there."""


def new_run_id() -> str:
    """Unique; names the run in the manifest."""
    return uuid.uuid4().hex[:12]


@dataclass(frozen=True)
class Job:
    """A request with its components. Making it reads the pipeline file and nothing else.

    It passes between processes with its checked pipeline and without its components.
    """

    request: Request

    def __reduce__(self) -> tuple[Any, ...]:
        return job_of, (self.request, self.pipeline)

    @cached_property
    def pipeline(self) -> Pipeline:
        """The checked pipeline file. Raises UserError."""
        return spec.load(Path(self.request.pipeline), self.request.overrides)

    @cached_property
    def source(self) -> Source:
        """Where the documents come from."""
        source: Source = self.pipeline.build("source")
        return source

    @cached_property
    def splitter(self) -> Splitter:
        """What cuts them."""
        splitter: Splitter = self.pipeline.build("splitter")
        return splitter

    @cached_property
    def encoder(self) -> Encoder:
        """What encodes them."""
        encoder: Encoder = self.pipeline.build("encoder", cache=self.cache)
        return encoder

    @cached_property
    def cache(self) -> VectorCache | None:
        """Vectors that were made before."""
        return vector_cache() if self.request.use_cache else None

    @cached_property
    def sparse(self) -> SparseEncoder:
        """What encodes their terms."""
        sparse: SparseEncoder = self.pipeline.build("sparse")
        return sparse

    @cached_property
    def fingerprint(self) -> str:
        """Of the pipeline file as it is now: of those that it goes by the one that is stored."""
        own, *before = self.pipeline.fingerprints()
        held = (each for each in (own, *before) if before and self.corpus.finished(each))
        return next(held, own)

    @cached_property
    def corpus(self) -> CorpusIndex:
        """Where they are stored."""
        return corpus_of(self.pipeline)

    def check_same(self, fingerprint: str) -> None:
        """Raises SpecError where the pipeline file is not what it was any more."""
        if self.fingerprint != fingerprint:
            raise SpecError("the pipeline file changed while the refresh ran").at(
                where=self.request.pipeline, hint="run the refresh again"
            )

    def claim(self) -> None:
        """Write down whose corpus it is from now on."""
        self.corpus.claim(self.source.identity, machine.identity())


def job_of(request: Request, pipeline: Pipeline) -> Job:
    """A job of a pipeline that is checked already; no file is read."""
    job = Job(request)
    spec.find_modules(pipeline.folder)
    vars(job)["pipeline"] = pipeline  # a cached property
    return job
