"""The services of `docker-compose.yml` without an engine: each by its own command, on a host of its
own of its name, in the environment that the file gives it and with its volumes as folders.

Postgres is Debian's, set up as its image does it, and Qdrant is `tests/qdrant_http`; whatever runs
our image runs this tree, in the environment of this Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from tests.compose import ROOT, WORKDIR, Service, services
from tests.hosts import Host, Network, network

GIVEN: Mapping[str, str] = {
    "POSTGRES_PASSWORD": "postgresword",
    "PREFECT_AUTH": "somebody:secret",
    "QDRANT_API_KEY": "qdrantkey",
    "RAY_AUTH_TOKEN": "r" * 48,
}
"""What `.env` holds."""
POSTGRES = Path("/usr/lib/postgresql")
_OWN = ("/srv", "/tmp/ray", "/var/lib/postgresql", "/run/postgresql")
_SECONDS = 240.0
"""That a service may take to be well, with others on the same cores."""
_SET_UP = """
chown postgres /var/lib/postgresql /run/postgresql
as() { runuser --user postgres -- "$@"; }
printf %s "$POSTGRES_PASSWORD" > /run/postgresql/password && chown postgres /run/postgresql/password
as initdb --username="$POSTGRES_USER" --pwfile=/run/postgresql/password --auth-host=scram-sha-256 \
   --pgdata=/var/lib/postgresql/data
echo "host all all all scram-sha-256" >> /var/lib/postgresql/data/pg_hba.conf
echo "CREATE DATABASE $POSTGRES_DB" | as postgres --single -D /var/lib/postgresql/data postgres
exec runuser --user postgres -- postgres -D /var/lib/postgresql/data -c 'listen_addresses=*'
"""
_STAND_INS: Mapping[str, tuple[str, ...]] = {
    "postgres": ("sh", "-euc", _SET_UP),
    "qdrant": (sys.executable, "-m", "tests.qdrant_http", "--host", "0.0.0.0"),
}


@dataclass
class Composed:
    """The services that are up."""

    folder: Path
    """For their volumes and logs; `pipelines` and `documents` in it are the user's."""
    services: Mapping[str, Service]
    _network: Network
    _up: dict[str, Host] = field(default_factory=dict)

    def up(self, *names: str) -> None:
        """Start them in turn, each once what it needs is well, and see that they are well."""
        for name in names:
            assert all(self.is_well(each) for each in self.services[name].needs)
            self.start(name)
            self.wait(name)

    def start(self, name: str) -> None:
        """Start a service on a host of its own."""
        service = self.services[name]
        host = self._up[name] = self._network.add(name)
        self._mount(host, service)
        stand_in = _STAND_INS.get(service.image.partition("/")[0].partition(":")[0])
        with self.log(name).open("ab") as out:
            self._started(name, *(stand_in or service.command), out=out)

    def wait(self, name: str) -> None:
        """Until it is well."""
        end = time.monotonic() + _SECONDS
        while not self.is_well(name):
            if time.monotonic() > end:
                raise TimeoutError(f"{name} is not well:\n{self.log(name).read_text()[-3000:]}")
            time.sleep(0.5)

    def is_well(self, name: str) -> bool:
        """What its own health check says."""
        check = self.services[name].check
        return self._started(name, *check, out=subprocess.DEVNULL).wait() == 0

    def run(self, name: str, *command: str) -> str:
        """What a command in its container says; it must be done."""
        process = self.begin(name, *command)
        said = process.communicate()[0].decode()
        assert process.returncode == 0, said
        return said

    def begin(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """A command in its container, its output to be read."""
        return self._started(name, *command, out=subprocess.PIPE)

    def kill(self, name: str) -> None:
        """The machine that it runs on."""
        self._up.pop(name).kill()

    def log(self, name: str) -> Path:
        """The file of what it has said."""
        return self.folder / f"{name}.log"

    def _started(self, name: str, *command: str, out: IO[bytes] | int) -> subprocess.Popen[bytes]:
        service = self.services[name]
        return self._up[name].start(
            *command,
            environment=_environment(service, self.folder),
            folder=Path(WORKDIR) if service.is_ours else ROOT,
            out=out,
        )

    def _mount(self, host: Host, service: Service) -> None:
        if not service.is_ours:
            return
        host.mount(ROOT, WORKDIR)
        for target, source in service.volumes.items():
            if source and target != PurePosixPath("/tmp"):  # this machine's, where this tree may be
                (self.folder / source).mkdir(exist_ok=True)
                host.mount(self.folder / source, target)


@contextmanager
def composed(folder: Path, given: Mapping[str, str] = GIVEN) -> Iterator[Composed]:
    """None of the services is up yet; all of them are down in the end."""
    known = services(given)
    own = [Path(each) for each in _OWN]
    with network(*known, folder=folder, own=own) as made:
        yield Composed(folder, known, made)


def _environment(service: Service, home: Path) -> dict[str, str]:
    """What a container has: its own variables, and programs, this Python's first."""
    found = sorted(POSTGRES.glob("*/bin"))
    places = [Path(sys.executable).parent, *found[-1:], "/usr/bin", "/bin", "/usr/sbin", "/sbin"]
    system = {"PATH": os.pathsep.join(map(str, places)), "HOME": str(home), "LANG": "C.UTF-8"}
    return {**system, "PYTHONPATH": str(ROOT), **service.environment}


def missing() -> str:
    """What this machine lacks for it; empty: nothing."""
    if not list(POSTGRES.glob("*/bin/initdb")):
        return "it takes Debian's package postgresql"
    return "" if shutil.which("runuser") else "it takes runuser"
