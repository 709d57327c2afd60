"""What one server changes of rights counts for the next request to another, though that asks for them at no cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import greenlet
import pytest

from tests.server.access import ADMIN, PASSWORD, Site, Visitor
from tests.server.asgi import run_app
from trackway.base.errors import Conflict
from trackway.base.settings import read_settings
from trackway.store.sql.metrics import MetricTable
from trackway.store.sql.runs import RunTable
from trackway.store.sql.waiting import LoopTask
from trackway.wiring.server import open_access

MLFLOW = "/api/2.0/mlflow"
Work = Callable[["Pair"], Awaitable[None]]


class Pair:
    """Two servers on one database, an editor of one experiment who logs through the first, and a run of it."""

    def __init__(self, here: Site, there: Site) -> None:
        self.here = here
        self.there = there
        self.run_id = ""

    async def set_up(self) -> None:
        made = await self.there.admin.get("POST", "/api/v1/experiments", {"name": "hers"})
        self.experiment = str(made["experiment_id"])
        self.ann = Visitor(self.here.app, *(await self.there.add("ann")).headers)
        self.grant = await self.there.give("ann", "editor", kind="experiment", target=self.experiment)
        run = await self.ann.get("POST", "/api/v1/runs", {"experiment_id": self.experiment})
        self.run_id = run["run_id"]
        for turn in range(3):
            assert await self.log(step=turn) == 200
        assert await self.log(params=[{"key": "p", "value": "1"}]) == 200

    async def log(self, step: int = 0, **what: Any) -> int:
        """Log a point, or something else, and return the status."""
        what = what or {"metrics": [{"key": "m", "value": 1.0, "timestamp": 1, "step": step}]}
        status, _ = await self.ann.ask("POST", f"{MLFLOW}/runs/log-batch", {"run_id": self.run_id, **what})
        return status

    async def count(self) -> int:
        path = f"{MLFLOW}/metrics/get-history?run_id={self.run_id}&metric_key=m"
        return len((await self.there.admin.get("GET", path))["metrics"])

    async def revoke(self) -> None:
        await self.there.admin.get("DELETE", f"/api/v1/grants/{self.grant}")


def on_pair(folder: Path, store: str, work: Work) -> None:
    """Do something with a pair."""
    store = store or f"sqlite:///{folder}/t.db"
    given = read_settings({"store": store, "artifacts": str(folder / "artifacts"), "auth": True}, {})
    assert open_access(given, {"TRACKWAY_ADMIN_USERNAME": ADMIN, "TRACKWAY_ADMIN_PASSWORD": PASSWORD}) == ""

    async def run() -> None:
        async with run_app(folder, store, auth=True) as here, run_app(folder, store, auth=True) as there:
            pair = Pair(Site(here), Site(there))
            await pair.set_up()
            await work(pair)

    asyncio.run(run())


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> str:
    """The address of a database; empty for a SQLite file."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_database"))


def test_a_grant_that_another_server_took_back_ends_at_once(tmp_path: Path, store: str) -> None:
    async def work(pair: Pair) -> None:
        await pair.revoke()
        assert await pair.log() == 404
        assert await pair.log(params=[{"key": "q", "value": "1"}]) == 404
        assert await pair.log(params=[{"key": "p", "value": "2"}]) == 404, "what is there already is not told"
        assert await pair.log(tags=[{"key": "t", "value": "1"}]) == 404
        assert (await pair.ann.ask("POST", "/api/v1/runs", {"experiment_id": pair.experiment}))[0] == 404
        assert await pair.count() == 3

    on_pair(tmp_path, store, work)


@pytest.mark.parametrize(
    "what",
    [
        {"metrics": [{"key": "m", "value": 1.0, "timestamp": 1, "step": 9}]},
        {"params": [{"key": "q", "value": "1"}]},
        {"params": [{"key": "p", "value": "2"}]},
        {"tags": [{"key": "t", "value": "1"}]},
    ],
    ids=["points", "params", "a param that is there", "tags"],
)
def test_who_another_server_disabled_is_out_with_the_next_request(
    tmp_path: Path, store: str, what: dict[str, Any]
) -> None:
    async def work(pair: Pair) -> None:
        await pair.there.admin.get("PATCH", "/api/v1/users/ann", {"disabled": True})
        assert await pair.log(**what) == 401
        await pair.there.admin.get("PATCH", "/api/v1/users/ann", {"disabled": False})
        assert await pair.log() == 200

    on_pair(tmp_path, store, work)


