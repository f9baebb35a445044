"""What an answerer asks: prompts of ours, or a file's."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from components.endpoint.prompt import Prompt
from components.errors import BadOption

NAMES = ("context_first", "question_first", "closed_book")
"""The built-in ones that an answer can be asked by."""
_PLACES = frozenset({"question", "context"})


def load(prompt: str) -> Prompt:
    """A built-in prompt by its name, or that of a file, whose path begins with `.`, `/` or `~`.

    Raises BadOption where there is none, or its places are not `{question}` and, as a rule,
    `{context}`: a prompt without that is one for a closed book.
    """
    found = _from_file(Path(prompt)) if prompt.startswith((".", "/", "~")) else _named(prompt)
    unknown = sorted(found.places - _PLACES)
    if unknown:
        raise BadOption(f"the prompt has a place {{{unknown[0]}}} that nothing fills").at(
            where=prompt, hint="its places are {question} and {context}"
        )
    if "question" not in found.places:
        raise BadOption("the prompt has no place {question}").at(where=prompt)
    return found


@cache
def built_in(name: str) -> Prompt:
    """A prompt of this package."""
    file = resources.files("components.answerers") / "prompts" / f"{name}.txt"
    return Prompt(file.read_text(encoding="utf-8").strip())


def _named(name: str) -> Prompt:
    if name not in NAMES:
        raise BadOption(f"there is no prompt {name!r}").at(
            where="answerer.prompt", hint=f"known: {', '.join(NAMES)}; a path begins with ./"
        )
    return built_in(name)


def _from_file(path: Path) -> Prompt:
    try:
        return Prompt(path.expanduser().read_text(encoding="utf-8").strip())
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise BadOption(f"the prompt cannot be read: {reason}").at(where=str(path)) from None
