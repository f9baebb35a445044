"""One server for all tests of this folder; it asks for a password."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flows.deployed import Deployed
from tests.flows.deployed import deployed as deployed_on
from tests.flows.server import Server, server


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("prefect"), password="somebody:secret") as running:
        yield running


@pytest.fixture(scope="session")
def deployed(
    prefect_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    with deployed_on(prefect_server, tmp_path_factory.mktemp("worker")) as running:
        yield running
