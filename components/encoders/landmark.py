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

from components.encoders import contextual, landmarks
from components.encoders.contextual import OVERLAP, WINDOW, Reading
from components.encoders.smoothing import smoothed
from components.encoders.transformer import Transformer
from components.encoders.variants import Variant
from components.errors import BadOption
from components.options import Count, Weight, Whole, option
from components.values import Block, Document, Span


@dataclass(frozen=True, kw_only=True)
class Landmark(Transformer):
    """A vector for each span it is given (sentences, as a rule) from windows of the document.

    Models that were trained for it are read at a special token after every span, with all context
    before it; of the others the span's tokens are pooled.
    """

    revision: ClassVar[int] = 1

    window: Count = WINDOW
    overlap: Whole = OVERLAP
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

    @property
    def facts(self) -> Mapping[str, object]:
        of = self._variant
        reading = self._reading(of)
        own = (landmarks if reading.causal else contextual).facts(of.model, reading)
        mixed = {"smoothing": self.smoothing, "decay": self.decay} if self.smoothing else {}
        return {**of.facts, **own, **mixed}

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """See `Encoder`."""
        of = self._variant
        reading = self._reading(of)
        rows = (landmarks if reading.causal else contextual).rows(of, documents, spans, reading)
        if self.smoothing:
            rows = smoothed(rows, spans, self.smoothing, self.decay)
        return self._blocks(rows, documents, spans)

    def _reading(self, of: Variant) -> Reading:
        """Raises BadOption where the model suits neither form."""
        profile = of.model.checkpoint.profile
        if profile.landmark_refusal:
            raise BadOption(f"{profile.name} {profile.landmark_refusal}").at(
                where="encoder.model", hint="use: naive, a mean-pooled model, or one like lmk"
            )
        return Reading(self.window, self.overlap, self.min_context, causal=profile.landmark)
