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
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, replace
from pathlib import Path
from typing import Any

from components import engine, paths, registry, yaml_file
from components.engine import Engine
from components.errors import BadOption, SpecError
from components.registry import Choice
from components.stages import STAGES
from components.system import FOR_NOW

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
_LAYOUT = 2
"""What an index holds of what they make; 2: vectors of whole documents, too."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A pipeline file, checked: every name exists and every option is valid and resolved."""

    name: str
    stages: Mapping[str, Choice]
    engine: Engine = field(default_factory=Engine, compare=False)
    """Who does the work: it changes nothing that is stored."""
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


def load(path: Path, overrides: Sequence[str] = ()) -> Pipeline:
    """A pipeline from its file and `stage.option=value` overrides. Raises UserError."""
    return checked(read(path), path, overrides)


def checked(raw: Mapping[str, Any], path: Path, overrides: Sequence[str] = ()) -> Pipeline:
    """A pipeline from what its file holds. Raises UserError."""
    folder = paths.named(path.parent)
    find_modules(str(folder))
    for stage in STAGES:
        if stage in raw:
            _check_table(stage, raw[stage], path)
    tables = {stage: dict(raw.get(stage) or DEFAULTS.get(stage) or {}) for stage in STAGES}
    of_engine, of_stages = _of_engine(overrides)
    given, notices = _override(tables, of_stages)
    stages = {
        stage: _resolve(stage, table, given.get(stage, {}), folder)
        for stage, table in tables.items()
        if table or stage in given
    }
    return Pipeline(
        name=_name(raw, path),
        stages=stages,
        engine=engine.parse(raw.get("engine", {"use": "auto"}), of_engine, str(path)),
        folder=str(folder),
        notices=tuple(notices),
    )


def load_name(path: Path) -> str:
    """The name in a pipeline file. Raises SpecError."""
    return _name(read(path), path)


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


def read(path: Path) -> dict[str, Any]:
    """What a pipeline file holds, by key, unchecked. Raises SpecError."""
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
    known = ("name", *STAGES, "engine")
    for key in raw:
        if key not in known:
            raise SpecError(f"unknown key {key!r}").at(
                where=str(path), hint=f"known: {', '.join(known)}"
            )
    if "source" not in raw:
        raise SpecError("the stage 'source' is missing").at(where=str(path))
    return raw


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


def _of_engine(overrides: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The engine's options that are given, and the overrides of the stages."""
    given: dict[str, Any] = {}
    rest = []
    for text in overrides:
        target, equals, value = text.partition("=")
        name = target.strip().removeprefix("engine.")
        if equals and name and name != target.strip():
            given[name] = yaml_file.parse(value, f"--set {target}")
        else:
            rest.append(text)
    return given, rest


def _override(
    tables: dict[str, dict[str, Any]], overrides: Sequence[str]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Overrides by stage, and notices. A new `use` drops the file's options that it lacks."""
    given: dict[str, dict[str, Any]] = {}
    for text in overrides:
        target, equals, value = text.partition("=")
        stage, dot, name = target.strip().partition(".")
        if not (equals and dot and name):
            raise BadOption(f"cannot read the override {text!r}").at(
                where="--set", hint="write stage.option=value"
            )
        registry.check_stage(stage)
        parsed = yaml_file.parse(value, f"--set {target}")
        # No option is a mapping, but `{title}` is a template as well as one in YAML.
        template = isinstance(parsed, dict) and name != "use"
        given.setdefault(stage, {})[name] = value if template else parsed
    notices = []
    for stage, values in given.items():
        use = values.pop("use", tables[stage].get("use"))
        if use == tables[stage].get("use"):
            continue
        if not isinstance(use, str):
            raise BadOption(f"{stage}.use must be a name, not {use!r}").at(where="--set")
        known = registry.options_of(registry.load(stage, use))
        dropped = [name for name in tables[stage] if name != "use" and name not in known]
        if dropped:
            notices.append(f"{stage} {use!r} has no option {', '.join(dropped)}: left out")
        tables[stage] = {k: v for k, v in tables[stage].items() if k not in dropped} | {"use": use}
    return given, notices


def _resolve(
    stage: str, table: Mapping[str, Any], given: Mapping[str, Any], folder: Path
) -> Choice:
    use = table.get("use")
    if not isinstance(use, str):
        raise SpecError(f"{stage} needs a name under 'use'").at(where=stage)
    known = registry.options_of(registry.load(stage, use))
    options = {name: value for name, value in table.items() if name != "use"} | dict(given)
    for name, each in known.items():
        model = _names_folder(each, options.get(name))
        if not (registry.is_path(stage, use, name) or model):
            continue
        value = options.get(name, each.default)
        base = None if name in given else folder
        if isinstance(value, (str, Path)):
            found = _absolute(value, base, f"{stage}.{name}")
            # An index is asked with the model that it was built by, wherever a link leads then.
            options[name] = paths.real(found) if model and stage in STORED else found
        elif isinstance(value, list) and all(isinstance(each, str) for each in value):
            options[name] = [_absolute(each, base, f"{stage}.{name}") for each in value]
    return registry.resolve(stage, use, options)


def _absolute(value: str | Path, base: Path | None, where: str) -> str:
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


def _name(raw: Mapping[str, Any], path: Path) -> str:
    name = raw.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise SpecError(f"'name' must match {NAME.pattern}, not {name!r}").at(
            where=str(path), hint="lower-case letters, digits and dashes, 41 at most"
        )
    return name
