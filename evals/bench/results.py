"""What a benchmark keeps: every reading, and what they depend on besides the code."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from evals.command import FILE

_RESULTS = Path(__file__).parent / "results"
_PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "sentence-transformers",
    "chonkie",
    "llama-index-core",
    "llama-index-vector-stores-qdrant",
    "qdrant-client",
    "qdrant-edge-py",
)


def out(name: str = "") -> Callable[[Any], Any]:
    """The option of a command that keeps results of this name."""
    file = f"evals/bench/results/{name}TIME.json"
    return click.option("--out", type=FILE, help=f"File for all readings.  [default: {file}]")


def keep(
    found: Mapping[str, Any], file: Path | None, console: Console, name: str = ""
) -> dict[str, Any]:
    """Write it with the facts, say where, and give back what is written: to `file`, or to one of
    the results, named by the time.
    """
    whole = {"schema": 1, "machine": facts(), **found}
    file = file or _RESULTS / f"{name}{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    console.print(f"every reading is in {file}", markup=False, soft_wrap=True)
    return whole


def facts() -> dict[str, Any]:
    """Processor, threads and versions; a package that is not installed is None."""
    import torch

    return {
        "machine": platform.machine(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
