"""The services of `docker-compose.yml`, up: each by its own command, well by its own check."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import hosts
from tests.composed import GIVEN, Composed, composed, missing
from tests.corpora import HASHING, prose

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(hosts.forbidden()), reason=hosts.forbidden()),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
WORKER = "prefect-worker"
ON_RAY = {**GIVEN, "MILLRACE_RAY_ADDRESS": "ray-head:6379"}
SLOW_PLACED = '''
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from components.splitters.sentences import Sentences


@dataclass(frozen=True, kw_only=True)
class Placed(Sentences):
    """Takes its time, and writes down where it is."""

    def split(self, document, tokenizer):
        time.sleep(0.25)
        with (Path("/srv/cache") / f"at-{socket.gethostname()}").open("a") as places:
            places.write(f"{time.time()} {document.id}\\n")
        return super().split(document, tokenizer)
'''


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    folder = tmp_path_factory.mktemp("composed")
    with composed(folder, ON_RAY) as services:
        pipelines, documents = folder / "pipelines", folder / "documents"
        pipelines.mkdir()
        documents.mkdir()
        for number in range(120):
            (documents / f"{number:03}.txt").write_text(prose(number))
        (pipelines / "placed.py").write_text(SLOW_PLACED)
        told = {
            **HASHING,
            "source": {"use": "files", "path": "/srv/documents"},
            "index": {"use": "qdrant"},
        }
        (pipelines / "sample.yaml").write_text(json.dumps({**told, "name": "sample"}))
        services.up("postgres", "prefect-server", "qdrant", "ray-head", "ray-worker", WORKER)
        yield services


def test_all_of_them_are_well(up: Composed) -> None:
    assert [each for each in up.services if not up.is_well(each)] == []


def test_ray(up: Composed) -> None:
    print(up.run(WORKER, "ray", "status"))
    print(
        up.run(
            WORKER,
            "millrace",
            "refresh",
            "pipelines/sample.yaml",
            "--engine-only",
            "--json",
            "--set",
            "splitter.use=placed:Placed",
            "--set",
            "engine.cpus=1",
            "--set",
            "engine.actors=4",
        )
    )
    for each in sorted((up.folder / "cache").glob("at-*")):
        print(each.name, len(each.read_text().splitlines()))
