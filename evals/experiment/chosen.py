"""The systems of an experiment: pipelines over the data set's corpus, or what they serve."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from components import registry, spec
from components.errors import BadOption
from components.registry import Choice
from components.spec import Override, Pipeline, PipelineFile
from components.spec.sweep import members
from evals.datasets.judged import DOCUMENT, Judged
from evals.experiment.live import served
from evals.experiment.systems import EMBEDDED, OF_INDEX, System

_CORPUS = "corpus"
"""The corpus' name in every index of an experiment."""


def systems(
    files: Sequence[Path],
    overrides: Sequence[str],
    data: Judged,
    home: Path,
    *,
    live: bool = False,
    candidates: Sequence[str] = (),
    baseline: str = "",
) -> list[System]:
    """All systems that the files stand for, sweeps included, in order, under names of their own;
    where `live`, what they serve and the `candidates`, see `served`.

    `overrides`: `stage.option=value` for all, `NAME:stage.option=value` for the file of that name.
    Raises UserError, also where no system has the name of the `baseline`; as `served` does.
    """
    found: list[System] = []
    for file, own in spec.overridden(files, overrides):
        made = served(file, candidates, own) if live else _built(file, own, data, home)
        for each in made:
            found.append(replace(each, name=_free(each.name, [other.name for other in found])))
    if baseline and baseline not in [each.name for each in found]:
        raise BadOption(f"no system is called {baseline!r}").at(
            where="--baseline", hint=", ".join(each.name for each in found)
        )
    return found


def _built(
    file: PipelineFile, overrides: Sequence[Override], data: Judged, home: Path
) -> list[System]:
    if not data.source:
        raise BadOption("the data set has no corpus to build indexes of").at(
            where=data.name, hint="its questions can judge an index that is there: --live"
        )
    _check_own(overrides)
    return [
        System(each.name, _over(each.pipeline, data, home), str(file.path))
        for each in members(file, overrides)
    ]


def _check_own(overrides: Sequence[Override]) -> None:
    """Refuses what an experiment sets itself: it would seem to make no difference."""
    for each in overrides:
        if each.stage == "source" or (each.stage, each.name) == ("index", "path"):
            raise BadOption("a comparison has its data set as source, and indexes of its own").at(
                where=f"--set {each.text}", hint="--data names the data set"
            )


def _over(pipeline: Pipeline, data: Judged, home: Path) -> Pipeline:
    """The pipeline over the data set's corpus."""
    stages = dict(pipeline.stages)
    options = {name: value for name, value in data.source.items() if name != "use"}
    stages["source"] = registry.resolve("source", data.source["use"], options)
    moved = replace(pipeline, name=_CORPUS, stages=stages, gate=None)
    stages["index"] = _index(pipeline.stages["index"], moved.fingerprint(), data, home)
    return replace(moved, stages=stages)


def _index(asked: Choice, fingerprint: str, data: Judged, home: Path) -> Choice:
    """The embedded store, whatever the file says: an experiment touches nothing that is served."""
    options: dict[str, Any] = {
        name: asked.options[name] for name in OF_INDEX if name in asked.options
    }
    bits = options.get("quantization", "none")
    parts = [fingerprint, (data.corpus or data.checksum)[:12]]
    parts += [] if bits == "none" else [bits]
    if data.scope not in ("", DOCUMENT):
        options["filterable"] = (data.scope,)
        parts += [hashlib.sha256(data.scope.encode()).hexdigest()[:6]]
    folder = "-".join(parts)
    return registry.resolve("index", EMBEDDED, {**options, "path": str(home / folder)})


def _free(name: str, taken: Sequence[str]) -> str:
    """The name, with a number where it is taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found
