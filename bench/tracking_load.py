"""Rows of tracking, through the compatible protocol, with plain requests that are alike for all servers."""

from __future__ import annotations

import json
import random
import re
import time
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec

from bench.connection import Address, Connection, drive, spread
from bench.rows import REST_S, Row, Scale, Target
from bench.servers import Server

API = "/api/2.0/mlflow"
CONNECTIONS = 16
HISTORY_PAGE = 25_000
ROUND_STEPS = 10_000_000
METRICS = ("acc", "loss", "f1", "auc", "rmse", "mae", "r2", "lr", "t", "mem")
FILTER = "metrics.acc > 0.9 and params.opt = 'adam' and tags.team = 't2'"
START_MS = 1_700_000_000_000
TOKEN = re.compile(rb'"next_page_token":\s*"([^"]+)"')


async def prepare(server: Server, scale: Scale) -> None:
    """Make the experiments and runs that rows log to, and fill the store up to as many runs as the scale says."""
    state = server.state
    if "load" not in state:
        state["load"] = await make_experiment(server.address, "load")
        state["full"] = await make_experiment(server.address, "full")
        state["runs"] = [await make_run(server.address, state["load"]) for _ in range(CONNECTIONS)]
        state["filled"] = 0
        await fill(server, scale.runs, scale.fill_s)
        state["searched"] = state["filled"]


async def fill(server: Server, runs: int, seconds: float) -> None:
    """Add runs with ten metrics, ten params and two tags each, until there are ``runs`` or the time is over."""
    state, address = server.state, server.address
    ids: dict[int, str] = {}

    async def create(connection: Connection, number: int) -> None:
        body = {
            "experiment_id": state["full"],
            "start_time": START_MS + number,
            "tags": [{"key": "mlflow.user", "value": f"u{number % 7}"}, {"key": "team", "value": f"t{number % 5}"}],
        }
        answer = await connection.get_json(address.post(f"{API}/runs/create", body))
        ids[number] = answer["run"]["info"]["run_id"]
        await connection.get_json(address.post(f"{API}/runs/log-batch", _contents(ids.pop(number), number)))

    numbers = iter(range(state["filled"], runs))
    done, _ = await spread(address, numbers, create, 8, seconds)
    state["filled"] += done


async def make_experiment(address: Address, name: str) -> str:
    """Create an experiment."""
    body = {"name": f"{name}-{time.time_ns()}"}
    return str((await _once(address, address.post(f"{API}/experiments/create", body)))["experiment_id"])


async def make_run(address: Address, experiment_id: str) -> str:
    """Create a run."""
    answer = await _once(address, address.post(f"{API}/runs/create", _new_run(experiment_id)))
    return str(answer["run"]["info"]["run_id"])


async def finish_run(address: Address, run_id: str) -> None:
    """End a run."""
    body = {"run_id": run_id, "status": "FINISHED", "end_time": START_MS}
    await _once(address, address.post(f"{API}/runs/update", body))


async def log_metric(server: Server, scale: Scale) -> float:
    """Points/s, one a request."""
    first = _begin_round(server)

    def make(place: int, turn: int) -> bytes:
        step = first + turn
        point = {"key": "m", "value": step * 0.5, "timestamp": START_MS + step, "step": step}
        return server.address.post(f"{API}/runs/log-metric", {"run_id": server.state["runs"][place], **point})

    return (await drive(server.address, make, scale.seconds, CONNECTIONS)).per_s


async def create_run(server: Server, scale: Scale) -> float:
    """Runs/s."""
    raw = server.address.post(f"{API}/runs/create", _new_run(server.state["load"]))
    return (await drive(server.address, lambda _place, _turn: raw, scale.seconds, CONNECTIONS)).per_s


async def log_batch(count: int, server: Server, scale: Scale) -> float:
    """Points/s, ``count`` a request, over ten metrics."""
    first = _begin_round(server)
    keys = [f"b{count}_{place}" for place in range(10)]

    def make(place: int, turn: int) -> bytes:
        steps = range(first + turn * count, first + (turn + 1) * count)
        body = {"run_id": server.state["runs"][place], "metrics": [_point(keys[x % 10], x) for x in steps]}
        return server.address.post(f"{API}/runs/log-batch", body)

    return count * (await drive(server.address, make, scale.seconds, CONNECTIONS)).per_s


def _begin_round(server: Server) -> int:
    """Return the first step of a round, so that its points are new: equal ones may cost a server nothing."""
    rounds: int = server.state.get("rounds", 0)
    server.state["rounds"] = rounds + 1
    return rounds * ROUND_STEPS


async def log_params(server: Server, scale: Scale) -> float:
    """Params/s, 100 a request, all of them new."""
    kind = random.randrange(10**9)

    def make(place: int, turn: int) -> bytes:
        params = [{"key": f"p{kind}_{turn}_{n}", "value": str(n)} for n in range(100)]
        body = {"run_id": server.state["runs"][place], "params": params}
        return server.address.post(f"{API}/runs/log-batch", body)

    return 100 * (await drive(server.address, make, scale.seconds, CONNECTIONS)).per_s


