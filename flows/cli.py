"""The command line: `millrace VERB …`.

Exit codes: 0 done, 1 fault, 2 the user's mistake, 3 some documents failed, 4 stopped by a guard,
5 candidate held by the gate, 6 busy, 7 not refreshed for too long, 8 damage found and not mended, 9
taken over by another refresh; 130, 143 and 129 stopped by Ctrl-C, SIGTERM and SIGHUP. Results go
to stdout, everything else to stderr.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click


class _Verbs(click.Group):
    """Click takes every broken pipe, whosever it is, for that of who reads the output."""

    def invoke(self, ctx: click.Context) -> Any:
        from components.machine.system import telling

        with telling(last=True):
            return super().invoke(ctx)


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="millrace")
def cli() -> None:
    """Millrace keeps retrieval corpora fresh and proves that they got better."""


def main() -> None:
    """The console script."""
    try:
        code = _run()
    except (OSError, MemoryError) as error:  # not even our own files can be read
        code = 1
        with suppress(Exception):
            sys.stderr.write(f"millrace: this machine refuses what starting takes: {error}\n")
    sys.exit(code)


def _run() -> int:
    _check_ours()
    from flows import streams
    from infra import stopping

    streams.keep_numbers()
    stopping.listen()
    try:
        code = _guarded()
    except stopping.Stopped as stop:  # before there was anything to put in order
        with streams.standing():
            click.echo(f"millrace: {stop}", err=True)
        code = stop.exit_code
    stopping.ignore()
    return code


def _guarded() -> int:
    from flows.commands import register
    from flows.failures import guarded

    register(cli)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr does
    return guarded(cli, sys.argv[1:])


def _check_ours() -> None:
    """Our packages have plain names: refuse clearly where another distribution's came first."""
    home = Path(__file__).resolve().parent.parent
    for name in ("components", "infra"):
        package = __import__(name)
        file = Path(package.__file__ or "").resolve()
        found = file.parent.parent if hasattr(package, "__path__") else file.parent
        if found != home or not hasattr(package, "MILLRACE"):
            sys.exit(
                f"millrace: the package {name!r} that Python finds, in {found}, is not Millrace's "
                f"(in {home}).\nAnother distribution or a folder on PYTHONPATH has the same name: "
                "install millrace into an environment of its own."
            )


if __name__ == "__main__":
    main()
