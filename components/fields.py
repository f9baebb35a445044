"""Which field a name means: the documents' own, or one that Millrace has of documents and chunks.

A name in full is `metadata.NAME`, `document.NAME` or `chunk.NAME`. Readers take the documents' own
as `metadata.NAME` and Millrace's as NAME.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Self

from components.errors import BadOption
from components.text.normal_form import canonical
from components.values import Filter

OWN = "metadata."
"""What the documents' own fields are called by."""
OURS: Mapping[str, str] = {
    **dict.fromkeys(("document_id", "version", "title"), "document"),
    **dict.fromkeys(("ordinal", "start", "end", "page", "last_page", "section"), "chunk"),
}
"""What Millrace has, and of which of the two."""
_EVERYWHERE = frozenset(OURS) - {"page", "last_page", "section"}
"""Those of every chunk."""
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields that the chunks of a corpus have."""

    own: frozenset[str]
    """Of the documents, as they call them."""
    ours: frozenset[str] = _EVERYWHERE
    """Of Millrace."""

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """From names in full. Those that every chunk has need not be among them."""
        own, ours = set(), set(_EVERYWHERE)
        for name in names:
            if name.startswith(OWN):
                own.add(name.removeprefix(OWN))
            else:
                ours.add(plain(name))
        return cls(frozenset(own), frozenset(ours))

    def find(self, name: str) -> str:
        """What a reader calls the field that is meant, whether a chunk has it or not. Raises
        BadOption where it may be either.
        """
        if name.startswith(OWN):
            # A field may itself be called `metadata.x`.
            rest = name.removeprefix(OWN)
            return OWN + (self._spelt(rest) or self._spelt(name) or rest)
        if is_ours(name):
            return plain(name)
        own = self._spelt(name)
        if own is None:
            return name if name in OURS else OWN + name
        if name in self.ours:
            both = f"{OWN}{own} and {full_name(name)}"
            raise BadOption(f"{name!r} may be either of two fields here: {both}").at(
                where="filter", hint="name the one that is meant in full"
            )
        return OWN + own

    def has(self, found: str) -> bool:
        """Whether any chunk has it, as `find` gives it."""
        if found.startswith(OWN):
            return found.removeprefix(OWN) in self.own
        return found in self.ours

    def lacks(self, name: str) -> str:
        """What to tell of a name that no chunk has: what there is instead."""
        told = f"no document has the field {name!r}"
        if near := self._near(plain(name)):
            return f"{told}: did you mean {near!r}?"
        if not self.own:
            return f"{told}: they have none of their own"
        more = ", …" if len(self.own) > _SHOWN else ""
        shown = ", ".join(f"{each:.40}" for each in sorted(self.own)[:_SHOWN])
        return f"{told}: they have {shown}{more}"

    def _near(self, name: str) -> str:
        """What may have been meant, in full where the name alone is what was not found."""
        if name in self.own:
            return OWN + name
        if name in self.ours:
            return full_name(name)
        there = sorted(self.own | self.ours)
        alike = [each for each in there if each.casefold() == name.casefold()]
        return next(iter(alike or get_close_matches(name, there, n=1)), "")

    def _spelt(self, name: str) -> str | None:
        """A field of the documents as it is stored, whatever form of Unicode it is typed in."""
        if name in self.own:
            return name
        form = canonical(name)
        return min((each for each in self.own if canonical(each) == form), default=None)


def is_ours(name: str) -> bool:
    """Whether a name in full is Millrace's."""
    kind, _, rest = name.partition(".")
    return OURS.get(rest) == kind


def of_documents(wanted: Filter) -> Filter:
    """A reader's filter without the fields that chunks have each their own."""
    return {name: values for name, values in wanted.items() if OURS.get(name) != "chunk"}


def full_name(name: str) -> str:
    """The full name of a field of Millrace's."""
    return f"{OURS[name]}.{name}"


def plain(name: str) -> str:
    """A name without what makes it full."""
    return name.partition(".")[2] if is_ours(name) else name.removeprefix(OWN)


def full_names(metadata: Mapping[str, Any], *, paged: bool, sections: bool) -> tuple[str, ...]:
    """Names in full of what a document's chunks have, but for what all have: of its metadata those
    with a value that a filter can name.
    """
    return shared(tuple(sorted(_names(metadata, paged=paged, sections=sections))))


@lru_cache(maxsize=4096)
def shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """One of equal ones: most documents of a corpus have the same."""
    return names


def _names(metadata: Mapping[str, Any], *, paged: bool, sections: bool) -> Iterator[str]:
    yield from (OWN + name for name, value in metadata.items() if _can_match(value))
    yield from ("chunk.page", "chunk.last_page") if paged else ()
    yield from ("chunk.section",) if sections else ()


def _can_match(value: Any) -> bool:
    many = isinstance(value, Sequence) and not isinstance(value, str)
    return any(each is not None for each in value) if many else value is not None
