"""What a pipeline has published: a generation, and the stages that answer from it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from components import registry
from components.errors import MillraceError, NothingLive, UserError
from components.indexes.contract import CorpusIndex, Index
from components.indexes.ledger import went_live
from components.indexes.manifest import Release, plain
from components.registry import Choice
from components.spec import Pipeline

ANSWERING = ("retriever", "reranker", "answerer")
"""The stages of a release that are the pipeline file's own, whatever its index was made by."""
ASKED_BY = ("rescore", "oversampling")
"""Options of an index that say how it is asked."""
_log = logging.getLogger(__name__)


def serving(pipeline: Pipeline) -> Mapping[str, Choice]:
    """The stages of a pipeline that answer, and how its index is asked."""
    index = pipeline.stages["index"]
    asked = {name: index.options[name] for name in ASKED_BY if name in index.options}
    own = {each: pipeline.stages[each] for each in ANSWERING if each in pipeline.stages}
    return {**own, "index": replace(index, options=asked)}


def same_serving(one: Mapping[str, Choice], other: Mapping[str, Choice]) -> bool:
    """Whether they answer alike, read from a file or from what was written of them."""
    return plain(one) == plain(other)


def as_released(pipeline: Pipeline, release: Release) -> Pipeline:
    """The pipeline with the stages that answer from a release in place of the file's.

    Raises UserError where these stages are not to be had any more.
    """
    stages = {s: each for s, each in pipeline.stages.items() if s not in ANSWERING}
    if not release.serving:
        return pipeline
    try:
        for stage, each in release.serving.items():
            if stage in ANSWERING:
                stages[stage] = registry.resolve(stage, each.use, each.options)
    except UserError as error:
        raise error.at(hint=f"release {release.number} needs it; {error.hint}") from None
    index, asked = stages["index"], release.serving.get("index")
    if asked and asked.use == index.use:
        stages["index"] = replace(index, options={**index.options, **asked.options})
    return replace(pipeline, stages=stages)


def differs(pipeline: Pipeline, release: Release) -> bool:
    """Whether the next refresh will build what is not live, or let other stages answer. The file's
    own encoder may be out of reach: the live one answers without it.
    """
    if release.serving and not same_serving(serving(pipeline), release.serving):
        return True
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


def note_live(corpus: CorpusIndex, release: Release) -> None:
    """Add to the history that it went live; where that fails, whoever writes next does it."""
    try:
        corpus.record([went_live(release)])
    except (MillraceError, OSError) as error:
        told = "release %s is live; the history was not written, the next command does it: %s"
        _log.warning(told, release.number, error)


def tidy(corpus: CorpusIndex) -> None:
    """Remove what a corpus keeps no longer; where that fails, the next refresh does it."""
    try:
        corpus.prune()
    except (MillraceError, OSError) as error:
        _log.warning("what the corpus keeps no longer was not removed: %s", error)
