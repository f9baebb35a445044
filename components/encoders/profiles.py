"""What is known of an embedding model before any of its files is read: `profiles.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

Pooling = Literal["mean", "cls", "last"]
TASK = "Given a web search query, retrieve relevant passages that answer the query"
"""What queries ask for, where neither the encoder's option nor the profile says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One model. Lengths are in tokens; None and empty text stand for what is not known."""

    name: str
    family: str = ""
    model: str = ""
    """Its id on the hub."""
    revision: str = ""
    """The commit on the hub."""
    package: str = ""
    """The installed package that has its files, instead of the hub."""
    weights_sha256: str = ""
    """Checked at load where it is given."""
    licence: str = ""
    pooling: Pooling | None = None
    pool_prompt: bool = True
    """Whether mean pooling counts the tokens of the prompt."""
    normalise: bool = True
    """Whether its vectors are compared at unit length. Encoders always return unit length."""
    width: int | None = None
    matryoshka: tuple[int, ...] = ()
    """Shorter widths that it was trained for. Any width between them serves too."""
    window: int | None = None
    """Longest input that it was made for, special tokens included."""
    query_prompt: str = ""
    """Stands before a query; `{task}` in it stands for what queries ask for."""
    query_echo: str = ""
    """Stands between the two copies of a query, of models that read a text twice."""
    query_suffix: str = ""
    document_prompt: str = ""
    document_echo: str = ""
    task: str = TASK
    examples: bool = False
    """Whether queries may be preceded by answered ones."""
    bos: str = ""
    eos: str = ""
    """Special tokens around every text, also where the model's own tokenizer leaves them out."""
    query_adapter: str = ""
    document_adapter: str = ""
    """Folders beside its weights with what is added to them (LoRA), for each side."""
    landmark: bool = False
    """Whether it was trained to be read off `eos` after every sentence of a document."""
    unsupported: str = ""
    """Why Millrace cannot run it."""
    unverified: tuple[str, ...] = ()
    """Facts above that were not read from a published configuration."""

    @property
    def refusal(self) -> str:
        """Why the model cannot be used; empty where it can."""
        nowhere = not (self.model or self.package)
        return self.unsupported or ("its id on the hub is not known here" if nowhere else "")

    @property
    def late_refusal(self) -> str:
        """Why late chunking does not suit the model; empty where it does."""
        if self.query_echo or self.document_echo:
            return "reads every text twice: late chunking needs one pass over a text"
        if self.pooling is None:
            return "pools in a way that is not known: late chunking needs mean pooling"
        if self.pooling != "mean":
            return f"pools by its {self.pooling} token: late chunking needs mean pooling"
        return ""

    @property
    def landmark_refusal(self) -> str:
        """Why the encoder `landmark` does not suit the model; empty where it does."""
        refusal = "" if self.landmark else self.late_refusal
        return refusal and f"was not trained for landmarks and {refusal}"


@cache
def known() -> Mapping[str, Profile]:
    """Every profile, by name, in the order of the file."""
    text = resources.files("components.encoders").joinpath("profiles.toml").read_text("utf-8")
    return {each.name: each for each in _read(tomllib.loads(text))}


def find(model: str) -> Profile | None:
    """The profile of a name or of an id on the hub."""
    by_id = (each for each in known().values() if each.model == model)
    return known().get(model) or next(by_id, None)


def _read(families: Mapping[str, Any]) -> Iterator[Profile]:
    for family in families.values():
        shared = {name: value for name, value in family.items() if name != "models"}
        for name, own in family["models"].items():
            facts = {**shared, **own}
            lists = {key: tuple(each) for key, each in facts.items() if isinstance(each, list)}
            yield Profile(name=name, **{**facts, **lists})
