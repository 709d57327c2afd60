"""Receivers of webhooks on the loopback address, good ones and hostile ones."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


class Received(NamedTuple):
    """One request: its first line, its headers by lower-case names, and its body."""

    line: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Takes one connection after the other, and answers each with what ``answer`` makes of its request."""

    def __init__(self, answer: Callable[[socket.socket], object] | bytes = OK) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/hook?a=1"
        self.answers: list[bytes] = []
        """What the next requests are answered with, before ``answer`` is."""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(30)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                try:
                    self.received.append(read_request(connection))
                    answer = self.answers.pop(0) if self.answers else self._answer
                    if callable(answer):
                        answer(connection)
                    else:
                        connection.sendall(answer)
                except (OSError, ValueError):  # the client hung up, which is what some tests are about
                    continue


def read_request(connection: socket.socket) -> Received:
    """Read one request."""
    with connection.makefile("rb") as file:
        line = file.readline().decode().strip()
        headers = {}
        while (text := file.readline().decode().strip()) != "":
            name, _, value = text.partition(": ")
            headers[name.lower()] = value
        return Received(line, headers, file.read(int(headers["content-length"])))


@contextmanager
def run_receiver(answer: Callable[[socket.socket], object] | bytes = OK) -> Iterator[Receiver]:
    """Run a receiver until the block ends."""
    receiver = Receiver(answer)
    try:
        yield receiver
    finally:
        receiver.close()
