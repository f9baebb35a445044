"""What runs are called by."""

from __future__ import annotations

from pathlib import Path

from components.corpus.request import Job, Request
from components.errors import MillraceError


def corpus_name(file: str, overrides: tuple[str, ...]) -> str:
    """The corpus' name, or the file's where it cannot be read."""
    try:
        return Job(Request(pipeline=file, overrides=overrides, run_id="")).pipeline.name
    except MillraceError:
        return Path(file).stem  # the run itself will say what is wrong
