"""A LlamaIndex embedding as an encoder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from components.bridges import foreign
from components.bridges.foreign import Wrapped
from components.encoders import profiles
from components.encoders.cache import VectorCache
from components.encoders.checkpoints import checkpoint
from components.encoders.header import HEADER, Header, span_texts
from components.encoders.kernel import unit
from components.encoders.rows import blocks
from components.encoders.tokenizers import FastTokenizer, WordTokenizer
from components.encoders.windows import token_ranges
from components.errors import BadOption, EndpointUnavailable, ModelFault
from components.options import option, part
from components.stages import Tokenizer
from components.values import Block, Document, Matrix, Span

_ROWS = 2048
"""Texts handed over at once; LlamaIndex cuts them into its own batches."""


@dataclass(frozen=True, kw_only=True)
class FromEmbedding:
    """Embeds each span's own text: LlamaIndex embeds strings, so no vector knows its document."""

    revision: ClassVar[int] = 1
    _wraps: ClassVar[Wrapped]

    header: str = HEADER
    tokenizer_of: str = option(
        "",
        help="whose tokens max_tokens counts: a name of `millrace models`, ./folder, or a hub id; "
        "none: words",
        stored=False,  # `facts` has the file's hash
        or_folder=True,
    )

    cache: VectorCache | None = part()

    def __post_init__(self) -> None:
        Header(self.header)

    @cached_property
    def width(self) -> int:
        """Length of a vector, learned by embedding a word."""
        return int(self._checked([self._query("width")]).shape[1])

    @property
    def loaded(self) -> bool:
        return "_embedding" in self.__dict__

    @property
    def tokenizer(self) -> Tokenizer:
        """That of `tokenizer_of`. Raises BadOption, ModelFault."""
        return _read(_file(self.tokenizer_of)) if self.tokenizer_of else WordTokenizer()

    @property
    def fields(self) -> frozenset[str]:
        return Header(self.header).fields

    @property
    def facts(self) -> Mapping[str, object]:
        """The class, versions of what makes the vectors, and the tokenizer's sha256."""
        kind = self._wraps.kind
        counted = _sha256(_file(self.tokenizer_of)) if self.tokenizer_of else "words"
        return {
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "tokenizer": counted,
            **foreign.versions(kind),
        }

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """See `Encoder`. Raises EndpointUnavailable with LlamaIndex's message, ModelFault."""
        for document, own in zip(documents, spans, strict=True):
            token_ranges(self.tokenizer.tokens(document.text), own)
        return blocks(self._rows(span_texts(documents, spans, Header(self.header))), spans)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Encoder`. Raises EndpointUnavailable with LlamaIndex's message, ModelFault."""
        if not texts:
            return np.zeros((0, self.width), np.float32)
        return self._checked([self._query(text) for text in texts])

    @cached_property
    def _making(self) -> dict[str, Any]:
        self._wraps.check_environment(BadOption)
        return foreign.arguments(self, self._wraps.making)

    @cached_property
    def _embedding(self) -> Any:
        with foreign.called(self._wraps.name, BadOption, self._making):
            return self._wraps.kind(**self._making)

    def _rows(self, texts: Iterator[str]) -> Iterator[tuple[int, Matrix]]:
        first = 0
        while batch := list(islice(texts, _ROWS)):
            made = self._remembered(batch, self.cache) if self.cache else self._embedded(batch)
            yield first, made
            first += len(batch)

    def _embedded(self, texts: Sequence[str]) -> Matrix:
        embedding = self._embedding
        with foreign.called(self._wraps.name, EndpointUnavailable, self._making):
            found = embedding.get_text_embedding_batch(texts)
        if len(found) != len(texts):
            raise ModelFault(f"{self._wraps.name} gave {len(found)} vectors for {len(texts)} texts")
        return self._checked(found)

    def _remembered(self, texts: Sequence[str], cache: VectorCache) -> Matrix:
        """A vector per text; only those that the cache lacks are asked for."""
        keys = [self._key(text) for text in texts]
        width = self._kept_width(cache)
        known = cache.find(keys, width)
        cache.count(wanted=len(keys), found=len(known))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            vectors = self._embedded(list(missing.values()))
            if known and vectors.shape[1] != width:  # what is kept is not what is made
                known, missing = {}, dict(zip(keys, texts, strict=True))
                vectors = self._embedded(list(missing.values()))
            made = dict(zip(missing, vectors, strict=True))
            cache.keep(made)
            cache.keep_bytes({self._key_of_width: vectors.shape[1].to_bytes(4, "big")})
            known |= made
        return np.stack([known[key] for key in keys])

    def _kept_width(self, cache: VectorCache) -> int:
        """Length of a vector in the cache, which knows it without what makes them."""
        if "width" in self.__dict__:
            return self.width
        held = cache.find_bytes([self._key_of_width]).get(self._key_of_width, b"")
        return int.from_bytes(held, "big") if len(held) == 4 else self.width

    @cached_property
    def _key_of_width(self) -> bytes:
        return blake2b(b"width", key=self._identity[:16], digest_size=20).digest()

    def _key(self, text: str) -> bytes:
        return blake2b(text.encode(), key=self._identity, digest_size=20).digest()

    @cached_property
    def _identity(self) -> bytes:
        """What vectors depend on besides the text: the options and the `facts`."""
        told = json.dumps([foreign.values_of(self), dict(self.facts)], sort_keys=True, default=str)
        return blake2b(told.encode(), digest_size=32).digest()

    def _query(self, text: str) -> Sequence[float]:
        embedding = self._embedding
        with foreign.called(self._wraps.name, EndpointUnavailable, self._making):
            found: Sequence[float] = embedding.get_query_embedding(text)
        return found

    def _checked(self, found: Sequence[Sequence[float]]) -> Matrix:
        """Unit vectors, one per row. Raises ModelFault where there is none."""
        try:
            rows = np.asarray(found, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise ModelFault(f"{self._wraps.name} gave no vectors of one length: {error}") from None
        if rows.ndim != 2 or not np.isfinite(rows).all() or not rows.any(axis=1).all():
            raise ModelFault(f"{self._wraps.name} gave a vector without a direction").at(
                hint="its numbers are all 0, or one of them is not finite"
            )
        return unit(rows)


@cache
def _file(model: str) -> Path:
    """The tokenizer of a model, which may be a folder that has nothing else."""
    folder = Path(model).expanduser()
    if profiles.find(model) is None and folder.is_dir():
        return folder / "tokenizer.json"
    try:
        return checkpoint(model).folder / "tokenizer.json"
    except BadOption as error:
        raise error.at(where="encoder.tokenizer_of") from None


@cache
def _read(file: Path) -> FastTokenizer:
    return FastTokenizer(file)


@cache
def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise BadOption(f"the tokenizer cannot be read: {error}").at(
            where="encoder.tokenizer_of"
        ) from None
