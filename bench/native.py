"""Rows of what only the native protocol has: columns, keyset paging, curves, tables; and how points are kept."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import statistics
import struct
import time
from array import array
from contextlib import closing
from typing import TypeVar

import msgspec
import pandas  # noqa: F401 - so that the first table does not wait for it
import pyarrow.ipc

from bench.connection import Address, Connection, drive
from bench.rows import REST_S, Row, Scale, Target
from bench.servers import Server
from bench.tracking_load import API, START_MS, fill, finish_run, make_experiment, make_run
from trackway.api.metrics import Curves, GetCurves
from trackway.api.runs import GetRunTable, Ingest, RunPage, RunTable, SearchRuns, Series

MSGPACK = "application/msgpack"
SERIES = 10
SERIES_POINTS = 10_000
INGESTS_AT_ONCE = 4
KEPT_POINTS = 400_000
SEAL_S = 120
PAGE_RUNS = 10
FAR_PAGE = 1_000
FAR_TURNS = 20
S = TypeVar("S", bound=msgspec.Struct)


async def ingest(server: Server, scale: Scale) -> float:
    """Points/s as the SDK sends them: 10 series of 10,000 points as columns in a request."""
    address = server.address
    runs = [await make_run(address, server.state["load"]) for _ in range(INGESTS_AT_ONCE)]
    requests = [_ingest(address, run_id, [f"s{n}" for n in range(SERIES)], SERIES_POINTS) for run_id in runs]
    rate = await drive(address, lambda place, _turn: requests[place], scale.seconds, INGESTS_AT_ONCE)
    return rate.per_s * SERIES * SERIES_POINTS


async def far_page(server: Server, _scale: Scale) -> float:
    """The median time of page 1,000 of a search, as a multiple of that of page 1; they take turns, 20 times."""
    connection = await Connection(server.address).open()
    page_runs = max(1, min(PAGE_RUNS, server.state["filled"] // (FAR_PAGE + 10)))

    async def get_page(token: str) -> tuple[str, float]:
        search = SearchRuns(
            experiment_ids=[server.state["full"]], order_by=["metrics.acc desc"], limit=page_runs, page_token=token
        )
        started = time.perf_counter()
        page = await _call(connection, server.address, "/runs/search", search, RunPage)
        return page.next_page_token, time.perf_counter() - started

    far = ""
    for number in range(1, FAR_PAGE):
        far, _ = await get_page(far)
        if not far:
            raise RuntimeError(f"There are only {number} pages: fill the store with more runs")
    times = [((await get_page(""))[1], (await get_page(far))[1]) for _ in range(FAR_TURNS)]
    connection.close()
    first_s, far_s = (statistics.median(some) for some in zip(*times, strict=True))
    return float(far_s / first_s)


async def curves(server: Server, scale: Scale) -> float:
    """Median ms of curves of 1,000 points each, from 10 runs of 1,000,000 sealed points."""
    address, state = server.address, server.state
    if "curves" not in state:
        state["curves"] = [await make_run(address, state["load"]) for _ in range(scale.curve_runs)]
        connection = await Connection(address).open()
        for run_id in state["curves"]:
            for start in range(0, scale.curve_points, 100_000):
                await connection.get_json(_ingest(address, run_id, ["c"], 100_000, start))
            await finish_run(address, run_id)
        connection.close()
        await _wait_until_sealed(server)
    request = GetCurves(run_ids=state["curves"], key="c", points=1_000)
    connection = await Connection(address).open()
    drawn = await _call(connection, address, "/metrics/curves", request, Curves)
    connection.close()
    if [curve.count for curve in drawn.curves] != [scale.curve_points] * scale.curve_runs:
        raise RuntimeError("The curves do not stand for all points")
    raw = address.request("POST", "/api/v1/metrics/curves", msgspec.msgpack.encode(request), MSGPACK)
    return (await drive(address, lambda _place, _turn: raw, scale.seconds)).median_ms


async def run_table(server: Server, scale: Scale) -> float:
    """Seconds for all runs of an experiment as a data frame: search, Arrow, pandas."""
    await fill(server, scale.table_runs, 4 * scale.fill_s)
    if server.state["filled"] < scale.table_runs:
        raise RuntimeError(f"The store has taken only {server.state['filled']} runs")
    connection = await Connection(server.address).open()
    request = GetRunTable(experiment_ids=[server.state["full"]], limit=scale.table_runs)
    started = time.perf_counter()
    table = await _call(connection, server.address, "/runs/table", request, RunTable)
    frame = pyarrow.ipc.open_stream(table.arrow).read_all().to_pandas()
    elapsed = time.perf_counter() - started
    connection.close()
    if len(frame) != scale.table_runs:
        raise RuntimeError(f"The table has {len(frame)} of {scale.table_runs} runs")
    return elapsed


async def disk(server: Server, scale: Scale) -> float:
    """Bytes a point of the database's used pages, after 400,000 noisy points of 10 series and the end of their run."""
    address = server.address
    run_id = await make_run(address, await make_experiment(address, "disk"))
    before = _used_bytes(server)
    connection = await Connection(address).open()
    started = time.perf_counter()
    sent = 0
    while sent < KEPT_POINTS and time.perf_counter() - started < scale.history_s:
        points = [_noisy(sent + n) for n in range(1_000)]
        await connection.get_json(address.post(f"{API}/runs/log-batch", {"run_id": run_id, "metrics": points}))
        sent += 1_000
    connection.close()
    await finish_run(address, run_id)
    if server.is_ours:
        await _wait_until_sealed(server)
    return (_used_bytes(server) - before) / sent


