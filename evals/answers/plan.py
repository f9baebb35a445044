"""What was asked for, read and checked before anything is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any, Literal, get_args

from components import registry, spec
from components.errors import BadOption
from components.machine import paths
from components.registry import Choice
from evals import extras, kept
from evals.answers import gold
from evals.datasets import part
from evals.datasets.judged import DOCUMENT, Judged
from evals.experiment.chosen import systems
from evals.experiment.systems import System, serving, state
from evals.judging import judge_file, label_file
from evals.judging.judge_file import JudgeFile
from evals.judging.model_judge import REVISION
from evals.judging.ragas_adapter import OFFLINE
from evals.significance.rules import Rules

Setting = Literal["shared", "single", "oracle", "long_context", "closed_book"]
"""`shared`: hits among all documents. `single`: hits in the document, or the scope, that the
question is about. `oracle`: the evidence itself. `long_context`: the whole document. `closed_book`:
nothing.
"""
_SETTINGS: tuple[Setting, ...] = get_args(Setting)
_RETRIEVED: tuple[Setting, ...] = ("shared", "single")
"""Where hits are searched for, so that an index is needed."""
_OF_THE_DATA: tuple[Setting, ...] = ("oracle", "long_context")
"""Where the data set's own documents are read."""
HOME = Path(".millrace/answers")
DEFAULT = "extractive"
CHARACTERS = 400_000
"""Of a long context: about 100,000 tokens of English."""
_REVISION = 2
"""Raised when what is kept of answers means something else."""
_NOT_THE_JUDGES = {"key", "seconds", "input_price", "output_price", "ragas"}
"""What its opinions do not depend on."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be done."""

    data: Judged
    setting: Setting
    systems: Sequence[System]
    hits: int = 10
    """That an answerer is given."""
    characters: int = CHARACTERS
    """Of a long context."""
    judge: JudgeFile | None = None
    judge_as: str = ""
    """Its file."""
    ragas: tuple[str, ...] = ()
    """Metrics of ragas that ask no model; the judge's file names those that do."""
    labels: tuple[label_file.Answer, ...] = ()
    """Answers with what people say of them, by which rates are corrected."""
    max_cost: float | None = None
    baseline: str = ""
    home: Path = HOME
    rules: Rules = field(default_factory=Rules)
    keys: Mapping[str, str] = field(default_factory=dict)
    """Of answers, by system; made once: a file that one depends on may change in the meantime."""

    @property
    def searched(self) -> bool:
        """Whether an index is needed."""
        return self.setting in _RETRIEVED

    @property
    def judged_by(self) -> Mapping[str, Any]:
        """What decides a judge's opinions; empty for the offline one."""
        if self.judge is None:
            return {}
        return {"revision": REVISION, **self.judge.model_dump(exclude=_NOT_THE_JUDGES)}

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
        return self.home / "answers" / f"{self.keys[system.name]}.jsonl"

    def opinions(self, system: System) -> Path:
        """Where a model's opinions of a system's answers are kept."""
        return self.home / "opinions" / f"{self._judged(system)}.jsonl"

    @property
    def opinions_of_labels(self) -> Path:
        """Where a model's opinions of labelled answers are kept."""
        return self.home / "opinions" / f"labels-{kept.key(self.judged_by)}.jsonl"

    def metrics(self, system: System, names: Sequence[str]) -> Path:
        """Where metrics of ragas are kept."""
        return self.home / "metrics" / f"{'-'.join((self._judged(system), *names))}.jsonl"

    @property
    def ledger(self) -> Path:
        """What these answers and their judging have cost, in all runs."""
        told = [self.keys[each.name] for each in self.systems]
        return self.home / "ledgers" / f"{kept.key([told, self.judged_by])}.jsonl"

    def _judged(self, system: System) -> str:
        return kept.key([self.keys[system.name], self.judged_by])


