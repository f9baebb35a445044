"""Machines of their own on this one, as containers are: each with its network, processes and name.

What runs in one finds the others by name, over a switch that leads nowhere else. Files are shared,
as on a mounted volume, but for the folders that each has for itself. It takes root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import IO

_NETWORK = "10.87.0"
_UNSHARE = ("unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child")
_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
_FIRST = """
hostname "$1" && mount --bind "$2" /etc/hosts && mount --bind /dev/null /etc/resolv.conf || exit
ip link set lo up && shift 2 || exit
for own; do mkdir -p "$own" && mount -t tmpfs tmpfs "$own" || exit; done
echo ready
while :; do sleep 3600 & wait; done
"""
"""The first process of a machine: the parent, too, of those that have lost theirs."""


@dataclass(frozen=True)
class Host:
    """One of them."""

    name: str
    address: str
    _holder: subprocess.Popen[str]
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self,
        *command: str | Path,
        environment: Mapping[str, str],
        folder: Path,
        out: IO[bytes] | int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """A command that runs in it, in a folder; its output goes to `out`."""
        process = subprocess.Popen(
            [*self._inside("net", "uts", "mount", "pid"), f"--wdns={folder}", *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=dict(environment),
        )
        self._started.append(process)
        return process

    def kill(self) -> None:
        """SIGKILL to all that runs in it at once; it is gone from the network, without a word."""
        self._holder.kill()
        self._holder.wait()
        for each in self._started:
            each.wait()

    def mount(self, source: Path, target: PurePath) -> None:
        """Have a folder at another place, too, which must be below one of its own."""
        self._configure("mount", "mkdir", "-p", str(target))
        self._configure("mount", "mount", "--bind", str(source), str(target))

    def connect(self, *command: str) -> None:
        """Run `ip COMMAND` in its network. Raises OSError."""
        self._configure("net", "ip", *command)

    def _configure(self, namespace: str, *command: str) -> None:
        inside = self._inside(namespace)
        done = subprocess.run([*inside, *command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")

    @property
    def pid(self) -> int:
        """Of its first process, seen from outside."""
        holder = self._holder.pid
        return int(Path(f"/proc/{holder}/task/{holder}/children").read_text())

    def _inside(self, *namespaces: str) -> list[str]:
        return ["nsenter", f"--target={self.pid}", *(f"--{each}" for each in namespaces)]


class Network:
    """Hosts on a switch, which are killed in the end."""

    def __init__(self, table: Path, names: Sequence[str], own: Sequence[Path], stack: ExitStack):
        self._table = table
        self._own = own
        self._addresses = {name: f"{_NETWORK}.{at}" for at, name in enumerate(names, start=11)}
        self._stack = stack
        lines = [f"{address} {name}" for name, address in self._addresses.items()]
        table.write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))
        self._switch = self._made("switch", "")
        self._switch.connect("link", "add", "bridge", "type", "bridge")
        self._switch.connect("link", "set", "bridge", "up")

    def add(self, name: str) -> Host:
        """A host of one of the names; again, once one of that name was killed."""
        host = self._made(name, self._addresses[name])
        port = f"port{host.pid}"[-15:]
        peer = ("peer", "name", "eth0", "netns", str(host.pid))
        self._switch.connect("link", "add", port, "type", "veth", *peer)
        self._switch.connect("link", "set", port, "master", "bridge", "up")
        host.connect("address", "add", f"{host.address}/24", "dev", "eth0")
        host.connect("link", "set", "eth0", "up")
        host.connect("route", "add", "default", "dev", "eth0")
        return host

    def _made(self, name: str, address: str) -> Host:
        first = ["sh", "-c", _FIRST, "sh", name, str(self._table), *map(str, self._own)]
        holder = subprocess.Popen(
            [*_WITH_PARENT, *_UNSHARE, "--mount-proc", *first],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        host = Host(name, address, holder)
        self._stack.callback(host.kill)
        assert holder.stdout
        with holder.stdout:
            said = holder.stdout.readline().strip()
        if said != "ready":
            raise OSError(f"no host {name}: {said}")
        return host


@contextmanager
def network(*names: str, folder: Path, own: Sequence[Path] = ()) -> Iterator[Network]:
    """A network for hosts of these names; each has the folders in `own` for itself, empty at
    first. `folder` is for what all of them read. Raises OSError where that is not allowed.
    """
    with ExitStack() as stack:
        yield Network(folder / "hosts", names, own, stack)


def forbidden() -> str:
    """Why this machine can have none; empty: it can."""
    if os.geteuid() != 0:
        return "hosts of their own take root"
    missing = [
        each for each in ("ip", "unshare", "nsenter", "setpriv") if shutil.which(each) is None
    ]
    if missing:
        return f"hosts of their own take {', '.join(missing)}"
    link = ("ip", "link", "add", "bridge", "type", "bridge")
    tried = subprocess.run([*_UNSHARE, *link], capture_output=True, text=True, check=False)
    return f"no namespaces here: {tried.stderr.strip()}" if tried.returncode else ""
