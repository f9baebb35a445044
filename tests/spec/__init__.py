"""The pipeline file, from its text to components."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from components import spec
from components.errors import UserError

BASE = "name: test\nsource: {use: files, path: documents}\n"


def written(folder: Path, text: str | bytes) -> Path:
    """A pipeline file with this text."""
    file = folder / "pipeline.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def loaded(folder: Path, text: str, overrides: Sequence[str] = ()) -> spec.Pipeline:
    """The pipeline of a file with this text."""
    return spec.load(written(folder, text), overrides)


def refused(folder: Path, text: str | bytes, overrides: Sequence[str] = ()) -> UserError:
    """The error that a file with this text ends in. Its message fits on one line."""
    file = written(folder, text)
    with pytest.raises(UserError) as caught:
        spec.load(file, overrides)
    assert str(caught.value)
    assert "\n" not in f"{caught.value}{caught.value.where}{caught.value.hint}"
    return caught.value
