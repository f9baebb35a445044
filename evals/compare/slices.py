"""Parts of the questions, and what the texts are like."""

from __future__ import annotations

import json
import os
import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np

from components import registry
from components.errors import BadDocument
from components.stages import Source
from components.values import Document, DocumentRef
from evals.compare.outcome import Measured, Slice
from evals.datasets.judged import Judged, Question

FEWEST = 5
"""Questions of a part that is shown."""
_MOST = 12
"""Values of a field that are shown: more of them divide the questions too finely."""
_WORD = re.compile(r"\w+")
_KEPT = "statistics"
"""Folder below the home of comparisons."""
_REVISION = 1
"""Raised when what is kept means something else."""
Part = Callable[[Question], str]


def slices(data: Judged, systems: Sequence[Measured], metric: str) -> list[Slice]:
    """By length, type and the other fields of the questions."""
    found: list[Slice] = []
    for by, part in _parts(data).items():
        parts: dict[str, list[str]] = {}
        for question in data.questions:
            parts.setdefault(part(question), []).append(question.id)
        parts.pop("", None)
        if 2 <= len(parts) <= _MOST:
            found += [
                Slice(by=by, value=value, questions=len(ids), means=_means(systems, metric, ids))
                for value, ids in sorted(parts.items())
                if len(ids) >= FEWEST
            ]
    return found


def statistics(data: Judged, home: Path | None = None) -> dict[str, float]:
    """Of texts and questions: how many, how long, and how many words they have in common.

    A word is a run of letters, digits and `_`, whatever their case; a document is what its source
    gives, the title included where it does. Shares are from 0 to 1. What is about documents is
    absent where the data set has no corpus. With a `home`, the corpus is read once and what was
    found is kept there, by checksum. Raises SourceMissing.
    """
    file = home and home / _KEPT / f"{data.checksum[:16]}-{data.unit}-{_REVISION}.json"
    if file and file.exists():
        kept: dict[str, float] = json.loads(file.read_text())
        return kept
    found = {**_of_questions(data), **(_of_documents(data) if data.source else {})}
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        waiting = file.with_suffix(f".{os.getpid()}")
        waiting.write_text(json.dumps(found))
        waiting.replace(file)
    return found


def _of_questions(data: Judged) -> dict[str, float]:
    relevant = [len(data.relevant(each.id)) for each in data.questions]
    return {
        "questions": len(data.questions),
        **_lengths("question", [len(_words(each.text)) for each in data.questions]),
        "relevant_per_question_mean": fmean(relevant),
        "one_relevant_share": fmean(each == 1 for each in relevant),
    }


def _of_documents(data: Judged) -> dict[str, float]:
    terms = {each.id: frozenset(_words(each.text)) for each in data.questions}
    asked = frozenset[str]().union(*terms.values())
    answers = _answers(data)
    lengths = array("Q")
    held: set[str] = set()
    held_by: defaultdict[str, set[str]] = defaultdict(set)
    for document in _documents(data):
        words = _words(document.text)
        lengths.append(len(words))
        own = asked.intersection(words)
        held |= own
        for question in answers.get(document.id, ()):
            held_by[question] |= terms[question] & own
    shares = [len(held_by[id]) / len(own) for id, own in terms.items() if own]
    return {
        "documents": len(lengths),
        **_lengths("document", lengths),
        "question_terms": len(asked),
        "terms_in_corpus_share": len(held) / max(1, len(asked)),
        "terms_in_relevant_share": fmean(shares) if shares else 0.0,
    }


def _documents(data: Judged) -> Iterator[Document]:
    """Those that can be read."""
    options = {name: value for name, value in data.source.items() if name != "use"}
    source: Source = registry.build(
        "source", registry.resolve("source", data.source["use"], options)
    )
    for ref in source.scan():
        if isinstance(ref, DocumentRef):
            with suppress(BadDocument):
                yield source.read(ref)


def _answers(data: Judged) -> dict[str, list[str]]:
    """Questions by the documents that are relevant to them, in whole or in part."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for question in data.questions:
        for id in dict.fromkeys(data.document_of(unit) for unit in data.relevant(question.id)):
            found[id].append(question.id)
    return found


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _lengths(of: str, words: Sequence[int]) -> dict[str, float]:
    if not words:
        return {}
    middle, most = np.percentile(words, (50, 95))
    return {
        f"words_per_{of}_mean": fmean(words),
        f"words_per_{of}_median": float(middle),
        f"words_per_{of}_p95": float(most),
    }


def _parts(data: Judged) -> Mapping[str, Part]:
    fields = dict.fromkeys(name for each in data.questions for name in each.metadata)
    own: dict[str, Part] = {
        "length": _thirds(data, lambda each: len(_words(each.text)), "words"),
        "type": lambda question: question.type,
    }
    for name in fields:
        values = [each.metadata.get(name) for each in data.questions]
        numbers = any(isinstance(each, float) for each in values)
        part = _thirds(data, partial(_number, name), "") if numbers else partial(_value, name)
        own[f"{name} of the data set" if name in own else name] = part
    return own


def _thirds(data: Judged, measure: Callable[[Question], float | None], of: str) -> Part:
    """Questions by where they stand between the smallest and the largest."""
    measured = (measure(each) for each in data.questions)
    ordered = sorted(each for each in measured if each is not None)
    low, high = ordered[len(ordered) // 3], ordered[2 * len(ordered) // 3]

    def part(question: Question) -> str:
        found = measure(question)
        if found is None:
            return ""
        if found <= low:
            return f"1: up to {low:g} {of}".strip()
        return f"2: to {high:g} {of}".strip() if found <= high else f"3: over {high:g} {of}".strip()

    return part


def _number(name: str, question: Question) -> float | None:
    value = question.metadata.get(name)
    return float(value) if isinstance(value, int | float) else None


def _value(name: str, question: Question) -> str:
    value = question.metadata.get(name)
    return str(value) if isinstance(value, str | int) else ""


def _means(systems: Sequence[Measured], metric: str, ids: Sequence[str]) -> dict[str, float]:
    return {each.name: fmean(each.values[metric][id] for id in ids) for each in systems}
