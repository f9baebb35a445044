"""Folders in the layout of BEIR: `corpus.jsonl`, `queries.jsonl`, `qrels/SPLIT.tsv`.

Without `corpus.jsonl` the questions can judge an index that is there already.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.errors import BadOption, SourceMissing
from components.normal_form import canonical
from evals.datasets.assemble import Row, Stored, assemble, by_span, id_of
from evals.datasets.evidence import Lengths, has_evidence
from evals.datasets.judged import BadData, Judged, Judgements, LeftOut
from evals.datasets.lines import rows

UNITS = ("document", "span")
_UNKNOWN = Lengths(text=sys.maxsize, whole=sys.maxsize)


def load(
    folder: Path, split: str = "test", *, name: str = "", unit: str = "", scope: str = ""
) -> Judged:
    """The questions of a split. `unit`: what is ranked; by default spans, where all questions come
    with spans of evidence, else documents. `scope`: a field that questions and documents share.

    Judgements without a known question or document are left out and counted. Raises SourceMissing
    for a missing file or split, BadData for what contradicts itself, BadOption.
    """
    corpus = _there(folder, "corpus.jsonl")
    queries, qrels = _there(folder, "queries.jsonl"), judged_file(folder, split)
    asked = list(rows(queries))
    spans = any(map(has_evidence, asked))
    whole = {"template": "{text}"} if spans else {}  # offsets are those of the text alone
    data = Judged(
        name=name or folder.resolve().name,
        split=split,
        questions=(),
        judgements=judgements(qrels),
        source={"use": "jsonl", "path": str(corpus.resolve()), **whole},
        scope=scope,
        corpus=checksum("corpus", folder, (corpus,)),
        checksum=checksum(split, folder, (corpus, queries, qrels)),
    )
    return _checked(data, asked, _documents(corpus, scope, spans), unit, queries, qrels)


def questions(
    folder: Path, split: str = "test", *, name: str = "", unit: str = "", scope: str = ""
) -> Judged:
    """As `load`, of `queries.jsonl` and `qrels/SPLIT.tsv` alone: every judgement stays, whatever
    documents there are, and spans of evidence are taken as they are told.
    """
    queries, qrels = _there(folder, "queries.jsonl"), judged_file(folder, split)
    asked = list(rows(queries))
    data = Judged(
        name=name or folder.resolve().name,
        split=split,
        questions=(),
        judgements=judgements(qrels),
        source={},
        scope=scope,
        checksum=checksum(split, folder, (queries, qrels)),
    )
    return _checked(data, asked, _judged(data, asked), unit, queries, qrels)


def splits(folder: Path) -> list[str]:
    """Names of the splits that have judgements."""
    return sorted(each.stem for each in (folder / "qrels").glob("*.tsv"))


def judged_file(folder: Path, split: str) -> Path:
    """Where the judgements of a split are. Raises SourceMissing."""
    qrels = folder / "qrels" / f"{split}.tsv"
    if not qrels.is_file():
        raise SourceMissing(f"no split {split!r}").at(
            where=str(folder / "qrels"), hint=f"there are: {', '.join(splits(folder)) or 'none'}"
        )
    return qrels


def judgements(file: Path) -> Judgements:
    """Of a file of question id, document id and grade, parted by tabs, with or without a header.

    Raises SourceMissing where it cannot be read; BadData for a line that is no judgement, and for
    two grades of one pair.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceMissing(f"cannot be read: {error}").at(where=str(file)) from error
    found: dict[str, dict[str, int]] = {}
    for number, line in enumerate(lines, start=1):
        parts = line.split("\t")
        if not line.strip() or (number == 1 and _is_header(parts)):
            continue
        if len(parts) != 3 or not _is_number(parts[2]):
            raise BadData("not a judgement: question, document and grade, parted by tabs").at(
                where=f"{file} line {number}"
            )
        question, document = map(canonical, parts[:2])
        grade = int(float(parts[2]))
        if found.setdefault(question, {}).setdefault(document, grade) != grade:
            raise BadData(f"question {question!r} has two grades for {document!r}").at(
                where=f"{file} line {number}"
            )
    return found


def checksum(split: str, folder: Path, files: Iterable[Path]) -> str:
    """Sha256 of the split's name and of every file's name in the folder and bytes."""
    whole = hashlib.sha256(split.encode())
    for file in files:
        with file.open("rb") as opened:
            own = hashlib.file_digest(opened, "sha256").hexdigest()
        whole.update(f"\n{file.relative_to(folder).as_posix()} {own}".encode())
    return whole.hexdigest()


def _there(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise SourceMissing(f"no {name}").at(
            where=str(folder),
            hint="a data set has corpus.jsonl, queries.jsonl and qrels/; "
            "one without corpus.jsonl can judge an index that is there: --live",
        )
    return folder / name


def _checked(
    data: Judged,
    asked: Sequence[Row],
    documents: Mapping[str, Stored],
    unit: str,
    queries: Path,
    qrels: Path,
) -> Judged:
    if unit and unit not in UNITS:
        raise BadOption(f"unit must be one of {', '.join(UNITS)}, not {unit!r}").at(where="unit")
    found = assemble(data, asked, documents, str(queries))
    found = _with_unjudged(found, asked, qrels)
    told = {id_of(row) for row in asked if has_evidence(row)}
    if unit == "span" or (not unit and all(each.id in told for each in found.questions)):
        return by_span(found)
    return found


def _judged(data: Judged, asked: Iterable[Row]) -> dict[str, Stored]:
    """The documents that judgements name. Nobody knows their texts; their scope is that of the
    questions that they answer.
    """
    found = {id: Stored(_UNKNOWN) for grades in data.judgements.values() for id in grades}
    for row in asked:
        for id, grade in data.judgements.get(canonical(str(row.get("_id"))), {}).items():
            if grade > 0:
                found[id] = Stored(_UNKNOWN, row.get(data.scope))
    return found


def _documents(corpus: Path, scope: str, spans: bool) -> dict[str, Stored]:
    """Documents with text, by id."""
    found: dict[str, Stored] = {}
    seen = set()
    for row in rows(corpus):
        try:
            id = id_of(row)
        except ValueError as error:
            raise BadData(f"a document has {error}").at(where=str(corpus)) from None
        if id in seen:
            raise BadData(f"two documents have the id {id!r}").at(where=str(corpus))
        seen.add(id)
        text = str(row.get("text") or "")
        if text.strip() or (not spans and str(row.get("title") or "").strip()):
            found[id] = Stored(Lengths.of(text), row.get(scope))
    return found


def _with_unjudged(found: Judged, asked: Iterable[Row], qrels: Path) -> Judged:
    """Names the questions that no split judges."""
    judged = {id for file in qrels.parent.glob("*.tsv") for id in judgements(file)}
    without = [id for id in map(id_of, asked) if id not in judged]
    told: dict[str, Any] = {"questions without judgements": LeftOut.of(without)} if without else {}
    return replace(found, left_out={**found.left_out, **told})


def _is_header(parts: Sequence[str]) -> bool:
    """Three words, the last of which is no number."""
    try:
        float(parts[-1])
    except ValueError:
        return len(parts) == 3
    return False


def _is_number(text: str) -> bool:
    try:
        return float(text).is_integer()
    except (ValueError, OverflowError):
        return False
