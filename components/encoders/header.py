"""A line of context from the document's own fields, such as `{title}`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import Formatter

from components.options import option
from components.values import Document, Span

HEADER = option("", help="read before each span's text, such as '{title}'")


@dataclass(frozen=True, slots=True)
class Header:
    """A template over `title`, `id` and metadata fields. ValueError for any but plain names."""

    template: str

    def __post_init__(self) -> None:
        for _, name, form, conversion in Formatter().parse(self.template):
            if name is not None and (not name.isidentifier() or form or conversion):
                raise ValueError(f"header: {{{name}}} is not a plain field name")

    @property
    def fields(self) -> frozenset[str]:
        """The names that it reads."""
        return frozenset(name for _, name, _, _ in Formatter().parse(self.template) if name)

    def render(self, document: Document) -> str:
        """The line for a document, empty where all its fields are."""
        values = {name: field_of(document, name) for name in self.fields}
        if self.fields and not any(values.values()):
            return ""
        return self.template.format_map(values).strip()

    def lead(self, document: Document) -> str:
        """What stands before the text: the line and its end, or nothing."""
        line = self.render(document)
        return f"{line}\n" if line else ""


NO_HEADER = Header("")


class Headed:
    """A component with the option `header`."""

    header: str

    def __post_init__(self) -> None:
        Header(self.header)

    @property
    def fields(self) -> frozenset[str]:
        """The document's fields that it reads."""
        return Header(self.header).fields


def span_texts(
    documents: Sequence[Document], spans: Sequence[Sequence[Span]], header: Header = NO_HEADER
) -> Iterator[str]:
    """What is read for each span: the header's line, then the span's text."""
    for document, own in zip(documents, spans, strict=True):
        lead = header.lead(document)
        for span in own:
            yield lead + document.text[span.start : span.end]


def field_of(document: Document, name: str) -> str:
    """A field's value as text: title, id, or metadata; empty where it is absent."""
    if name in ("title", "id"):
        return str(getattr(document, name))
    value = document.metadata.get(name, "")
    return value if isinstance(value, str) else str(value)
