"""LIMIT in the shape that its authors published, with words of our own.

Weller et al. 2025, "On the Theoretical Limitations of Embedding-Based Retrieval": documents say
what somebody likes, queries ask who likes a thing, and the two relevant documents of the queries
run through the pairs of 46 documents. One vector per text cannot express that many combinations;
word matching can. The 1,850 things are one word each, no two of them with one stem.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from random import Random

from components.errors import BadOption
from evals.datasets import beir, folders
from evals.datasets.judged import Judged
from evals.datasets.words import people, words

_QUERIES = 1000
_RELEVANT = 46
_LIKES = 45
"""Attributes of a document: a relevant one is in at most so many pairs."""
_MOST = 100_000
_REVISION = 2
"""Raised when the same parameters give other data."""


def load(split: str = "test", *, cache: Path, documents: int = 50_000, seed: int = 0) -> Judged:
    """1,000 queries with 2 relevant documents each: 46 documents hold all of these, the others
    like only what no query asks for. The splits `tune` and `report` are halves of the queries of
    `test`. Made once, in a folder of `cache`. Raises BadOption.
    """
    if not _RELEVANT <= documents <= _MOST:
        raise BadOption(f"documents must be {_RELEVANT} to {_MOST}, not {documents}").at(
            where="documents"
        )
    name = f"limit-{documents}-seed{seed}"
    folder = folders.once(
        cache / f"{name}-r{_REVISION}", lambda made: _write(made, documents, seed)
    )
    return beir.load(folder, split, name=name)


def small(split: str = "test", *, cache: Path, seed: int = 0) -> Judged:
    """The 46 documents alone."""
    return load(split, cache=cache, documents=_RELEVANT, seed=seed)


def _write(folder: Path, documents: int, seed: int) -> None:
    random = Random(seed)  # noqa: S311
    things = list(words("attributes"))
    random.shuffle(things)
    asked, others = things[:_QUERIES], things[_QUERIES:]
    names = people(random, documents)
    pairs = list(zip(asked, combinations(names[:_RELEVANT], 2), strict=False))
    likes: dict[str, list[str]] = {name: [] for name in names}
    for thing, pair in pairs:
        for name in pair:
            likes[name].append(thing)
    corpus = [_document(random, name, own, others) for name, own in likes.items()]
    random.shuffle(corpus)
    queries = ({"_id": f"query_{n}", "text": f"Who likes {each}?"} for n, each in enumerate(asked))
    judged = {f"query_{n}": dict.fromkeys(pair, 1) for n, (_, pair) in enumerate(pairs)}
    folders.write(folder, "test", corpus, queries, judged)
    for half, ids in (("tune", [*judged][::2]), ("report", [*judged][1::2])):
        folders.judge(folder, half, {id: judged[id] for id in ids})


def _document(random: Random, name: str, own: list[str], others: list[str]) -> dict[str, str]:
    likes = own + random.sample(others, _LIKES - len(own))
    random.shuffle(likes)
    text = f"{name} likes {', '.join(likes[:-1])} and {likes[-1]}."
    return {"_id": name, "title": "", "text": text}
