"""Page recall of every retriever of a live index, in one filing and over all filings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components import spec
from components.corpus.release import corpus_of, live
from components.corpus.search import search
from components.errors import SourceMissing, SpecError
from components.spec import Pipeline
from components.values import Hit, Query
from evals.datasets import financebench
from evals.datasets.judged import Judged
from evals.metrics import Interval, interval, per_question
from evals.runs import Scored, write_judgements, write_run
from evals.units import rank, units_of

K = 10
METRICS = ("R@10", "nDCG@10", "RR@10")
SETTINGS = ("single filing", "all filings")
_RETRIEVERS = ("dense", "sparse", "hybrid")
_NEED_SPARSE = frozenset({"sparse", "hybrid"})


@dataclass(frozen=True)
class Cell:
    """One retriever in one setting."""

    retriever: str
    setting: str
    metrics: dict[str, Interval]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All that was measured."""

    pipeline: str
    generation: str
    splitter: str
    encoder: str
    sparse: str
    reranker: str
    questions: int
    left_out: int
    """Questions about filings that the index does not hold."""
    filings: int
    cells: list[Cell]

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {"schema": 1, **asdict(self)}


def measure(file: Path, overrides: Sequence[str], data: Judged, out: Path) -> Outcome:
    """Ask the live index every question and keep the rankings in `out` as TREC files.

    Raises SpecError where what is live was not built by this file; SourceMissing where no question
    is about a filing in it.
    """
    pipeline = spec.load(file, overrides)
    release = live(pipeline, corpus_of(pipeline))
    if release.generation.fingerprint != pipeline.fingerprint():
        raise SpecError("what is live was not built by this pipeline file").at(
            where=str(file), hint="leave out --no-refresh"
        )
    filings = _filings(pipeline)
    asked = financebench.about(data, filings)
    if not asked.questions:
        raise SourceMissing("no question is about a filing in the index").at(where=str(file))
    out.mkdir(parents=True, exist_ok=True)
    write_judgements(asked.judgements, out / "qrels.txt")
    stages = release.generation.stages
    return Outcome(
        pipeline=pipeline.name,
        generation=release.generation.name,
        splitter=stages["splitter"].use,
        encoder=stages["encoder"].use,
        sparse=stages["sparse"].use,
        reranker=pipeline.stages["reranker"].use,
        questions=len(asked.questions),
        left_out=len(data.questions) - len(asked.questions),
        filings=len(filings),
        cells=list(_cells(file, overrides, asked, out)),
    )


def _filings(pipeline: Pipeline) -> list[str]:
    """Filings that the live index has chunks of."""
    corpus = corpus_of(pipeline)
    with corpus.read(live(pipeline, corpus).generation) as reader:
        return [id for id, entry in reader.entries().items() if entry.chunks]


def _cells(file: Path, overrides: Sequence[str], data: Judged, out: Path) -> Iterator[Cell]:
    for variant in variants(spec.load(file, overrides)):
        pipeline = spec.load(file, [*overrides, f"retriever.use={variant}"])
        for setting in SETTINGS:
            run = _run(pipeline, data, single=setting == SETTINGS[0])
            name = f"{variant}-{setting.replace(' ', '-')}"
            write_run(run, out / f"{name}.run", tag=name)
            ranked = {id: list(units) for id, units in run.items()}
            values = per_question(data.judgements, ranked, METRICS)
            found = {name: interval(list(each.values())) for name, each in values.items()}
            yield Cell(variant, setting, found)


def variants(pipeline: Pipeline) -> list[str]:
    """Retrievers that the index can serve, and the file's own."""
    own = pipeline.stages["retriever"].use
    sparse = pipeline.stages["sparse"].use != "none"
    plain = [each for each in _RETRIEVERS if sparse or each not in _NEED_SPARSE]
    return list(dict.fromkeys([*plain, own]))


def _run(pipeline: Pipeline, data: Judged, *, single: bool) -> Scored:
    def ask(asked: Sequence[Query], k: int) -> list[list[Hit]]:
        found = search(pipeline, asked, k)
        data.check_scope(found.absent)
        return found.hits

    return rank(ask, data.queries(scoped=single), K, units_of(data))
