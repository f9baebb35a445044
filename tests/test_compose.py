"""`docker-compose.yml`: valid, pinned, checked, and without a secret. No engine is needed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest

from components.indexes.qdrant.version import LOWEST
from infra import ray_runtime
from tests.compose import FILE, ROOT, WORKDIR, services, written

SERVICES: Mapping[str, Mapping[str, Any]] = written()["services"]
EACH = pytest.mark.parametrize("name", SERVICES)
SECRET = re.compile(r"password|key|token|auth_string|secret", re.IGNORECASE)
GIVEN = {
    name: "x" for name in ("POSTGRES_PASSWORD", "PREFECT_AUTH", "QDRANT_API_KEY", "RAY_AUTH_TOKEN")
}
REQUIRED = re.compile(r"\$\{(\w+):\?[^}]+\}")


def test_the_file_is_what_compose_expects() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", FILE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_all_of_it_is_there() -> None:
    expected = ["postgres", "prefect-server", "prefect-worker", "qdrant", "ray-head", "ray-worker"]
    assert sorted(SERVICES) == expected


@EACH
def test_images_have_exact_tags(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert image
    assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-[a-z]+)?", tag)


def test_the_base_image_has_an_exact_tag() -> None:
    dockerfile = (ROOT / "infra/images/Dockerfile").read_text()
    assert re.findall(r"^FROM (.*)$", dockerfile, re.MULTILINE) == ["python:3.11.13-slim-bookworm"]
    assert "--constraint constraints.txt" in dockerfile


def test_the_server_is_one_that_the_index_takes_and_so_is_its_client() -> None:
    _, _, tag = SERVICES["qdrant"]["image"].partition(":v")
    assert tuple(map(int, tag.split(".")[:2])) >= LOWEST
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (client,) = [each for each in asked if each.startswith("qdrant-client>=")]
    major, minor = client.partition(">=")[2].split(".")
    assert (int(major), int(minor)) >= LOWEST


@EACH
def test_services_say_whether_they_are_well(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert len(check["test"]) > 1
    assert check["retries"] > 0


@EACH
def test_services_wait_for_healthy_ones(name: str) -> None:
    for other, condition in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        assert condition == {"condition": "service_healthy"}


@EACH
def test_ports_are_open_to_this_machine_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")


@EACH
def test_secrets_come_from_the_environment_and_have_no_default(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if SECRET.search(variable):
            assert REQUIRED.fullmatch(str(value)), f"{variable} is written down"
        for given in re.findall(r"://[^/:]+:(.+)@", str(value)):
            assert REQUIRED.fullmatch(given), f"{variable} holds a password"


def test_the_example_names_every_secret_and_gives_none() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(given) == set(REQUIRED.findall(FILE.read_text()))
    assert not any(given.values())


@EACH
def test_what_is_kept_lies_in_a_named_volume(name: str) -> None:
    sources = [each.split(":")[0] for each in SERVICES[name].get("volumes", [])]
    named = [each for each in sources if not each.startswith(("./", "/"))]
    assert set(named) <= set(written()["volumes"])


@pytest.mark.parametrize("name", ["prefect-worker", "ray-head", "ray-worker"])
def test_what_piles_up_lies_in_volumes(name: str) -> None:
    service = services(GIVEN)[name]
    assert PurePosixPath("/tmp") in service.volumes
    assert PurePosixPath(service.environment["MILLRACE_CACHE"]) in service.volumes
    if name == "prefect-worker":
        assert PurePosixPath(service.environment["PREFECT_HOME"]) in service.volumes


@pytest.mark.parametrize("name", ["prefect-worker", "ray-head", "ray-worker"])
def test_whatever_encodes_has_pipelines_documents_and_the_store(name: str) -> None:
    worker, node = services(GIVEN)["prefect-worker"], services(GIVEN)[name]
    for place in (WORKDIR / "pipelines", PurePosixPath("/srv/documents")):
        assert node.volumes[place] == worker.volumes[place]
    shared = [each for each in worker.environment if each.startswith(("MILLRACE_QDRANT", "RAY_"))]
    assert len(shared) >= 4
    assert {each: node.environment.get(each) for each in shared} == {
        each: worker.environment[each] for each in shared
    }


@pytest.mark.parametrize("name", ["prefect-worker", "ray-head", "ray-worker"])
def test_shared_memory_holds_a_nodes_store_and_a_ray_of_its_own(name: str) -> None:
    beside = (ROOT / "infra/images/beside-ray-node.sh").read_text()
    command = beside if name == "prefect-worker" else " ".join(services(GIVEN)[name].command)
    (store,) = re.findall(r"--object-store-memory=(\d+)", command)
    own = ray_runtime.STORE if name == "prefect-worker" else 0
    assert SERVICES[name]["shm_size"] == "2gb"
    assert int(store) + own < 2 * 2**30 * 0.95  # what Ray leaves free