def plan(
    *,
    pipelines: Sequence[str | Path],
    data: str,
    setting: str = "shared",
    split: str = "test",
    limit: int | None = None,
    sample: int | None = None,
    hits: int = 10,
    characters: int = CHARACTERS,
    judge: str | Path | None = None,
    ragas: Sequence[str] = (),
    labels: str | Path | None = None,
    max_cost: float | None = None,
    overrides: Sequence[str] = (),
    baseline: str = "",
    live: bool = False,
    home: str | Path = HOME,
) -> Plan:
    """The plan of these words, the data set loaded: with its corpus, unless it is `live`, when the
    pipelines' own indexes are asked. `limit`, `sample`: see `part.load`. Raises UserError.
    """
    extras.check("answers need")
    chosen = _setting(setting, live=live)
    _check_limit(max_cost)
    files = [Path(each) for each in pipelines]
    if not files:
        raise BadOption("no pipeline to ask: name some")
    judged = part.load(data, split, limit=limit, sample=sample, corpus=not live)
    gold.check(judged)
    judged.queries(scoped=setting == "single")
    found = systems(files, overrides, judged, paths.named(home), live=live, baseline=baseline)
    made = Plan(
        data=judged,
        setting=chosen,
        systems=found,
        hits=hits,
        characters=characters,
        judge=judge_file.read(Path(judge)) if judge else None,
        judge_as=str(judge or ""),
        ragas=_ragas(ragas),
        labels=tuple(label_file.read(Path(labels))) if labels else (),
        max_cost=max_cost,
        baseline=baseline,
        home=Path(home),
    )
    _check_prices(made)
    return replace(made, keys={each.name: _key(made, each) for each in found})


def _key(plan: Plan, system: System) -> str:
    """Of all that decides its answers."""
    asked: dict[str, Any] = {
        "setting": plan.setting,
        "hits": plan.hits if plan.searched else 0,
        "characters": plan.characters if plan.setting == "long_context" else 0,
        "data": [plan.data.checksum, plan.data.split, plan.data.unit],
    }
    if plan.setting == "single" and plan.data.scope != DOCUMENT:
        asked["scope"] = plan.data.scope
    found = {"index": state(system), "serving": serving(system)} if plan.searched else {}
    told = {"revision": _REVISION, "asked": asked, "answerer": _answerer(plan, system)}
    return kept.key({**told, **found})


def _answerer(plan: Plan, system: System) -> Mapping[str, Any]:
    choice = plan.answerer(system)
    component = registry.load("answerer", choice.use)
    known = registry.options_of(component)
    return {
        "use": choice.use,
        "revision": getattr(component, "revision", 1),
        "options": {
            name: value
            for name, value in choice.options.items()
            if known[name].metadata.get("stored", True)
        },
        "facts": registry.build("answerer", choice).facts,
        **_encoder(system, component),
    }


def _encoder(system: System, answerer: type[Any]) -> Mapping[str, str]:
    """That of an answerer which reads with one."""
    if "encoder" not in registry.parts_of(answerer):
        return {}
    return {"encoder": spec.fingerprint({"encoder": system.stages["encoder"]})}


def _setting(named: str, *, live: bool) -> Setting:
    found = [each for each in _SETTINGS if each == named]
    if not found:
        raise BadOption(f"no setting {named!r}").at(
            where="--setting", hint=f"one of: {', '.join(_SETTINGS)}"
        )
    if live and named in _OF_THE_DATA:
        raise BadOption(f"{named} reads the data set's documents, and --live has none").at(
            where="--setting", hint=f"with --live: {', '.join(_RETRIEVED)}, closed_book"
        )
    return found[0]


def _check_limit(max_cost: float | None) -> None:
    if max_cost is not None and not (isfinite(max_cost) and max_cost >= 0):
        raise BadOption(f"{max_cost} is no amount of money").at(where="--max-cost")


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
        if "endpoint" in options and not _priced(options):
            raise BadOption("--max-cost needs the prices of the answerer's model").at(
                where=each.name, hint="set answerer.input_price and answerer.output_price"
            )
    if plan.judge and not _priced(plan.judge.model_dump()):
        raise BadOption("--max-cost needs the prices of the judge's model").at(
            where=plan.judge_as, hint="set input_price and output_price"
        )


def _priced(options: Mapping[str, Any]) -> bool:
    return bool(options.get("input_price") or options.get("output_price"))
