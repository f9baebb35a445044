"""The listwise prompt of E²Rank: the first documents and the question, as one chat message.

Source: arXiv 2510.22733, in the wording of the authors' evaluation program, which is behind their
published figures (the README and the training code differ from it in places).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.errors import BadOption

PROMPT = (
    "Given a web search query and some relevant documents, "
    "rerank the documents that answer the query:\n"
    "Documents:\n{documents}\nSearch Query: {query}"
)
_CHAT = "<|im_start|>user\n{message}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
"""The template of Qwen3 with a generation prompt and without thinking."""
_SPECIAL, _BROKEN = "<|", "< |"


@dataclass(frozen=True, slots=True)
class ListwisePrompt:
    """`template` has the places {documents} and {query}; `words` are kept of each document."""

    template: str
    words: int

    def __post_init__(self) -> None:
        for place in ("{documents}", "{query}"):
            if self.template.count(place) != 1:
                raise ValueError(f"the prompt needs {place} once")

    def text(self, query: str, documents: Sequence[str]) -> str:
        """The prompt. Documents are numbered from 1 in the order given."""
        listed = "\n".join(
            f"[{number}] {plain(first_words(each, self.words))}"
            for number, each in enumerate(documents, start=1)
        )
        before, after = self.template.split("{documents}")
        message = _fill(before, query) + listed + _fill(after, query)
        return _CHAT.replace("{message}", message)

    def within(
        self, query: str, documents: Sequence[str], tokens: int, length: Callable[[str], int]
    ) -> str:
        """The prompt with as many of the first documents as fit, never cut off at its end, where
        the question stands. Of a document that is too long alone the beginning is read, and so of
        a question. `length` says how many tokens a text has. Raises BadOption where there is no
        room for any question.
        """

        def fits(text: str) -> bool:
            return length(text) <= tokens

        def most(count: int, made: Callable[[int], str]) -> int:
            return bisect_left(range(1, count + 1), True, key=lambda n: not fits(made(n)))

        whole = self.text(query, documents)
        if fits(whole):
            return whole
        if many := most(len(documents), lambda n: self.text(query, documents[:n])):
            return self.text(query, documents[:many])
        first = first_words("".join(documents[:1]), self.words)
        if part := most(len(first), lambda n: self.text(query, [first[:n]])):
            return self.text(query, [first[:part]])
        if part := most(len(query), lambda n: self.text(query[:n], ())):
            return self.text(query[:part], ())
        raise BadOption(f"{tokens} tokens leave no room for a question in the prompt").at(
            where="reranker.tokens", hint=f"the prompt alone has {length(self.text('', ()))}"
        )


def first_words(text: str, words: int) -> str:
    """A text's first words, one space between them."""
    return " ".join(text.split()[:words])


def plain(text: str) -> str:
    """A text that spells no special token: no document can end the message that it stands in."""
    return text.replace(_SPECIAL, _BROKEN)


def _fill(template: str, query: str) -> str:
    return template.replace("{query}", plain(query))
