"""A chat model behind an OpenAI-compatible `/v1/chat/completions`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import tenacity

from components.endpoint import again, heard
from components.endpoint.address import HINTS, Address, check
from components.endpoint.conversation import Message, Said
from components.endpoint.heard import Heard, Malformed
from components.endpoint.ledger import Ledger
from components.endpoint.once import Once
from components.errors import BadOption, EndpointUnavailable, MillraceError
from components.values import Usage
from infra import stopping

if TYPE_CHECKING:
    import openai

_PER_MESSAGE = 64
"""Tokens that a server's template may put around a message."""
_NEW_NAME = ("openai.com", "openai.azure.com")
"""Hosts that call the limit of an answer `max_completion_tokens`; others know `max_tokens`."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Asks a server; see `ChatModel`. For many threads.

    Every try has an entry of its own in the ledger. Refused, or never sent, it took nothing and
    counts as no call; timed out, broken off or unreadable, its end is not known and it counts with
    the most that it may have taken, which is also what an answer without usage is charged. The most
    is a token per UTF-8 byte, and `max_tokens`.
    """

    address: str
    """Ends in /v1."""
    model: str
    key: str
    """Name of the environment variable that holds the key, where there is one."""
    temperature: float | None = 0.0
    """None: the server's own."""
    max_tokens: int = 1024
    """Of an answer."""
    stream: bool = False
    seconds: float = 60.0
    """Of silence after which a call is given up."""
    retries: int = 4
    input_price: float = 0.0
    """Per million tokens."""
    output_price: float = 0.0
    """Per million tokens."""
    ledger: Ledger = field(default_factory=Ledger, repr=False, compare=False)
    sleep: Callable[[float], None] = field(default=stopping.pause, repr=False, compare=False)
    _once: Once[openai.OpenAI] = field(default_factory=Once, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check(self.address, self.key)

    @property
    def facts(self) -> Mapping[str, object]:
        """See `ChatModel`. The same name at another address may be another model."""
        return {
            "address": self.address.rstrip("/"),
            "model": self.model,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }

    def most(self, messages: Sequence[Message]) -> Usage:
        """The most that one call may take."""
        sizes = (len(_sendable(each.text).encode()) + _PER_MESSAGE for each in messages)
        return self._priced(sum(sizes), self.max_tokens)

    def ask(self, messages: Sequence[Message], purpose: str) -> Said:
        """See `ChatModel`. An answer that breaks off is asked for again, never given in part."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(again.worth),
            stop=tenacity.stop_after_attempt(self.retries + 1),
            wait=again.seconds,
            sleep=self.sleep,
            reraise=True,
        )
        client = self._client()
        try:
            return retrying(self._try, client, messages, purpose)
        except again.expected() as error:
            raise self._told(error) from None

    def _try(self, client: openai.OpenAI, messages: Sequence[Message], purpose: str) -> Said:
        most = self.most(messages)
        call, spent = self.ledger.begin(most, purpose), None
        try:
            said = self._heard(client, messages)
            spent = self._priced(*said.tokens) if said.tokens else most
        except Malformed as error:
            spent = self._priced(*error.tokens) if error.tokens else None
            raise
        except Exception as error:
            spent = Usage() if again.costs_nothing(error) else None
            raise
        finally:  # whatever happens: other threads may wait for the end of this call
            if spent is None:
                self.ledger.lost(call)
            else:
                self.ledger.end(call, spent)
        return Said(text=said.text, usage=spent, cut=said.cut)

    def _heard(self, client: openai.OpenAI, messages: Sequence[Message]) -> Heard:
        create: Any = client.chat.completions.create
        asked = self._request(messages)
        if not self.stream:
            return heard.whole(create(**asked))
        with create(**asked, stream=True, stream_options={"include_usage": True}) as pieces:
            return heard.streamed(pieces)

    def _request(self, messages: Sequence[Message]) -> dict[str, Any]:
        host = urlsplit(self.address).hostname or ""
        limit = "max_completion_tokens" if host.endswith(_NEW_NAME) else "max_tokens"
        asked: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": each.role, "content": _sendable(each.text)} for each in messages],
            limit: self.max_tokens,
        }
        return asked if self.temperature is None else {**asked, "temperature": self.temperature}

    def _priced(self, of_input: int, of_output: int) -> Usage:
        cost = of_input * self.input_price + of_output * self.output_price
        return Usage(calls=1, input_tokens=of_input, output_tokens=of_output, cost=cost / 1_000_000)

    def _client(self) -> openai.OpenAI:
        return self._once.get(self._connect)

    def _connect(self) -> openai.OpenAI:
        made = self._reached.client(seconds=self.seconds, retries=0)
        weakref.finalize(self, made.close)
        return made

    @property
    def _reached(self) -> Address:
        return Address(self.address, self.key)

    def _told(self, error: Exception) -> MillraceError:
        """The error for a person."""
        reason, status = self._reached.told(error), again.status_of(error)
        if status is not None:
            kind = EndpointUnavailable if again.worth(error) else BadOption
            hint = HINTS.get(status, f"does it serve {self.model}, and take texts this long?")
            return kind(f"the endpoint refused: {reason}").at(where=self.address, hint=hint)
        if isinstance(error, Malformed | ValueError):
            return EndpointUnavailable(f"the endpoint's answer cannot be read: {reason}").at(
                where=self.address, hint="does the address end in /v1?"
            )
        return self._reached.silent(error)


def _sendable(text: str) -> str:
    """Without half characters, which no request may hold."""
    return text.encode(errors="replace").decode()
