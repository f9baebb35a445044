"""Front matter: fields before a Markdown text, as YAML between `---` or TOML between `+++`.

YAML is read as version 1.2 has it, so that `no` is a word, and what writing it anew would change
stays as it is written: `01234`, `1.10`, `1_000`. Nothing is made of tags.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from components.sources.extract.fields import flat
from components.values import Metadata

_LONGEST = 32_000
"""Characters of a block. Every chunk would hold a copy of it."""
_MOST = 50_000
"""Characters of a block's values, those that an alias stands for counted each time."""
_VALUE = 16
"""Characters for which an empty value counts."""
_MOST_BRACKETS = 500
"""The parser's time grows with the square of how deep they nest."""
_ENDS = {
    "---": re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE),
    "+++": re.compile(r"^\+\+\+[ \t]*(?:\n|\Z)", re.MULTILINE),
}
_FIELD = re.compile(r"(?:[ \t]*(?:#.*)?\n)*+[\w\"'][^\n:]*:(?:\s|\Z)")
_TITLE = re.compile(r"^title:[ \t]*(.+)$", re.MULTILINE | re.IGNORECASE)
_TAG = "tag:yaml.org,2002:"
_ZONE = re.compile(r"\s+(?=[-+Z]|\Z)")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What a file's beginning says, and what is left as text."""

    text: str
    """Without the block."""
    title: str = ""
    metadata: Metadata = field(default_factory=dict)
    unread: str = ""
    """A block that has fields, but not in the form that it should: it stays text."""


def split(text: str) -> FrontMatter:
    """A Markdown text, parted. A rule at its beginning is not front matter, nor is what has no end,
    is not fields, or is longer than fields are.
    """
    opening, _, rest = text.partition("\n")
    mark = opening.rstrip()
    if mark not in _ENDS or not rest.partition("\n")[0].strip():
        return FrontMatter(text)
    end = _ENDS[mark].search(rest, 0, _LONGEST)
    if end is None or (end.end() == _LONGEST and len(rest) > _LONGEST):
        return FrontMatter(text)
    block, body = rest[: end.start()], rest[end.end() :].lstrip("\n")
    try:
        found = _READERS[mark](block)
    # Whatever a stranger's block makes of a parser, it is still text.
    except (YAMLError, ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError,
            TypeError, ValueError):  # fmt: skip
        found = None
    if isinstance(found, dict):
        title, fields = _titled(found)
        return FrontMatter(body, title, flat(fields))
    if not _FIELD.match(block):
        return FrontMatter(text)
    titled = _TITLE.search(block)
    return FrontMatter(
        body,
        titled[1].strip().strip("\"'") if titled else "",
        unread=text[: len(text) - len(rest) + end.end()],
    )


def _titled(fields: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The title, and the fields without it."""
    for name in sorted(fields, key=lambda name: name != "title"):
        value = fields[name]
        if name.casefold() == "title" and isinstance(value, str | int | float | date):
            return str(value).strip(), {n: v for n, v in fields.items() if n != name}
    return "", dict(fields)


def _yaml(block: str) -> Any:
    """Its value; None for none. Raises ValueError and what the parser does."""
    if block.count("[") + block.count("{") > _MOST_BRACKETS:
        raise ValueError("too many brackets")
    reader = YAML(typ="safe", pure=True)
    reader.composer.warn_double_anchors = False  # the last one counts
    root = reader.compose(StringIO(block))
    if root is None:
        return {} if not block.strip() else None
    return _Values().of(root)


class _Values:
    """The values of a tree of nodes, which may hold a node many times, and itself."""

    def __init__(self) -> None:
        self._left = _MOST

    def of(self, node: Node) -> Any:
        """Of a node. Raises ValueError where there are too many."""
        self._left -= _VALUE + (len(node.value) if isinstance(node, ScalarNode) else 0)
        if self._left < 0:
            raise ValueError("too many values")
        if isinstance(node, SequenceNode):
            return [self.of(each) for each in node.value]
        return self._mapping(node) if isinstance(node, MappingNode) else _scalar(node)

    def _mapping(self, node: MappingNode) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise ValueError("a name that is no word")
            taken = value.value if isinstance(value, SequenceNode) else [value]
            if key.tag == f"{_TAG}merge" and all(isinstance(each, MappingNode) for each in taken):
                for each in taken:  # the first one that has a name counts
                    merged = self.of(each) | merged
            else:
                own[key.value] = self.of(value)
        return merged | own


def _scalar(node: Node) -> Any:
    read = _SCALARS.get(str(node.tag).removeprefix(_TAG))
    return read(node.value) if read else node.value.rstrip("\n")


def _number(of: Callable[[str], int | float]) -> Callable[[str], int | float | str]:
    def read(written: str) -> int | float | str:
        try:
            value = of(written)
        except ValueError:
            return written
        return value if str(value) == written else written

    return read


def _moment(written: str) -> str:
    try:
        if len(written) <= len("2026-11-30"):
            return date.fromisoformat(written).isoformat()
        return datetime.fromisoformat(_ZONE.sub("", written)).isoformat()
    except ValueError:  # 30 February
        return written


_SCALARS: Mapping[str, Callable[[str], Any]] = {
    "null": lambda written: None,
    "bool": lambda written: written.lower() == "true",
    "int": _number(int),
    "float": _number(float),
    "timestamp": _moment,
}
_READERS: Mapping[str, Callable[[str], Any]] = {"---": _yaml, "+++": tomllib.loads}
