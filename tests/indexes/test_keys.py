"""Who is let in, by which key, and by whose certificate."""

from __future__ import annotations

import logging
import re
import shutil
import socket
import ssl
import subprocess
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from qdrant_client.http.exceptions import ResponseHandlingException

from components.corpus.search import search
from components.errors import BadOption
from components.indexes.qdrant.index import QdrantIndex
from components.indexes.qdrant.patience import patient
from components.indexes.qdrant.server import connect
from components.values import Query
from infra.settings import settings
from tests.corpora import LINES, Corpus

STORE = ("index.use=qdrant",)
_READS = re.compile(r"/points(/scroll|/count|/query/batch)?$")


@pytest.fixture
def corpus(corpus: Corpus, server: str) -> Corpus:
    corpus.add("corpus.jsonl", '{"_id": "a", "text": "The mill stands by the river."}\n')
    return Corpus(corpus.folder, LINES)


@pytest.mark.parametrize("key", ["s3cret\n", "s3cret\r\n", " s3cret", "s3\ncret", "s3crét", " "])
def test_a_key_that_no_request_can_carry_is_refused_and_not_shown(
    server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    monkeypatch.setenv("MILLRACE_QDRANT_API_KEY", key)
    settings.cache_clear()
    with pytest.raises(BadOption, match="line break") as caught:
        QdrantIndex().corpus("own").live()
    assert caught.value.where == "MILLRACE_QDRANT_API_KEY"
    told = "".join(traceback.format_exception(caught.value))
    assert "s3cr" not in told + caught.value.hint + caplog.text


def for_reading(
    request: httpx.Request, send: Callable[[httpx.Request], httpx.Response]
) -> httpx.Response:
    """As a server answers to a key that may read and no more."""
    if request.method == "GET" or (request.method == "POST" and _READS.search(request.url.path)):
        return send(request)
    error = {"status": {"error": "Forbidden: Global manage access is required"}, "time": 0}
    return httpx.Response(403, json=error, request=request)


def test_it_searches(corpus: Corpus) -> None:
    corpus.refresh(STORE)
    connect().client.http.client.add_middleware(for_reading)
    assert len(search(corpus.load(STORE), [Query(text="mill")], 5).hits[0]) == 1


@pytest.mark.parametrize("built", [True, False])
def test_a_refresh_is_told_what_it_lacks_and_changes_nothing(
    corpus: Corpus, caplog: pytest.LogCaptureFixture, built: bool
) -> None:
    if built:
        corpus.refresh(STORE)
    caplog.set_level(logging.WARNING)
    connect().client.http.client.add_middleware(for_reading)
    with pytest.raises(BadOption, match=r"does not allow it .*Global manage access") as caught:
        corpus.refresh(STORE)
    assert "set another in MILLRACE_QDRANT_API_KEY" in caught.value.hint
    assert (corpus.job(STORE).corpus.live() is not None) is built
    assert caplog.records == []


def certificate(folder: Path, name: str) -> Path:
    """Of this name, with its key."""
    file = folder / "both.pem"
    command = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {file}"
    command += f" -out {folder}/certificate -subj /CN=mill -addext subjectAltName={name}"
    subprocess.run(command.split(), check=True, capture_output=True)
    file.write_text(file.read_text() + (folder / "certificate").read_text())
    return file


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not there")
@pytest.mark.parametrize(
    ("name", "trusted", "where", "hint"),
    [
        ("IP:127.0.0.1", False, "MILLRACE_QDRANT_CA", "who signed"),
        ("IP:127.0.0.2", True, "MILLRACE_QDRANT_URL", "a name that its certificate has"),
    ],
)
def test_what_is_wrong_with_a_certificate(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    trusted: bool,
    where: str,
    hint: str,
) -> None:
    file = certificate(tmp_path, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    asked: list[object] = []

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                asked.append(connection)
                with connection, suppress(OSError):
                    context.wrap_socket(connection, server_side=True).close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        monkeypatch.setenv("MILLRACE_QDRANT_URL", f"https://127.0.0.1:{port}")
        if trusted:
            monkeypatch.setenv("MILLRACE_QDRANT_CA", str(tmp_path / "certificate"))
        settings.cache_clear()
        with patient(), pytest.raises(BadOption, match="certificate") as caught:
            QdrantIndex().corpus("own").live()
        assert (len(asked), caught.value.where) == (1, where)
        assert hint in caught.value.hint
        listener.shutdown(socket.SHUT_RDWR)


def test_a_certificate_that_has_run_out(server: str) -> None:
    def answer(*_: object) -> httpx.Response:
        error = ssl.SSLCertVerificationError(1, "certificate has expired")
        error.verify_code = 10
        lost = httpx.ConnectError("no")
        lost.__cause__ = error
        raise ResponseHandlingException(lost)

    connect().client.http.client.add_middleware(answer)
    with patient(), pytest.raises(BadOption) as caught:
        QdrantIndex().corpus("own").live()
    assert "renew the server's certificate" in caught.value.hint