def test_a_run_that_another_server_moved_away_takes_no_more(tmp_path: Path, store: str) -> None:
    async def work(pair: Pair) -> None:
        made = await pair.there.admin.get("POST", "/api/v1/experiments", {"name": "theirs"})
        moved = {"run_ids": [pair.run_id], "experiment_id": str(made["experiment_id"])}
        await pair.there.admin.get("POST", "/api/v1/runs/move", moved)
        assert await pair.log() == 404
        assert await pair.log(params=[{"key": "q", "value": "1"}]) == 404
        assert await pair.count() == 3

    on_pair(tmp_path, store, work)


def test_a_run_that_was_not_moved_after_all_is_where_it_was(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may write where it would have gone, and not where it is, does not fetch it."""
    move = RunTable.move
    moves: list[int] = []

    def move_and_fail(self: RunTable, *given: Any) -> None:
        moves.append(1)
        move(self, *given)
        raise Conflict("it is undone")

    async def work(pair: Pair) -> None:
        made = await pair.there.admin.get("POST", "/api/v1/experiments", {"name": "his"})
        his = str(made["experiment_id"])
        await pair.there.give("ann", "editor", kind="experiment", target=his)
        bob = Visitor(pair.here.app, *(await pair.there.add("bob")).headers)
        await pair.there.give("bob", "editor", kind="experiment", target=his)
        asked = {"run_ids": [pair.run_id], "experiment_id": his}
        assert await pair.log(params=[{"key": "q", "value": "1"}]) == 200
        with monkeypatch.context() as patch:
            patch.setattr(RunTable, "move", move_and_fail)
            assert (await pair.ann.ask("POST", "/api/v1/runs/move", asked))[0] == 409
        assert len(moves) == 1, "it is done once"
        assert (await bob.ask("POST", "/api/v1/runs/move", asked))[0] == 404
        run = await pair.there.admin.get("GET", f"/api/v1/runs/{pair.run_id}")
        assert run["experiment_id"] == pair.experiment
        assert (await pair.ann.ask("POST", "/api/v1/runs/move", asked))[0] == 200
        assert (await bob.ask("POST", "/api/v1/runs/move", asked))[0] == 200

    on_pair(tmp_path, store, work)


def test_a_right_that_another_server_gave_counts_at_once_and_leaves_no_entry_of_a_refusal(
    tmp_path: Path, store: str
) -> None:
    async def work(pair: Pair) -> None:
        await pair.revoke()
        assert await pair.log() == 404
        await pair.there.give("ann", "editor", kind="experiment", target=pair.experiment)
        assert await pair.log() == 200
        entries = await pair.there.audit(actor="service:ann")
        assert [entry["detail"] for entry in entries].count("denied") == 1

    on_pair(tmp_path, store, work)


def test_a_grant_that_is_taken_back_while_points_are_on_their_way_keeps_them_out(
    tmp_path: Path, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has one writer at a time: there is no such moment."""
    log = MetricTable.log

    async def work(pair: Pair) -> None:
        loop = asyncio.get_running_loop()
        times: list[int] = []

        def log_late(self: MetricTable, *given: Any) -> None:
            times.append(1)
            if len(times) == 1:  # the policy has let it in
                task: LoopTask = greenlet.getcurrent().task  # type: ignore[attr-defined]
                task.wait_for_thread(asyncio.run_coroutine_threadsafe(pair.revoke(), loop))
            log(self, *given)

        with monkeypatch.context() as patch:
            patch.setattr(MetricTable, "log", log_late)
            assert await pair.log() == 404
        assert len(times) == 1
        assert await pair.count() == 3
        assert [entry["detail"] for entry in await pair.there.audit(actor="service:ann")].count("denied") == 1

    on_pair(tmp_path, postgres_database, work)
