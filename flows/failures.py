"""From an error to one clear line and an exit code; never a traceback for a user's mistake, nor for
the machine's trouble.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from traceback import format_exc

import click

from components.errors import MillraceError, OutputLost, line
from components.machine.system import shortage, telling
from flows import streams
from flows.commands import GO_ON
from infra.stopping import Stopped


def guarded(command: click.Command, arguments: Sequence[str]) -> int:
    """Run a command; its exit code, whatever becomes of it and of what it says."""
    with streams.standing():
        return _run(command, arguments)


def _run(command: click.Command, arguments: Sequence[str]) -> int:
    as_json = "--json" in arguments
    try:
        with telling(last=True):
            code = int(command.main(list(arguments), standalone_mode=False) or 0)
            sys.stdout.flush()
            return code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        usage = getattr(error, "ctx", None)
        hint = f"see: {usage.command_path} --help" if usage else ""
        _tell("UsageError", error.format_message(), "", hint, as_json)
        return error.exit_code
    except MillraceError as error:
        return _refused(error, as_json)
    except (KeyboardInterrupt, click.Abort) as error:
        stop = _stop(error)
        # Some libraries interrupt their own process where they get no thread.
        if stop.signal is signal.SIGINT and (short := shortage()):
            return _refused(short, as_json)
        return _stopped(stop, arguments)
    except Exception as error:
        if short := shortage():
            return _refused(short, as_json)
        _tell(type(error).__name__, _said(error), "", "this is a fault of Millrace's", as_json)
        click.echo(format_exc(), err=True)
        return 1


def _refused(error: MillraceError, as_json: bool) -> int:
    _tell(error.kind, str(error), error.where, error.hint, as_json)
    return error.exit_code


def _stop(error: BaseException) -> Stopped:
    told = error.__cause__ if isinstance(error, click.Abort) else error
    return told if isinstance(told, Stopped) else Stopped(signal.SIGINT)


def _stopped(stop: Stopped, arguments: Sequence[str]) -> int:
    goes_on = GO_ON.intersection(arguments[:1])
    hint = ": what was committed stays, run it again to go on" if goes_on else ""
    click.echo(f"millrace: {stop}{hint}", err=True)
    return stop.exit_code


def _tell(kind: str, message: str, where: str, hint: str, as_json: bool) -> None:
    if as_json:
        with suppress(OutputLost):  # stdout may be what has failed
            error = {"kind": kind, "message": message, "where": where, "hint": hint}
            click.echo(json.dumps({"schema": 1, "error": error}))
    click.echo(f"millrace: {line(message, where, hint)}", err=True)


def _said(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # a stranger's, which cannot say what it is
        return ""
