"""A model's judgement of passages, read from whatever it wrote around it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError, field_validator


class Assessment(BaseModel):
    """Whether the passages suffice, and what to search for where they do not."""

    enough: bool
    missing: str = ""
    questions: tuple[str, ...] = ()
    """Each once, none empty."""

    @field_validator("questions")
    @classmethod
    def _tidy(cls, questions: tuple[str, ...]) -> tuple[str, ...]:
        joined = (" ".join(each.split()) for each in questions)
        return tuple(dict.fromkeys(each for each in joined if each))


def assessment(text: str) -> Assessment | None:
    """The last one in a text: a model may think, and quote, before it judges. None: there is none.

    What stands around it, such as the marks of a code block, is passed over.
    """
    found = None
    for value in _objects(text):
        try:
            found = Assessment.model_validate(value)
        except ValidationError:
            continue
    return found


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """JSON objects in a text, in order, the outermost where they are nested."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
            yield value
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)
