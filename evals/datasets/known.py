"""Known items: documents asked for in words of their own.

    known:peps?by=abstract          the section "Abstract", which is taken out of the document
    known:qmsum?by=answers          three of the answers that questions about the document have
    known:financebench?by=figures   a sentence with three figures or more, which stays in it

The corpus is that of a folder, BEIR's or FinanceBench's filings, and has one document that is
right. Where documents stay as they are an index of them is shared with the folder's own questions.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from components.errors import BadOption
from components.sources import gzipped
from components.values import Document
from evals.datasets import beir, financebench, folders, reading
from evals.datasets.assemble import asked_in
from evals.datasets.judged import BadData, Judged

_REVISION = 1
"""Raised when the same parameters and files give other data."""
_OF_ONE = 5
"""Questions that ask for one document, at most."""
_JOINED = 3
"""Answers that ask for a document together."""
_FIGURES = 3
_WORDS = range(10, 401)
"""Of what asks for a document."""
_HEADING = re.compile(r"^(\S[^\n]*)\n(([^\w\s])\3+)[ \t]*(?:\n|\Z)", re.MULTILINE)
"""A title with its underline, in reStructuredText."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_FIGURE = re.compile(r"\d[\d,.]*\d|\d")
_WORD = re.compile(r"\b[a-z]+\b")
_PROSE = 0.6
"""Share of a sentence that is words in small letters: it is no table."""
_SENTENCE = 60
"""Words of a sentence, at most: longer ones have a table or a heading in them."""
_Take = Callable[[Document], tuple[str, list[str]]]
"""From a document to the text that is left of it, and texts each of which may ask for it."""


@dataclass(frozen=True)
class _Kind:
    take: Callable[[Path, int], _Take]
    """From the folder and the seed."""
    lacks: str
    """What no document has, where nothing can be asked."""
    changes: bool = False
    """Whether documents are left without what asks for them."""


def load(
    folder: Path,
    split: str = "test",
    *,
    cache: Path,
    by: str = "",
    questions: int = 500,
    seed: int = 0,
) -> Judged:
    """`by`: what asks for a document, see the module. At most so many `questions`, drawn by `seed`;
    a text that would ask for two documents asks for none. Made once for the same files, in a folder
    of `cache`. Raises BadOption, SourceMissing, BadData.
    """
    kind = _KINDS.get(by)
    if kind is None:
        raise BadOption(f"by must be one of {', '.join(_KINDS)}, not {by!r}").at(where="by")
    if questions < 1:
        raise BadOption(f"questions must be 1 or more, not {questions}").at(where="questions")
    source, checksum = _corpus(folder)
    name = f"known-{folder.resolve().name}-{by}"
    parts = (name, f"questions{questions}", f"seed{seed}", _version(folder, checksum))
    made = folders.once(
        cache / f"{'-'.join(parts)}-r{_REVISION}",
        lambda aside: _write(aside, folder, source, kind, questions, seed),
    )
    if kind.changes:
        return beir.load(made, split, name=name)
    data = beir.load(made, split, name=name, corpus=False)
    both = hashlib.sha256(f"{data.checksum} {checksum}".encode()).hexdigest()
    return replace(data, source=source, corpus=checksum, checksum=both)


def _corpus(folder: Path) -> tuple[Mapping[str, Any], str]:
    if (folder / "pdfs").is_dir():
        data = financebench.load(folder)
        return data.source, data.corpus
    return beir.corpus(folder)


def _version(folder: Path, corpus: str) -> str:
    """Of the files that questions are made of: 12 hex digits."""
    queries = gzipped.there(folder, "queries.jsonl")
    return beir.checksum(corpus, folder, [queries] if queries else [])[:12]


