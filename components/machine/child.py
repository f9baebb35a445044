"""Processes of our own: a module's `main`, run by a fresh interpreter.

Not by `multiprocessing`, which would import the program that is running once more: a script
without a guard would run again, and a worker of Ray's or one with a model would import those. Nor
by `python -m`, which may look for our code elsewhere than this process has found it.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys

from infra import stopping

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from components.machine.child import _main; _main(*sys.argv[2:])"
)
_PR_SET_PDEATHSIG = 1


def command(module: str, *arguments: str) -> list[str]:
    """The command of a process that calls `main` of a module, and ends with this process."""
    places = [each for each in sys.path if isinstance(each, str)]  # Python minds no others
    own = json.dumps(places), str(os.getpid())
    return [sys.executable, "-P", "-c", _BOOT, *own, module, *arguments]


def end_with(parent: int) -> None:
    """Be killed when the process `parent` is: an orphan would hold on to what the next run needs.

    Linux knows the thread that started this process for its parent, and means its end as well.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(1)


def _main(parent: str, module: str, *arguments: str) -> None:
    end_with(int(parent))
    stopping.ignore()  # a terminal tells whole groups: the parent understands, and ends this one
    importlib.import_module(module).main(*arguments)
