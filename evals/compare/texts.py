"""What the texts and the questions of a data set are like."""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

import numpy as np

from evals import kept
from evals.datasets.judged import Judged
from evals.datasets.reading import documents
from evals.experiment.namesakes import words

_KEPT = "statistics"
"""Folder below the home of comparisons."""
_REVISION = 1
"""Raised when what is kept means something else."""


def statistics(data: Judged, home: Path | None = None) -> dict[str, float]:
    """Of texts and questions: how many, how long, and how many words they have in common.

    A word is a run of letters, digits and `_`, whatever their case; a document is what its source
    gives, the title included where it does. Shares are from 0 to 1. What is about documents is
    absent where the data set has no corpus. With a `home`, the corpus is read once and what was
    found is kept there, by checksum and part. Raises SourceMissing.
    """
    part = f"-{kept.key(asdict(data.part))}" if data.part else ""
    file = home and home / _KEPT / f"{data.checksum[:16]}-{data.unit}-{_REVISION}{part}.json"
    if file and file.exists():
        known: dict[str, float] = json.loads(file.read_text())
        return known
    found = {**_of_questions(data), **(_of_documents(data) if data.source else {})}
    if file:
        kept.write(file, found)
    return found


def _of_questions(data: Judged) -> dict[str, float]:
    relevant = [len(data.relevant(each.id)) for each in data.questions]
    return {
        "questions": len(data.questions),
        **_lengths("question", [len(words(each.text)) for each in data.questions]),
        "relevant_per_question_mean": fmean(relevant),
        "one_relevant_share": fmean(each == 1 for each in relevant),
    }


def _of_documents(data: Judged) -> dict[str, float]:
    terms = {each.id: frozenset(words(each.text)) for each in data.questions}
    asked = frozenset[str]().union(*terms.values())
    answers = _answers(data)
    lengths = array("Q")
    held: set[str] = set()
    held_by: defaultdict[str, set[str]] = defaultdict(set)
    for document in documents(data.source):
        found = words(document.text)
        lengths.append(len(found))
        own = asked.intersection(found)
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


def _answers(data: Judged) -> dict[str, list[str]]:
    """Questions by the documents that are relevant to them, in whole or in part."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for question in data.questions:
        for id in dict.fromkeys(data.document_of(unit) for unit in data.relevant(question.id)):
            found[id].append(question.id)
    return found


def _lengths(of: str, counts: Sequence[int]) -> dict[str, float]:
    if not counts:
        return {}
    middle, most = np.percentile(counts, (50, 95))
    return {
        f"words_per_{of}_mean": fmean(counts),
        f"words_per_{of}_median": float(middle),
        f"words_per_{of}_p95": float(most),
    }
