"""A scoring application in this process, without a network, so that tables of requests take no time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.services.scoring_server import Scored
from trackway.serving.app import build_app
from trackway.serving.batcher import Batcher
from trackway.serving.deployment import Deployment
from trackway.serving.settings import read_serving_settings

VERSION = "1.2.3"


class Served:
    """An application with its model loaded."""

    def __init__(self, settings: Any) -> None:
        self.batcher = Batcher(settings.threads, settings.max_waiting, settings.max_batch)
        self.deployment = Deployment(settings, self.batcher.forget)
        self.deployment.load()
        self._app = build_app(self.deployment, self.batcher, settings, VERSION)

    def score(self, body: Any, kind: str = "application/json") -> Scored:
        return self.send("POST", "/invocations", body, **({"content-type": kind} if kind else {}))

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Scored:
        """Send a request; what is neither bytes nor text is sent as JSON."""
        return asyncio.run(self.ask(method, path, body, headers))

    def send_all(self, bodies: Sequence[Any]) -> list[Scored]:
        """Score several bodies at the same time."""

        async def run() -> list[Scored]:
            sent = [self.ask("POST", "/invocations", body, {"content-type": "application/json"}) for body in bodies]
            return await asyncio.gather(*sent)

        return asyncio.run(run())

    async def ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Scored:
        text = body if isinstance(body, bytes | str | None) else json.dumps(body)
        data = text.encode() if isinstance(text, str) else text or b""
        messages: list[dict[str, Any]] = [{"type": "http.request", "body": data}]
        answered: dict[str, Any] = {"body": b""}

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def send(message: Any) -> None:
            answered.update(message, body=answered["body"] + message.get("body", b""))

        pairs = [(name.lower().encode(), value.encode()) for name, value in {"Host": "127.0.0.1", **headers}.items()]
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": pairs,
        }
        await self._app(scope, receive, send)
        named = {name.decode(): value.decode() for name, value in answered["headers"]}
        return Scored(answered["status"], named, answered["body"])


def serve_in_process(model: Path, **settings: Any) -> Served:
    """Load a model and build its application."""
    return Served(read_serving_settings({"model": str(model), "trust": True, **settings}))
