"""The server's application without a network: a client that calls it, so that thousands of requests take seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from trackway.base.settings import read_settings
from trackway.http.app import App
from trackway.wiring.server import build_app


class Asgi:
    """Calls an application; ``headers`` are sent with every request."""

    def __init__(self, app: App[Any]) -> None:
        self.app = app
        self.told: dict[bytes, bytes] = {}
        self.headers: list[tuple[bytes, bytes]] = []
        self.client = ("127.0.0.1", 40_000)

    async def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        query: str = "",
        kind: str = "application/json",
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> tuple[int, bytes]:
        """Send one request; return the status and the body. ``told`` has the answer's headers."""
        sent = [(b"content-type", kind.encode()), *self.headers, *headers]
        if b"host" not in dict(sent):
            sent.append((b"host", b"127.0.0.1"))
        messages: list[dict[str, Any]] = [{"type": "http.request", "body": body}]
        answered = asyncio.Event()
        status, content = 0, b""

        async def receive() -> dict[str, Any]:
            if not messages:
                await answered.wait()
                return {"type": "http.disconnect"}
            return messages.pop(0)

        async def send(message: Any) -> None:
            nonlocal status, content
            status = message.get("status", status)
            self.told = dict(message.get("headers", self.told))
            content += message.get("body", b"")

        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": sent,
            "client": self.client,
        }
        await self.app(scope, receive, send)
        answered.set()
        return status, content


@asynccontextmanager
async def run_app(folder: Path, store: str = "", **settings: Any) -> AsyncIterator[Asgi]:
    """Run an application on an empty store, without background work, until the block ends.

    store: its address; a SQLite file in the folder without one
    """
    places = {"store": store or f"sqlite:///{folder}/t.db", "artifacts": str(folder / "artifacts"), "jobs": False}
    places |= settings
    app = build_app(read_settings(places, {}))
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()
    living = asyncio.create_task(app({"type": "lifespan"}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    await outbox.get()
    try:
        yield Asgi(app)
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        await living