async def search(body: dict[str, Any], server: Server, scale: Scale) -> float:
    """Median ms of a search over the whole store, one after the other."""
    raw = server.address.post(f"{API}/runs/search", {"experiment_ids": [server.state["full"]], **body})
    if "filter" in body:
        status, answer = await Connection.once(server.address, raw)
        found = len(json.loads(answer).get("runs", []))
        expected = min(body["max_results"], sum(map(_matches, range(server.state["filled"]))))
        if status != 200 or found != expected:
            raise RuntimeError(f"{server.name} found {found} runs instead of {expected}")
    return (await drive(server.address, lambda _place, _turn: raw, scale.seconds)).median_ms


async def history(server: Server, scale: Scale) -> float:
    """Points/s of one metric read whole in pages of 25,000; the client counts points and does not decode them."""
    await log_history(server, scale)
    address, state = server.address, server.state
    point = msgspec.to_builtins(_point("h", state["points"]))
    await _once(address, address.post(f"{API}/runs/log-metric", {"run_id": state["history"], **point}))
    state["points"] += 1  # so that no server has the answer already
    path = f"{API}/metrics/get-history?run_id={state['history']}&metric_key=h&max_results={HISTORY_PAGE}"
    connection = await Connection(address).open()
    started = time.perf_counter()
    count, token = 0, ""
    while True:
        status, body = await connection.send(address.request("GET", path + token))
        count += body.count(b'"timestamp"')
        found = TOKEN.search(body, len(body) - 1000) or TOKEN.search(body, 0, 1000)
        if status != 200 or not found:
            break
        token = f"&page_token={quote(found[1])}"
    elapsed = time.perf_counter() - started
    connection.close()
    if count != state["points"]:
        raise RuntimeError(f"{server.name} answered {status} and gave {count} of {state['points']} points")
    return count / elapsed


async def log_history(server: Server, scale: Scale) -> None:
    """Log what ``history`` reads, once; well before, so that no server still tidies it up while it is read."""
    if "history" not in server.state:
        run_id = await make_run(server.address, server.state["load"])
        server.state["points"] = await _log_points(server.address, run_id, scale)
        server.state["history"] = run_id


async def _log_points(address: Address, run_id: str, scale: Scale) -> int:
    connection = await Connection(address).open()
    started = time.perf_counter()
    sent = 0
    while sent < scale.points and time.perf_counter() - started < scale.history_s:
        points = [_Point("h", random.random(), START_MS + sent + n, sent + n) for n in range(1_000)]
        await connection.get_json(address.post(f"{API}/runs/log-batch", {"run_id": run_id, "metrics": points}))
        sent += 1_000
    connection.close()
    return sent


async def _once(address: Address, raw: bytes) -> Any:
    status, body = await Connection.once(address, raw)
    if status != 200:
        raise RuntimeError(f"{raw[:120]!r} was answered with {status}: {body[:300]!r}")
    return json.loads(body)


def _new_run(experiment_id: str) -> dict[str, Any]:
    tags = [{"key": "mlflow.user", "value": "load"}]
    return {"experiment_id": experiment_id, "start_time": START_MS, "tags": tags}


class _Point(msgspec.Struct, gc=False):
    """A point, which takes half the time of a dictionary: the client shares the processor with the servers."""

    key: str
    value: float
    timestamp: int
    step: int


def _point(key: str, step: int) -> _Point:
    return _Point(key, step * 0.1, START_MS + step, step)


def _contents(run_id: str, number: int) -> dict[str, Any]:
    values = [(number * 7919 + place * 104729) % 10007 / 10007 for place in range(len(METRICS))]
    metrics = zip(METRICS, values, strict=True)
    params = [{"key": f"p{place}", "value": str(number * (place + 3) % 11)} for place in range(9)]
    return {
        "run_id": run_id,
        "metrics": [{"key": key, "value": value, "timestamp": START_MS, "step": 0} for key, value in metrics],
        "params": [*params, {"key": "opt", "value": ("adam", "sgd", "lamb")[number % 3]}],
    }


def _matches(number: int) -> bool:
    return number * 7919 % 10007 / 10007 > 0.9 and number % 3 == 0 and number % 5 == 2


def _fasttrackml(times: float) -> Target:
    return Target("fasttrackml", times)


_newest = partial(search, {"max_results": 100})
_filtered = partial(search, {"filter": FILTER, "order_by": ["metrics.loss DESC"], "max_results": 100})
_top = partial(search, {"order_by": ["metrics.acc DESC"], "max_results": 1000})
# fmt: off
ROWS = [
    Row("log_metric", "log-metric, 16 connections", "1/s", log_metric, _fasttrackml(2.5)),
    Row("create_run", "runs/create, 16 connections", "1/s", create_run, _fasttrackml(2)),
    Row("log_batch_100", "log-batch of 100", "points/s", partial(log_batch, 100), _fasttrackml(6)),
    Row("log_batch_1000", "log-batch of 1,000", "points/s", partial(log_batch, 1000), _fasttrackml(12)),
    Row("log_params", "log-batch of 100 params", "params/s", log_params, _fasttrackml(3)),
    Row("search_filter", "search: by metric, param and tag, ordered", "ms", _filtered, Target(most=5), falls=True,
        rest_s=REST_S),
    Row("search_newest", "search: newest 100", "ms", _newest, Target(most=3), falls=True),
    Row("search_top", "search: top 1,000 by a metric, all data", "ms", _top, Target(most=20), falls=True),
    Row("history", "history of 500,000 points in pages of 25,000", "points/s", history, _fasttrackml(10),
        prepare=log_history),
]
# fmt: on
