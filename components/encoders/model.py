"""A transformer's weights and its forward pass: token ids in, hidden states out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from components.encoders import adapters, native
from components.encoders.checkpoints import Checkpoint, check_weights, checkpoint, config_file
from components.encoders.device import Precision, device, dtype
from components.encoders.tokenizers import FastTokenizer
from components.errors import BadOption, DoesNotFit, ModelFault
from components.machine.system import of_machine
from components.values import Integers

if TYPE_CHECKING:
    import torch

    from components.encoders.passes import Hidden

_SHOWN = 16
"""Tokens by which a text is named."""


class Model:
    """A checkpoint with its tokenizer and, from the first forward pass on, its weights.

    `layers`: how many of its layers are used, None for all. `adapter`: the folder beside its
    weights with what is added to them; none where it is empty.
    """

    def __init__(
        self, of: Checkpoint, precision: Precision, layers: int | None = None, adapter: str = ""
    ) -> None:
        self.checkpoint = of
        self.precision = precision
        self.layers = layers
        self._adapter = of.folder / adapter if adapter else None
        self._packs = False
        self._fitting: int | None = None
        """Tokens per forward pass that memory has sufficed for; None where it always did."""
        self.bytes = 0
        """Of the weights in memory, as they are laid out there."""

    @cached_property
    def tokenizer(self) -> FastTokenizer:
        """The model's tokenizer; needs no weights."""
        profile = self.checkpoint.profile
        return FastTokenizer(self.checkpoint.folder / "tokenizer.json", profile.bos, profile.eos)

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        return "_weights" in self.__dict__

    @property
    def batch_tokens(self) -> int:
        """Tokens per forward pass: on a CPU few enough to stay in its cache, and never more than
        memory has sufficed for.
        """
        usual = 2048 if self._on_cpu else 32_768
        return usual if self._fitting is None else min(usual, self._fitting)

    def read_less(self, tokens: int) -> None:
        """From now on at most so many tokens per forward pass."""
        self._fitting = max(1, min(tokens, self._fitting or tokens))

    @property
    def round_tokens(self) -> int:
        """Tokens that are sorted by length together. A GPU waits for the first of them."""
        return (32 if self._on_cpu else 4) * self.batch_tokens

    @property
    def reads_ahead(self) -> bool:
        """Whether texts are made ready by a thread meanwhile; a CPU's cores are the model's."""
        return not self._on_cpu

    def unfit(self, ids: Integers) -> DoesNotFit:
        """The error of a sequence that memory does not suffice for, named by how it begins."""
        start = self.tokenizer.text(ids[:_SHOWN])
        return DoesNotFit(
            f"the memory of {self._device} does not suffice for {len(ids):,} tokens at once, "
            f"those of the text {start!r} …"
        ).at(hint="a smaller window, a smaller model, or a device that nobody else uses")

    @property
    def identity(self) -> str:
        """What its hidden states depend on, besides the tokens."""
        own = f"{self.checkpoint.weights_sha256} {self.layers} {self._dtype()}"
        return f"{own} {self.adapter_sha256}" if self._adapter else own

    @property
    def adapter_sha256(self) -> str:
        """Of what is added to its weights; empty where nothing is. Raises ModelFault."""
        return adapters.sha256(self._adapter) if self._adapter else ""

    @property
    def exact(self) -> bool:
        """Whether it computes in 32 bits."""
        import torch

        return self._dtype() == torch.float32

    def hidden(self, batch: Sequence[Integers]) -> Hidden:
        """Last layer's states of token ids; on a GPU they may not be there yet."""
        import torch

        from components.encoders import passes

        weights = self._weights
        run = passes.packed if self._packs else passes.padded
        with torch.inference_mode():
            return run(weights, batch, self._device)

    @cached_property
    def _device(self) -> torch.device:
        return device()

    @property
    def _on_cpu(self) -> bool:
        return self._device.type == "cpu"

    @cached_property
    def _weights(self) -> Any:
        check_weights(self.checkpoint)
        import torch

        from components.encoders import attention, passes
        from components.encoders.packed import pack

        try:
            loaded = self._read_weights().to(self._device).eval()
        except (torch.OutOfMemoryError, MemoryError):
            raise DoesNotFit(
                f"the memory of {self._device} does not suffice for {self.checkpoint.profile.name}"
            ).at("encoder.model", "a smaller model, or a device that nobody else uses") from None
        # A decoder would keep every layer's keys and values for a next token.
        loaded.config.get_text_config().use_cache = loaded.config.use_cache = False
        if self._on_cpu and self._dtype() == torch.bfloat16:
            pack(loaded)
            attention.use(loaded)
        if passes.can_pack(self._device, self._dtype(), loaded.config.model_type):
            loaded.set_attn_implementation(passes.FLASH)
            self._packs = True
        ready = loaded if self.layers is None else _first_layers(loaded, self.layers)
        self.bytes = _bytes(loaded)
        return ready

    def _read_weights(self) -> Any:
        """As transformers reads them. Raises ModelFault, BadOption."""
        config = config_file(self.checkpoint.folder)
        native.check_class(self.checkpoint.profile.name, config)
        import torch
        from transformers import AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            loaded, found = AutoModel.from_pretrained(
                self.checkpoint.folder,
                config=native.configured(config),
                dtype=self._dtype(),
                output_loading_info=True,
            )
        except Exception as error:  # the libraries raise whatever they do of broken files
            if of_machine(error) or isinstance(error, torch.OutOfMemoryError | MemoryError):
                raise
            raise self._fault(f"cannot be read: {' '.join(str(error).split())}") from error
        self._check_complete(found)
        if self._adapter:
            adapters.merge(loaded, self._adapter)
        return loaded

    def _check_complete(self, found: Mapping[str, Any]) -> None:
        """Raises ModelFault where a weight would be left at random."""
        missing = [name for name in found["missing_keys"] if not name.startswith("pooler.")]
        if missing:
            raise self._fault(f"lack {min(missing)}")

    def _fault(self, what: str) -> ModelFault:
        return ModelFault(f"the weights of {self.checkpoint.profile.name} {what}").at(
            where=str(self.checkpoint.folder), hint="are they those of the config.json?"
        )

    def _dtype(self) -> torch.dtype:
        return dtype(self.precision, self._device)


