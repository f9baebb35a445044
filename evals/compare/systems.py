"""The systems of a comparison: pipelines whose source is the data set's corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components import registry, spec
from components.errors import BadOption
from components.registry import Choice
from components.spec import Pipeline
from components.sweep import members
from evals.datasets.judged import DOCUMENT, Judged

CORPUS = "corpus"
"""The corpus' name in every index of a comparison."""
_EMBEDDED = "qdrant_edge"
_OF_INDEX = ("quantization", "rescore", "oversampling")
"""What is kept of an index' options: how vectors are compared, not where they lie."""


@dataclass(frozen=True)
class System:
    """A pipeline in a comparison."""

    name: str
    """Unique in the comparison."""
    pipeline: Pipeline
    """With the data set's corpus as source, and an index of the comparison's own."""

    @property
    def fingerprint(self) -> str:
        """Of what its index holds."""
        return self.pipeline.fingerprint()

    @property
    def index(self) -> Path:
        """Folder of its index; systems that store the same share it."""
        return Path(self.pipeline.stages["index"].options["path"])


def systems(
    files: Sequence[Path], overrides: Sequence[str], data: Judged, home: Path
) -> list[System]:
    """All systems that the files stand for, sweeps included, in order, under names of their own.

    `overrides`: `stage.option=value` for all, `NAME:stage.option=value` for the file of that name.
    Raises UserError.
    """
    names = [spec.load_name(file) for file in files]
    given = [_addressed(text, names) for text in overrides]
    found: list[System] = []
    for file, name in zip(files, names, strict=True):
        own = [text for target, text in given if target in ("", name)]
        for member in members(file, own):
            pipeline = _over(member.pipeline, data, home)
            found.append(System(_free(member.name, [each.name for each in found]), pipeline))
    return found


def _addressed(text: str, names: Sequence[str]) -> tuple[str, str]:
    """Whom an override is for, empty for all, and the override."""
    target, colon, _ = text.partition("=")[0].partition(":")
    if not colon:
        return "", text
    if target not in names:
        raise BadOption(f"no system is called {target!r}").at(
            where=f"--set {text}", hint=f"there are: {', '.join(names)}"
        )
    return target, text[len(target) + 1 :]


def _over(pipeline: Pipeline, data: Judged, home: Path) -> Pipeline:
    """The pipeline over the data set's corpus."""
    stages = dict(pipeline.stages)
    options = {name: value for name, value in data.source.items() if name != "use"}
    stages["source"] = registry.resolve("source", data.source["use"], options)
    moved = replace(pipeline, name=CORPUS, stages=stages)
    stages["index"] = _index(pipeline.stages["index"], moved.fingerprint(), data, home)
    return replace(moved, stages=stages)


def _index(asked: Choice, fingerprint: str, data: Judged, home: Path) -> Choice:
    """The embedded store, whatever the file says: a comparison touches nothing that is served."""
    options: dict[str, Any] = {
        name: asked.options[name] for name in _OF_INDEX if name in asked.options
    }
    bits = options.get("quantization", "none")
    folder = f"{fingerprint}-{data.checksum[:12]}{'' if bits == 'none' else f'-{bits}'}"
    if data.scope not in ("", DOCUMENT):
        options["filterable"] = (data.scope,)
    return registry.resolve("index", _EMBEDDED, {**options, "path": str(home / folder)})


def _free(name: str, taken: Sequence[str]) -> str:
    """The name, with a number where it is taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found


def serving(system: System) -> Mapping[str, Any]:
    """What decides its answers besides what its index holds."""
    stages = {stage: system.pipeline.stages[stage] for stage in ("retriever", "reranker")}
    found: dict[str, Any] = {
        stage: {
            "use": each.use,
            "revision": getattr(registry.load(stage, each.use), "revision", 1),
            "options": dict(each.options),
        }
        for stage, each in stages.items()
    }
    index = system.pipeline.stages["index"].options
    return {**found, "index": {name: index[name] for name in _OF_INDEX}}
