"""What components warn of, in the log of a flow run: on its page somebody sees it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_NAMES = ("components", "evals", "infra")


class _ToRun(logging.Handler):
    """Hands records on; from any thread, for the run that it was made in."""

    def __init__(self) -> None:
        from prefect.logging import get_run_logger

        super().__init__(logging.WARNING)
        self._run = get_run_logger()

    def emit(self, record: logging.LogRecord) -> None:
        self._run.log(record.levelno, "%s", record.getMessage())


@contextmanager
def shown() -> Iterator[None]:
    """Inside of a flow: warnings of components are lines of the run's log, too."""
    handler = _ToRun()
    loggers = [logging.getLogger(name) for name in _NAMES]
    for each in loggers:
        each.addHandler(handler)
    try:
        yield
    finally:
        for each in loggers:
            each.removeHandler(handler)
