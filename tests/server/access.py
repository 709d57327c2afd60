"""A server with access control for tests: who calls, what they show, and a quick way to set it up."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.server.asgi import Asgi, run_app
from trackway.base.settings import read_settings
from trackway.wiring.server import open_access

ADMIN, PASSWORD = "root", "correct horse battery"


class Visitor:
    """Somebody who sends requests, with what is shown in each."""

    def __init__(self, app: Asgi, *headers: tuple[bytes, bytes]) -> None:
        self.app = app
        self.headers = headers

    async def ask(self, method: str, path: str, body: Any = None, *more: tuple[bytes, bytes]) -> tuple[int, Any]:
        """Send a request of the native door; return status and decoded answer."""
        path, _, query = path.partition("?")
        sent = b"" if body is None else json.dumps(body).encode()
        headers = [*self.headers, *more]
        status, answer = await self.app.send(method, path, sent, query, headers=headers)
        try:
            return status, json.loads(answer)
        except ValueError:
            return status, answer.decode()

    async def get(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request that is to be answered with 200."""
        status, answer = await self.ask(method, path, body)
        assert status == 200, answer
        return answer


def basic(name: str, password: str = PASSWORD) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + base64.b64encode(f"{name}:{password}".encode())


def bearer(secret: str) -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {secret}".encode()


def cookie(secret: str) -> tuple[bytes, bytes]:
    return b"cookie", f"other=1; trackway_session={secret}".encode()


class Site:
    """An application with access control, and its administrator."""

    def __init__(self, app: Asgi) -> None:
        self.app = app
        self.admin = Visitor(app, basic(ADMIN))
        self.anonymous = Visitor(app)

    async def add(self, name: str, role: str = "", **target: str) -> Visitor:
        """Create a user with a token, perhaps with a role; return it."""
        await self.admin.get("POST", "/api/v1/users", {"name": name, "kind": "service"})
        made = await self.admin.get("POST", "/api/v1/tokens", {"name": "t", "user": name})
        if role:
            await self.give(name, role, **target)
        return Visitor(self.app, bearer(made["secret"]))

    async def give(self, name: str, role: str, kind: str = "workspace", target: str = "") -> str:
        grant = {"subject_kind": "user", "subject": name, "target_kind": kind, "target": target, "role": role}
        return str((await self.admin.get("POST", "/api/v1/grants", grant))["grant_id"])

    async def audit(self, **fields: Any) -> list[Any]:
        return list((await self.admin.get("POST", "/api/v1/audit/search", fields))["entries"])


def on_site(folder: Path, work: Callable[[Site], Awaitable[None]], store: str = "", **settings: Any) -> None:
    """Do something on a new server with access control."""
    place = store or f"sqlite:///{folder}/t.db"

    async def run() -> None:
        async with run_app(folder, store, auth=True, **settings) as app:
            await work(Site(app))

    given = read_settings({"store": place, "artifacts": str(folder / "artifacts"), "auth": True}, {})
    assert open_access(given, {"TRACKWAY_ADMIN_USERNAME": ADMIN, "TRACKWAY_ADMIN_PASSWORD": PASSWORD}) == ""
    asyncio.run(run())
