"""JSON objects in what a model says, whatever stands around them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError

Wanted = TypeVar("Wanted", bound=BaseModel)
_THOUGHT = "</think>"
_SHOWN = 60


class Unreadable(ValueError):
    """A reply that does not hold what was asked for; the message says what is wrong with it."""


def one(text: str, wanted: type[Wanted], *, cut: bool = False) -> Wanted:
    """The object of a reply that is what was wanted. `cut`: the reply was not finished.

    Raises Unreadable where there is none, and where there are two that differ: one may be quoted
    from what the model was shown.
    """
    found = list(fitting(text, wanted))
    if not found:
        said = f"begins {text[:_SHOWN]!r}" if text.strip() else "is empty"
        ending = ", and is cut off" if cut else ""
        names = ", ".join(wanted.model_fields)
        raise Unreadable(f"no JSON object with {names}: the reply {said}{ending}")
    if any(each != found[0] for each in found):
        raise Unreadable(f"{len(found)} JSON objects that differ")
    return found[0]


def fitting(text: str, wanted: type[Wanted]) -> Iterator[Wanted]:
    """All objects of a reply that are what was wanted, in order. Null stands for a default."""
    needed = {name for name, each in wanted.model_fields.items() if each.is_required()}
    for found in objects(text):
        given = {name: each for name, each in found.items() if each is not None or name in needed}
        try:
            yield wanted.model_validate(given)
        except ValidationError:
            continue


def objects(text: str) -> Iterator[dict[str, Any]]:
    """The outermost objects of a reply, in order: in a code fence or not, with words around them.

    What a model that thinks aloud says before it answers is passed over.
    """
    text = text.rpartition(_THOUGHT)[2]
    decoder = json.JSONDecoder(strict=False)  # models break lines inside of strings
    start = text.find("{")
    while start >= 0:
        try:
            found, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield found
        start = text.find("{", end)


def line(text: str) -> str:
    """A model's text in one line, without half characters, which no file takes."""
    return " ".join(text.encode(errors="replace").decode().split())


def _joined(written: object) -> object:
    if isinstance(written, list) and all(isinstance(each, str) for each in written):
        return " ".join(written)
    return written


def _listed(written: object) -> object:
    return [written] if isinstance(written, str) else written


Text = Annotated[str, BeforeValidator(_joined)]
"""A text, for which a model may write a list of them."""
Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""Texts, for which a model may write a single one."""