def _write(
    made: Path, folder: Path, source: Mapping[str, Any], kind: _Kind, most: int, seed: int
) -> None:
    take = kind.take(folder, seed)
    alone = {"template": "{text}"} if source["use"] == "jsonl" else {}
    read = sorted(reading.documents({**source, **alone}), key=lambda each: each.id)
    taken = [(each, *take(each)) for each in read]
    asked = _drawn({each.id: asking for each, _, asking in taken}, most, seed)
    if not asked:
        raise BadData(f"no document has {kind.lacks}").at(where=str(folder))
    corpus = [{"_id": each.id, "title": each.title, "text": rest} for each, rest, _ in taken]
    folders.write(
        made,
        "test",
        corpus if kind.changes else None,
        ({"_id": id, "text": text} for id, (_, text) in asked.items()),
        {id: {document: 1} for id, (document, _) in asked.items()},
    )


def _drawn(asking: Mapping[str, list[str]], most: int, seed: int) -> dict[str, tuple[str, str]]:
    """Document and text by question id."""
    often = Counter(text for texts in asking.values() for text in set(texts))
    found: dict[str, tuple[str, str]] = {}
    for document, texts in asking.items():
        own = [text for text in dict.fromkeys(texts) if often[text] == 1 and _askable(text)]
        for number, text in enumerate(_random(seed, document).sample(own, min(_OF_ONE, len(own)))):
            found[f"{document}-{number}"] = (document, text)
    kept = {*_random(seed, "questions").sample([*found], min(most, len(found)))}
    return {id: each for id, each in found.items() if id in kept}


def _askable(text: str) -> bool:
    return len(text.split()) in _WORDS


def _random(seed: int, of: str) -> Random:
    return Random(f"{seed} {of}")  # noqa: S311 - no secret


def _abstract(document: Document) -> tuple[str, list[str]]:
    """The section ends where one of its level, or of a higher one, begins: levels have an
    underline each, in the order in which they come.
    """
    text, seen = document.text, set[str]()
    start = body = end = -1
    for heading in _HEADING.finditer(text):
        title, line, mark = heading[1].rstrip(), heading[2], heading[3]
        if len(line) < len(title):
            continue  # no underline: it is as long as its title
        if start >= 0 and mark in seen:
            end = heading.start()
            break
        if start < 0:
            seen.add(mark)
            if title.casefold() == "abstract":
                start, body = heading.start(), heading.end()
    if start < 0:
        return text, []
    end = len(text) if end < 0 else end
    return text[:start] + text[end:], [_line(text[body:end])]


def _figures(document: Document) -> tuple[str, list[str]]:
    sentences = _SENTENCE_END.split(_line(document.text))
    return document.text, [each for each in sentences if _has_figures(each)]


def _has_figures(sentence: str) -> bool:
    figures, words = _FIGURE.findall(sentence), sentence.split()
    prose = len(_WORD.findall(sentence)) >= _PROSE * len(words)
    return len(figures) >= _FIGURES and prose and len(words) <= _SENTENCE


def _answers(folder: Path, seed: int) -> _Take:
    """Those that are told by document. Raises SourceMissing, BadData."""
    known: dict[str, list[str]] = {}
    for row in asked_in(beir.there(folder, "queries.jsonl")).values():
        told = row.get("answers")
        for document, text in told.items() if isinstance(told, dict) else ():
            if isinstance(text, str) and text.strip():
                known.setdefault(document, []).append(_line(text))

    def take(document: Document) -> tuple[str, list[str]]:
        own, random = known.get(document.id, []), _random(seed, document.id)
        joined = [" ".join(random.sample(own, _JOINED))] if len(own) >= _JOINED else []
        return document.text, joined

    return take


def _line(text: str) -> str:
    return " ".join(text.split())


_KINDS: Mapping[str, _Kind] = {
    "abstract": _Kind(
        lambda _, seed: _abstract, 'a section "Abstract" of 10 to 400 words', changes=True
    ),
    "answers": _Kind(
        _answers,
        f'{_JOINED} answers, told as {{"answers": {{"DOCUMENT": "TEXT"}}}} by its questions',
    ),
    "figures": _Kind(lambda _, seed: _figures, f"a sentence with {_FIGURES} figures of its own"),
}
