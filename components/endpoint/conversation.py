"""What is said to a chat model, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from components.values import Usage


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a model said, and what it took."""

    text: str
    usage: Usage
    cut: bool = False
    """Whether it ended because it may not be longer."""


class ChatModel(Protocol):
    """A model that is asked by messages."""

    @property
    def facts(self) -> Mapping[str, object]:
        """What its answers depend on: its name, its settings. No key, and no price."""
        ...

    def ask(self, messages: Sequence[Message], purpose: str) -> Said:
        """Its answer; every call goes into the ledger under `purpose`, such as `answer` or `judge`.

        Raises EndpointUnavailable where it does not answer after all tries, BadOption where it
        refuses for good, GuardStopped where the call might cost more than is left, Busy where
        another run pays from the ledger; DiskFull and the like where that cannot be written.
        """
        ...
