"""What a request costs in counts. Where they come from and what they were: docs/performance.md."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from array import array
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from tests.server.access import Site, bearer, on_site
from tests.server.asgi import Asgi, run_app
from tests.services.counting import Calls, count_calls
from trackway.api.runs import Ingest, Series
from trackway.store.sql import inline

API = "/api/2.0/mlflow"
WARM_UPS = 3
Send = Callable[["Client", int], Awaitable[object]]


class Client:
    """Sends requests to an application; each is to be answered with 200."""

    def __init__(self, app: Asgi) -> None:
        self._app = app
        self.run_id = ""

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        status, answer = await self._app.send("POST", API + path, json.dumps(body).encode())
        assert status == 200, answer
        return json.loads(answer)

    async def get(self, path: str, query: str) -> Any:
        status, answer = await self._app.send("GET", API + path, query=query)
        assert status == 200, answer
        return json.loads(answer)

    async def fetch(self, path: str) -> bytes:
        status, answer = await self._app.send("GET", path)
        assert status == 200, answer
        return answer

    async def put(self, path: str, data: bytes) -> None:
        status, answer = await self._app.send("PUT", path, data, kind="application/octet-stream")
        assert status == 200, answer

    async def create(self) -> str:
        body = {"experiment_id": "0", "start_time": 1, "tags": [{"key": "team", "value": "a"}]}
        return str((await self.post("/runs/create", body))["run"]["info"]["run_id"])

    async def log(self, points: int = 0, params: int = 0, turn: int = 0) -> None:
        """Log a batch: its points on ten metrics."""
        metrics = [{"key": f"b{n % 10}", "value": n * 0.5, "timestamp": 1, "step": turn + n} for n in range(points)]
        new = [{"key": f"p{turn}-{n}", "value": str(n)} for n in range(params)]
        await self.post("/runs/log-batch", {"run_id": self.run_id, "metrics": metrics, "params": new})

    async def log_metric(self, turn: int) -> None:
        point = {"key": "m", "value": turn * 0.5, "timestamp": 1, "step": turn}
        await self.post("/runs/log-metric", {"run_id": self.run_id, **point})

    async def ingest(self, turn: int) -> None:
        """Send a thousand points as the SDK does."""
        ints, doubles = array("q", range(1_000)).tobytes(), array("d", range(1_000)).tobytes()
        series = [Series(key="n", steps=ints, times_ms=ints, values=doubles)]
        first, last = turn * 1_000 + 1, turn * 1_000 + 1_000
        request = Ingest(run_id=self.run_id, session_id="s", first=first, last=last, series=series)
        body = msgspec.msgpack.encode(request)
        path = f"/api/v1/runs/{self.run_id}/ingest"
        status, answer = await self._app.send("POST", path, body, kind="application/msgpack")
        assert status == 200, answer

    async def search(self, page: int, filter_: str = "metrics.b0 >= 0 and tags.team = 'a'") -> int:
        """Search runs, and return how many were found."""
        body = {"experiment_ids": ["0"], "filter": filter_, "order_by": ["metrics.b0 DESC"], "max_results": page}
        return len((await self.post("/runs/search", body)).get("runs", []))

    async def read(self, key: str) -> int:
        """Read a history, and return how many points it has."""
        return len((await self.get("/metrics/get-history", f"run_id={self.run_id}&metric_key={key}"))["metrics"])


class Budget(NamedTuple):
    """What a request may cost: SQL statements on either database, and functions of ours that it goes through."""

    sqlite: int
    postgresql: int
    functions: int
    send: Send


BUDGETS = {
    "ingest, as the SDK sends it": Budget(5, 3, 69, lambda client, turn: client.ingest(turn)),
    "log-metric": Budget(5, 1, 75, lambda client, turn: client.log_metric(turn)),
    "log-batch of 10 points on 10 metrics": Budget(5, 1, 79, lambda client, turn: client.log(10, turn=turn)),
    "log-batch of 1,000 points on 10 metrics": Budget(5, 1, 79, lambda client, turn: client.log(1_000, turn=turn)),
    "log-batch of 100 params": Budget(2, 2, 64, lambda client, turn: client.log(params=100, turn=turn)),
    "runs/create": Budget(3, 3, 71, lambda client, _: client.create()),
    "runs/search, of runs that were shown before": Budget(2, 2, 117, lambda client, _: client.search(100)),
    "runs/get": Budget(3, 3, 60, lambda client, _: client.get("/runs/get", f"run_id={client.run_id}")),
    "metrics/get-history": Budget(3, 3, 68, lambda client, _: client.read("b0")),
    "a small artifact, four folders deep": Budget(
        4, 4, 65, lambda client, turn: client.put(f"/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/x/{turn}", b"x")
    ),
}


MORE_FUNCTIONS = {"workspace": 16, "experiment": 23}
"""Functions of ours that access control adds to a request, by where the caller's role is."""


@pytest.fixture(autouse=True)
def one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all that is brief carried out by the event loop, however long it takes while calls are counted."""
    monkeypatch.setattr(inline, "SLOW_S", math.inf)
    monkeypatch.setattr(inline, "WRITERS_GROUP", sys.maxsize)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> str:
    """The address of a database; empty for a SQLite file."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_database"))


