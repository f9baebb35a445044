"""The engines of a refresh: this process, and Ray."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from components import phases
from components.corpus import run
from components.corpus.report import Report
from flows import engines
from tests.corpora import HASHING, Corpus

SLOW = """
import time
from dataclasses import dataclass

from components.splitters.sentences import Sentences


@dataclass(frozen=True, kw_only=True)
class Slow(Sentences):
    '''Takes its time, so that there is a middle to be killed in.'''

    seconds: float = 0.05

    def split(self, document, tokenizer):
        time.sleep(self.seconds)
        return super().split(document, tokenizer)
"""
"""A component beside the pipeline file, which actors must find, too."""
SLOWLY: Mapping[str, Any] = {**HASHING, "splitter": {"use": "slow_splitter:Slow", "max_tokens": 32}}
ON_RAY = ("engine.use=ray", "engine.actors=2")


def slow(corpus: Corpus) -> None:
    """Put the slow splitter beside the pipeline file."""
    (corpus.folder / "slow_splitter.py").write_text(SLOW)


def refresh(
    corpus: Corpus, overrides: Sequence[str] = ON_RAY, tell: phases.Tell = lambda _: None
) -> Report:
    """A refresh by the engine that the pipeline asks for, as a command runs it."""
    job = corpus.job(overrides)
    return run.run(job, phases.within(tell), engines.chosen(job.pipeline.engine))


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail where the block hangs."""

    def stop(signum: int, frame: object) -> None:
        raise TimeoutError(f"not done within {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
