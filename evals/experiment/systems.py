"""A system of an experiment, and what decides what it answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from components import registry, spec
from components.corpus.release import corpus_of, live
from components.corpus.search import Searcher
from components.encoders.checkpoints import weights_sha256
from components.errors import Missing, Moved
from components.indexes.contract import GenerationReader
from components.indexes.manifest import Generation, Release
from components.registry import Choice
from components.spec import Pipeline

SERVING = ("retriever", "reranker")
"""The stages that are the pipeline file's own, whatever an index was made by."""
_ENCODERS = ("encoder", "sparse")
EMBEDDED = "qdrant_edge"
OF_INDEX = ("quantization", "rescore", "oversampling")
"""What is kept of an index' options: how vectors are compared, not where they lie."""


@dataclass(frozen=True)
class System:
    """A pipeline in an experiment, or a generation that a pipeline serves or may serve."""

    name: str
    """Unique in the experiment."""
    pipeline: Pipeline
    """As it is, where `served`; else with the data set's corpus as source, and an index of the
    experiment's own.
    """
    file: str
    """The pipeline file, for messages."""
    served: Release | None = None
    """What it is asked at, where that is there already; None: what the experiment builds."""
    live: bool = False
    """Whether that is what readers see."""

    @cached_property
    def fingerprint(self) -> str:
        """Of what its index holds."""
        return self.served.generation.fingerprint if self.served else self.pipeline.fingerprint()

    @property
    def stages(self) -> Mapping[str, Choice]:
        """Those that its index was made by, and those that answer."""
        made = self.served.generation.stages if self.served else {}
        return {**self.pipeline.stages, **made}

    @property
    def options(self) -> Mapping[str, Mapping[str, Any]]:
        """Each stage's component, as `use`, and options."""
        return {stage: {"use": each.use, **each.options} for stage, each in self.stages.items()}

    @property
    def index(self) -> str:
        """Names its index within the experiment; systems of one index share it."""
        return self.served.generation.name if self.served else str(self.folder)

    @property
    def folder(self) -> Path | None:
        """Where its index lies; None: on a server."""
        choice = self.pipeline.stages["index"]
        if choice.use != EMBEDDED:
            return None
        root = Path(choice.options["path"])
        return root / self.pipeline.name / self.served.generation.name if self.served else root

    def release(self) -> Release:
        """What it is asked at. Raises NothingLive where it is not built yet."""
        return self.served or live(self.pipeline, corpus_of(self.pipeline))

    def searcher(self) -> Searcher:
        """Asks it. What is served stays free for others; what the experiment has built, and nobody
        else reads for long, is opened for each batch.
        """
        return Searcher(self.pipeline, keep_open=self.served is not None, release=self.release())

    @contextmanager
    def opened(self) -> Iterator[GenerationReader]:
        """Its index, for a moment. Raises Moved where that changed meanwhile, Busy, IndexFault."""
        with corpus_of(self.pipeline).read(self.release().generation) as reader:
            yield reader
        self._check()

    @contextmanager
    def held(self) -> Iterator[GenerationReader]:
        """Its index, for as long as is wanted: what is served stays free for others. Raises as
        `opened`, and DiskFull.
        """
        corpus = corpus_of(self.pipeline)
        opened = corpus.hold if self.served else corpus.read
        with opened(self.release().generation) as reader:
            yield reader
        self._check()

    def _check(self) -> None:
        """Raises Moved where the generation that is served is not what it was."""
        if self.served and _now(self.pipeline, self.index) != self.served.generation:
            raise Moved(f"{self.index} has changed since the comparison began").at(
                where=self.name, hint="compare again"
            )


def _now(pipeline: Pipeline, name: str) -> Generation | None:
    try:
        return corpus_of(pipeline).generation(name)
    except Missing:
        return None


def state(system: System) -> Any:
    """What decides what its index holds. A generation is known by all that it says of itself, the
    run that made it included, and by the encoders that questions to it are encoded by.
    """
    if system.served is None:
        return system.fingerprint
    generation = system.served.generation
    encoders = {stage: generation.stages[stage] for stage in _ENCODERS}
    return {"generation": generation.to_json(), "encoders": spec.fingerprint(encoders)}


def serving(system: System) -> Mapping[str, Any]:
    """What decides its answers besides what its index holds."""
    stages = {stage: system.pipeline.stages[stage] for stage in SERVING}
    found: dict[str, Any] = {
        stage: {
            "use": each.use,
            "revision": getattr(registry.load(stage, each.use), "revision", 1),
            "options": dict(each.options),
            **_numbers(registry.load(stage, each.use)),
            **_weights(each),
        }
        for stage, each in stages.items()
    }
    index = system.pipeline.stages["index"].options
    return {**found, "index": {name: index[name] for name in OF_INDEX if name in index}}


def _numbers(component: Any) -> Mapping[str, str]:
    """Those that a component reads from a file of its own: nobody need raise its revision."""
    if not hasattr(component, "fitted_numbers"):
        return {}
    return {"numbers": hashlib.sha256(component.fitted_numbers().encode()).hexdigest()}


def _weights(choice: Choice) -> Mapping[str, str]:
    """Those of a model folder that a stage names: the files may change while their name stays."""
    name = str(choice.options.get("model") or "")
    folder = Path(name).expanduser()
    held = bool(name) and any(folder.glob("model*.safetensors"))
    return {"weights": weights_sha256(name, folder)} if held else {}
