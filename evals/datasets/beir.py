"""Folders in the layout of BEIR: `corpus.jsonl`, `queries.jsonl`, `qrels/SPLIT.tsv`.

Each may be packed by gzip (`corpus.jsonl.gz`); `fields` has the names in their rows, `qrels` the
forms of judgements. Without `corpus.jsonl` the questions can judge an index that is there already.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from components.errors import BadOption, SourceMissing
from components.fields import OURS, OWN, plain
from components.machine import paths
from components.sources import fields, gzipped
from components.sources.fields import Fields as Row
from evals.datasets import lines, qrels
from evals.datasets.assemble import Stored, asked_in, assemble, by_span
from evals.datasets.evidence import Lengths, has_evidence
from evals.datasets.judged import BadData, Judged

UNITS = ("document", "span")
_UNKNOWN = Lengths(text=sys.maxsize, whole=sys.maxsize)


def load(
    folder: Path,
    split: str = "test",
    *,
    name: str = "",
    unit: str = "",
    scope: str = "",
    corpus: bool = True,
) -> Judged:
    """The questions of a split. `unit`: what is ranked; by default spans, where all questions come
    with spans of evidence, else documents. `scope`: a field that questions and documents share.

    Judgements without a known question or document are left out and counted. Without `corpus` all
    judgements of known questions stay, whatever documents there are, and spans of evidence are
    taken as they are told. Raises SourceMissing for a missing file or split, BadData for what
    contradicts itself, BadOption.
    """
    if unit and unit not in UNITS:
        raise BadOption(f"unit must be one of {', '.join(UNITS)}, not {unit!r}").at(where="unit")
    held = [there(folder, "corpus.jsonl")] if corpus else []
    queries, judged = there(folder, "queries.jsonl"), qrels.of_split(folder, split)
    asked, graded = asked_in(queries), qrels.read(judged)
    told = {id for id, row in asked.items() if has_evidence(row)}
    data = Judged(
        name=name or paths.named(folder).name,
        split=split,
        questions=(),
        judgements=graded.judgements,
        grade_scale=graded.scale,
        source=_source(held[0], bool(told)) if held else {},
        scope=_own(scope) if held else scope,
        corpus=checksum("corpus", folder, held) if held else "",
        checksum=checksum(split, folder, [*held, queries, judged]),
    )
    documents = _documents(held[0], scope, bool(told)) if held else _judged(data, asked)
    found = assemble(data, asked, documents, str(queries))
    found = _with_unjudged(found, asked, folder)
    if unit == "span" or (not unit and all(each.id in told for each in found.questions)):
        return by_span(found)
    return found


def corpus(folder: Path) -> tuple[Mapping[str, Any], str]:
    """The stage that reads the folder's documents, and their checksum, as `load` has them; its
    questions may be absent. Raises SourceMissing, BadData.
    """
    file, queries = there(folder, "corpus.jsonl"), gzipped.there(folder, "queries.jsonl")
    spans = queries is not None and any(map(has_evidence, asked_in(queries).values()))
    return _source(file, spans), checksum("corpus", folder, (file,))


def checksum(split: str, folder: Path, files: Iterable[Path]) -> str:
    """Sha256 of the split's name and of every file's name in the folder and bytes."""
    whole = hashlib.sha256(split.encode())
    for file in files:
        with file.open("rb") as opened:
            own = hashlib.file_digest(opened, "sha256").hexdigest()
        whole.update(f"\n{file.relative_to(folder).as_posix()} {own}".encode())
    return whole.hexdigest()


def _source(corpus: Path, spans: bool) -> dict[str, Any]:
    whole = {"template": "{text}"} if spans else {}  # offsets are those of the text alone
    return {"use": "jsonl", "path": str(paths.named(corpus)), **whole}


def _own(scope: str) -> str:
    """In full where Millrace has a field of that name: what stands in a line is the document's, but
    for its title.
    """
    return OWN + scope if scope in OURS and scope != "title" else scope


def there(folder: Path, name: str) -> Path:
    """A file of the folder, packed or not. Raises SourceMissing."""
    found = gzipped.there(folder, name)
    if found is None:
        raise SourceMissing(f"no {name}").at(
            where=str(folder),
            hint="a data set has corpus.jsonl, queries.jsonl and qrels/; "
            "one without corpus.jsonl can judge an index that is there: --live",
        )
    return found


def _judged(data: Judged, asked: Mapping[str, Row]) -> dict[str, Stored]:
    """The documents that judgements name. Nobody knows their texts; their scope is that of the
    questions that they answer.
    """
    found = {id: Stored(_UNKNOWN) for grades in data.judgements.values() for id in grades}
    for question, row in asked.items():
        for id, grade in data.judgements.get(question, {}).items():
            if grade > 0:
                found[id] = Stored(_UNKNOWN, fields.field_of(row, plain(data.scope)))
    return found


def _documents(corpus: Path, scope: str, spans: bool) -> dict[str, Stored]:
    """Documents with text, by id."""
    found: dict[str, Stored] = {}
    for id, row in lines.identified(corpus, "document", fields.IDS):
        text = fields.text_of(row)
        if text.strip() or (not spans and str(row.get("title") or "").strip()):
            found[id] = Stored(Lengths.of(text), fields.field_of(row, plain(scope)))
    return found


def _with_unjudged(found: Judged, asked: Iterable[str], folder: Path) -> Judged:
    """Names the questions that no split judges, and the other splits that cannot be read."""
    judged: set[str] = set()
    broken: list[str] = []
    for split, file in qrels.splits(folder).items():
        try:
            judged.update(qrels.read(file).judgements)
        except (BadData, SourceMissing):
            broken.append(split)
    told = {
        "questions without judgements": [id for id in asked if id not in judged],
        "other splits that cannot be read": broken,
    }
    return found.asking(found.judgements, told)
