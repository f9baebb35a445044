"""Weights that put first what is relevant, as far as a smooth nDCG tells.

ApproxNDCG (Qin, Liu and Li, Information Retrieval 13, 2010): a unit's rank is 1 and how surely each
other is above it, a logistic function of the difference of scores. Adam, from one start, all
questions at once: the same data gives the same weights.

A default that wins on the mean of many sets may still lose on one. So a set that falls short of the
best simple order of its hits costs as much again as it falls short.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import torch

from components.retrievers.evidence import KINDS
from components.retrievers.weights import Weights
from components.values import Matrix
from evals.fusion.batch import Bars, Batch, Sets, batch

DOCUMENTS = "documents"
TURN = "turn"
WITHOUT = (*KINDS, DOCUMENTS, TURN)
"""What can be left out: a kind of evidence, both kinds of whole documents, that a question turns
from the chunk to the document.
"""
_OF_DOCUMENTS = ("document_words", "document_meaning")
_CHUNK = (0.3, 0.3, 0.25, 0.15)
_DOCUMENT = (0.1, 0.05, 0.75, 0.1)
_MIDDLE, _WIDTH = 0.5, 0.06
"""Where the search for the weights starts: the turn is at half of the words."""
_NEVER = -10.0
"""A middle below every spread: the chunk always leads."""
_STEPS = 60
_RATE = 0.04
_OF_TURN = 0.01
"""The rate of the turn, whose numbers are small."""
_PRIOR = 0.003
"""What it costs to be far from the start where the data do not say."""
_SMOOTH = 0.03
"""See `_lost`."""
_SHARP = 1e-5
"""The same for nDCG as it is."""
_SPARED, _SOFT = 0.005, 0.01
"""nDCG@10 below the bar that costs nothing, and how gently a cost begins there."""
_SHARES = tuple(at / 20 for at in range(2, 15))
"""Of late interaction, to try."""
_RERANKED = 50
"""Hits that late interaction reads: no fewer than the retriever's depth."""
_PLACES, _RELEVANT = 40, 10
"""Units that are put in order, and of a question's relevant ones: the others are too deep for
nDCG@10.
"""


