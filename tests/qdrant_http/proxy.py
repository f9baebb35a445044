"""Between a client and a server on loopback: passes everything on, until it is told otherwise."""

from __future__ import annotations

import re
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_PIECE = 64 * 1024


class Proxy:
    """A server's address that can be cut off, slow, or answer for itself."""

    def __init__(self, server: str) -> None:
        parts = urlsplit(server)
        self._server = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._answers: list[bytes] | None = None
        self._delay = 0.0
        self._most: int | None = None
        self._ended = False
        self.asked: list[float] = []
        """When it was connected to, since it was told something."""
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """End all connections, and every new one at once."""
        self._tell([b""])

    def answer(self, *answers: bytes) -> None:
        """Answer a request with each of these instead of the server, and all others by the last."""
        self._tell(list(answers))

    def delay(self, seconds: float) -> None:
        """Pass everything on to the server, so much later."""
        self._delay = seconds

    def refuse(self, most: int) -> None:
        """Refuse larger bodies as Qdrant does: answer at once, and read no more of it."""
        self._most = most

    def restore(self) -> None:
        """Pass everything on again, at once."""
        self._drop()  # before, or a connection that is made just then would be dropped as well
        self._answers, self.asked, self._delay = None, [], 0.0

    def close(self) -> None:
        self._ended = True
        self._listener.close()
        self._drop()

    def _tell(self, answers: list[bytes]) -> None:
        self._answers, self.asked, self._delay = answers, [], 0.0
        self._drop()

    def _drop(self) -> None:
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._ended:
            with suppress(OSError):
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        answers = self._answers
        self.asked.append(time.monotonic())
        with client, suppress(OSError):
            if self._most is not None and (length := _length(client)) > self._most:
                said = f"JSON payload ({length} bytes) is larger than allowed"
                client.sendall(http(400, f'{{"status": {{"error": "{said}"}}, "time": 0}}'))
                self._refused(client)
                return
            if answers is None:
                with socket.create_connection(self._server) as server:
                    self._relay(client, server)
                return
            told = answers.pop(0) if len(answers) > 1 else answers[0]
            if told:
                client.recv(_PIECE)
                client.sendall(told)

    def _refused(self, client: socket.socket) -> None:
        """Kept open until the client goes away, or all connections end."""
        self._open.add(client)
        gone = select.poll()
        gone.register(client, select.POLLRDHUP)
        gone.poll()
        self._open.discard(client)

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        pair = {client, server}
        self._open |= pair
        back = threading.Thread(target=self._pour, args=(server, client), daemon=True)
        back.start()
        self._pour(client, server, late=True)
        back.join()
        self._open -= pair

    def _pour(self, source: socket.socket, target: socket.socket, *, late: bool = False) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                time.sleep(self._delay if late else 0.0)
                target.sendall(piece)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _length(client: socket.socket) -> int:
    """Of a request's body, by its head, which is left to be read."""
    head = b""
    while b"\r\n\r\n" not in head:
        seen = client.recv(_PIECE, socket.MSG_PEEK)
        if seen == head:  # there is no more, or none yet
            time.sleep(0.001)
        if not seen:
            break
        head = seen
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(found[1]) if found else 0


def http(status: int, body: str = "", headers: str = "") -> bytes:
    """An answer. `headers`: lines, each with its end."""
    head = f"HTTP/1.1 {status} Told\r\n{headers}Content-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n{body}".encode()


@contextmanager
def before(server: str) -> Iterator[Proxy]:
    """A proxy before the server at an address."""
    proxy = Proxy(server)
    try:
        yield proxy
    finally:
        proxy.close()
