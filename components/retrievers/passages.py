"""Passages: runs of consecutive chunks around those that were found, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from components.stages import Tokenizer
from components.values import Chunk, Hit, Span


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """Chunks of one document without text between them, at least one of them found."""

    run: Sequence[Chunk]
    found: Mapping[int, Hit]
    """What was found in the document, by ordinal."""

    @property
    def best(self) -> Hit:
        """The best chunk found in it; equal scores by chunk id."""
        own = (self.found[chunk.ordinal] for chunk in self.run if chunk.ordinal in self.found)
        return min(own, key=lambda hit: (-hit.score, hit.chunk.id))

    @property
    def text(self) -> str:
        """Exactly the document's."""
        text, end = "", self.run[0].span.start
        for chunk in self.run:
            text += chunk.text[max(0, end - chunk.span.start) :]
            end = max(end, chunk.span.end)
        return text

    @property
    def hit(self) -> Hit:
        """The passage as an answer. Its id and score are its best member's."""
        best, first, last = self.best, self.run[0], self.run[-1]
        passage = replace(
            best.chunk,
            span=Span(first.span.start, max(chunk.span.end for chunk in self.run)),
            text=self.text,
            page=first.page,
            last_page=last.last_page,
        )
        return replace(best, chunk=passage, chunk_ids=tuple(chunk.id for chunk in self.run))


def runs(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """Consecutive chunks whose spans touch or overlap."""
    run: list[Chunk] = []
    for chunk in chunks:
        if run and (
            chunk.ordinal != run[-1].ordinal + 1
            or chunk.version != run[-1].version
            or chunk.span.start > run[-1].span.end
        ):
            yield run
            run = []
        run.append(chunk)
    if run:
        yield run


def within(
    passages: Iterable[Passage], budget: int | None, tokenizer: Tokenizer
) -> Iterator[Passage]:
    """The first passages, together of at most `budget` tokens; all of them where it is None.

    The one that does not fit any more is the last, cut at whole chunks around its best member. The
    very first passage has its best member even where that alone is too long.
    """
    left = budget
    for passage in passages:
        if left is None:
            yield passage
            continue
        used = _tokens(passage, tokenizer)
        if used > left:
            cut = _cut(passage, left, tokenizer)
            if left == budget or _tokens(cut, tokenizer) <= left:
                yield cut
            return
        yield passage
        left -= used


def _cut(passage: Passage, budget: int, tokenizer: Tokenizer) -> Passage:
    """The best member and, in turn before and after it, neighbours for as long as they fit."""
    best = passage.best.chunk.ordinal
    start = next(at for at, chunk in enumerate(passage.run) if chunk.ordinal == best)
    end = start + 1
    steps = [(1, 0), (0, 1)]
    while steps:
        before, after = steps.pop(0)
        wider = start - before, end + after
        if wider[0] < 0 or wider[1] > len(passage.run):
            continue
        if _tokens(replace(passage, run=passage.run[slice(*wider)]), tokenizer) > budget:
            continue
        start, end = wider
        steps.append((before, after))
    return replace(passage, run=passage.run[start:end])


def _tokens(passage: Passage, tokenizer: Tokenizer) -> int:
    return len(tokenizer.tokens(passage.text).ids)
