"""Documents encoded anew, as a refresh would, and compared with what is stored of them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest

import numpy as np

from components.corpus.clock import Clock
from components.corpus.doctor.examine import ENCODE
from components.corpus.doctor.finding import Finding
from components.corpus.encode import Piece, pieces
from components.corpus.plan import Change
from components.corpus.prepare import shards
from components.corpus.request import Job
from components.encoders.cache import VectorCache
from components.errors import Missing
from components.indexes.contract import GenerationReader
from components.indexes.manifest import Entry, Generation
from components.phases import Done, Tell
from components.values import Matrix

ALIKE = 0.998
"""Least cosine of vectors of one text by one encoder: MiniLM in bf16 and in fp32 is 0.9999 alike at
worst, deeper models and remote ones less so; with another prompt, 0.997 alike at best.
"""
EXACT = 0.9999
"""Where both were made in 32 bits: what was in a batch with a text moves the seventh digit."""


@dataclass(slots=True, kw_only=True)
class Sample:
    """What became of the documents that were to be compared."""

    documents: int = 0
    chunks: int = 0
    skipped: int = 0
    """Documents that the source does not have as they are stored."""
    least: float = 1.0
    """The least cosine."""
    findings: list[Finding] = field(default_factory=list)

    def __add__(self, other: Sample) -> Sample:
        return Sample(
            documents=self.documents + other.documents,
            chunks=self.chunks + other.chunks,
            skipped=self.skipped + other.skipped,
            least=min(self.least, other.least),
            findings=self.findings + other.findings,
        )


def drawn(entries: Iterable[Entry], count: int, seed: str) -> list[str]:
    """So many documents, from each run that wrote some in turn: a run is what has a model, a
    machine and a version. `seed`: another one draws others.
    """
    by_run: dict[str, list[str]] = defaultdict(list)
    for each in entries:
        by_run[each.run_id].append(each.document_id)
    chance = random.Random(seed)  # noqa: S311 (no secret)
    for own in by_run.values():
        own.sort()
        chance.shuffle(own)
    runs = [by_run[each] for each in sorted(by_run)]
    chance.shuffle(runs)
    in_turn = chain.from_iterable(zip_longest(*runs))
    return list(islice((each for each in in_turn if each is not None), count))


def compare(
    changes: Sequence[Change],
    entries: Mapping[str, Entry],
    reader: GenerationReader,
    job: Job,
    generation: Generation,
    tell: Tell,
) -> Sample:
    """Encode the documents of these changes and compare. `job`: of the generation's own stages."""
    sample, least = Sample(), alike(generation)
    for shard in shards(changes, job, Clock()):
        same = [
            each
            for each in shard.ready
            if each.entry.content_hash == entries[each.document.id].content_hash
        ]
        sample.skipped += len(shard) - len(same)
        sample.documents += len(same)
        worst: dict[str, list[float]] = defaultdict(list)
        for piece in pieces(same, job, generation, Clock()):
            worst[piece.document.id] += _cosines(piece, reader)
        for document_id, cosines in worst.items():
            sample.chunks += len(cosines)
            sample.least = min(sample.least, *cosines)
            sample.findings += _told(document_id, cosines, least)
        tell(Done(units=sample.documents + sample.skipped, chunks=sample.chunks))
    return sample


def alike(generation: Generation) -> float:
    """The least cosine that is taken for the same. Stores keep vectors in 32 bits, whatever else
    they keep quantised; models may be in 16 here and in 32 there.
    """
    encoder = generation.stages["encoder"]
    return EXACT if encoder.options.get("precision") == "fp32" else ALIKE


def _cosines(piece: Piece, reader: GenerationReader) -> list[float]:
    """Of each chunk that is stored."""
    ids = [each.id for each in piece.chunks()]
    try:
        stored = reader.vectors(ids)
    except Missing:  # told by document already
        return []
    return [cosine(*each) for each in zip(piece.dense, stored, strict=True)]


def cosine(one: Matrix, other: Matrix) -> float:
    """Of two rows, (width,); -1 where one has no direction."""
    left, right = one.astype(np.float64), other.astype(np.float64)
    lengths = float(np.linalg.norm(left) * np.linalg.norm(right))
    found = float(left @ right) / lengths if lengths else -1.0
    return found if np.isfinite(found) else -1.0


def _told(document_id: str, cosines: Sequence[float], least: float) -> Iterator[Finding]:
    low = [each for each in cosines if each < least]
    if low:
        what = (
            f"{len(low):,} of {len(cosines):,} vectors are not the encoder's: cosine {min(low):.4f}"
        )
        yield Finding(check="anew", what=what, where=document_id, harm="wrong", remedy=ENCODE)


class Witness(VectorCache):
    """The cache, for an encoder that is to find nothing in it: what is made anew is compared with
    what is kept, and nothing is written.
    """

    def __init__(self, of: VectorCache, least: float) -> None:
        super().__init__(of.file.parent, limit=0)
        self._of = of
        self._least = least
        self.compared = 0
        self.wrong = 0

    def find(self, keys: Sequence[bytes], width: int) -> dict[bytes, Matrix]:
        """Nothing."""
        return {}

    def find_bytes(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Nothing."""
        return {}

    def keep(self, vectors: Mapping[bytes, Matrix]) -> None:
        """Compare."""
        widths = {len(each) for each in vectors.values()}
        for width in widths:
            kept = self._of.find(list(vectors), width)
            self.compared += len(kept)
            self.wrong += sum(self._differ(vectors[key], each) for key, each in kept.items())

    def _differ(self, made: Matrix, kept: Matrix) -> bool:
        """As far as unit vectors of the least cosine; these are sums, whose lengths count."""
        apart = float(np.linalg.norm(made.astype(np.float64) - kept))
        return not apart <= float(np.linalg.norm(made)) * (2 - 2 * self._least) ** 0.5

    def keep_bytes(self, held: Mapping[bytes, bytes]) -> None:
        """Nothing: of bits nobody can say how alike they have to be."""
