"""The documents of a data set, read by the stage that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from components import registry
from components.errors import BadDocument
from components.stages import Source
from components.values import Document, DocumentRef


def documents(source: Mapping[str, Any]) -> Iterator[Document]:
    """Those that can be read. `source`: see `Judged.source`. Raises SourceMissing."""
    options = {name: value for name, value in source.items() if name != "use"}
    stage: Source = registry.build("source", registry.resolve("source", source["use"], options))
    for ref in stage.scan():
        if isinstance(ref, DocumentRef):
            with suppress(BadDocument):
                yield stage.read(ref)
