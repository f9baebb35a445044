"""One server for all tests of this folder; it asks for a password."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flows.server import Server, server


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("prefect"), password="somebody:secret") as running:
        yield running
