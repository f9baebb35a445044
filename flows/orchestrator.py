"""Whether Prefect runs a command's phases: decided before anything is begun, and then for good."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.errors import BadOption, MillraceError, OrchestratorUnavailable, line
from components.machine.system import telling
from infra import stopping
from infra.settings import settings

if TYPE_CHECKING:
    import httpx
    from prefect.client.orchestration import SyncPrefectClient

_QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    # The first start on a machine creates a database and compiles a great deal.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "60",
    # The run's log goes to the server and its page; here our own progress and result are shown.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    # Of a server that is gone, each event that could not be sent is printed whole otherwise.
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    # By which infra/crashed.yaml knows that a run was killed.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}


def named(asked: bool | None) -> bool:
    """Whether the flow is to run on the server at PREFECT_API_URL."""
    return bool(settings().prefect_api_url) and asked is not False


def chosen(asked: bool | None) -> bool:
    """Whether the flow runs: on the server that is named, which must answer, or, where it is asked
    for and none is named, on one that is started for this process, if one can be.

    Raises OrchestratorUnavailable, BadOption.
    """
    if named(asked):
        check()
        return True
    return bool(asked) and _started()


def check_named() -> None:
    """Ask the server that the environment or Prefect's own profile names. Raises BadOption where
    neither does, and as `check`.
    """
    _prepare()
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        raise BadOption("no Prefect server is named").at(
            where="PREFECT_API_URL", hint="such as http://127.0.0.1:4200/api"
        )
    check()


def check() -> None:
    """Ask the named server. Raises OrchestratorUnavailable, BadOption."""
    _prepare()
    import httpx
    from prefect.client.base import ServerType
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            if client.server_type is not ServerType.CLOUD:  # that tells no version
                client.api_version()
                _check_version(client)
    except httpx.HTTPStatusError as error:
        if error.response.status_code not in (401, 403):
            raise _silent() from error
        raise BadOption("the Prefect server refuses the password").at(
            where="PREFECT_API_AUTH_STRING", hint="give it the server's USER:PASSWORD"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _silent() from error


@contextmanager
def running() -> Iterator[None]:
    """A flow runs in here. Raises OrchestratorUnavailable where the server goes away meanwhile, and
    Stopped where this process was told to stop: that would end the threads in which Prefect looks
    at its states, so those hold something else.

    Components may ask others by the same client: what those raise stays what it is.
    """
    import httpx
    from prefect.exceptions import CancelledRun, CrashedRun

    try:
        yield
    except (CancelledRun, CrashedRun):
        stopping.check()
        raise
    except httpx.HTTPError as error:
        if not _is_of_prefect(error):
            raise
        raise OrchestratorUnavailable("the Prefect server went away while the run went on").at(
            where="PREFECT_API_URL", hint="what was committed stays: run it again to go on"
        ) from error


def _is_of_prefect(error: httpx.HTTPError) -> bool:
    """Whether what failed was a request to Prefect's server."""
    import httpx
    from prefect.settings import PREFECT_API_URL

    try:
        asked = str(error.request.url)
    except RuntimeError:  # of no request
        return False
    if address := PREFECT_API_URL.value():
        return asked.startswith(str(httpx.URL(address)))
    from prefect.server.api.server import SubprocessASGIServer

    return asked.startswith(SubprocessASGIServer().api_url)


def _started() -> bool:
    import httpx

    try:
        with telling(last=True):
            _prepare()
            from prefect.settings import PREFECT_API_URL

            from flows import temporary_server

            named = PREFECT_API_URL.value()
            if not named:
                temporary_server.start()
    except (MillraceError, RuntimeError, httpx.HTTPError) as error:
        reason = line(str(error), getattr(error, "where", ""), getattr(error, "hint", ""))
        click.echo(
            f"millrace: no Prefect server can be started: {reason}; going on without Prefect",
            err=True,
        )
        return False
    if named:  # in Prefect's own profile
        check()
    return True


def _check_version(client: SyncPrefectClient) -> None:
    try:
        client.raise_for_api_version_mismatch()
    except RuntimeError as error:  # it has just answered
        raise BadOption(str(error)).at(where="PREFECT_API_URL") from None


def _prepare() -> None:
    """Settings are read when Prefect is imported. Raises MillraceError where it cannot be: it looks
    for a home, also where it is told another folder.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    # A folder of its own that cannot be made matters where it is written to, which says so.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"prefect\.context")
    try:
        Path.home()
    except RuntimeError:
        if not (named := os.environ.get("PREFECT_HOME")):
            raise MillraceError("this user has no home folder, and Prefect needs one").at(
                "HOME", "set PREFECT_HOME to a folder that can be written"
            ) from None
        os.environ["HOME"] = named


def _silent() -> OrchestratorUnavailable:
    return OrchestratorUnavailable("the Prefect server does not answer").at(
        where="PREFECT_API_URL", hint="start it, unset the variable, or use --engine-only"
    )
