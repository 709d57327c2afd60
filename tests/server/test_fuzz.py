"""Whatever a request looks like, the server answers it without a fault, and what it refuses it has not begun."""

from __future__ import annotations

import asyncio
import json
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest

from tests.server.asgi import Asgi, run_app
from tests.server.shapes import FILTERS, Shapes
from trackway.api.operations import OPERATIONS, Operation
from trackway.artifacts.memory import MemoryBlobs
from trackway.server.calls import Route
from trackway.server.files import FileRoutes
from trackway.server.mlflow.codec import Message
from trackway.server.mlflow.routes import list_routes
from trackway.server.uploads import DirectTransfers, Uploads

SEEDS = [pytest.param(1, id="1"), pytest.param(None, marks=pytest.mark.slow, id="20 others")]
EACH = 25
"""Requests of each operation."""
PLACE = re.compile(r"\{(\w+?)(:path)?\}")


class Watched:
    """An application with a few things in it, whose database tells of every change."""

    def __init__(self, http: Asgi, database: sqlite3.Connection) -> None:
        self.http = http
        self.statuses: Counter[int] = Counter()
        self._database = database
        self.known: dict[str, list[Any]] = {}

    async def prepare(self) -> None:
        """Make one of everything, and note the ids."""
        [experiments, runs, models] = [
            [(await self.make(path, body))[name] for body in bodies]
            for path, name, bodies in (
                ("experiments", "experiment_id", [{"name": "one"}, {"name": "two"}]),
                ("runs", "run_id", [{"experiment_id": "1", "tags": {"t": "a"}}, {"experiment_id": "2"}]),
                ("logged-models", "model_id", [{"experiment_id": "1", "name": "model"}]),
            )
        ]
        await self.make("registered-models", {"name": "registered"})
        self.known = {
            "experiment_id": [*experiments, "0", "987654321"],
            "run_id": [*runs, "f" * 32],
            "run_uuid": [*runs],
            "model_id": [*models, "m-" + "f" * 32],
            "version": ["1", 1, "2"],
            "name": ["registered", "one", "another", "model"],
            "filter": list(FILTERS),
            "key": ["k", "m", "t", "p"],
            "path": ["a/b.txt", "", f"1/{runs[0]}/artifacts/x.txt"],
            "token": ["", "x", "eyJvZmZzZXQiOjF9"],
            "limit": [1, 5, 0, -1, 10**9],
            "max_results": [1, 5, 0, 10**9],
            "value": [1, 0.5, "1", "NaN"],
            "step": [0, 1, -1],
            "timestamp": [0, 1_700_000_000_000],
            "_ms": [0, 1, 1_700_000_000_000],
            "status": ["FINISHED", "RUNNING", "READY", 3],
            "stage": ["Production", "Staging", "None"],
            "alias": ["champion", "a"],
        }

    async def make(self, path: str, body: Any) -> Any:
        status, content = await self.http.send("POST", f"/api/v1/{path}", json.dumps(body).encode())
        assert status == 200, content
        return json.loads(content)

    async def send(self, method: str, path: str, body: bytes, query: str = "", kind: str = "application/json") -> None:
        """Send a request, and compare what its answer says with what became of the database."""
        before = self._read_version()
        status, content = await self.http.send(method, path, body, query, kind)
        shown = f"{method} {path[:200]} ?{query[:300]} {body[:2_000]!r} -> {status} {content[:500]!r}"
        assert status < 500 or status == 501, shown
        assert len(content) < 100_000_000
        if status not in (200, 201, 204):
            assert len(content) < 4_000, shown
            json.loads(content)
            assert self._read_version() == before, f"it was refused, and yet something was written: {shown}"
        self.statuses[status] += 1

    def _read_version(self) -> Any:
        return self._database.execute("PRAGMA data_version").fetchone()


def fuzz(folder: Path, attack: Any) -> Counter[int]:
    """Prepare an application, attack it, and return how often it answered with which status."""

    async def run() -> Counter[int]:
        async with run_app(folder) as http:
            with closing(sqlite3.connect(folder / "t.db", isolation_level=None)) as database:
                watched = Watched(http, database)
                await watched.prepare()
                await attack(watched)
                assert database.execute("PRAGMA foreign_key_check").fetchall() == []
                assert (await http.send("POST", "/api/v1/runs/search", b"{}"))[0] == 200
                return watched.statuses

    return asyncio.run(run())


