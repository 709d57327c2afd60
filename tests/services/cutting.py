"""A front for a server that loses answers: the server has done the work, and the client does not hear of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LEFT_BYTES = (0, 5)
"""How much of an answer gets through: nothing, or part of its first line."""


@dataclass
class CuttingServer:
    """The front. Each request to a path in ``cut_paths`` loses its answer the first two times that it is sent."""

    port: int
    cut_paths: set[str] = field(default_factory=set)
    seen: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, path: str, body: bytes) -> int:
        with self.lock:
            self.seen[path, body] += 1
            return self.seen[path, body]


@contextmanager
def run_cutting(port: int) -> Iterator[CuttingServer]:
    """Run a front of the server on a port until the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        cutting = CuttingServer(server.server_port)
        server.RequestHandlerClass = partial(_Handler, port, cutting)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield cutting
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # a connection for each request: none is cut that carries another

    def __init__(self, backend_port: int, cutting: CuttingServer, *args: Any) -> None:
        self.backend_port = backend_port
        self.cutting = cutting
        super().__init__(*args)

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        connection = HTTPConnection("127.0.0.1", self.backend_port, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        path = self.path.partition("?")[0].rpartition("/mlflow/")[2]
        times = self.cutting.count(path, body)
        if path in self.cutting.cut_paths and times <= len(LEFT_BYTES):
            self.wfile.write(b"HTTP/1.1 200 OK"[: LEFT_BYTES[times - 1]])
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it
        """Keep the test's output quiet."""

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = forward
