"""What a result depends on besides the code."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

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


def config() -> Any:
    """The embedded model's configuration."""
    from transformers import AutoConfig

    from components.encoders.model import model

    return AutoConfig.from_pretrained(str(model("minilm", "auto").checkpoint.folder))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
