"""Filters, sparse vectors and search parameters as Qdrant takes them: its engine in this process
and the client of a server call the same things by the same names, but for some.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from components.indexes.payload import by_type, field_path
from components.indexes.quantization import Approximation
from components.values import Filter, Scalar, SparseVector

Own = Sequence[str] | bool
"""What a field of ours must hold: one of some words, or whether it is so."""


@dataclass(frozen=True)
class Dialect:
    """Of one of the two."""

    models: Any
    """The module with its classes."""
    range: Callable[..., Any]
    """Its class of ranges of numbers."""
    flag: Callable[[bool], Any]
    """True and false, as it matches them."""
    nothing: Any
    """A condition that no point satisfies."""

    def conditions(self, wanted: Filter | None = None, /, **own: Own) -> list[Any]:
        """That our own fields, and those of a user's filter, hold one of their accepted values."""
        models, asked = self.models, wanted or {}
        ours = [
            self._match(
                name, self._is(held) if isinstance(held, bool) else models.MatchAny(any=list(held))
            )
            for name, held in own.items()
        ]
        return [*ours, *(self._either(field_path(name), each) for name, each in asked.items())]

    def terms(self, vector: SparseVector) -> Any:
        """Weighted terms."""
        return self.models.SparseVector(
            indices=vector.indices.tolist(), values=vector.values.tolist()
        )

    def params(self, search: Approximation | None) -> Any:
        """How dense vectors are searched; None where nothing is said of it."""
        models = self.models
        if search is None:
            return None
        if search.exact:
            return models.SearchParams(exact=True)
        return models.SearchParams(
            quantization=models.QuantizationSearchParams(
                rescore=search.rescore, oversampling=search.oversampling
            )
        )

    def _either(self, path: str, values: Sequence[Scalar]) -> Any:
        """Numbers and words are matched by type, so a field may hold either."""
        words, numbers, flags, exact = by_type(values)
        models = self.models
        either = [self._match(path, models.MatchAny(any=each)) for each in (words, numbers) if each]
        either += [self._match(path, self._is(flag)) for flag in flags]
        either += [
            models.FieldCondition(key=path, range=self.range(gte=value, lte=value))
            for value in exact
        ]
        if not either:
            return self.nothing
        return either[0] if len(either) == 1 else models.Filter(should=either)

    def _match(self, path: str, match: Any) -> Any:
        return self.models.FieldCondition(key=path, match=match)

    def _is(self, flag: bool) -> Any:
        return self.models.MatchValue(value=self.flag(flag))
