"""HTTP byte by byte: what no client library would send."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse

TIMEOUT_S = 20
HEAD = b"Host: 127.0.0.1\r\nContent-Type: application/json\r\n"


class Wire:
    """One connection to a server."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def read_answer(self, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Read one answer and no byte more."""
        answer = HTTPResponse(self.socket, method=method)
        answer.fp = _Unbuffered(self.socket)  # type: ignore[assignment]
        answer.begin()
        body = answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body

    def read_line(self) -> bytes:
        """Read one line."""
        return _Unbuffered(self.socket).readline()

    def is_closed(self) -> bool:
        """Wait until the server closes the connection; False when it sends something first."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True


class _Unbuffered:
    """A socket as a file that never reads ahead, so that one answer can be read after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def read(self, size: int = -1) -> bytes:
        data = b""
        while size < 0 or len(data) < size:
            chunk = self._socket.recv(65_536 if size < 0 else size - len(data))
            if not chunk:
                break
            data += chunk
        return data

    def readline(self, limit: int = -1) -> bytes:
        line = b""
        while not line.endswith(b"\n") and (limit < 0 or len(line) < limit):
            byte = self._socket.recv(1)
            if not byte:
                break
            line += byte
        return line

    def readinto(self, buffer: memoryview) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The connection stays open."""


@contextmanager
def connect(port: int, receive_bytes: int = 0) -> Iterator[Wire]:
    """Open a connection until the block ends.

    receive_bytes: size of the receiving buffer, so that a server soon notices that nobody reads
    """
    with socket.socket() as connection:
        connection.settimeout(TIMEOUT_S)
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.connect(("127.0.0.1", port))
        yield Wire(connection)
