"""What speaks for the hits of a data set's questions: the retriever's own evidence, as arrays."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import numpy as np

from components import registry
from components.corpus.serving import by_fields
from components.indexes.contract import GenerationReader
from components.rerankers.late_interaction import LateInteraction
from components.rerankers.states import fetched
from components.retrievers.evidence import KINDS, Asked, Evidence, evidence, spreads, with_documents
from components.retrievers.hybrid import Hybrid, fuse
from components.stages import Encoder, SparseEncoder
from components.values import Hit, Matrix, Query, Ranked
from evals import kept
from evals.datasets.judged import Judged
from evals.experiment.namesakes import Namesake, counting, namesakes
from evals.experiment.systems import System, state
from evals.units import Units, units_of

_REVISION = 2
"""Raised when what is kept means something else."""
_BATCH = 32
_K = 60.0
_RANKED = 100
"""Hits of each list that are fused by ranks, as they were before evidence was weighed."""
_ALL = 10_000
"""Hits that late interaction reads: every one that was found."""


@dataclass(frozen=True)
class Question:
    """A question with its hits, in order of chunk id."""

    id: str
    judged: Mapping[str, int]
    units: Sequence[Sequence[str]]
    """What each hit stands for."""
    kinds: Matrix
    """(hits, kinds), see `Evidence`."""
    words: Matrix
    """(hits,) Scores of BM25; as the next two not a number where its list does not have the hit."""
    meaning: Matrix
    """(hits,) Cosines."""
    ranks: Matrix
    """(hits,) Both fused by equal weights."""
    late: Matrix
    """(hits,) Scores of late interaction; not a number where the index keeps no states."""
    spread: float
    whole: bool


_OF_HITS = ("words", "meaning", "ranks", "late")


def gathered(system: System, data: Judged, *, scoped: bool, home: Path) -> list[Question]:
    """Of every question of a data set, in its order; what was gathered before is read again. Raises
    Busy where another process is at it, and as a search does.
    """
    file = home / "evidence" / f"{_key(system, data, scoped=scoped)}.npz"
    if file.exists():
        return _read(file)
    with kept.making(file):
        found = list(_gather(system, data, scoped=scoped))
        _write(file, found)
    return found


def _key(system: System, data: Judged, *, scoped: bool) -> str:
    retriever = system.pipeline.stages["retriever"]
    told = [_REVISION, Hybrid.revision, state(system), retriever.options, data.checksum, scoped]
    told += [data.split, data.unit, LateInteraction.revision]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _gather(system: System, data: Judged, *, scoped: bool) -> Iterator[Question]:
    generation = system.release().generation
    encoder: Encoder = registry.build("encoder", generation.stages["encoder"])
    languages = tuple(generation.totals.languages)
    sparse: SparseEncoder = registry.build(
        "sparse", generation.stages["sparse"], languages=languages
    )
    depth: int = system.pipeline.stages["retriever"].options["depth"]
    units = units_of(data)
    with system.held() as reader:
        asked = data.queries(scoped=scoped)
        same = namesakes(reader, data, asked)
        queries, absent = by_fields(asked, reader)
        data.check_scope(absent)
        waiting = iter(queries)
        while batch := list(islice(waiting, _BATCH)):
            yield from _batch(reader, encoder, sparse, batch, depth, same, units, data)


def _batch(
    reader: GenerationReader,
    encoder: Encoder,
    sparse: SparseEncoder,
    queries: Sequence[Query],
    depth: int,
    same: Mapping[str, Namesake],
    units: Units,
    data: Judged,
) -> Iterator[Question]:
    texts = [query.text for query in queries]
    asked = Asked(
        encoder.encode_queries(texts), sparse.encode_queries(texts), [q.filter for q in queries]
    )
    lists = with_documents(reader, asked, max(_RANKED, depth), depth)
    told = spreads(reader, sparse, asked.sparse, lists)
    evidences = [evidence(own, depth) for own in lists]
    found = [
        counting(query, _hits(of), same[query.id])
        for query, of in zip(queries, evidences, strict=True)
    ]
    late = _late(reader, encoder, queries, found)
    rows = zip(queries, lists, told, evidences, found, late, strict=True)
    for query, own, spread, of, hits, scores in rows:
        yield Question(
            id=query.id,
            judged=data.judgements[query.id],
            units=[list(units(query, hit)) for hit in hits],
            kinds=_kinds(hits, of),
            words=_scores(hits, own.by_words),
            meaning=_scores(hits, own.by_meaning),
            ranks=_scores(hits, fuse((own.by_meaning, own.by_words), (1.0, 1.0), _K)),
            late=_scores(hits, scores),
            spread=spread,
            whole=of.whole,
        )


def _hits(of: Evidence) -> list[Hit]:
    """Those that count and those that lie deeper, in order of chunk id."""
    found = {hit.chunk.id: hit for own in (of.hits, *of.deeper) for hit in own}
    return [found[chunk_id] for chunk_id in sorted(found)]


def _kinds(hits: Sequence[Hit], of: Evidence) -> Matrix:
    """Of each hit; nothing of what lies deeper."""
    rows = {hit.chunk.id: row for hit, row in zip(of.hits, of.kinds, strict=True)}
    nothing = np.zeros(len(KINDS), dtype=np.float32)
    found = [rows.get(hit.chunk.id, nothing) for hit in hits]
    return np.array(found, dtype=np.float32).reshape(len(hits), len(KINDS))


def _late(
    reader: GenerationReader,
    encoder: Encoder,
    queries: Sequence[Query],
    found: Sequence[list[Hit]],
) -> list[list[Hit]]:
    """The hits with scores of late interaction; none where there are no states of this model."""
    reranker = LateInteraction(encoder=encoder, depth=_ALL, interpolate=0.0)
    if not reranker.needs_states:
        return [[] for _ in queries]
    states = [fetched(reader, hits) for hits in found]
    return reranker.rerank(queries, Ranked(list(found), states=states), [])


def _scores(hits: Sequence[Hit], scored: Sequence[Hit]) -> Matrix:
    by_id = {hit.chunk.id: hit.score for hit in scored}
    return np.array([by_id.get(hit.chunk.id, np.nan) for hit in hits], dtype=np.float32)


def _write(file: Path, questions: Sequence[Question]) -> None:
    told = [[each.id, dict(each.judged), each.units, each.whole] for each in questions]
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(each, name) for each in questions])
        for name in ("kinds", *_OF_HITS)
    }
    part = file.with_suffix(".part")
    with part.open("wb") as out:
        np.savez_compressed(
            out,
            told=np.frombuffer(json.dumps(told).encode(), dtype=np.uint8),
            spread=np.array([each.spread for each in questions]),
            **arrays,
        )
    os.replace(part, file)


def _read(file: Path) -> list[Question]:
    with np.load(file) as arrays:
        told = json.loads(arrays["told"].tobytes())
        ends = list(accumulate(len(units) for _, _, units, _ in told))[:-1]
        kinds = np.split(arrays["kinds"], ends)
        scores = {name: np.split(arrays[name], ends) for name in _OF_HITS}
        spread = arrays["spread"].tolist()
    return [
        Question(
            id=id,
            judged=judged,
            units=units,
            kinds=kinds[at],
            spread=spread[at],
            whole=whole,
            **{name: scores[name][at] for name in _OF_HITS},
        )
        for at, (id, judged, units, whole) in enumerate(told)
    ]
