"""What a stage asks of a class, checked before the class is used."""

from __future__ import annotations

import dataclasses
from typing import Any

from components import stages
from components.errors import UnknownComponent
from components.indexes import contract

PROTOCOLS: dict[str, type[Any]] = {
    "source": stages.Source,
    "splitter": stages.Splitter,
    "encoder": stages.Encoder,
    "sparse": stages.SparseEncoder,
    "index": contract.Index,
    "retriever": stages.Retriever,
    "reranker": stages.Reranker,
    "answerer": stages.Answerer,
}


def check(stage: str, component: type[Any]) -> None:
    """Raises UnknownComponent where the class lacks, as attribute or field, what a stage needs.

    One that looks its attributes up by itself (`__getattr__`) is taken at its word.
    """
    if hasattr(component, "__getattr__"):
        return
    fields = {each.name for each in dataclasses.fields(component)}
    absent = [
        name
        for name in vars(PROTOCOLS[stage])
        if not name.startswith("_") and name not in fields and not hasattr(component, name)
    ]
    if absent:
        raise UnknownComponent(
            f"{component.__module__}:{component.__qualname__} is no {stage}: "
            f"it lacks {', '.join(absent)}"
        ).at(where=f"{stage}.use", hint="components/stages.py says what each stage must do")
