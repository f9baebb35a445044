"""Served generations as systems: what is live, and candidates to replace it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from components.corpus.release import as_released, corpus_of, live
from components.errors import BadOption, MillraceError, Missing, SpecError
from components.indexes.contract import CorpusIndex
from components.indexes.manifest import Generation, Release
from components.spec import Override, Pipeline, PipelineFile
from components.spec.sweep import Member, members
from evals.experiment.systems import SERVING, System

_OWN = (*SERVING, "answerer")
"""As `SERVING`, and who answers."""


def served(
    file: PipelineFile, candidates: Sequence[str] = (), overrides: Sequence[Override] = ()
) -> list[System]:
    """The live generation of a pipeline and then the candidates, each named NAME@GENERATION.

    Each answers by the encoders that it was built by, and by the file's retriever and reranker;
    several systems of each where the file or `overrides` list several of these. Where the file says
    no more than one and what is live answers by others, that is measured as it is, and by the
    file's besides. Nothing is written. Raises NothingLive, UserError, IndexFault.
    """
    _check_serving(overrides)
    found = members(file, overrides)
    pipeline = found[0].pipeline
    for each in found:
        _check_alike(pipeline, each.pipeline, file.path)
    corpus = corpus_of(pipeline)
    release = live(pipeline, corpus)
    releases = [release, *(_candidate(each, corpus, release, pipeline) for each in candidates)]
    own = as_released(pipeline, release)
    differ = any(own.stages[each] != pipeline.stages[each] for each in SERVING)
    as_it_is = len(found) == 1 and not overrides and differ
    name = f"{found[0].name}@{release.generation.name}[live]"
    now = System(name=name, pipeline=own, file=str(file.path), served=release, live=True)
    return [
        *([now] if as_it_is else []),
        *_asked(file, found, releases, None if as_it_is else release),
    ]


def _asked(
    file: PipelineFile, found: Sequence[Member], releases: Sequence[Release], live: Release | None
) -> list[System]:
    """Each release by the stages of each member; `live`: the one that is measured as such."""
    return [
        System(
            name=f"{member.name}@{each.generation.name}{'' if each is not live else '[live]'}",
            pipeline=member.pipeline,
            file=str(file.path),
            served=each,
            live=each is live,
        )
        for each in releases
        for member in found
    ]


def _check_serving(overrides: Sequence[Override]) -> None:
    for each in overrides:
        if each.stage not in _OWN:
            raise BadOption(f"an index that is there keeps its {each.stage}").at(
                where=f"--set {each.text}", hint=f"with --live: {', '.join(_OWN)}"
            )


def _check_alike(first: Pipeline, other: Pipeline, file: Path) -> None:
    for stage, choice in first.stages.items():
        if stage not in _OWN and other.stages[stage] != choice:
            raise SpecError(f"{stage} lists several values, and an index that is there has one").at(
                where=str(file)
            )


def _candidate(name: str, corpus: CorpusIndex, release: Release, pipeline: Pipeline) -> Release:
    if name == release.generation.name:
        raise BadOption(f"{name!r} is live").at(
            where="--candidate", hint="what is live is measured without that"
        )
    try:
        found = corpus.generation(name)
    except Missing as error:
        there = dict.fromkeys(_reachable(corpus, release, pipeline))
        raise BadOption(f"no generation is called {name!r}").at(
            where="--candidate",
            hint="there are: "
            + ", ".join(f"{n} (live)" if n == release.generation.name else n for n in there),
        ) from error
    if not found.finished_at:
        raise BadOption(f"{name!r} is not finished").at(
            where="--candidate", hint="run the refresh again: it goes on with it"
        )
    return Release(generation=found, since="", run_id=found.run_id)


def _reachable(corpus: CorpusIndex, release: Release, pipeline: Pipeline) -> Iterator[str]:
    """Generations that an index leads to: what is live, what the file's next release would be, and
    what they began as copies of.
    """
    ends: list[Generation | None] = [release.generation]
    with suppress(MillraceError):  # the file's own encoder may be out of reach
        ends.append(corpus.finished(pipeline.fingerprint()))
    for each in ends:
        with suppress(Missing):  # older ones are deleted at some time
            while each:
                yield each.name
                each = corpus.generation(each.base) if each.base else None