class _Model(torch.nn.Module):
    def __init__(self, without: Collection[str]) -> None:
        super().__init__()
        left_out = {*without, *(_OF_DOCUMENTS if DOCUMENTS in without else ())}
        self.turns = not {DOCUMENTS, TURN} & {*without}
        self.unused = torch.tensor([kind in left_out for kind in KINDS])
        self.chunk = torch.nn.Parameter(torch.tensor(_CHUNK).log())
        self.document = torch.nn.Parameter(torch.tensor(_DOCUMENT).log())
        self.middle = torch.nn.Parameter(torch.tensor(_MIDDLE))
        self.width = torch.nn.Parameter(torch.tensor(_WIDTH).log())
        self.share = torch.nn.Parameter(torch.tensor(0.0))

    def groups(self) -> list[dict[str, object]]:
        """Parameters with their rates."""
        return [
            {"params": [self.chunk, self.document, self.share], "lr": _RATE},
            {"params": [self.middle, self.width], "lr": _OF_TURN},
        ]

    def far(self) -> torch.Tensor:
        """From the start, squared; the turn in widths."""
        chunk = (self.chunk - torch.tensor(_CHUNK).log()) ** 2
        document = (self.document - torch.tensor(_DOCUMENT).log()) ** 2
        return (chunk + document).sum() + ((self.middle - _MIDDLE) / _WIDTH) ** 2

    def forward(self, of: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores of the hits without and with late interaction, (questions, hits)."""
        lead = self._leads(of.spread)[:, None]
        weights = lead * self._row(self.chunk) + (1 - lead) * self._row(self.document)
        first = (of.kinds * weights[:, None, :]).sum(2)
        return first, _reranked(first, of, torch.sigmoid(self.share) * lead)

    @torch.no_grad()
    def weights(self) -> Weights:
        chunk, document = _array(self._row(self.chunk)), _array(self._row(self.document))
        return Weights(
            chunk=chunk,
            document=document if self.turns else chunk,
            middle=self.middle.item() if self.turns else _NEVER,
            width=self.width.exp().item(),
            share=torch.sigmoid(self.share).item(),
        )

    def _row(self, logits: torch.Tensor) -> torch.Tensor:
        return torch.softmax(logits.masked_fill(self.unused, -torch.inf), 0)

    def _leads(self, spread: torch.Tensor) -> torch.Tensor:
        if not self.turns:
            return torch.ones_like(spread)
        return torch.sigmoid((spread - self.middle) / self.width.exp())


def fit(sets: Sets, without: Collection[str] = (), bars: Bars | None = None) -> Weights:
    """The weights for these sets, whether late interaction follows or not; `without` some of
    `WITHOUT`.
    """
    of = batch(sets, bars)
    model = _Model(without)
    optimiser = torch.optim.Adam(model.groups())
    for _ in range(_STEPS):
        optimiser.zero_grad()
        lost = sum((_cost(each, of) for each in model(of)), model.far() * _PRIOR)
        lost.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return replace(model.weights(), share=_share(model, of))


@torch.no_grad()
def _share(model: _Model, of: Batch) -> float:
    """Of late interaction, by trying: a smooth nDCG prefers one that says less apart."""
    found = []
    for share in _SHARES:
        model.share.fill_(float(np.log(share / (1 - share))))
        found.append(float(_cost(model(of)[1], of, _SHARP)))
    return _SHARES[int(np.argmin(found))]


def _reranked(first: torch.Tensor, of: Batch, share: torch.Tensor) -> torch.Tensor:
    """As the reranker mixes: both scores of the first hits from 0 to 1, the others below."""
    known = first.masked_fill(~of.there, -torch.inf)
    last = known.topk(min(_RERANKED, known.shape[1]), dim=1).values[:, -1:]
    head = of.there & (known >= last)
    mixed = (1 - share) * _scaled(first, head) + share * _scaled(of.late, head)
    return torch.where(head, mixed, first - 1)


def _scaled(scores: torch.Tensor, among: torch.Tensor) -> torch.Tensor:
    low = scores.masked_fill(~among, torch.inf).amin(1, keepdim=True)
    high = scores.masked_fill(~among, -torch.inf).amax(1, keepdim=True)
    return (scores - low) / (high - low).clamp_min(1e-9)


def _cost(scores: torch.Tensor, of: Batch, smooth: float = _SMOOTH) -> torch.Tensor:
    """What is lost on the mean of all families, and by how much sets fall short of their bars."""
    lost = _lost(scores, of, smooth)
    means = 1 - of.share @ lost
    with torch.no_grad():
        off = 1 - of.share @ _lost(scores, of, _SHARP) - means
    short = (of.bars - _SPARED - means - off) / _SOFT
    return (lost * of.weight).sum() + torch.nn.functional.softplus(short).mean() * _SOFT


def _lost(scores: torch.Tensor, of: Batch, smooth: float) -> torch.Tensor:
    """1 less nDCG, (questions,); `smooth`: the difference of scores at which 0.73 of an order is
    sure.
    """
    low = torch.full_like(scores, -50.0)
    hits = torch.where(of.there, scores, low)
    best = low.scatter_reduce(1, of.units, hits, "amax", include_self=True)
    top = best.topk(min(_PLACES, best.shape[1]), dim=1).values
    relevant = torch.where(of.gains > 0, best, low).topk(min(_RELEVANT, best.shape[1]), dim=1)
    above = (top[:, None, :] - relevant.values[:, :, None]) / smooth
    ranks = 0.5 + torch.sigmoid(above).sum(2)  # a unit is half above itself
    gains = of.gains.gather(1, relevant.indices)
    return 1 - (gains / torch.log2(1 + ranks)).sum(1) / of.ideal


def _array(row: torch.Tensor) -> Matrix:
    return row.numpy().astype(np.float32)
