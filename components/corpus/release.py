"""What a pipeline has published."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from components.errors import MillraceError, NothingLive
from components.indexes.contract import CorpusIndex, Index
from components.indexes.manifest import Release
from components.spec import Pipeline


def differs(pipeline: Pipeline, release: Release) -> bool:
    """Whether the next refresh will build what is not live. The file's own encoder may be out of
    reach: the live one answers without it.
    """
    wanted = pipeline.stages["index"].options.get("quantization", "none")
    if wanted != release.generation.quantization:
        return True
    try:
        return release.generation.fingerprint not in pipeline.fingerprints()
    except MillraceError:
        return True


def age(release: Release) -> timedelta:
    """How long ago a refresh ended well last, by this machine's clock; below zero where that says
    it is still to come.
    """
    return datetime.now(UTC) - datetime.fromisoformat(release.refreshed)


def corpus_of(pipeline: Pipeline) -> CorpusIndex:
    """Where the pipeline's corpus is stored."""
    index: Index = pipeline.build("index")
    return index.corpus(pipeline.name)


def live(pipeline: Pipeline, corpus: CorpusIndex) -> Release:
    """What is published. Raises NothingLive."""
    release = corpus.live()
    if release is None:
        raise NothingLive(f"the corpus {pipeline.name!r} has no index yet").at(
            where=str(pipeline.stages["index"].options.get("path", "")),
            hint="run millrace refresh first",
        )
    return release
