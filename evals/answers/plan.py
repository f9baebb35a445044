"""What was asked for, read and checked before anything is done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components import registry, spec
from components.errors import BadOption
from components.registry import Choice
from evals.answers import gold
from evals.answers.setting import RETRIEVED, SETTINGS, Setting
from evals.compare.live import served
from evals.compare.systems import System, serving, state, systems
from evals.datasets import catalogue
from evals.datasets.judged import Judged
from evals.judging import judge_file
from evals.judging.judge_file import JudgeFile
from evals.judging.ragas_adapter import OFFLINE
from evals.significance.rules import Rules

HOME = Path(".millrace/answers")
DEFAULT = "extractive"
REVISION = 1
"""Raised when what is kept means something else."""
_OF_JUDGE = ("endpoint", "model", "prompt", "repeats", "max_tokens", "ragas")
CHARACTERS = 400_000
"""Of a long context: about 100,000 tokens of English."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be done."""

    data: Judged
    data_as: str
    """The data set as it was named, with its options."""
    setting: Setting
    systems: Sequence[System]
    hits: int = 10
    """That an answerer is given."""
    characters: int = CHARACTERS
    """Of a long context."""
    judge: JudgeFile | None = None
    ragas: tuple[str, ...] = ()
    """Metrics of ragas that ask no model; the judge's file names those that do."""
    max_cost: float | None = None
    baseline: str = ""
    home: Path = HOME
    files: Sequence[Path] = ()
    overrides: Sequence[str] = ()
    live: bool = False
    judge_as: str = ""
    rules: Rules = field(default_factory=Rules)

    @property
    def searched(self) -> bool:
        """Whether an index is needed."""
        return self.setting in RETRIEVED

    def answerer(self, system: System) -> Choice:
        """As it is asked in this setting."""
        chosen = system.pipeline.stages.get("answerer") or registry.resolve("answerer", DEFAULT, {})
        if self.setting != "closed_book":
            return chosen
        known = registry.options_of(registry.load("answerer", chosen.use))
        told = {"prompt": "closed_book"} if "prompt" in known else {}
        return Choice(chosen.use, {**chosen.options, **told})

    def file(self, system: System) -> Path:
        """Where a system's answers are kept."""
        return self.home / "answers" / f"{_hash(self._told(system))}.jsonl"

    @property
    def ledger(self) -> Path:
        """What these answers and their judging have cost, in all runs."""
        told = [self.file(each).stem for each in self.systems]
        return self.home / "ledgers" / f"{_hash([told, self.judged_by])}.jsonl"

    @property
    def judged_by(self) -> Mapping[str, Any]:
        """What decides a judge's opinions; empty for the offline one."""
        return self.judge.model_dump(include=set(_OF_JUDGE)) if self.judge else {}

    def opinions(self, system: System) -> Path:
        """Where a model's opinions of a system's answers are kept."""
        return self.home / "opinions" / f"{_hash([self._told(system), self.judged_by])}.jsonl"

    def _told(self, system: System) -> Mapping[str, Any]:
        """All that decides the answers."""
        choice = self.answerer(system)
        component = registry.load("answerer", choice.use)
        known = registry.options_of(component)
        searched = {"index": state(system), "serving": serving(system)} if self.searched else {}
        return {
            "revision": REVISION,
            "setting": [self.setting, self.hits if self.searched else 0, self._length],
            "data": [self.data.checksum, self.data.split, self.data.unit],
            "answerer": {
                "use": choice.use,
                "revision": getattr(component, "revision", 1),
                "options": {
                    name: value
                    for name, value in choice.options.items()
                    if known[name].metadata.get("stored", True)
                },
                "facts": registry.build("answerer", choice).facts,
                **_encoder(system, component),
            },
            **searched,
        }

    @property
    def _length(self) -> int:
        return self.characters if self.setting == "long_context" else 0


def plan(
    *,
    pipelines: Sequence[str | Path],
    data: str,
    setting: str = "shared",
    split: str = "test",
    hits: int = 10,
    characters: int = CHARACTERS,
    judge: str | Path | None = None,
    ragas: Sequence[str] = (),
    max_cost: float | None = None,
    overrides: Sequence[str] = (),
    baseline: str = "",
    live: bool = False,
    home: str | Path = HOME,
) -> Plan:
    """The plan of these words, the data set loaded: with its corpus, unless it is `live`, when the
    pipelines' own indexes are asked. Raises UserError.
    """
    if setting not in SETTINGS:
        raise BadOption(f"no setting {setting!r}").at(
            where="--setting", hint=f"one of: {', '.join(SETTINGS)}"
        )
    files = [Path(each) for each in pipelines]
    if not files:
        raise BadOption("no pipeline to ask: name some")
    judged = catalogue.load(data, split, corpus=not live)
    gold.check(judged)
    judged.queries(scoped=setting == "single")
    found = _systems(files, overrides, judged, Path(home).resolve(), live=live)
    if baseline and baseline not in [each.name for each in found]:
        raise BadOption(f"no system is called {baseline!r}").at(
            where="--baseline", hint=", ".join(each.name for each in found)
        )
    made = Plan(
        data=judged,
        data_as=data,
        setting=setting,
        systems=found,
        hits=hits,
        characters=characters,
        judge=judge_file.read(Path(judge)) if judge else None,
        judge_as=str(judge or ""),
        ragas=_ragas(ragas),
        max_cost=max_cost,
        baseline=baseline,
        home=Path(home),
        files=files,
        overrides=tuple(overrides),
        live=live,
    )
    _check_prices(made)
    return made


def _systems(
    files: Sequence[Path], overrides: Sequence[str], data: Judged, home: Path, *, live: bool
) -> list[System]:
    if not live:
        return systems(files, overrides, data, home)
    return [each for file in files for each in served(file, (), overrides)]


def _ragas(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in OFFLINE:
            raise BadOption(f"no metric of ragas {name!r}").at(
                where="--ragas",
                hint=f"known: {', '.join(OFFLINE)}; a judge's file names those that ask a model",
            )
    return tuple(dict.fromkeys(names))


def _check_prices(plan: Plan) -> None:
    """A limit of money means nothing where calls have no price."""
    if plan.max_cost is None:
        return
    for each in plan.systems:
        options = plan.answerer(each).options
        if "endpoint" in options and not (options["input_price"] or options["output_price"]):
            raise BadOption("--max-cost needs the prices of the answerer's model").at(
                where=each.name, hint="set answerer.input_price and answerer.output_price"
            )
    if plan.judge and not (plan.judge.input_price or plan.judge.output_price):
        raise BadOption("--max-cost needs the prices of the judge's model").at(
            where=plan.judge_as, hint="set input_price and output_price"
        )


def _encoder(system: System, answerer: type[Any]) -> Mapping[str, str]:
    """That of an answerer which reads with one."""
    if "encoder" not in registry.parts_of(answerer):
        return {}
    return {"encoder": spec.fingerprint({"encoder": system.stages["encoder"]})}


def _hash(told: Any) -> str:
    canonical = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
