"""What came from a chat server, read without trust in its shape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class Malformed(Exception):
    """An answer that is none. `tokens`: what it says to have taken, where it does."""

    tokens: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as it came."""

    text: str
    cut: bool
    tokens: tuple[int, int] | None
    """Of input and output, where the server says so."""


def whole(said: Any) -> Heard:
    """An answer in one piece. Raises Malformed."""
    tokens = _tokens(said)
    try:
        choice = said.choices[0]
        return Heard(_text(choice.message.content), choice.finish_reason == "length", tokens)
    except (AttributeError, IndexError, TypeError):
        raise _malformed("it has no choices with a message", tokens) from None


def streamed(pieces: Iterable[Any]) -> Heard:
    """An answer in pieces, read to its end. Raises Malformed, also where it has no end."""
    texts: list[str] = []
    tokens, finish = None, None
    try:
        for piece in pieces:
            tokens = _tokens(piece) or tokens
            for choice in piece.choices:
                texts.append(_text(choice.delta.content))
                finish = choice.finish_reason or finish
    except (AttributeError, TypeError):
        raise _malformed("a piece has no choices", tokens) from None
    if finish is None:
        raise _malformed("it stopped before its end", tokens)
    return Heard("".join(texts), finish == "length", tokens)


def _text(content: object) -> str:
    """Nothing, where a model has only thought, or refused."""
    if content is not None and not isinstance(content, str):
        raise TypeError("content is no text")
    return (content or "").encode(errors="replace").decode()  # half characters would spoil files


def _tokens(said: Any) -> tuple[int, int] | None:
    usage = getattr(said, "usage", None)
    of_input = getattr(usage, "prompt_tokens", None)
    of_output = getattr(usage, "completion_tokens", None)
    if not (isinstance(of_input, int) and isinstance(of_output, int)):
        return None
    return None if min(of_input, of_output) < 0 else (of_input, of_output)


def _malformed(what: str, tokens: tuple[int, int] | None) -> Malformed:
    error = Malformed(what)
    error.tokens = tokens
    return error
