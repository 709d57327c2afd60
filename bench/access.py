"""What access control costs: the share of a batch's time, and the time that it adds to a search of what is seen.

``python -m bench.access`` prints both. Two applications in one process take turns, so a slow minute falls on both, and
the network on neither: one where everybody may do everything, which has 1,000 runs, and one where people sign in, which
has 100,000, of which who asks may see as many.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.server.access import ADMIN, PASSWORD, Visitor, basic, bearer
from tests.server.asgi import run_app
from tests.services.postgres import run_postgres
from trackway.base.settings import read_settings
from trackway.store.sql.store import SqlStore
from trackway.wiring.server import open_access

EXPERIMENTS, SEEN, RUNS_EACH = 1_000, 10, 100
"""A hundredth of 100,000 runs is seen."""
METRICS, STEPS = 10, 10
SHARE_PERCENT, SEARCH_MS = 10.0, 1.0
"""What it may cost at most."""


def fill(store: SqlStore, experiments: int) -> list[str]:
    """Make experiments of runs with a metric each, and return the ids of those that are seen: the oldest."""

    def work(tx: Any) -> list[str]:
        db = tx.db
        last = db.one("SELECT MAX(pk) FROM experiments")[0]
        numbers = range(last + 1, last + 1 + experiments)
        db.many(
            "INSERT INTO experiments (pk, workspace, name, artifact_location, created_ms, updated_ms)"
            " VALUES (?, 'default', ?, '', ?, ?)",
            [(e, f"e{e}", e, e) for e in numbers],
        )
        runs = [(e, e * RUNS_EACH + n) for e in numbers for n in range(RUNS_EACH)]
        db.many(
            "INSERT INTO runs (pk, workspace, run_id, experiment_pk, name, status, user_name, start_ms, artifact_uri,"
            " version, arrived) VALUES (?, 'default', ?, ?, ?, 'FINISHED', '', ?, '', 1, 0)",
            [(pk, f"r{pk}", e, f"n{pk % 97}", pk) for e, pk in runs],
        )
        db.many(
            "INSERT INTO series (run_pk, key, experiment_pk, count, nan_count, last_step, last_time_ms, last_value,"
            " min_value, max_value, open_chunks, gathered) VALUES (?, 'loss', ?, 1, 0, 0, 0, ?, 0, 1, 0, 0)",
            [(pk, e, pk % 101 / 101) for e, pk in runs],
        )
        return [str(e) for e in numbers[:SEEN]]

    seen: list[str] = store.write(work)
    store.reclaim()
    return seen


async def measure(open_: Visitor, guarded: Visitor, seen: list[str], rounds: int, each: int) -> tuple[float, float]:
    """Return the share of a batch that access control takes, in percent, and the ms that it adds to a search."""
    batch = []
    for visitor in (open_, guarded):
        made = await visitor.get("POST", "/api/v1/runs", {"experiment_id": seen[0]})
        batch.append(_make_batch(visitor, made["run_id"]))
    share = await _compare(batch[0], batch[1], rounds, each)
    asked: dict[str, Any] = {"filter": "metrics.loss > 0.5", "order_by": ["metrics.loss DESC"], "limit": 50}

    async def search(visitor: Visitor) -> None:
        page = await visitor.get("POST", "/api/v1/runs/search", asked)
        assert len(page["runs"]) == asked["limit"]

    found = await _compare(lambda: search(open_), lambda: search(guarded), rounds, each)
    return (share[1] / share[0] - 1) * 100, (found[1] - found[0]) * 1_000


def _make_batch(visitor: Visitor, run_id: str) -> Callable[[], Awaitable[None]]:
    points = [
        {"key": f"m{key}", "value": 0.5, "timestamp": 1, "step": step}
        for key in range(METRICS)
        for step in range(STEPS)
    ]

    async def send() -> None:
        await visitor.get("POST", "/api/2.0/mlflow/runs/log-batch", {"run_id": run_id, "metrics": points})

    return send


async def _compare(
    one: Callable[[], Awaitable[None]], other: Callable[[], Awaitable[None]], rounds: int, each: int
) -> tuple[float, float]:
    """Return the median seconds of two requests that take turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        for place, ask in enumerate((one, other)):
            for _ in range(each):
                started = time.perf_counter()
                await ask()
                if turn:  # the first round warms up
                    times[place].append(time.perf_counter() - started)
    return statistics.median(times[0]), statistics.median(times[1])


async def _run(folder: Path, stores: tuple[str, str], rounds: int, each: int) -> tuple[float, float]:
    async with AsyncExitStack() as stack:
        apps = []
        for place, store in enumerate(stores):
            (folder / str(place)).mkdir()
            apps.append(await stack.enter_async_context(run_app(folder / str(place), store, auth=place == 1)))
        filled = [await asyncio.to_thread(_fill, *one) for one in zip(stores, (SEEN, EXPERIMENTS), strict=True)]
        admin = Visitor(apps[1], basic(ADMIN))
        await admin.get("POST", "/api/v1/users", {"name": "user", "kind": "service"})
        token = await admin.get("POST", "/api/v1/tokens", {"name": "t", "user": "user"})
        for experiment in filled[1]:
            grant = {"subject_kind": "user", "subject": "user", "target_kind": "experiment", "target": experiment}
            await admin.get("POST", "/api/v1/grants", {**grant, "role": "editor"})
        return await measure(Visitor(apps[0]), Visitor(apps[1], bearer(token["secret"])), filled[0], rounds, each)


def _fill(address: str, experiments: int) -> list[str]:
    store = SqlStore(address)
    try:
        return fill(store, experiments)
    finally:
        store.close()


def main() -> None:
    """Measure, and print both figures beside what they may be."""
    parser = argparse.ArgumentParser("bench.access", description="Measure what access control costs.")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--each", type=int, default=20, help="requests of a round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.store == "sqlite":
            _measure_and_print(folder, (f"sqlite:///{name}/open.db", f"sqlite:///{name}/guarded.db"), options)
            return
        with run_postgres(fsync=True) as server:
            _measure_and_print(folder, (server.create_database(), server.create_database()), options)


def _measure_and_print(folder: Path, stores: tuple[str, str], options: argparse.Namespace) -> None:
    given = read_settings({"store": stores[1], "artifacts": str(folder / "files"), "auth": True}, {})
    open_access(given, {"TRACKWAY_ADMIN_USERNAME": ADMIN, "TRACKWAY_ADMIN_PASSWORD": PASSWORD})
    share, more_ms = asyncio.run(_run(folder, stores, options.rounds, options.each))
    told = {
        "store": options.store,
        "log-batch of 100 points: percent more": [round(share, 1), SHARE_PERCENT],
        "search of 1,000 of 100,000 runs: ms more": [round(more_ms, 2), SEARCH_MS],
    }
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
