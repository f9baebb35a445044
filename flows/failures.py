"""From an error to one clear line and an exit code; never a traceback for a user's mistake."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from components.errors import MillraceError
from components.system import telling
from infra.stopping import Stopped

_GO_ON = frozenset({"refresh", "compare", "answers", "questions", "prune"})
"""Verbs that the next run of goes on from what was done."""


def guarded(command: click.Command, arguments: Sequence[str]) -> int:
    """Run a command; its exit code."""
    as_json = "--json" in arguments
    try:
        with telling():
            return int(command.main(list(arguments), standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        usage = getattr(error, "ctx", None)
        hint = f"see: {usage.command_path} --help" if usage else ""
        _tell("UsageError", error.format_message(), "", hint, as_json)
        return error.exit_code
    except MillraceError as error:
        _tell(error.kind, str(error), error.where, error.hint, as_json)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        return _stopped(error, arguments)
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        _tell(type(error).__name__, str(error), "", "this is a fault of Millrace's", as_json)
        click.echo(_trace(), err=True)
        return 1


def _stopped(error: BaseException, arguments: Sequence[str]) -> int:
    told = error.__cause__ if isinstance(error, click.Abort) else error
    stop = told if isinstance(told, Stopped) else Stopped(signal.SIGINT)
    goes_on = _GO_ON.intersection(arguments[:1])
    hint = ": what was committed stays, run it again to go on" if goes_on else ""
    click.echo(f"millrace: {stop}{hint}", err=True)
    return stop.exit_code


def describe(kind: str, message: str, where: str, hint: str) -> dict[str, Any]:
    """The object that `--json` prints for an error."""
    error = {"kind": kind, "message": message, "where": where, "hint": hint}
    return {"schema": 1, "error": error}


def line(message: str, where: str, hint: str) -> str:
    """An error on one line."""
    place = f"{where}: " if where else ""
    told = f"{place}{message}" + (f" ({hint})" if hint else "")
    return " ".join(told.splitlines())


def _tell(kind: str, message: str, where: str, hint: str, as_json: bool) -> None:
    if as_json:
        with suppress(OSError):  # stdout may be what has failed
            click.echo(json.dumps(describe(kind, message, where, hint)))
    click.echo(f"millrace: {line(message, where, hint)}", err=True)


def _trace() -> str:
    import traceback

    return traceback.format_exc()
