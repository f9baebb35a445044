"""Needle and passkey: one fact in a text of a given length, as in LongEmbed (Zhu et al. 2024).

For every length there are documents that hide a fact each, most of their text filler, and questions
about some of the facts, at depths from the first sentence to the last. The length is the scope: a
question is to be answered from documents of its own length. A token is a word or a mark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Literal

from components.errors import BadOption
from evals.datasets import beir, folders
from evals.datasets.judged import Judged
from evals.datasets.words import people, words

LENGTHS = (256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
_SHORTEST = 64
_TOKEN = re.compile(r"\w+|[^\w\s]")
_REVISION = 1
"""Raised when the same parameters give other data."""
_JUNK = (
    "The hills are quiet.",
    "The road is long.",
    "The river is wide.",
    "Walk on and turn around.",
    "Everything is as it was before.",
)


Kind = Literal["needle", "passkey"]


def load(
    kind: Kind,
    split: str = "test",
    *,
    cache: Path,
    lengths: int | Sequence[int] = LENGTHS,
    documents: int = 100,
    questions: int = 50,
    seed: int = 0,
    unit: str = "",
) -> Judged:
    """`documents` and `questions` are those of each length. Made once, in a folder of `cache`.

    A document has at most `length` tokens and lacks less than a sentence. Raises BadOption.
    """
    sizes = sorted({lengths} if isinstance(lengths, int) else set(lengths))
    if not sizes or sizes[0] < _SHORTEST or not 0 < questions <= documents:
        raise BadOption("lengths must be 64 or more, and 0 < questions <= documents").at(where=kind)
    parts = (*sizes, f"docs{documents}", f"questions{questions}", f"seed{seed}")
    name = "-".join(map(str, (kind, *parts)))
    folder = folders.once(
        cache / f"{name}-r{_REVISION}",
        lambda made: _write(made, kind, sizes, documents, questions, seed),
    )
    return beir.load(folder, split, name=name, unit=unit, scope="length")


def tokens(text: str) -> int:
    """How long a text is: words and marks."""
    return len(_TOKEN.findall(text))


def _write(
    folder: Path, kind: Kind, lengths: Sequence[int], documents: int, questions: int, seed: int
) -> None:
    random = Random(seed)  # noqa: S311
    hide, filler = _KINDS[kind]
    names = iter(people(random, len(lengths) * documents))
    corpus, queries, judgements = [], [], {}
    for length in lengths:
        for number in range(documents):
            id, asked = f"{kind}-{length}-{number}", number < questions
            fact, question = hide(random, next(names))
            depth = number / max(questions - 1, 1) if asked else random.random()
            text, start = _hidden(fact, filler(random), length, depth)
            corpus.append({"_id": id, "title": "", "text": text, "length": length})
            if asked:
                spans = {id: [[start, start + len(fact)]]}
                facts = {"length": length, "depth": round(depth, 3), "evidence_char_spans": spans}
                queries.append({"_id": f"q-{id}", "text": question, **facts})
                judgements[f"q-{id}"] = {id: 1}
    folders.write(folder, "test", corpus, queries, judgements)


def _hidden(fact: str, filler: Iterator[str], length: int, depth: float) -> tuple[str, int]:
    """Text of `length` tokens and where the fact begins in it: `depth` is 0 to 1."""
    sentences, room = [], length - tokens(fact)
    for sentence in filler:
        room -= tokens(sentence)
        if room < 0:
            break
        sentences.append(sentence)
    sentences.insert(round(depth * len(sentences)), fact)
    text = " ".join(sentences)
    return text, text.index(fact)


def _passkey(random: Random, name: str) -> tuple[str, str]:
    key = random.randrange(10_000, 100_000)
    return f"The pass key for {name} is {key}.", f"What is the pass key for {name}?"


def _needle(random: Random, name: str) -> tuple[str, str]:
    thing, place = (random.choice(words(each)) for each in ("things", "places"))
    return f"{name} hid the {thing} in the {place}.", f"Where did {name} hide the {thing}?"


def _prose(random: Random) -> Iterator[str]:
    while True:
        who, did, what, looks, when = (
            random.choice(words(each)) for each in ("who", "did", "what", "looks", "when")
        )
        yield f"The {who} {did} the {looks} {what} {when}."


_Hide = Callable[[Random, str], tuple[str, str]]
_Filler = Callable[[Random], Iterator[str]]
_KINDS: Mapping[Kind, tuple[_Hide, _Filler]] = {
    "needle": (_needle, _prose),
    "passkey": (_passkey, lambda _: cycle(_JUNK)),
}
"""From a person's name to a fact and the question about it; sentences without end: varied ones
around a needle, the same ones around a pass key.
"""
