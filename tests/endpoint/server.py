"""A chat model behind an OpenAI-compatible address on loopback that says what a test has written.

    with chat_server([Reply(status=429, headers={"Retry-After": "2"}), "Fine."]) as server:
        Endpoint(address=server.address, model="any", ...)
    assert [each.question for each in server.asked] == ["Why?", "Why?"]

A script is a list of replies, one per request in order of arrival, normal answers after its end; or
a function from the request to its reply, which several threads may call at once. A string is short
for `Reply(text)`. Whether a good answer is streamed is up to the request.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as it came."""

    body: dict[str, Any]
    headers: Mapping[str, str]
    """Names in lower case."""
    at: float
    """`time.monotonic()` of its arrival."""

    @property
    def question(self) -> str:
        """Text of its last message."""
        return str(self.body["messages"][-1]["content"])


@dataclass(frozen=True)
class Reply:
    """What the server does with a request: by default it answers."""

    text: str = "An answer."
    finish: str | None = "stop"
    """`length`: the answer was cut."""
    usage: tuple[int, int] | None = (11, 7)
    """Input and output tokens that it reports; None: it reports none."""
    status: int = 200
    """Another one comes with an error that holds `text`, and no usage."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent instead of everything that is made of the above, but for status and headers."""
    lost: Literal["no", "before", "halfway", "quietly"] = "no"
    """The connection is closed before any answer; halfway through it; or a stream ends halfway as
    if that was all.
    """
    hang: float = 0.0
    """Seconds before it says anything."""


Script = Sequence[Reply | str] | Callable[[Asked], Reply | str]


@dataclass
class ChatServer:
    """What it says next, and what it was asked."""

    script: Script = ()
    address: str = ""
    """Ends in /v1."""
    asked: list[Asked] = field(default_factory=list)
    """Every request, in order of arrival."""
    reported: list[tuple[int, int]] = field(default_factory=list)
    """Input and output tokens of the good answers that were sent whole."""
    most_at_once: int = 0
    """Requests that were open at the same time."""
    closing: threading.Event = field(default_factory=threading.Event)
    """Set at the end: no reply hangs longer."""
    _open: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arrived(self, asked: Asked) -> Reply:
        """Put down a request; the reply to it."""
        with self._lock:
            at = len(self.asked)
            self.asked.append(asked)
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        if callable(self.script):
            said = self.script(asked)
        else:
            said = self.script[at] if at < len(self.script) else Reply()
        return Reply(said) if isinstance(said, str) else said

    def answers(self, reply: Reply) -> None:
        """Put down what a whole answer reports."""
        with self._lock:
            if reply.status == 200 and reply.usage and reply.body is None:
                self.reported.append(reply.usage)

    def left(self) -> None:
        """Put down that a request has ended."""
        with self._lock:
            self._open -= 1


@contextmanager
def chat_server(script: Script = ()) -> Iterator[ChatServer]:
    """A server that runs inside the block."""
    made = ChatServer(script)
    listening = _Listening(made)
    made.address = f"http://127.0.0.1:{listening.server_port}/v1"
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.closing.set()
        listening.shutdown()
        listening.server_close()
        thread.join(timeout=10)


class _Listening(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, chat: ChatServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.chat = chat


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listening

    def do_POST(self) -> None:
        chat = self.server.chat
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        asked = Asked(
            body=json.loads(raw),
            headers={name.lower(): value for name, value in self.headers.items()},
            at=time.monotonic(),
        )
        reply = chat.arrived(asked)
        try:
            gone = chat.closing.wait(reply.hang)
            if not gone and reply.lost != "before":
                self._say(asked, reply)
        except OSError:  # the client has gone
            pass
        finally:
            chat.left()
            self.close_connection = True

    def _say(self, asked: Asked, reply: Reply) -> None:
        torn = reply.lost != "no"
        if not torn:
            self.server.chat.answers(reply)
        if self.path != "/v1/chat/completions":
            self._whole(404, {}, _json({"error": {"message": "no such path"}}))
        elif reply.body is not None:
            self._whole(reply.status, reply.headers, reply.body)
        elif reply.status != 200:
            said = _json({"error": {"message": reply.text}})
            self._whole(reply.status, reply.headers, said)
        elif asked.body.get("stream"):
            self._stream(asked, reply)
        else:
            self._whole(200, reply.headers, _completion(asked, reply), torn)

    def _whole(
        self, status: int, headers: Mapping[str, str], body: bytes, torn: bool = False
    ) -> None:
        self._head(status, {"Content-Type": "application/json", **headers})
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if torn else body)

    def _stream(self, asked: Asked, reply: Reply) -> None:
        self._head(200, {"Content-Type": "text/event-stream", **reply.headers})
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        events = list(_events(asked, reply))
        for event in events if reply.lost == "no" else events[: len(events) // 2]:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            self.wfile.flush()
        if reply.lost != "halfway":
            self.wfile.write(b"0\r\n\r\n")

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")

    def log_message(self, *_: object) -> None:
        pass


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _usage(reply: Reply) -> dict[str, int] | None:
    if reply.usage is None:
        return None
    of_input, of_output = reply.usage
    return {
        "prompt_tokens": of_input,
        "completion_tokens": of_output,
        "total_tokens": of_input + of_output,
    }


def _completion(asked: Asked, reply: Reply) -> bytes:
    message = {"role": "assistant", "content": reply.text}
    told = {
        **_about(asked, "chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish}],
    }
    usage = _usage(reply)
    return _json(told if usage is None else {**told, "usage": usage})


def _events(asked: Asked, reply: Reply) -> Iterator[bytes]:
    about = _about(asked, "chat.completion.chunk")

    def event(delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return b"data: " + _json({**about, "choices": [choice]}) + b"\n\n"

    yield event({"role": "assistant", "content": ""})
    for start in range(0, len(reply.text), 4):
        yield event({"content": reply.text[start : start + 4]})
    yield event({}, reply.finish)
    usage = _usage(reply)
    if usage and (asked.body.get("stream_options") or {}).get("include_usage"):
        yield b"data: " + _json({**about, "choices": [], "usage": usage}) + b"\n\n"
    yield b"data: [DONE]\n\n"


def _about(asked: Asked, kind: str) -> dict[str, Any]:
    return {"id": "1", "object": kind, "created": 1, "model": asked.body.get("model", "")}
