"""What stands around a text for the model: prompts, echoes, answered examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import NamedTuple

from components.encoders.profiles import Profile
from components.encoders.tokenizers import FastTokenizer
from components.errors import BadOption


class Framed(NamedTuple):
    """A text, or a piece of it, as the model reads it between special tokens."""

    ids: list[int]
    pooled_from: int
    """The first token that is pooled; 0: the special tokens before them are too."""
    text_from: int
    """The first token of the text, of its last copy where it is read twice."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The text stands between every two `parts`: once, or twice in an echo.

    With the text's copies between them the parts are numbered 0, 1, 2 …; mean pooling begins at
    number `pooled_from`, and at the special tokens before the first where that is 0.
    """

    parts: tuple[str, ...] = ("", "")
    pooled_from: int = 0

    def sequences(
        self, tokenizer: FastTokenizer, text: str, room: int, most: int | None
    ) -> Iterator[Framed]:
        """Of at most `room` tokens each; of the text its first `most` tokens, None for all.

        A text that does not fit is cut, each piece in a frame of its own. Raises BadOption where
        the frame leaves no room.
        """
        if not self.pooled_from and most is None:
            lead, rest = self._led(tokenizer, text)
            ids = lead + rest
            if len(ids) <= room or not any(self.parts):
                for start in range(0, max(1, len(ids)), room):
                    yield Framed(ids[start : start + room], 0, len(lead))
                return
        segments = self._segments(tokenizer, text)
        segments[1::2] = [each[:most] for each in segments[1::2]]
        yield from self._cut(segments, room)

    def _led(self, tokenizer: FastTokenizer, text: str) -> tuple[list[int], list[int]]:
        """The ids of the prompt, and those of what follows it."""
        whole, prompt = text.join(self.parts), self.parts[0]
        if not prompt:
            return [], tokenizer.ids(whole)
        lead, rest = tokenizer.parts(whole, [len(prompt)])
        return lead, rest

    def _segments(self, tokenizer: FastTokenizer, text: str) -> list[list[int]]:
        """The ids of each part and of each copy of the text, in turn."""
        lengths = [len(each) for part in self.parts for each in (part, text)][:-2]
        return tokenizer.parts(text.join(self.parts), list(accumulate(lengths)))

    def _cut(self, segments: list[list[int]], room: int) -> Iterator[Framed]:
        total, around = sum(map(len, segments)), sum(map(len, segments[::2]))
        longest = max(map(len, segments[1::2]))
        piece = longest if total <= room else (room - around) // len(segments[1::2])
        if piece < 1 and total > room:
            raise BadOption(f"a prompt of {around} tokens leaves no room for the text").at(
                where="encoder", hint=f"the model reads {room}: shorten the task or the examples"
            )
        for start in range(0, max(1, len(segments[-2])), max(1, piece)):
            cut = [
                each[start : start + piece] if number % 2 else each
                for number, each in enumerate(segments)
            ]
            lengths = [0, *accumulate(map(len, cut))]
            yield Framed(
                list(chain.from_iterable(cut)), lengths[self.pooled_from], lengths[len(cut) - 2]
            )


def of_queries(profile: Profile, task: str, examples: Sequence[tuple[str, str]]) -> Frame:
    """The frame of a profile's queries. `examples` are queries with their answers."""
    prompt = profile.query_prompt.replace("{task}", task or profile.task)
    solved = (f"{prompt}{query}{profile.query_suffix}{answer}\n\n" for query, answer in examples)
    return _frame(profile, "".join(solved) + prompt, profile.query_echo, profile.query_suffix)


def of_documents(profile: Profile) -> Frame:
    """The frame of what a profile reads as a document."""
    return _frame(profile, profile.document_prompt, profile.document_echo, "")


def _frame(profile: Profile, prompt: str, echo: str, suffix: str) -> Frame:
    if echo:
        return Frame((prompt, echo, suffix), pooled_from=3)
    return Frame((prompt, suffix), pooled_from=int(bool(prompt) and not profile.pool_prompt))
