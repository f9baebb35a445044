"""Fingerprints of the shipped pipelines, which no change alters by accident."""

from __future__ import annotations

import json
from pathlib import Path

from components import spec

PIPELINES = Path(__file__).parents[2] / "pipelines"
GOLDEN = Path(__file__).with_name("fingerprints.json")
DECIDE = """
Every corpus of these pipelines, and of others that share what changed, would be built anew: each
document is read and encoded again (docs/decisions/0003-what-is-in-the-fingerprint.md).

Not meant? Then undo it. What changes it: an option's name or default, a component's revision or
facts (weights, prompts, versions of pypdfium2 and the engine), the layout in components/spec.

Meant? Then it is a decision: say so in CHANGELOG.md, and write this into {file}:
{found}"""


def test_no_corpus_is_built_anew_by_accident() -> None:
    kept = json.loads(GOLDEN.read_text(encoding="utf-8"))
    found = {file.stem: spec.load(file).fingerprint() for file in sorted(PIPELINES.glob("*.yaml"))}
    differs = [name for name in {**kept, **found} if kept.get(name) != found.get(name)]
    told = DECIDE.format(file=f"tests/golden/{GOLDEN.name}", found=json.dumps(found, indent=1))
    assert not differs, f"the fingerprint is another one: {', '.join(differs)}\n{told}"
