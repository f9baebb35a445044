"""Folders whose name says which model they hold, and whose files say nothing of its prompts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from components.encoders import profiles
from components.encoders.profiles import Profile

_log = logging.getLogger(__name__)


def warn(found: Profile, folder: Path, width: int) -> None:
    """Say so where a model that reads prompts would be read without. `found`: what the folder
    itself says.
    """
    if found.query_prompt or found.document_prompt:
        return
    told = set(_told(folder, found.name))
    for profile in profiles.known().values():
        if profile.width in (None, width) and _names(profile) & told and _prompts(profile):
            _log.warning(
                "%s seems to be %s, which reads %s, and its folder says nothing of that: name the "
                "model %s, or write `prompts` with `query` and `document` into its "
                "config_sentence_transformers.json",
                found.name,
                profile.name,
                _prompts(profile),
                profile.name,
            )
            return


def _prompts(profile: Profile) -> str:
    read = {"queries": profile.query_prompt, "documents": profile.document_prompt}
    return " and ".join(f"{prompt!r} before {what}" for what, prompt in read.items() if prompt)


def _names(profile: Profile) -> set[str]:
    return {profile.name.lower(), profile.model.rpartition("/")[2].lower()} - {""}


def _told(folder: Path, name: str) -> Iterator[str]:
    """What the model is called: by whoever names it, by its folder, in the cache of a hub."""
    held = folder.parents[1] if folder.parent.name == "snapshots" else folder
    for each in (name, folder.name, held.name):
        yield each.rstrip("/").rpartition("/")[2].rpartition("--")[2].lower()
