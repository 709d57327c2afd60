"""A front for an S3 server that behaves as Scality CloudServer 8.8 was seen to behave.

It ignores ``If-Match`` and ``If-None-Match`` on writes, demands ``Content-MD5`` on bulk deletes and refuses bodies that
are signed in chunks with a trailing checksum. It also notes every request, and can cut answers short.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.services.seaweedfs import ObjectServer

BLOCK_BYTES = 1 << 16
CONDITIONS = ("if-match", "if-none-match")
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "expect")


@dataclass(frozen=True)
class Seen:
    """One request: its method, the names of its query parameters and its headers in lower case."""

    method: str
    query: frozenset[str]
    headers: dict[str, str]


@dataclass(frozen=True)
class ScalityServer(ObjectServer):
    """A running front; ``cuts`` holds, for the next GET answers, after how many bytes each is to break off."""

    seen: list[Seen] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)


@contextmanager
def run_scality(behind: ObjectServer) -> Iterator[ScalityServer]:
    """Run the front of a server until the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        scality = ScalityServer(server.server_port)
        server.RequestHandlerClass = partial(_Handler, behind.port, scality)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield scality
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write for a whole head
    disable_nagle_algorithm = True

    def __init__(self, backend_port: int, scality: ScalityServer, *args: Any) -> None:
        self.backend_port = backend_port
        self.scality = scality
        super().__init__(*args)

    def forward(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = frozenset(parse_qs(urlsplit(self.path).query, keep_blank_values=True))
        self.scality.seen.append(Seen(self.command, query, headers))
        size_bytes = int(headers.get("content-length", 0))
        if refusal := _refuse(self.command, query, headers):
            self.rfile.read(size_bytes)
            self.answer_refusal(refusal)
            return
        dropped = HOP_BY_HOP + (CONDITIONS if self.command in ("PUT", "POST") else ())
        connection = HTTPConnection("127.0.0.1", self.backend_port, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name not in dropped:
                    connection.putheader(name, value)
            connection.endheaders()
            while size_bytes > 0:
                block = self.rfile.read(min(BLOCK_BYTES, size_bytes))
                if not block:  # the client is gone
                    self.close_connection = True
                    return
                size_bytes -= len(block)
                connection.send(block)
            self.answer(connection)
        finally:
            connection.close()

    def answer(self, connection: HTTPConnection) -> None:
        answer = connection.getresponse()
        self.send_response(answer.status)
        chunked = answer.getheader("content-length") is None and answer.status not in (204, 304)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        body = answer.read() if chunked else None
        if body is not None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        left = self.scality.cuts.pop(0) if self.scality.cuts and self.command == "GET" else -1
        while block := body or answer.read(BLOCK_BYTES):
            if 0 <= left < len(block):
                self.wfile.write(block[:left])
                self.close_connection = True
                return
            left = max(left - len(block), -1) if left >= 0 else left
            self.wfile.write(block)
            body = None

    def answer_refusal(self, code: str) -> None:
        body = f"<Error><Code>{code}</Code></Error>".encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it
        """Keep the test's output quiet."""

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward


def _refuse(method: str, query: frozenset[str], headers: dict[str, str]) -> str | None:
    """Return the error code of a request that is answered with 400, or nothing."""
    if method == "POST" and "delete" in query and "content-md5" not in headers:
        return "BadDigest"
    streamed = headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
    if streamed or "x-amz-trailer" in headers or "aws-chunked" in headers.get("content-encoding", ""):
        return "InvalidArgument"
    return None