async def ready(server: Server, _scale: Scale) -> float:
    """Seconds from the start of the process to its first healthy answer."""
    return server.ready_s


async def idle(server: Server, _scale: Scale) -> float:
    """MB of resident memory before anything was asked."""
    return server.idle_bytes / 1e6


async def loaded(server: Server, _scale: Scale) -> float:
    """MB of resident memory after all that was asked, when the last answer has been let go for a while."""
    return server.rss_bytes() / 1e6


async def _call(connection: Connection, address: Address, path: str, request: msgspec.Struct, response: type[S]) -> S:
    status, body = await connection.send(
        address.request("POST", f"/api/v1{path}", msgspec.msgpack.encode(request), MSGPACK)
    )
    if status != 200:
        raise RuntimeError(f"{path} was answered with {status}: {body[:300]!r}")
    return msgspec.msgpack.decode(body, type=response)


def _ingest(address: Address, run_id: str, keys: list[str], count: int, start: int = 0) -> bytes:
    steps, times = (
        array("q", range(start, start + count)),
        array("q", range(START_MS + start, START_MS + start + count)),
    )
    series = [
        Series(
            key=key,
            steps=steps.tobytes(),
            times_ms=times.tobytes(),
            values=struct.pack(f"<{count}d", *(random.gauss(1 / (1 + n), 0.1) for n in range(count))),
        )
        for key in keys
    ]
    body = msgspec.msgpack.encode(Ingest(run_id=run_id, series=series))
    head = address.request("POST", f"/api/v1/runs/{run_id}/ingest", body, MSGPACK)
    return head.replace(f"Accept: {MSGPACK}\r\n".encode(), b"", 1)


def _noisy(number: int) -> dict[str, object]:
    step = number // 10
    time_ms = START_MS + step * 50 + random.randrange(10)
    return {"key": f"d{number % 10}", "value": random.gauss(0, 1), "timestamp": time_ms, "step": step}


def _used_bytes(server: Server) -> int:
    with closing(_read_store(server)) as db:
        pages, free, size = (
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def _read_store(server: Server) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{server.folder}/store.db?mode=ro", uri=True)


async def _wait_until_sealed(server: Server) -> None:
    deadline_s = time.monotonic() + SEAL_S
    with closing(_read_store(server)) as db:
        while db.execute("SELECT (SELECT COUNT(*) FROM gather_queue) + (SELECT COUNT(*) FROM seal_queue)").fetchone()[
            0
        ]:
            if time.monotonic() > deadline_s:
                raise RuntimeError(f"Series are not sealed after {SEAL_S} s")
            await asyncio.sleep(0.5)


_OURS = ("trackway",)
# fmt: off
ROWS = [
    Row("ingest", "native ingest of 100,000 points as columns", "points/s", ingest, Target(least=1_000_000), _OURS),
    Row("far_page", "page 1,000 of a search, in times of page 1", "x", far_page, Target(most=1.5), _OURS, True, 1,
        rest_s=REST_S),
    Row("curves", "curves of 10 runs x 1,000,000 points, to 1,000", "ms", curves, Target(most=50), _OURS, falls=True),
]
KEPT = [Row("disk", "bytes on disk a point, after sealing", "bytes", disk, Target(most=12), falls=True, rounds=1)]
TABLE = [
    Row("run_table", "100,000 runs to a DataFrame", "s", run_table, Target(most=2), _OURS, True, limit_s=300),
]
SERVER = [
    Row("ready", "time to ready", "s", ready, Target(most=1), falls=True, rounds=1),
    Row("idle", "resident memory, idle", "MB", idle, Target(most=120), falls=True, rounds=1),
    Row("loaded", "resident memory, after all of this", "MB", loaded, Target(most=300), falls=True, rounds=1,
        rest_s=REST_S),
]
# fmt: on
