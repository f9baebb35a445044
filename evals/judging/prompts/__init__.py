"""What models are asked as judges."""

from __future__ import annotations

from importlib.resources import files

from components.errors import BadOption

RUBRIC = "rubric"


def shipped(name: str) -> str:
    """The prompt that comes with the package in `NAME.txt`."""
    return (files(__name__) / f"{name}.txt").read_text(encoding="utf-8")


def check(prompt: str, *places: str) -> None:
    """Raises BadOption where a prompt lacks one of these places, written `{place}`."""
    absent = [f"{{{each}}}" for each in places if f"{{{each}}}" not in prompt]
    if absent:
        raise BadOption(f"the prompt does not say where {', '.join(absent)} goes").at(
            where="prompt", hint=f"it has to hold {', '.join(f'{{{each}}}' for each in places)}"
        )
