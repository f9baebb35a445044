"""What decides an answer, as a key that it is kept under."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components import registry, spec
from components.registry import Choice
from evals import kept
from evals.experiment.systems import System, serving, state

REVISION = 2
"""Raised when what is kept means something else."""


def of_answers(system: System, answerer: Choice, asked: Any, *, searched: bool) -> str:
    """Of a system's answers to what was `asked`."""
    found = {"index": state(system), "serving": serving(system)} if searched else {}
    told = {"revision": REVISION, "asked": asked, "answerer": _answerer(system, answerer)}
    return kept.key({**told, **found})


def _answerer(system: System, choice: Choice) -> Mapping[str, Any]:
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
