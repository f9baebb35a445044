"""The share of answers that people would call correct, from the verdicts of a judge that errs.

The verdicts on a system's answers are a mixture: so many of the right answers are called this, so
many of the wrong ones that. Labelled answers say how often each kind is called what, and the shares
are those that come nearest to the verdicts. It is the correction of Rogan and Gladen (1978), with
more than two verdicts and more than two kinds of truth, by generalised least squares.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evals.metrics import Interval

DRAWS = 2_000
SEED = 20_240_501
TAILS = (0.025, 0.975)
_PRIOR = 0.5
"""Answers of each kind that the draws add, since none of a few does not mean never: Jeffreys' prior
where there are two kinds.
"""

Array = NDArray[np.float64]


def share(
    labels: Array, run: Array, failed: int = 0, *, draws: int = DRAWS, seed: int = SEED
) -> Interval:
    """The share of the first kind of truth in a run, with an interval of 95 %.

    `labels`, (questions, kinds, verdicts): labelled answers to each question, of other systems, at
    least one of each kind, with two verdicts or more. `run`, (verdicts,): answers of the run, one
    to a question. `failed`: questions without an answer, which count and are none of the first
    kind. Of verdicts that no label has nothing is known: such answers count as the others do in the
    share, and as all or nothing in the interval.

    The interval is that of `draws` estimates. In each, the labels' questions have random weights
    (Rubin's Bayesian bootstrap), a question with all its answers, because those are alike; and so
    have the run's answers. As far as their median is from the share, the share may be from the
    truth. So the interval spans the middle of the draws as they are, and with that taken off: of
    the two now one holds too rarely, now the other.
    """
    known = labels.sum(axis=(0, 1)) > 0
    other = float(run[~known].sum())
    labels, run = _told_apart(labels[:, :, known]), run[known]
    errors = _shares(labels.sum(axis=0))
    added = _PRIOR * errors.sum(axis=0)
    smooth = _shares(run + added)
    near = (smooth + errors.mean(axis=0)) / 2
    told = _shares(run) if run.any() else smooth
    answered = (run.sum() + other) / (run.sum() + other + failed)
    value = answered * _first(told[None], errors[None], near)[0]

    random = np.random.default_rng(seed)
    drawn = _weighted(labels, draws, random)
    counts = random.standard_gamma(run + added, (draws, len(run)))
    right = counts.sum(axis=1) * _first(_shares(counts), drawn, near)
    unknown, lost = _sizes(other, draws, random), _sizes(failed, draws, random)
    right += unknown * random.integers(0, 2, draws)
    found = right / (counts.sum(axis=1) + unknown + lost)
    off = np.median(found) - value
    low, high = np.quantile(found, TAILS)
    ends = value, min(low, low - 2 * off), max(high, high - 2 * off)
    return Interval(*(min(max(float(each), 0.0), 1.0) for each in ends))


def _weighted(labels: Array, draws: int, random: np.random.Generator) -> Array:
    """Shares of the verdicts on each kind, (draws, kinds, verdicts), of questions with random
    weights.
    """
    questions, kinds, verdicts = labels.shape
    # With these weights a mean varies as much as the mean of so many questions does.
    weights = random.standard_gamma(max(1 - 2 / questions, 0.5), (draws, questions))
    weights *= questions / weights.sum(axis=1, keepdims=True)
    counts = (weights @ labels.reshape(questions, -1)).reshape(draws, kinds, verdicts)
    return _shares(counts + random.standard_gamma(_PRIOR / verdicts, counts.shape))


def _told_apart(labels: Array) -> Array:
    """No more kinds than there are verdicts: else all but the first are one."""
    if labels.shape[1] <= labels.shape[2]:
        return labels
    return np.stack([labels[:, 0], labels[:, 1:].sum(axis=1)], axis=1)


def _sizes(count: float, draws: int, random: np.random.Generator) -> Array:
    return random.standard_gamma(count, draws) if count else np.zeros(draws)


def _shares(counts: Array) -> Array:
    """Of each along the last axis."""
    found: Array = counts / counts.sum(axis=-1, keepdims=True)
    return found


def _first(told: Array, errors: Array, near: Array) -> Array:
    """The share of the first kind, (draws,); below 0 or above 1 where that comes nearest.

    `told`, (draws, verdicts): shares of the verdicts. `errors`, (draws, kinds, verdicts): of those
    on each kind. `near`, (verdicts,): what the verdicts' variances are taken from. Those of a run
    alone would trust most what it has least of, where labels have few of it, too.
    """
    root = np.sqrt(near)
    others = np.swapaxes(errors[:, :-1] - errors[:, -1:], 1, 2) / root[:, None]
    # From equal shares, which is the answer where the verdicts tell no kind from another.
    wanted = (told - errors.mean(axis=1)) / root
    found: Array = 1 / errors.shape[1] + (np.linalg.pinv(others) @ wanted[:, :, None])[:, 0, 0]
    return found
