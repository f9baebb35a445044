"""What looks like a secret belongs into the environment, never into a pipeline file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from components.errors import BadOption

_ALWAYS = frozenset(
    {
        "apikey",
        "authorization",
        "cookie",
        "credential",
        "credentials",
        "passphrase",
        "passwd",
        "password",
    }
    | {"pwd", "secret", "secrets"}
)
_LAST = frozenset({"auth", "key", "sig", "signature", "token"})
_ABOUT = frozenset({"dir", "file", "name", "path"})
"""Where a name ends so, it says where a secret is, not what."""
_IN_ADDRESS = re.compile(r"://[^/@\s]*:[^/@\s]+@|https?://[^/@\s]+@")
_IN_QUERY = re.compile(r"[?&]([^=&\s]+)=[^&\s]")


def looks_secret(name: str) -> bool:
    """Whether the name is one of a secret: `api_key`, `X-Auth-Token`; not `max_tokens`."""
    words = [each for each in re.split(r"[\W_]+", name.lower()) if each]
    if not words or words[-1] in _ABOUT:
        return False
    return words[-1] in _LAST or not _ALWAYS.isdisjoint(words)


def variable(name: str) -> str:
    """The environment variable that holds the option."""
    return f"MILLRACE_LLAMA_INDEX_{name.upper()}"


def from_environment(names: Iterable[str]) -> dict[str, str]:
    """The options that have a variable."""
    found = {name: os.environ.get(variable(name)) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def refuse(stage: str, options: Mapping[str, Any], harmless: Iterable[str]) -> None:
    """Raises BadOption where an option is a secret, or holds one. The value is not shown."""
    known = set(harmless)
    for name, value in options.items():
        if name not in known and looks_secret(name):
            hint = f"leave it out and set the environment variable {variable(name)}"
            raise _refused(stage, name, "looks like a secret", hint)
        if held := _held(value):
            hint = "leave it out; many readers have an environment variable of their own for it"
            raise _refused(stage, name, f"holds what looks like a secret ({held})", hint)


def _refused(stage: str, name: str, why: str, hint: str) -> BadOption:
    return BadOption(f"{name!r} {why}, which no pipeline file may hold").at(
        where=f"{stage}.{name}", hint=hint
    )


def _held(value: object) -> str:
    """Where in a value a secret is; empty where there is none."""
    if isinstance(value, Mapping):
        named = next((str(key) for key in value if looks_secret(str(key))), "")
        return named or next(filter(None, map(_held, value.values())), "")
    if isinstance(value, list | tuple):
        return next(filter(None, map(_held, value)), "")
    text = str(value)
    if _IN_ADDRESS.search(text):
        return "a password in an address"
    return next(filter(looks_secret, _IN_QUERY.findall(text)), "") if "://" in text else ""
