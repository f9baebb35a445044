"""The pipeline file: which component each stage uses, with which options.

    name: handbook
    source:   {use: files, path: ./docs}
    splitter: {use: sentences, max_tokens: 128}

Paths in a file are relative to the file, those of overrides to the working directory.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, field, replace
from pathlib import Path
from typing import Any

from components import registry
from components.errors import BadOption, SpecError
from components.machine import paths
from components.machine.system import FOR_NOW
from components.registry import Choice
from components.spec import engine, yaml_file
from components.spec import gate as gates
from components.spec.engine import Engine
from components.spec.gate import Gate
from components.stages import STAGES

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "splitter": {"use": "sentences"},
    "encoder": {"use": "naive"},
    "sparse": {"use": "none"},
    "index": {"use": "qdrant_edge"},
    "retriever": {"use": "dense"},
    "reranker": {"use": "none"},
}
STORED = ("source", "splitter", "encoder", "sparse")
"""The stages that decide what an index holds."""
Given = Mapping[str, Mapping[str, Any]]
"""Values of overrides, by stage and option."""
_ASIDE = ("engine", "gate")
"""Keys of a pipeline file that are no stages."""
_LAYOUT = 2
"""What an index holds of what they make; 2: vectors of whole documents, too."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A pipeline file, checked: every name exists and every option is valid and resolved."""

    name: str
    stages: Mapping[str, Choice]
    engine: Engine = field(default_factory=Engine, compare=False)
    """Who does the work: it changes nothing that is stored."""
    gate: Gate | None = field(default=None, compare=False)
    """What a candidate must pass before it goes live."""
    folder: str = field(default="", compare=False)
    """Where the file lies."""
    notices: tuple[str, ...] = field(default=(), compare=False)
    """What a person should be told about how the file was read."""

    def build(self, stage: str, **parts: object) -> Any:
        """The stage's component."""
        return registry.build(stage, self.stages[stage], **parts)

    def fingerprint(self) -> str:
        """16 hex digits over everything that changes what is stored."""
        return fingerprint({stage: self.stages[stage] for stage in STORED})

    def fingerprints(self) -> tuple[str, ...]:
        """Its own, and the one that it had when links in paths were followed, where it differs."""
        own, before = self.fingerprint(), self.followed()
        other = own if before.stages == self.stages else before.fingerprint()
        return tuple(dict.fromkeys((own, other)))

    def followed(self) -> Pipeline:
        """It, with the paths of what decides what is stored as where they lead now."""
        stages = {s: _followed(s, each) for s, each in self.stages.items() if s in STORED}
        return replace(self, stages={**self.stages, **stages})


@dataclass(frozen=True)
class Override:
    """`stage.option=value`, which counts more than what a file says."""

    stage: str
    """One of `STAGES`, `engine` or `gate`."""
    name: str
    """Of the option, or `use`."""
    value: Any
    text: str
    """As it was written."""
    of: str = ""
    """The name of the file that it is for; empty: of all."""


