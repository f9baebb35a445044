"""Where an OpenAI-compatible server is, and the key for it, which nobody gets to see."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.errors import BadOption, EndpointUnavailable, MissingExtra

if TYPE_CHECKING:
    import openai

HINTS: Mapping[int, str] = {
    401: "is the key right, and its environment variable set?",
    403: "is the key right, and may it use this model?",
    404: "does it serve this model, by this name?",
    429: "it wants fewer questions at once, or the account has no money left",
}
"""What to do about a status."""
_ADDRESS = re.compile(r"https?://[^/@?#\s]+(/[^?#\s]*)?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WANTED: Mapping[str, str] = {
    "endpoint": "endpoint must be an address such as http://127.0.0.1:8000/v1, without a key or "
    "query",
    "key": "key must be the name of an environment variable, never a key",
}
"""Of the options that people write keys into."""
_TOLD = 200
"""Characters of a server's complaint that are repeated."""


def check(address: str, key: str) -> None:
    """Raises BadOption where they are no address and no variable's name. Neither is shown: either
    may be a secret that was written into the wrong place.
    """
    if not _ADDRESS.fullmatch(address):
        raise BadOption(_WANTED["endpoint"]).at(where="endpoint")
    if not _VARIABLE.fullmatch(key):
        raise BadOption(_WANTED["key"]).at(where="key")


def check_texts(stage: str, options: Mapping[str, Any]) -> None:
    """Raises BadOption where an address or a key, as it was given, is no text: it is not shown."""
    for name, wanted in _WANTED.items():
        if name in options and not isinstance(options[name], str):
            raise BadOption(wanted).at(where=f"{stage}.{name}")


@dataclass(frozen=True)
class Address:
    """`url` ends in /v1; `key` names the environment variable that holds the key, if any."""

    url: str
    key: str

    def client(self, *, seconds: float, retries: int) -> openai.OpenAI:
        """A client that waits `seconds` for each answer. Raises MissingExtra, BadOption."""
        try:
            import httpx2  # which openai is made of
            import openai
        except ModuleNotFoundError:
            raise MissingExtra("an endpoint needs the package 'openai'").at(
                where="endpoint", hint="install millrace[endpoints]"
            ) from None
        try:
            return openai.OpenAI(
                base_url=self.url,
                api_key=self._secret or "none",
                max_retries=retries,
                timeout=seconds,
            )
        except httpx2.InvalidURL as error:
            raise BadOption(f"the endpoint's address is none: {error}").at(where=self.url) from None

    def told(self, error: Exception) -> str:
        """What went wrong, in a line. Some servers repeat the key that they refuse."""
        reason = f"{error} {error.__cause__ or ''}"
        if self._secret:
            reason = reason.replace(self._secret, "…")
        return " ".join(reason.split())[:_TOLD]

    def silent(self, error: Exception) -> EndpointUnavailable:
        """The error for a person where no answer came."""
        return EndpointUnavailable(f"the endpoint did not answer: {self.told(error)}").at(
            where=self.url, hint="is it running, and is the address right?"
        )

    @property
    def _secret(self) -> str:
        secret = os.environ.get(self.key, "").strip()
        if not (secret.isascii() and secret.isprintable()):
            raise BadOption("the key holds letters that no header may hold").at(where=self.key)
        return secret
