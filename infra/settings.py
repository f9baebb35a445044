"""What differs from machine to machine, from the environment. No pipeline file holds any of it."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

NAMESPACE = r"^([a-z0-9][a-z0-9-]{0,40})?$"
"""What a namespace may be called; empty: none."""


class Settings(BaseSettings):
    """Read once per process from `MILLRACE_…` (and Prefect's own variable for its address)."""

    model_config = SettingsConfigDict(env_prefix="MILLRACE_", extra="ignore")

    device: str = Field(default="auto", description="Where models run: auto, cpu, cuda, cuda:1 …")
    reader_wait: float = Field(
        default=10.0, ge=0, description="Seconds a search waits for its turn."
    )
    spare_bytes: int = Field(
        default=256 * 2**20,
        ge=0,
        description="Free disk space in bytes below which the index is not opened.",
    )
    shard_characters: int = Field(
        default=256_000,
        ge=1,
        description="Characters of text committed at once: what a killed refresh does again.",
    )
    qdrant_url: str = Field(default="", description="Address of a Qdrant server.")
    qdrant_api_key: SecretStr | None = Field(default=None, description="What the server asks for.")
    qdrant_ca: str | None = Field(
        default=None, description="File of certificates to trust, for a server with its own."
    )
    qdrant_timeout: int = Field(
        default=30, ge=1, description="Seconds that a request to the server may take."
    )
    patience: float = Field(
        default=600.0,
        ge=0,
        description="Seconds that a refresh waits for a server that does not answer.",
    )
    namespace: str = Field(
        default="",
        pattern=NAMESPACE,
        description="Part of every corpus' name on the server, for those who share one.",
    )
    lease: float = Field(
        default=45.0,  # two thirds are a request's timeout: none outlives its sender's lease
        gt=0,
        description="Seconds without a sign of life after which a writer to a server is dead.",
    )
    cache: str = Field(
        default="",
        description="Folder of cached vectors and copies of indexes; empty: the user's own cache.",
    )
    cache_bytes: int = Field(
        default=4 * 2**30, ge=0, description="Bytes that cached vectors may take; 0: no cache."
    )
    ray_address: str = Field(
        default="", description="Address of a Ray cluster to encode on; empty: one of our own."
    )
    prefect_api_url: str | None = Field(default=None, validation_alias="PREFECT_API_URL")


def cache_folder() -> Path:
    """Where vectors are cached and copies of indexes lie: MILLRACE_CACHE, else `millrace` in the
    user's cache folder. Raises RuntimeError where this user has no home.
    """
    if settings().cache:
        return Path(settings().cache).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "millrace"


@cache
def settings() -> Settings:
    """This process's settings. Raises ValueError that names the variable and what it holds."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"MILLRACE_{first['loc'][0]}".upper()
        message = first["msg"][:1].lower() + first["msg"][1:]
        raise ValueError(f"{name}: {message}, not {first['input']!r}") from None
