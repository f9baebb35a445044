"""A model's judgement of passages, read from whatever it wrote around it."""

from __future__ import annotations

from pydantic import BaseModel, field_validator

from components.endpoint.reply import Text, Texts, fitting, line


class Assessment(BaseModel):
    """Whether the passages suffice, and what to search for where they do not."""

    enough: bool
    missing: Text = ""
    questions: Texts = ()
    """Each once, none empty."""

    @field_validator("questions")
    @classmethod
    def _tidy(cls, questions: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(filter(None, map(line, questions))))


def assessment(text: str) -> Assessment | None:
    """The last one in a text: a model may quote before it judges. None: there is none."""
    found = None
    for each in fitting(text, Assessment):
        found = each
    return found