def list_seeds(seed: int | None) -> Iterator[int]:
    """Return one seed, or some that nobody has tried before."""
    seeds = [seed] if seed is not None else [random.SystemRandom().randrange(2**32) for _ in range(20)]
    for one in seeds:
        print(f"seed {one}")
        yield one


def fill(path: str, shapes: Shapes) -> str:
    """Put values into a route's path."""
    return PLACE.sub(lambda found: quote(_show(shapes.draw_named(found[1])) or "x", safe="/" if found[2] else ""), path)


def _show(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="replace").decode()[:2_000]


async def attack_native(watched: Watched, operation: Operation[Any, Any], shapes: Shapes) -> None:
    for _ in range(EACH):
        path = "/api/v1" + fill(operation.path, shapes)
        drawn = shapes.draw_struct(operation.request)
        if isinstance(drawn, dict) and shapes.random.random() < 0.9:
            drawn = {name: value for name, value in drawn.items() if f"{{{name}}}" not in operation.path}
        if operation.method == "GET":
            pairs = [(name, _show(value)) for name, value in drawn.items()] if isinstance(drawn, dict) else [("x", "y")]
            await watched.send("GET", path, b"", urlencode(pairs, errors="replace"))
        elif shapes.random.random() < 0.2:
            packed = msgspec.msgpack.encode(json.loads(_clean(drawn)))
            await watched.send(operation.method, path, packed, kind="application/msgpack")
        else:
            await watched.send(operation.method, path, json.dumps(drawn).encode())


def _clean(drawn: Any) -> str:
    """Return JSON that msgpack can hold."""
    return re.sub(r"-?\d{19,}", "7", json.dumps(drawn).replace("\\ud800", "?"))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_request_of_the_native_door_is_a_fault_or_half_done(tmp_path: Path, seed: int | None) -> None:
    async def attack(watched: Watched) -> None:
        for one in list_seeds(seed):
            shapes = Shapes(one, watched.known)
            for operation in OPERATIONS:
                if not operation.internal:
                    await attack_native(watched, operation, shapes)

    statuses = fuzz(tmp_path, attack)
    assert {200, 400, 404} <= statuses.keys()
    assert statuses[200] > sum(statuses.values()) / 20, f"hardly any request got anywhere: {statuses}"


def list_names() -> list[str]:
    """Return the names of all fields that the compatible door knows."""
    found: set[str] = set()
    kinds: list[type[Message]] = [Message]
    for kind in kinds:
        kinds += kind.__subclasses__()
        found |= {field.encode_name for field in msgspec.structs.fields(kind)}
    return sorted(found)


async def attack_compatible(watched: Watched, route: Route, shapes: Shapes, names: list[str]) -> None:
    for _ in range(EACH // 2):
        path = fill(route.path, shapes)
        fields = {name: shapes.draw_named(name) for name in names if shapes.random.random() < 0.5}
        fields |= {name: shapes.draw_named(name) for name in ("run_id", "experiment_id", "key", "name", "value")}
        body = fields if shapes.random.random() < 0.9 else shapes.draw_anything()
        if route.method == "GET":
            await watched.send("GET", path, b"", urlencode({name: _show(value) for name, value in fields.items()}))
        else:
            await watched.send(route.method, path, json.dumps(body).encode())


@pytest.mark.parametrize("seed", SEEDS)
def test_no_request_of_the_compatible_door_is_a_fault_or_half_done(tmp_path: Path, seed: int | None) -> None:
    blobs = MemoryBlobs()
    uploads = Uploads(blobs)
    routes = [
        route
        for route in list_routes(FileRoutes(blobs, uploads), DirectTransfers(blobs, uploads))
        if route.path.startswith(("/api/2.0/mlflow/", "/api/3.0/", "/get-artifact"))  # others lead to the same
    ]

    async def attack(watched: Watched) -> None:
        names = list_names()
        for one in list_seeds(seed):
            shapes = Shapes(one, watched.known)
            for route in routes:
                await attack_compatible(watched, route, shapes, names)

    statuses = fuzz(tmp_path, attack)
    assert {200, 400, 404} <= statuses.keys()
    assert statuses[200] > sum(statuses.values()) / 50, f"hardly any request got anywhere: {statuses}"
