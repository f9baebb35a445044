"""The catalogue of financial measures: names, formulas, units, from a TOML file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from components.answerers.extractive.formulas import Formula, formula
from components.answerers.extractive.lists import read
from components.answerers.extractive.words import Stems, Words


class _Measure(BaseModel):
    """See `measures.toml`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    names: list[str]
    formulas: list[str]
    unit: Literal["%", ""] | None = None
    better: Literal["higher", "lower"] = "higher"

    @field_validator("formulas")
    @classmethod
    def _readable(cls, texts: list[str]) -> list[str]:
        for each in texts:
            if formula(each) is None:
                raise ValueError(f"not a formula: {each!r}")
        return texts


class _Catalogue(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    measure: list[_Measure] = []


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure, and the ways to work it out, the preferred first."""

    name: str
    names: tuple[str, ...]
    formulas: tuple[Formula, ...]
    unit: str | None
    """`%`, nothing for a plain ratio, None for an amount."""
    lower: bool
    """Whether less of it is an improvement."""


@dataclass(frozen=True, slots=True)
class Measures:
    """All that the answerer can work out."""

    known: tuple[Measure, ...]

    def named(self, asked: Stems, words: Words) -> Measure | None:
        """The measure that these words name, but for words that name nothing."""
        core = asked - words.asking - words.light
        for each in self.known:
            ways = [words.stems(name) for name in each.names]
            said = [way for way in ways if way <= asked]
            if said and not core - frozenset().union(*said):
                return each
        return None


@cache
def measures(path: Path | None) -> Measures:
    """The measures of a file, or ours. Raises BadOption."""
    found = read(_Catalogue, path, "measures")
    return Measures(
        tuple(
            Measure(
                name=each.names[0],
                names=tuple(each.names),
                formulas=tuple(filter(None, map(formula, each.formulas))),
                unit=each.unit,
                lower=each.better == "lower",
            )
            for each in found.measure
        )
    )