@dataclass(frozen=True)
class PipelineFile:
    """A pipeline file that was read. Of what it holds only the keys are checked."""

    path: Path
    holds: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Of the pipeline. Raises SpecError."""
        name = self.holds.get("name")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise SpecError(f"'name' must match {NAME.pattern}, not {name!r}").at(
                where=str(self.path), hint="lower-case letters, digits and dashes, 41 at most"
            )
        return name

    def table(self, stage: str) -> Any:
        """What it says of a stage, or what is chosen where it says nothing."""
        return self.holds.get(stage, DEFAULTS.get(stage, {}))

    def checked(self, given: Given) -> Pipeline:
        """The pipeline, with what is given instead of what the file says. Raises UserError."""
        for stage in STAGES:
            if stage in self.holds:
                _check_table(stage, self.holds[stage], self.path)
        folder = paths.named(self.path.parent)
        stages: dict[str, Choice] = {}
        notices: list[str] = []
        for stage in STAGES:
            table, own = self.table(stage), given.get(stage, {})
            if table or own:
                stages[stage], notice = _choose(stage, table, own, folder)
                notices += notice
        return Pipeline(
            name=self.name,
            stages=stages,
            engine=engine.parse(
                self.holds.get("engine", {"use": "auto"}), given.get("engine", {}), str(self.path)
            ),
            gate=gates.parse(self.holds.get("gate"), given.get("gate", {}), folder, str(self.path)),
            folder=str(folder),
            notices=tuple(notices),
        )


def load(path: Path, overrides: Sequence[str] = ()) -> Pipeline:
    """A pipeline from its file and `stage.option=value` overrides. Raises UserError."""
    return read(path).checked(by_stage(map(override, overrides)))


def override(text: str) -> Override:
    """What `--set` says. Raises BadOption, UnknownComponent, SpecError."""
    target, equals, value = text.partition("=")
    stage, dot, name = target.strip().partition(".")
    if not (equals and dot and name):
        raise BadOption(f"cannot read the override {text!r}").at(
            where="--set", hint="write stage.option=value"
        )
    if stage not in _ASIDE:
        registry.check_stage(stage)
    parsed = yaml_file.parse(value, f"--set {target}")
    # No option is a mapping, but `{title}` is a template as well as one in YAML.
    template = isinstance(parsed, dict) and name != "use"
    return Override(stage, name, value if template else parsed, text)


def by_stage(overrides: Iterable[Override]) -> Given:
    """Their values; of two for one option the later counts."""
    given: dict[str, dict[str, Any]] = {}
    for each in overrides:
        given.setdefault(each.stage, {})[each.name] = each.value
    return given


def addressed(text: str, names: Sequence[str]) -> tuple[str, str]:
    """Whom `NAME:stage.option=value` is for, empty for all, and the override. Raises BadOption."""
    target, colon, _ = text.partition("=")[0].partition(":")
    if not colon:
        return "", text
    if target not in names:
        raise BadOption(f"no system is called {target!r}").at(
            where=f"--set {text}", hint=f"there are: {', '.join(names)}"
        )
    return target, text[len(target) + 1 :]


def overridden(
    files: Sequence[Path], overrides: Sequence[str]
) -> list[tuple[PipelineFile, list[Override]]]:
    """Each file with the overrides that are for it: those for all, and those for its name.

    Raises UserError.
    """
    found = [read(path) for path in files]
    names = [each.name for each in found]
    given = []
    for text in overrides:
        of, own = addressed(text, names)
        given.append(replace(override(own), text=text, of=of))
    return [(file, [each for each in given if each.of in ("", file.name)]) for file in found]


def find_modules(folder: str) -> None:
    """Let `use: my_module:MyClass` name what lies in the folder of the pipeline file."""
    if folder not in sys.path:
        sys.path.append(folder)  # last, so that it can shadow nothing


def fingerprint(stages: Mapping[str, Choice]) -> str:
    """Sha256 (first 16 hex digits) of the canonical JSON of all that decides what is stored."""
    facts: dict[str, object] = {"layout": _LAYOUT}
    for stage in sorted(stages):
        choice = stages[stage]
        component = registry.load(stage, choice.use)
        stored = {
            name: choice.options[name]
            for name, each in registry.options_of(component).items()
            # Options of a stranger's component count unless they say that they do not.
            if each.metadata.get("stored", True)
        }
        facts[stage] = {
            "use": choice.use,
            "revision": getattr(component, "revision", 1),
            "options": stored,
            "facts": dict(getattr(registry.build(stage, choice), "facts", {})),
        }
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def read(path: Path) -> PipelineFile:
    """A pipeline file, whose folder may hold what it names from now on. Raises SpecError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError("no such pipeline file").at(where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno in FOR_NOW:
            raise  # the file may be well
        raise SpecError(f"cannot be read: {error}").at(where=str(path)) from None
    raw = yaml_file.parse(text, str(path))
    if not isinstance(raw, dict):
        raise SpecError("a pipeline file is a mapping of stages").at(where=str(path))
    known = ("name", *STAGES, *_ASIDE)
    for key in raw:
        if key not in known:
            raise SpecError(f"unknown key {key!r}").at(
                where=str(path), hint=f"known: {', '.join(known)}"
            )
    if "source" not in raw:
        raise SpecError("the stage 'source' is missing").at(where=str(path))
    find_modules(str(paths.named(path.parent)))
    return PipelineFile(path, raw)


def _check_table(stage: str, table: Any, path: Path) -> None:
    if not isinstance(table, dict) or not isinstance(table.get("use"), str):
        raise SpecError(f"{stage} must be a mapping with a name under 'use'").at(
            where=str(path),
            hint=f"for example  {stage}: {{use: {next(iter(registry.names(stage)), 'my:Class')}}}",
        )
    for name in table:
        if not isinstance(name, str):
            raise SpecError(f"{stage}: an option's name is a word, not {name!r}").at(
                where=str(path)
            )


def _choose(
    stage: str, table: Mapping[str, Any], given: Mapping[str, Any], folder: Path
) -> tuple[Choice, list[str]]:
    """The stage's choice, and what to tell of it: a new `use` drops what it lacks of the file's."""
    own = table.get("use")
    use = given.get("use", own)
    if not isinstance(use, str):
        if use != own:
            raise BadOption(f"{stage}.use must be a name, not {use!r}").at(where="--set")
        raise SpecError(f"{stage} needs a name under 'use'").at(where=stage)
    known = registry.options_of(registry.load(stage, use))
    lacks = [] if use == own else [name for name in table if name not in ("use", *known)]
    options = {name: value for name, value in table.items() if name not in lacks} | dict(given)
    options.pop("use", None)
    for name, each in known.items():
        value = options.get(name, each.default)
        model = name in options and _names_folder(each, value)
        if isinstance(value, (str, Path, list)) and (model or registry.is_path(stage, use, name)):
            found = _absolute(value, None if name in given else folder, f"{stage}.{name}")
            # An index is asked with the model that it was built by, wherever a link leads then.
            options[name] = paths.real(found) if model and stage in STORED else found
    notice = f"{stage} {use!r} has no option {', '.join(lacks)}: left out"
    return registry.resolve(stage, use, options), [notice] if lacks else []


def _absolute(value: Any, base: Path | None, where: str) -> Any:
    """A path, or each of a list."""
    if isinstance(value, list):
        paths_only = all(isinstance(each, str) for each in value)
        return [_absolute(each, base, where) for each in value] if paths_only else value
    if "://" in str(value):  # an address
        return str(value)
    try:
        return str(paths.named(Path(value).expanduser(), base))
    except (RuntimeError, ValueError) as error:  # no such home; a character that no path can have
        raise BadOption(f"{str(value)!r} is not a usable path: {error}").at(where) from None


def _followed(stage: str, choice: Choice) -> Choice:
    """Every path of a stage as where it leads now."""
    led = {name: _real(value) for name, value in choice.options.items()}
    moved = [name for name, value in led.items() if value != choice.options[name]]
    own = {name: led[name] for name in moved if registry.is_path(stage, choice.use, name)}
    return replace(choice, options={**choice.options, **own})


def _real(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(map(_real, value))
    return type(value)(paths.real(str(value))) if isinstance(value, (str, Path)) else value


def _names_folder(of: Field[Any], value: object) -> bool:
    """Whether an option that may hold a name, such as a model's, holds the path of a folder."""
    may = bool(of.metadata.get("or_folder"))
    return may and isinstance(value, str) and value.startswith((".", "/", "~"))
