"""Readers and parsers as packages of others have them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from llama_index.core.bridge.pydantic import Field
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.readers.base import BasePydanticReader, BaseReader
from llama_index.core.schema import Document


class Pages(BaseReader):
    """Pages of documents, with random ids and every kind of metadata."""

    def __init__(
        self,
        text_key: str = "text",
        api_key: str | None = None,
        languages: set[str] | None = None,
        hook: Callable[[str], str] | None = None,
    ) -> None:
        self.text_key, self.api_key, self.languages = text_key, api_key, languages

    def load_data(self, urls: list[str], shout: bool = False) -> list[Document]:
        if self.api_key and self.api_key not in ("right", "sesame"):
            raise PermissionError(f"the key {self.api_key} is wrong")
        return [self._page(url, shout) for url in urls]

    def _page(self, url: str, shout: bool) -> Document:
        text = f"Page about {url} with {self.text_key}."
        metadata = {
            "url": url,
            "title": f"All\n about {url}",
            "nested": {"b": [1], "a": None},
            "words": ["x", "y"],
            "score": float("nan"),
            "nothing": None,
            "last_accessed_date": uuid.uuid4().hex,
        }
        return Document(text=text.upper() if shout else text, metadata=metadata)


class Plain(BasePydanticReader):
    """Texts without any metadata."""

    ids: list[str] = Field(default_factory=list)
    limit: int = 3

    def lazy_load_data(self, texts: list[str]) -> Iterable[Document]:
        for number, text in enumerate(texts[: self.limit]):
            given = {"id_": self.ids[number]} if self.ids else {}
            yield Document(text=text, **given)


class Labelled(BaseReader):
    """A document per page of one file."""

    def load_data(self, file: str, labels: list[str]) -> list[Document]:
        return [
            Document(text=f"Page {each}.", metadata={"file_path": file, "page_label": each})
            for each in labels
        ]


class Closed(BaseReader):
    """Cannot be made without a token."""

    def __init__(self, access_token: str) -> None:
        self.access_token = access_token

    def load_data(self) -> list[Document]:
        assert self.access_token == os.environ["EXPECTED"]
        return [Document(text="open", id_="one")]


class Chatty(BaseReader):
    """Prints, and fails where its package is missing."""

    def load_data(self, package: str = "") -> list[Document]:
        print("loading")
        if package:
            __import__(package)
        return [Document(text="text", id_="one")]


class Careless(BaseReader):
    """Gives None for what it could not read."""

    def load_data(self) -> list[Document]:
        found: list[Any] = [Document(text="text", id_="one"), None]
        return found


class Unwritable(BaseReader):
    """Needs what YAML cannot write."""

    def __init__(self, hook: Callable[[str], str]) -> None:
        self.hook = hook

    def load_data(self) -> list[Document]:
        return []


class Shouting(SentenceSplitter):
    """Changes the text that it splits."""

    def split_text_metadata_aware(self, text: str, metadata_str: str) -> list[str]:
        return [each.upper() for each in super().split_text_metadata_aware(text, metadata_str)]


class Repeating(SentenceSplitter):
    """Nodes in which short texts occur in the one before."""

    def split_text_metadata_aware(self, text: str, metadata_str: str) -> list[str]:
        return [text[:9], text[9:11], text[11:]]


class Overlapping(SentenceSplitter):
    """Nodes that begin before the one before has ended."""

    def split_text_metadata_aware(self, text: str, metadata_str: str) -> list[str]:
        return [text[:20], text[10:]]


NO_READER: Any = Callable
