"""The routes of files without a network, as a server that may die between any two steps."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from trackway.api import operations as ops
from trackway.api.artifacts import GetFile
from trackway.api.calls import ANONYMOUS
from trackway.artifacts.transfer import open_stored
from trackway.base.clock import now_ms
from trackway.http.messages import BodyMemory, HttpRequest, Message
from trackway.server.files import FileRoutes
from trackway.tracking.chores import Chores
from trackway.tracking.retention import RetentionService
from trackway.wiring.platform import Platform

PATH = "0/run/artifacts/weights.bin"
PARTS = [b"a" * 100_000, b"b" * 5]
WHOLE = b"".join(PARTS)


class Died(Exception):
    """The server died before an operation."""


class Door:
    """The routes of files, without a network; ``dies_at`` names an operation before which the server dies once."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.dies_at = ""
        self._routes = {(route.method, route.path): route.handler for route in FileRoutes(platform.blobs).list_routes()}

    async def __call__(self, operation: Any, request: Any) -> Any:
        if operation.name == self.dies_at:
            self.dies_at = ""
            raise Died
        dispatch = self.platform.dispatch
        return dispatch.call(operation, request, dispatch.open_call(ANONYMOUS, "default"))

    def send(self, method: str, path: str, body: bytes = b"", **params: str) -> Any:
        async def receive() -> Message:
            return {"type": "http.request", "body": body}

        scope = {"method": method, "path": path, "query_string": b"", "headers": []}
        request = HttpRequest(scope, receive, BodyMemory())
        request.params = {"path": PATH, **params}
        handler: Any = self._routes[method, f"/api/v1{path}"]
        answer = asyncio.run(handler(request, self))
        return msgspec.json.decode(answer.body) if isinstance(answer.body, bytes) else None

    def begin(self) -> tuple[str, bytes]:
        """Open an upload and send its parts; return its id and the body that completes it."""
        upload_id = self.send("POST", "/uploads/{path:path}")["upload_id"]
        parts = [
            self.send("PUT", "/uploads/{upload_id}/{number}/{path:path}", part, upload_id=upload_id, number=str(n))
            for n, part in enumerate(PARTS, 1)
        ]
        return upload_id, msgspec.json.encode({"parts": parts})

    def put(self, data: bytes) -> Any:
        return self.send("PUT", "/files/{path:path}", data)

    def complete(self, upload_id: str, body: bytes) -> Any:
        return self.send("PATCH", "/uploads/{upload_id}/{path:path}", body, upload_id=upload_id)

    def read(self) -> bytes:
        dispatch = self.platform.dispatch
        file = dispatch.call(ops.GET_FILE, GetFile(path=PATH), dispatch.open_call(ANONYMOUS, "default"))
        return b"".join(open_stored(self.platform.blobs, file))

    def blobs(self) -> list[str]:
        """Return the keys of all that is stored, parts of open uploads too."""
        return [key for key, _ in self.platform.blobs._list("")]

    def tidy(self, after_ms: int) -> None:
        """Do what the server's jobs do, as if some time had passed."""
        chores = Chores(self.platform.store, self.platform.blobs, RetentionService(), clock=lambda: now_ms() + after_ms)
        chores.close_uploads()
        chores.delete_blobs()
