"""The chat model that an answerer asks: the options of all that ask one, and no behaviour else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.answerers import prompt as prompts
from components.endpoint.address import check, check_texts
from components.endpoint.chat import Endpoint
from components.endpoint.ledger import Ledger
from components.endpoint.once import Once
from components.endpoint.prompt import Prompt
from components.options import Count, Positive, Weight, Whole, option, part


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Options of an answerer that asks a chat model."""

    endpoint: str = option(help="an OpenAI-compatible address, such as http://127.0.0.1:8000/v1")
    model: str = option(help="the model's name there")
    key: str = option(
        "MILLRACE_ENDPOINT_KEY",
        help="environment variable with the key, if there is one",
        stored=False,
    )
    prompt: str = option(
        "context_first",
        help=f"{', '.join(prompts.NAMES)}, or ./file with the places {{context}} and {{question}}",
        or_folder=True,
    )
    context_characters: Count | None = option(
        None, help="characters of passages in a prompt at most, the best first; none: all"
    )
    max_tokens: Count = option(1024, help="tokens of an answer at most")
    temperature: Weight | None = option(0.0, help="of the model; none: the server's own")
    stream: bool = option(False, help="take the answer in pieces, as it is made", stored=False)
    concurrency: Count = option(4, help="questions asked at once", stored=False)
    seconds: Positive = option(
        60.0, help="seconds of silence after which a call is given up", stored=False
    )
    retries: Whole = option(4, help="more tries of a call that failed", stored=False)
    input_price: Weight = option(0.0, help="price of a million tokens that are sent", stored=False)
    output_price: Weight = option(
        0.0, help="price of a million tokens that are answered", stored=False
    )

    ledger: Ledger | None = part()
    _prompt: Prompt = field(init=False, repr=False, compare=False)
    _once: Once[Endpoint] = field(default_factory=Once, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check(self.endpoint, self.key)
        object.__setattr__(self, "_prompt", prompts.load(self.prompt))

    @classmethod
    def check_given(cls, stage: str, options: Mapping[str, Any]) -> None:
        """Raises BadOption where a key stands in a place whose value would be shown."""
        check_texts(stage, options)

    @property
    def facts(self) -> Mapping[str, object]:
        """Of the model and the prompt."""
        return {**self.chat_model.facts, "prompt": self._prompt.sha256}

    @property
    def asked_by(self) -> Prompt:
        """The prompt, as it was when this was made."""
        return self._prompt

    @property
    def chat_model(self) -> Endpoint:
        """The model, one for all threads."""
        return self._once.get(self._endpoint)

    def _endpoint(self) -> Endpoint:
        return Endpoint(
            address=self.endpoint,
            model=self.model,
            key=self.key,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            stream=self.stream,
            seconds=self.seconds,
            retries=self.retries,
            input_price=self.input_price,
            output_price=self.output_price,
            ledger=Ledger() if self.ledger is None else self.ledger,
        )
