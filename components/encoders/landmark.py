"""Chunking-free encoding: a vector per sentence, read from a pass over the document.

After Landmark Embedding (ACL 2024, long 180). Used with the splitter `sentence` and the retriever
`neighbourhood`, which puts passages together at query time. The model's profile decides the form:
a model trained for landmarks is read at the special token after every sentence (`landmarks.py`), a
mean-pooled one by late pooling (`contextual.py`), any other is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from components.cache import VectorCache
from components.encoders import contextual, landmarks, naive
from components.encoders.contextual import Reading
from components.encoders.device import Precision
from components.encoders.header import Header
from components.encoders.rows import blocks
from components.encoders.smoothing import smoothed
from components.encoders.tokenizers import FastTokenizer
from components.encoders.variants import Variant, chosen
from components.errors import BadOption
from components.options import Count, Weight, Whole, option, part
from components.values import Block, Document, Matrix, Span


@dataclass(frozen=True, kw_only=True)
class Landmark:
    """A vector for each span it is given (sentences, as a rule) from windows of the document.

    Models that were trained for it are read at a special token after every span, with all context
    before it; of the others the span's tokens are pooled.
    """

    revision: ClassVar[int] = 1

    model: str = option(
        "minilm", help="a name of `millrace models`, ./folder, or a hub id", or_folder=True
    )
    window: Count = option(256, help="tokens of text read at once")
    overlap: Whole = option(
        64,
        help="tokens shared by neighbouring windows, half of them on each side",
    )
    # Of these, `facts` has what they change, and only where they are set.
    min_context: Whole | None = option(
        None,
        help="tokens read on each side of every span, of trained models before it, where the "
        "document has them; none: half of the overlap, of trained models all of it",
        stored=False,
    )
    smoothing: Whole = option(
        0, help="neighbours on each side that are mixed into a span's vector", stored=False
    )
    decay: Weight = option(
        1.0, help="of smoothing: a neighbour d spans away weighs exp(-decay * d)", stored=False
    )
    dimensions: Count | None = option(
        None, help="components kept of each vector (Matryoshka); none: all", stored=False
    )
    layers: Count | None = option(
        None, help="layers of the model used (2D Matryoshka); none: all", stored=False
    )
    task: str = option(
        "", help="what queries ask for, of models whose prompt says it", stored=False
    )
    examples: tuple[tuple[str, str], ...] = option(
        (), help="queries with answers, read before each query by models made for it", stored=False
    )
    token_states: Whole = option(
        0,
        help="tokens of a chunk that are kept as one state, a bit per component, for the reranker "
        "`late_interaction`; 1 is best, 0 keeps none",
        stored=False,
    )
    precision: Precision = option(
        "auto",
        help="auto: 16 bits where the device has them; fp32",
    )
    cache: VectorCache | None = part()

    @property
    def _variant(self) -> Variant:
        return chosen(self)

    @property
    def _reading(self) -> Reading:
        return Reading(self.window, self.overlap, self.min_context)

    @property
    def width(self) -> int:
        return self._variant.width

    @property
    def loaded(self) -> bool:
        return self._variant.loaded

    @property
    def model_bytes(self) -> int:
        """Of the weights in memory."""
        return self._variant.bytes

    @property
    def tokenizer(self) -> FastTokenizer:
        return self._variant.model.tokenizer

    @property
    def fields(self) -> frozenset[str]:
        return frozenset()

    @property
    def facts(self) -> Mapping[str, object]:
        of = self._variant
        own = (
            landmarks.facts(of.model, self._reading)
            if _trained(of)
            else contextual.facts(of.model, self._reading, Header(""))
        )
        mixed = {"smoothing": self.smoothing, "decay": self.decay} if self.smoothing else {}
        return {**of.facts, **own, **mixed}

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """See `Encoder`."""
        of = self._variant
        rows = (
            landmarks.rows(of, documents, spans, self._reading)
            if _trained(of)
            else contextual.rows(of, documents, spans, self._reading, Header(""))
        )
        if self.smoothing:
            rows = smoothed(rows, spans, self.smoothing, self.decay)
        log = of.log()
        return blocks(naive.with_states(rows, of, documents, spans, log), spans, log, documents)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Encoder`."""
        return naive.queries(self._variant, texts)


def _trained(of: Variant) -> bool:
    """Whether the model was trained for landmarks. Raises BadOption where it suits neither form."""
    profile = of.model.checkpoint.profile
    if profile.landmark_refusal:
        raise BadOption(f"{profile.name} {profile.landmark_refusal}").at(
            where="encoder.model", hint="use: naive, a mean-pooled model, or one like lmk"
        )
    return profile.landmark
