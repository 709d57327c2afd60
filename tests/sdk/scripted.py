"""A server of one connection at a time that answers as a test says, down to the byte."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import msgspec


class Seen(NamedTuple):
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answer = bytes | Callable[[socket.socket], None]
"""What goes back: bytes, after which the connection is closed, or a function that is given the connection."""


class ScriptedServer:
    """Gives its answers in order, the last of them for ever, and keeps what it was sent."""

    def __init__(self, answers: list[Answer]) -> None:
        self.seen: list[Seen] = []
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                if (request := _read_request(connection)) is None:
                    continue
                self.seen.append(request)
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                with suppress(ConnectionError):  # the client may have heard enough
                    if callable(answer):
                        answer(connection)
                    else:
                        connection.sendall(answer)


@contextmanager
def run_scripted(*answers: Answer) -> Iterator[ScriptedServer]:
    server = ScriptedServer(list(answers))
    try:
        yield server
    finally:
        server.close()


def answer(status: int, body: bytes = b"", content_type: str = "application/msgpack", **headers: str) -> bytes:
    """Return an HTTP answer; ``_`` in the name of a header stands for ``-``."""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def ok(response: msgspec.Struct) -> bytes:
    return answer(200, msgspec.msgpack.encode(response))


def refusal(status: int, code: str, **facts: object) -> bytes:
    body = {"error": {"code": code, "message": f"it is {code}", **facts}}
    return answer(status, msgspec.json.encode(body), "application/json")


def drip(data: bytes, delay_s: float) -> Callable[[socket.socket], None]:
    def send(connection: socket.socket) -> None:
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(delay_s)

    return send


def _read_request(connection: socket.socket) -> Seen | None:
    file = connection.makefile("rb")
    words = file.readline().decode("latin-1").split()
    if len(words) != 3:
        return None
    headers = {}
    while (line := file.readline().decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Seen(words[0], words[1], headers, file.read(int(headers.get("content-length", 0))))
