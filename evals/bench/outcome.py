"""All that a benchmark found, with every single reading, and as tables."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, RenderableType

from evals.bench.contenders import ALL, REFERENCE
from evals.bench.one import Alone
from evals.bench.rounds import Measured
from evals.command import table

_TITLES = {each.name: each.title for each in ALL}
_SHORT = {"bfloat16": "bf16", "float32": "fp32"}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Contenders by name; those that could not take part are in `missing` or `left_out` only."""

    at: str
    texts: Mapping[str, Any]
    estimate: Mapping[str, float]
    """Seconds that were expected, by contender and by `contender set`."""
    limits: Mapping[str, Sequence[float]]
    """Operations per second of plain matrix products, by type and round."""
    rounds: Mapping[str, Sequence[Measured]]
    alone: Mapping[str, Alone]
    """Each once in a process of its own: for the memory."""
    whole: Mapping[str, Alone]
    """By `contender set`."""
    left_out: Sequence[str]
    """Contenders, and runs over whole sets, for which there was no time."""
    missing: Mapping[str, str]
    """Why a contender has no figures."""
    seconds: float

    def rate(self, name: str) -> float | None:
        """Median of document tokens per second; None without figures."""
        return _median(each.rate for each in self.rounds.get(name, ()))

    def share(self, name: str) -> float | None:
        """Median share of the limit; None without figures."""
        return _median(each.share for each in self.rounds.get(name, ()))

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "at": self.at,
            "texts": self.texts,
            "seconds": self.seconds,
            "estimate": self.estimate,
            "matmul_operations_per_second": self.limits,
            "contenders": {name: self._contender(name) for name in self.rounds},
            "whole": {name: each.to_json() for name, each in self.whole.items()},
            "left_out": self.left_out,
            "missing": self.missing,
        }

    def _contender(self, name: str) -> dict[str, Any]:
        alone = self.alone.get(name)
        return {
            "tokens_per_second": self.rate(name),
            "share": self.share(name),
            "rounds": [each.to_json() for each in self.rounds[name]],
            "alone": alone.to_json() if alone else None,
        }


def show(found: Outcome, console: Console) -> None:
    """A row per contender, then the whole sets, then the machine's own rate."""
    for each in _shown(found):
        console.print(each, markup=False)


def _shown(found: Outcome) -> Iterator[RenderableType]:
    texts = found.texts
    title = f"{texts['origin']}: {texts['documents']:,} documents, {texts['tokens']:,} tokens"
    numbers = ("tokens/s", "min", "max", f"x {REFERENCE}", "of matmul", "peak MB")
    compared = table(title, "contender", "does", "type", *numbers, words=3)
    compared.columns[0].no_wrap = compared.columns[1].no_wrap = True
    for each in ALL:
        if each.name in found.rounds:
            compared.add_row(each.title, each.does, *_row(found, each.name))
        elif each.name in found.missing:
            compared.add_row(each.title, found.missing[each.name])
    yield compared
    if found.whole:
        columns = ("documents", "tokens", "seconds", "tokens/s", "of matmul", "peak MB")
        whole = table("whole sets, once", "contender, set", *columns)
        for name, ran in found.whole.items():
            own = ran.result
            counts = (own[key] for key in ("documents", "tokens", "seconds", "tokens_per_second"))
            rest = (_share(own["share"]), f"{ran.peak / 1e6:,.0f}")
            whole.add_row(name, *(f"{each:,.0f}" for each in counts), *rest)
        yield whole
    for name, why in found.missing.items():
        if name not in _TITLES:
            yield f"{name}: failed: {why}"
    for dtype, rates in found.limits.items():
        if rates:
            yield f"matmul {dtype}: {statistics.median(rates) / 1e9:,.0f} GFLOP/s"


def _row(found: Outcome, name: str) -> list[str]:
    own = found.rounds[name]
    rates = [each.rate for each in own]
    middle, best = statistics.median(rates), found.rate(REFERENCE)
    alone = found.alone.get(name)
    return [
        _SHORT.get(own[0].dtype, own[0].dtype),
        *(f"{each:,.0f}" for each in (middle, min(rates), max(rates))),
        f"{middle / best:.2f}" if best else "",
        _share(found.share(name)),
        f"{alone.peak / 1e6:,.0f}" if alone else "",
    ]


def _median(values: Iterable[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return statistics.median(known) if known else None


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.2f}"
