"""Answers that were given before, by whatever system, from a file of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from components.errors import NoAnswer, SourceMissing, SpecError
from components.options import option
from components.sources.storable import storable
from components.values import Answer, Hit, Query, Step

_IDS = ("financebench_id", "question_id", "query_id", "_id", "id")
_TEXTS = ("model_answer", "answer", "response", "text")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Replays a file with a row for each question: its id, and the answer, which may be null where
    there is none. Hits are not read, and nothing is cited.
    """

    revision: ClassVar[int] = 1

    path: Path = option(help="file of JSON lines")
    id: str = option("", help=f"field with the question's id; else one of {', '.join(_IDS)}")
    text: str = option("", help=f"field with the answer; else one of {', '.join(_TEXTS)}")

    @property
    def concurrency(self) -> int:
        """Nothing is waited for."""
        return 1

    @property
    def facts(self) -> Mapping[str, object]:
        """Sha256 of the file. Raises SourceMissing."""
        return {"sha256": sha256(self._bytes).hexdigest()}

    def answer(self, query: Query, hits: Sequence[Hit]) -> Answer:
        """Raises NoAnswer where the file has none; SourceMissing, SpecError."""
        text = self._answers.get(query.id)
        if text is None:
            raise NoAnswer("there is no answer to this question in the file").at(
                where=str(self.path)
            )
        return Answer(text=text, steps=(Step(name="answer", asked=query.text, said=text),))

    @cached_property
    def _bytes(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise SourceMissing(f"recorded answers cannot be read: {error.strerror}").at(
                where=str(self.path), hint="answerer.path names a file of JSON lines"
            ) from error

    @cached_property
    def _answers(self) -> dict[str, str | None]:
        """By question id; of a question that comes twice, the last. None: there is no answer."""
        rows = list(self._rows())
        if self.text and rows and not any(self.text in row for _, row in rows):
            raise SpecError(f"no row has the field {self.text}").at(
                where=str(self.path), hint="answerer.text names the field with the answer"
            )
        return dict(self._answer(row, where) for where, row in rows)

    def _answer(self, row: Mapping[str, Any], where: str) -> tuple[str, str | None]:
        id, text = _field(row, self.id, _IDS), _field(row, self.text, _TEXTS)
        if id is None:
            names = self.id or ", ".join(_IDS)
            raise SpecError(f"a row has none of the fields {names}").at(
                where=where, hint="answerer.id names the field with the question's id"
            )
        return id, None if text is None else storable(text)

    def _rows(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each with its place."""
        for number, line in enumerate(self._bytes.splitlines(), start=1):
            if not line.strip():
                continue
            where = f"{self.path} line {number}"
            try:
                row = json.loads(line)
            except ValueError as error:
                raise SpecError(f"not JSON: {error}").at(where=where) from None
            if not isinstance(row, dict):
                raise SpecError("a line is one JSON object").at(where=where)
            yield where, row


def _field(row: Mapping[str, Any], named: str, usual: Sequence[str]) -> str | None:
    """The first one with a value."""
    values = (row.get(name) for name in ((named,) if named else usual))
    return next((str(each) for each in values if each is not None), None)
