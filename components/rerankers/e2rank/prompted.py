"""Which model reads the prompts of a listwise reranker, and whether it made the index too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from components.encoders import profiles
from components.encoders.device import Precision
from components.encoders.variants import Variant, variant
from components.errors import BadOption
from components.rerankers.e2rank.embedders import Embedder, LocalModel
from components.rerankers.e2rank.served import ServedModel
from components.rerankers.own_model import model_name, reads_with
from components.stages import Encoder

_END = "<|endoftext|>"
"""What the models of E²Rank expect at the end of a document."""
_BYTES = 3
"""Of a token, at least, in most scripts."""
_SPACE = ("weights", "pooling", "layers", "special", "document_prompt", "document_parts")
"""Facts of an encoder that decide whether its vectors are comparable with a model's."""


@dataclass(frozen=True)
class Prompted:
    """The model by name, or the index' own where the name is empty."""

    model: str
    precision: Precision
    endpoint: str
    """Address of what serves it; empty: this process does."""
    key: str
    encoder: Encoder | None
    """The index'."""

    @cached_property
    def name(self) -> str:
        """Of the model. Raises BadOption where there is none."""
        return model_name(self.model, self.encoder)

    @cached_property
    def made_the_index(self) -> bool:
        """Whether the index' vectors are comparable with its own."""
        if self.encoder is None or not getattr(self.encoder, "model", ""):
            return False
        theirs = self.encoder.facts
        if self.endpoint:  # whose weights nobody sees: the name must do
            same = _known_as(self.name) == _known_as(getattr(self.encoder, "model", ""))
            return same and theirs.get("pooling") == "last" and not theirs.get("layers")
        own = self._variant.facts
        return all(theirs.get(fact) == own.get(fact) for fact in _SPACE)

    @cached_property
    def embedder(self) -> Embedder:
        """The model, ready to read. Raises BadOption, and what `checkpoint` raises."""
        if not self.endpoint:
            return LocalModel(self._variant)
        width = self._of_index.get("dimensions") if self.made_the_index else None
        return ServedModel(self.endpoint, _known_as(self.name), self.key, self._counts, _END, width)

    @cached_property
    def _variant(self) -> Variant:
        same = reads_with(self.encoder, self.name)
        found = variant(self.name, self.precision, **(self._of_index if same else {}))
        if found.model.checkpoint.pooling != "last":
            raise BadOption(f"{self.name} is not read at its last token").at(
                where="reranker.model", hint="use an E²Rank model, or: use: feedback"
            )
        return found

    @property
    def _of_index(self) -> Mapping[str, Any]:
        """How much of a model the index' encoder uses."""
        return {name: getattr(self.encoder, name, None) for name in ("dimensions", "layers")}

    def _counts(self, text: str) -> int:
        """Tokens, rather too many: the endpoint's tokenizer is not at hand, but the index' is."""
        own = 0 if self.encoder is None else len(self.encoder.tokenizer.tokens(text).ids)
        return max(own, len(text.encode()) // _BYTES)


def _known_as(name: str) -> str:
    """On the hub, which is how servers call it."""
    profile = profiles.find(name)
    return profile.model if profile and profile.model else name
