"""A model as an encoder's options use it: some of its layers and components, its prompts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.encoders import frames
from components.encoders.device import Precision
from components.encoders.frames import Frame
from components.encoders.kernel import pool
from components.encoders.model import Model, model
from components.encoders.pieces import Rows, Window
from components.encoders.profiles import Profile
from components.encoders.states import StateLog
from components.errors import BadOption

if TYPE_CHECKING:
    from components.encoders.cache import VectorCache


@dataclass(frozen=True, slots=True)
class Variant:
    """A model, how many components of its vectors are kept, and what stands around texts."""

    model: Model
    """What reads documents."""
    asked: Model
    """What reads queries: the same, but for models with an adapter for each side."""
    dimensions: int | None
    queries: Frame
    documents: Frame
    cache: VectorCache | None = None
    """Of what documents' windows gave; queries are not remembered."""
    token_states: int = 0
    """How many tokens of a document are kept as one state beside its vectors; 0 for none."""

    @property
    def width(self) -> int:
        """Length of a vector."""
        return self.dimensions or self.model.checkpoint.width

    @property
    def loaded(self) -> bool:
        """Whether any weights are in memory."""
        return self.model.loaded or self.asked.loaded

    @property
    def bytes(self) -> int:
        """Of the weights in memory."""
        return sum(each.bytes for each in {self.model, self.asked})

    def pooled(self, windows: Iterable[Window], log: StateLog | None = None) -> Rows:
        """Rows of windows of documents, see `pool`."""
        return pool(self.model, windows, self.dimensions, self.cache, log)

    def log(self) -> StateLog | None:
        """What takes the states of a call's tokens; None where none are kept."""
        return StateLog(self.token_states) if self.token_states else None

    @property
    def facts(self) -> Mapping[str, object]:
        """What the options stand for in a fingerprint.

        What most models do not have is left out where it is absent, so that it may be added to the
        profiles without a new fingerprint for all.
        """
        of = self.model.checkpoint
        return {
            "weights": of.weights_sha256,
            "pooling": of.pooling,
            "window": of.window,
            "query_prompt": self.queries.parts[0],
            "document_prompt": self.documents.parts[0],
            **{name: value for name, value in self._rare().items() if value},
        }

    def _rare(self) -> dict[str, object]:
        profile = self.model.checkpoint.profile
        return {
            "dimensions": self.dimensions,
            "layers": self.model.layers,
            "token_states": self.token_states,
            # The first token of a text was once taken for its prompt's by some tokenizers.
            "states_behind_prompt": bool(self.token_states and self.documents.parts[0]),
            "query_parts": [each for each in self.queries.parts[1:] if each],
            "document_parts": [each for each in self.documents.parts[1:] if each],
            "special": [each for each in (profile.bos, profile.eos) if each],
            "landmark": profile.landmark,
            "adapters": self._adapters,
            "prompt_left_out": not profile.pool_prompt,
            # Long texts were once read with the prompt in their first window only.
            "prompt_in_every_window": any((*self.queries.parts, *self.documents.parts)),
        }

    @property
    def _adapters(self) -> list[str]:
        found = [self.asked.adapter_sha256, self.model.adapter_sha256]
        return found if any(found) else []


def variant(
    name: str,
    precision: Precision,
    *,
    dimensions: int | None = None,
    layers: int | None = None,
    task: str = "",
    examples: Sequence[tuple[str, str]] = (),
) -> Variant:
    """The variant that the options ask for. Raises BadOption, and what `checkpoint` raises."""
    found = model(name, precision, layers)
    profile, width = found.checkpoint.profile, found.checkpoint.width
    if dimensions is not None:
        _check_dimensions(profile, dimensions, width)
    if task and "{task}" not in profile.query_prompt:
        raise BadOption(f"the query prompt of {profile.name} has no place for a task").at(
            where="encoder.task", hint="`millrace models NAME` shows a model's prompts"
        )
    if examples and not profile.examples:
        raise BadOption(f"{profile.name} was not trained to read examples").at(
            where="encoder.examples", hint="bge-en-icl was"
        )
    return Variant(
        found,
        model(name, precision, layers, asked=True),
        None if dimensions == width else dimensions,
        frames.of_queries(profile, task, examples),
        frames.of_documents(profile),
    )


def check_pooling(of: Model) -> None:
    """Raises BadOption: a model that is read at one token was not trained to say anything at the
    others.
    """
    pooling, name = of.checkpoint.pooling, of.checkpoint.profile.name
    if pooling != "mean":
        raise BadOption(f"{name} pools by its {pooling} token: its other tokens say little").at(
            where="encoder.token_states", hint="token_states: 0, or a mean-pooled model"
        )


def _check_dimensions(profile: Profile, dimensions: int, width: int) -> None:
    """Of a model without a name in the profiles any width may be tried."""
    if dimensions > width:
        raise BadOption(f"{profile.name} has {width} dimensions, not {dimensions}").at(
            where="encoder.dimensions", hint=f"at most {width}"
        )
    if not profile.family or dimensions == width:
        return
    if not profile.matryoshka or dimensions < min(profile.matryoshka):
        trained = ", ".join(map(str, (width, *profile.matryoshka)))
        raise BadOption(f"{profile.name} was not trained for {dimensions} dimensions").at(
            where="encoder.dimensions", hint=f"it was for: {trained}"
        )
