"""What is there to look at, and how one looks."""

from __future__ import annotations

import json
import math
import random
import shutil
import struct
import time
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from playwright.sync_api import Browser, Page, Playwright

from tests.repository.source import ROOT
from trackway.api.runs import Ingest, Series

HOSTILE = "<script>window.pwned=1</script>\"'&<img src=x onerror=window.pwned=1>{{7*7}}"
AXE = (ROOT / "ui/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


ARGUMENTS = """
    --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync
""".split()


def launch(playwright: Playwright) -> Browser:
    """Start Debian's Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "there is no Chromium: run `.ci/system-packages`"
    return playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)


class Site(NamedTuple):
    """A server that has been filled; experiments are ids."""

    address: str
    port: int
    churn: str
    prices: str
    hostile: str
    empty: str
    runs: list[str]
    hostile_run: str


def call(port: int, method: str, path: str, body: Any = None) -> Any:
    """Call the native API; structs go as MessagePack."""
    packed = isinstance(body, msgspec.Struct)
    data = msgspec.msgpack.encode(body) if packed else json.dumps({} if body is None else body).encode()
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        kind = "application/msgpack" if packed else "application/json"
        connection.request(method, f"/api/v1{path}", data if method != "GET" else None, {"content-type": kind})
        response = connection.getresponse()
        answer = json.loads(response.read())
        assert response.status == 200, answer
        return answer
    finally:
        connection.close()


def make_experiment(port: int, name: str, **tags: str) -> str:
    return str(call(port, "POST", "/experiments", {"name": name, "tags": tags})["experiment_id"])


def make_run(port: int, experiment: str, **fields: Any) -> str:
    return str(call(port, "POST", "/runs", {"experiment_id": experiment, **fields})["run_id"])


def log(port: int, run: str, params: dict[str, str] = {}, **metrics: list[float]) -> None:  # noqa: B006 - only read
    """Log params, and metrics by step from 0, a second a step."""
    series = [pack(key, values) for key, values in metrics.items()]
    call(port, "POST", f"/runs/{quote(run)}/ingest", Ingest(run_id=run, params=params, series=series))


def pack(key: str, values: list[float], first: int = 0) -> Series:
    steps, times = range(first, first + len(values)), range(1_700_000_000_000, 1_800_000_000_000, 1_000)
    return Series(
        key=key,
        steps=struct.pack(f"<{len(values)}q", *steps),
        times_ms=struct.pack(f"<{len(values)}q", *times[first : first + len(values)]),
        values=struct.pack(f"<{len(values)}d", *values),
    )


def finish(port: int, run: str, status: str = "FINISHED") -> None:
    call(port, "PATCH", f"/runs/{quote(run)}", {"status": status, "end_ms": int(time.time() * 1_000)})


def fill(port: int) -> Site:
    """Make 40 runs with curves, a sweep with nested runs, an empty experiment, and one whose every name is markup."""
    draw = random.Random(1)  # the same each time
    churn = make_experiment(port, "churn-model", owner="ann", team="growth")
    runs = []
    for number in range(40):
        rate, depth = draw.choice(["0.1", "0.01", "0.001"]), draw.choice(["3", "5", "8"])
        run = make_run(port, churn, name=f"run-{number:02d}", user="ann", start_ms=1_700_000_000_000 + number * 60_000)
        loss = [2 * math.exp(-float(rate) * step) + draw.gauss(0, 0.02) for step in range(200)]
        if number == 39:
            loss[50], loss[60] = math.nan, math.inf
        log(port, run, {"lr": rate, "max_depth": depth, "optimizer": draw.choice(["adam", "sgd"])}, loss=loss)
        log(port, run, accuracy=[1 - value / 3 for value in loss if math.isfinite(value)])
        if number < 38:
            finish(port, run, "FAILED" if number % 10 == 3 else "FINISHED")
        runs.append(run)
    prices = make_experiment(port, "house-prices", team="risk")
    sweep = make_run(port, prices, name="sweep")
    for number in range(5):
        child = make_run(port, prices, name=f"trial-{number}", parent_run_id=sweep)
        log(port, child, {"alpha": str(number / 10)}, rmse=[3 - number / 10])
        if number == 0:
            make_run(port, prices, name="fold-0", parent_run_id=child)
    hostile = make_experiment(port, HOSTILE, owner=HOSTILE)
    hostile_run = make_run(
        port, hostile, name=HOSTILE, user=HOSTILE, tags={"t": HOSTILE, "mlflow.source.name": HOSTILE}
    )
    log(port, hostile_run, {"p": HOSTILE}, m=[math.nan, math.inf, -math.inf])
    empty = make_experiment(port, "nothing yet")
    return Site(f"http://127.0.0.1:{port}", port, churn, prices, hostile, empty, runs, hostile_run)


def find_barriers(page: Page, *rules: str) -> list[str]:
    """Return what axe-core finds that keeps people out, by WCAG 2.2 AA or by some of its rules."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    only = list(rules) or ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    alike = [".grid-body > .grid-row:nth-child(n+5)"]  # the rows of a table have one form: a few of them are enough
    script = """([only, alike]) => axe.run(
        {include: [document], exclude: alike}, {runOnly: only, resultTypes: ["violations"]})"""
    found = page.evaluate(script, [only, alike])
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
        for violation in found["violations"]
        for node in violation["nodes"][:3]
    ]