def measure(folder: Path, store: str, work: Callable[[Client, Calls], Awaitable[None]]) -> None:
    """Do some work with an application that has one run with points on ten metrics."""

    async def run() -> None:
        async with run_app(folder, store) as app:
            client = Client(app)
            client.run_id = await client.create()
            await client.log(10)
            await work(client, calls)

    with count_calls() as calls:
        asyncio.run(run())


def test_a_request_keeps_its_budget(tmp_path: Path, store: str) -> None:
    over = {}

    async def work(client: Client, calls: Calls) -> None:
        for name, budget in BUDGETS.items():
            for turn in range(WARM_UPS):
                await budget.send(client, turn)
            calls.clear()
            await budget.send(client, WARM_UPS)
            statements, functions = calls.statements, sorted(calls.counts)
            # One of several writers for PostgreSQL may open its connection only now, which is more functions.
            if statements > (budget.postgresql if store else budget.sqlite) or (
                not store and len(functions) > budget.functions
            ):
                over[name] = (statements, len(functions), functions)

    measure(tmp_path, store, work)
    assert not over


def test_what_looks_little_up_is_no_threads(tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a page of a search where another process does the work."""
    handed_over = []

    def submit(pool: ThreadPoolExecutor, *job: Any) -> Future[Any]:
        handed_over.append(job)
        return original(pool, *job)

    async def work(client: Client, _calls: Calls) -> None:
        await client.put("/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/x", b"x")
        requests: dict[str, Callable[[], Awaitable[Any]]] = {
            "run": lambda: client.get("/runs/get", f"run_id={client.run_id}"),
            "experiment": lambda: client.get("/experiments/get", "experiment_id=0"),
            "experiment by name": lambda: client.get("/experiments/get-by-name", "experiment_name=Default"),
            "file": lambda: client.fetch("/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/x"),
            **({"search": lambda: client.search(100)} if store else {}),
        }
        for request in (*requests.values(), *requests.values()):
            await request()  # connections to PostgreSQL are made on a thread
        for name, request in requests.items():
            with monkeypatch.context() as patched:
                patched.setattr(ThreadPoolExecutor, "submit", submit)
                await request()
            assert not handed_over, name

    original = ThreadPoolExecutor.submit
    measure(tmp_path, store, work)


@pytest.mark.parametrize("kind", ["workspace", "experiment"])
def test_access_control_adds_no_statement_to_what_logs(tmp_path: Path, store: str, kind: str) -> None:
    """The version of access, and the experiment that a run is in, are told by the statement that touches the run."""
    guarded = ("ingest, as the SDK sends it", "log-metric", "log-batch of 1,000 points on 10 metrics")
    over: dict[str, Any] = {}

    async def work(site: Site) -> None:
        await site.add("trainer", "editor", kind=kind, target="" if kind == "workspace" else "0")
        token = (await site.admin.get("POST", "/api/v1/tokens", {"name": "again", "user": "trainer"}))["secret"]
        site.app.headers = [bearer(token)]
        client = Client(site.app)
        client.run_id = await client.create()
        for name in guarded:
            for turn in range(WARM_UPS):
                await BUDGETS[name].send(client, turn)
            calls.clear()
            await BUDGETS[name].send(client, WARM_UPS)
            budget = BUDGETS[name]
            statements = budget.postgresql if store else budget.sqlite
            functions = budget.functions + MORE_FUNCTIONS[kind]
            if calls.statements > statements or (not store and len(calls.counts) > functions):
                over[name] = (calls.statements, len(calls.counts), sorted(calls.counts))

    with count_calls() as calls:
        on_site(tmp_path, work, store)
    assert not over


def test_nothing_is_done_once_a_point(tmp_path: Path) -> None:
    async def work(client: Client, calls: Calls) -> None:
        spent = []
        for points in (20, 1_000):
            calls.clear()
            await client.log(points)
            spent.append(calls.counts)
        assert spent[0] == spent[1]
        spent.clear()
        for key, points in (("short", 2), ("long", 500)):
            for turn in range(points):
                await client.post("/runs/log-batch", {"run_id": client.run_id, "metrics": [_point(key, turn)]})
            for _ in range(2):
                calls.clear()
                assert await client.read(key) == points
            spent.append(calls.counts)
        assert spent[0] == spent[1]

    measure(tmp_path, "", work)


def test_a_page_costs_no_statement_for_each_run(tmp_path: Path, store: str) -> None:
    async def work(client: Client, calls: Calls) -> None:
        for _ in range(60):
            client.run_id = await client.create()
            await client.log(10)
        spent = []
        for page in (5, 50):
            for _ in range(2):
                calls.clear()
                assert await client.search(page) == page
                spent.append(calls.statements)
        assert spent == [8, 2, 8, 2], "two find them, six read all that is not in memory"

    measure(tmp_path, store, work)


def test_a_run_that_was_shown_before_costs_one_look(tmp_path: Path) -> None:
    async def work(client: Client, calls: Calls) -> None:
        for _ in range(60):
            client.run_id = await client.create()
            await client.log(10)
        spent = []
        for page in (5, 50):
            assert await client.search(page) == page
            calls.clear()
            assert await client.search(page) == page
            spent.append(calls.counts)
        assert {name for name in spent[1] if spent[0].get(name) != spent[1][name]} == {"encoders.RunRenderer.render"}

    measure(tmp_path, "", work)


def _point(key: str, step: int) -> dict[str, Any]:
    return {"key": key, "value": 1.0, "timestamp": 1, "step": step}