def _first_layers(loaded: Any, layers: int) -> Any:
    """The model without its later layers (2D Matryoshka: arXiv 2402.14776): called alike,
    `last_hidden_state` is the states after `layers` layers, before any normalisation that follows
    the last one. Changes the model given.

    Raises BadOption for an architecture without a list of layers.
    """
    import torch

    total = loaded.config.num_hidden_layers
    lists = [each for each in loaded.modules() if isinstance(each, torch.nn.ModuleList)]
    stack = next((each for each in lists if len(each) == total), None)
    if stack is None:
        raise BadOption(f"a {loaded.config.model_type} model cannot be cut to fewer layers").at(
            where="encoder.layers", hint="leave the option out"
        )
    del stack[layers:]
    loaded.config.num_hidden_layers = layers
    states: list[Any] = []
    stack[-1].register_forward_hook(
        lambda _module, _given, out: states.append(out[0] if isinstance(out, tuple) else out)
    )

    def forward(**inputs: Any) -> Any:
        loaded(**inputs)
        return SimpleNamespace(last_hidden_state=states.pop())

    return forward


def _bytes(loaded: Any) -> int:
    """Of every tensor that its modules hold; packed layers keep theirs as plain attributes."""
    import torch

    held = {
        id(each): each.nbytes
        for module in loaded.modules()
        for own in (vars(module), module._parameters, module._buffers)
        for each in own.values()
        if isinstance(each, torch.Tensor)
    }
    return sum(held.values())


@cache
def _shared(of: Checkpoint, precision: Precision, layers: int | None, adapter: str) -> Model:
    return Model(of, precision, layers, adapter)


def model(
    name: str, precision: Precision, layers: int | None = None, *, asked: bool = False
) -> Model:
    """This process's one copy of a model, for documents or, where it is `asked`, for queries; most
    are one for both. Raises BadOption where it has fewer layers.
    """
    of = checkpoint(name)
    if layers is not None and of.layers is not None and layers > of.layers:
        raise BadOption(f"{of.profile.name} has {of.layers} layers, not {layers}").at(
            where="encoder.layers", hint=f"from 1 to {of.layers}"
        )
    adapter = of.profile.query_adapter if asked else of.profile.document_adapter
    return _shared(of, precision, None if layers == of.layers else layers, adapter)
