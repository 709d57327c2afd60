"""What the web UI costs in a real browser at many runs: `python -m bench.ui`, or `make bench-ui`.

The store of 100,000 runs is made once and kept in ``build/bench-ui``; `--runs` makes a smaller one.
"""

from __future__ import annotations

import argparse
import random
import struct
import threading
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.services.trackway_server import run_trackway
from tests.ui.looking import call, launch, log, make_experiment, make_run
from trackway.api import operations as ops
from trackway.api.calls import SYSTEM
from trackway.api.experiments import CreateExperiment
from trackway.api.runs import CreateRun, Ingest, Series, UpdateRun
from trackway.server.static import FOLDER
from trackway.wiring.platform import Platform

RUNS = 100_000
CURVES, POINTS = 10, 1_000_000
START_MS = 1_700_000_000_000
AT_ONCE = 2_000
METRICS = ("acc", "loss", "f1", "auc", "rmse")
SCROLLS = 60
LIVE, LIVE_S = 20, 20


def main() -> None:
    """Fill the store if need be, measure, and print one line a figure with its budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--points", type=int, default=POINTS)
    options = parser.parse_args()
    folder = Path("build/bench-ui").absolute() / f"{options.runs}-{options.points}"
    if not (folder / "t.db").exists():
        fill(folder, options.runs, options.points)
    tell("first load, kB with gzip", measure_first_load(), 100)
    with run_trackway(folder, "--jobs=false") as port, sync_playwright() as playwright:
        browser = launch(playwright)
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        measure_table(page, f"http://127.0.0.1:{port}")
        measure_curves(page, f"http://127.0.0.1:{port}")
        measure_live(browser, page, port)
        browser.close()


def tell(what: str, value: float, budget: float) -> None:
    """Print one figure beside what it may be."""
    print(f"{what:<58} {value:>9,.1f}  of {budget:>7,.0f}  {'ok' if value <= budget else 'OVER'}", flush=True)


def measure_first_load() -> float:
    """Return the size of what the first page fetches."""
    names = ["index.html", "assets/index-*.js", "assets/index-*.css", "assets/runs-*.js", "assets/runs-*.css"]
    packed = [path for name in names for path in FOLDER.glob(f"{name}.gz")]
    return sum(path.stat().st_size for path in packed) / 1_000


def measure_table(page: Page, address: str) -> None:
    """Time the first rows, scrolling and a click, and weigh the heap."""
    page.goto(f"{address}/experiments")
    page.get_by_role("link", name="many").wait_for()
    times = []
    for _ in range(5):
        page.goto(f"{address}/experiments")
        link = page.get_by_role("link", name="many")
        link.wait_for()
        times.append(page.evaluate(FIRST_ROWS))
    tell("first rows after the click, ms (middle of 5)", sorted(times)[2], 500)
    page.get_by_role("status").filter(has_text="runs").wait_for()
    page.evaluate(COUNTED)
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = read_busy_s(client)
    frames = page.evaluate(SCROLL, SCROLLS)
    tell("processor time of a frame while scrolling, ms", (read_busy_s(client) - before) / SCROLLS * 1_000, 17)
    tell("longest frame while scrolling, ms", max(frames), 50)
    tell("middle frame while scrolling, ms", sorted(frames)[len(frames) // 2], 17)
    tell("click on a row's box to the next paint, ms", page.evaluate(CHOOSE), 100)
    client.send("HeapProfiler.collectGarbage")
    heap = client.send("Runtime.getHeapUsage")["usedSize"]
    tell("JavaScript heap, MB", heap / 1e6, 150)


def read_busy_s(client: CDPSession) -> float:
    """Return the processor time that the page's main thread has taken, which a busy machine does not lengthen."""
    metrics = client.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def measure_curves(page: Page, address: str) -> None:
    """Time the curves of ten runs of a million points each, from the click on."""
    page.goto(f"{address}/experiments")
    page.get_by_role("link", name="long curves").click()
    page.get_by_role("grid").wait_for()
    took = []
    for _ in range(3):
        took.append(page.evaluate(CURVES_DRAWN))
        page.get_by_role("button", name="Table", exact=True).click()
    tell(f"{CURVES} curves of {POINTS:,} points, ms after the click", sorted(took)[1], 200)


def measure_live(browser: Browser, page: Page, port: int) -> None:
    """Follow runs that log a point each second, and weigh the processes that draw them."""
    experiment = make_experiment(port, f"live {time.time_ns()}")
    runs = [make_run(port, experiment, name=f"live {number}") for number in range(LIVE)]
    for number, run in enumerate(runs):
        log(port, run, loss=[1 / (1 + number + step) for step in range(100)])
    page.goto(f"http://127.0.0.1:{port}/experiments/{experiment}?mode=charts")
    page.locator(".chart canvas").wait_for()
    client = browser.new_browser_cdp_session()
    before_s, started = read_renderers_s(client), time.monotonic()
    for second in range(LIVE_S):
        for number, run in enumerate(runs):
            series = [pack("loss", [1 / (1 + number + second)], 100 + second)]
            call(port, "POST", f"/runs/{run}/ingest", Ingest(run_id=run, series=series))
        page.wait_for_timeout(max(0.0, (started + second + 1 - time.monotonic()) * 1_000))
    share = (read_renderers_s(client) - before_s) / (time.monotonic() - started) * 100
    page.get_by_text(f"{LIVE * (100 + LIVE_S):,} points").wait_for()
    tell(f"{LIVE} curves followed at a point a second, % of a core", share, 20)


def read_renderers_s(client: CDPSession) -> float:
    """Return the processor time of all processes that draw pages."""
    processes = client.send("SystemInfo.getProcessInfo")["processInfo"]
    return sum(float(one["cpuTime"]) for one in processes if one["type"] == "renderer")


FIRST_ROWS = """async () => {
    const start = performance.now()
    ;[...document.querySelectorAll("a")].find((one) => one.textContent === "many").click()
    while (!document.querySelector(".grid-body .run-name a")) await new Promise(requestAnimationFrame)
    return performance.now() - start
}"""
COUNTED = """async () => {
    const grid = document.querySelector("[role=grid]")
    while (Number(grid.getAttribute("aria-rowcount")) < 1_000) await new Promise(requestAnimationFrame)
}"""
SCROLL = """async (count) => {
    const grid = document.querySelector("[role=grid]")
    const frames = []
    let last = await new Promise(requestAnimationFrame)
    for (let n = 0; n < count; n++) {
        grid.scrollTop += n % 10 === 9 ? 300_000 : 120
        const now = await new Promise(requestAnimationFrame)
        frames.push(now - last)
        last = now
    }
    return frames
}"""
CHOOSE = """async () => {
    const grid = document.querySelector("[role=grid]")
    grid.scrollTop = 0
    while (!document.querySelector(".grid-body input")) await new Promise(requestAnimationFrame)
    await new Promise((done) => setTimeout(done, 500))
    const start = performance.now()
    document.querySelector(".grid-body input").click()
    await new Promise(requestAnimationFrame)
    await new Promise(requestAnimationFrame)
    return performance.now() - start
}"""
CURVES_DRAWN = """async () => {
    const start = performance.now()
    document.querySelector("[aria-label='Charts'][aria-pressed]").click()
    while (!document.querySelector(".chart canvas")) await new Promise(requestAnimationFrame)
    await new Promise(requestAnimationFrame)
    return performance.now() - start
}"""


def fill(folder: Path, runs: int, points: int) -> None:
    """Make a store of runs with five metrics, four params and two tags each, and ten runs with long curves."""
    folder.mkdir(parents=True)
    platform = Platform(f"sqlite:///{folder}/t.db", str(folder / "artifacts"))
    try:
        _make_curves(platform, points)  # first, as the short series of all runs would have to be sealed before them
        many = _make_experiment(platform, "many")
        draw = random.Random(1)
        started = time.monotonic()
        for first in range(0, runs, AT_ONCE):
            numbers = range(first, min(runs, first + AT_ONCE))
            requests = [describe(many, number, draw) for number in numbers]
            _carry_out(platform, ops.CREATE_RUN, [create for create, _, _ in requests])
            _carry_out(platform, ops.INGEST, [ingest for _, ingest, _ in requests])
            _carry_out(platform, ops.UPDATE_RUN, [update for _, _, update in requests])
        print(f"{runs:,} runs made in {time.monotonic() - started:.0f} s", flush=True)
    finally:
        platform.close()


def _make_experiment(platform: Platform, name: str) -> str:
    call = platform.dispatch.open_call(SYSTEM, "default")
    return platform.dispatch.call(ops.CREATE_EXPERIMENT, CreateExperiment(name=name), call).experiment_id


def describe(experiment: str, number: int, draw: random.Random) -> tuple[CreateRun, Ingest, UpdateRun]:
    run_id = f"{number:032x}"
    create = CreateRun(
        experiment_id=experiment,
        run_id=run_id,
        name=f"run-{number}",
        user=f"u{number % 7}",
        start_ms=START_MS + number * 1_000,
        tags={"team": f"t{number % 5}"},
    )
    params = {
        "lr": str(10 ** -(number % 4)),
        "opt": ("adam", "sgd")[number % 2],
        "depth": str(number % 9),
        "seed": str(number),
    }
    series = [pack(key, [draw.random()]) for key in METRICS]
    ended = START_MS + number * 1_000 + draw.randrange(10_000_000)
    return (
        create,
        Ingest(run_id=run_id, params=params, series=series),
        UpdateRun(run_id=run_id, status="FINISHED", end_ms=ended),
    )


def pack(key: str, values: list[float], first: int = 0) -> Series:
    """Return values as the columns of consecutive steps."""
    count = len(values)
    return Series(
        key=key,
        steps=struct.pack(f"<{count}q", *range(first, first + count)),
        times_ms=struct.pack(f"<{count}q", *range(START_MS + first, START_MS + first + count)),
        values=struct.pack(f"<{count}d", *values),
    )


def _make_curves(platform: Platform, points: int) -> None:
    experiment = _make_experiment(platform, "long curves")
    draw = random.Random(2)
    for number in range(CURVES):
        run_id = f"curve-{number}"
        create = CreateRun(experiment_id=experiment, run_id=run_id, name=f"curve {number}", start_ms=START_MS + number)
        _carry_out(platform, ops.CREATE_RUN, [create])
        for first in range(0, points, 100_000):
            count = min(points - first, 100_000)
            values = [1 / (1 + (first + n) * (number + 1) / points) + draw.random() / 20 for n in range(count)]
            _carry_out(platform, ops.INGEST, [Ingest(run_id=run_id, series=[pack("loss", values, first)])])
        _carry_out(platform, ops.UPDATE_RUN, [UpdateRun(run_id=run_id, status="FINISHED", end_ms=START_MS + points)])
    while platform.chores.seal_series():
        pass
    print(f"{CURVES} curves of {points:,} points made", flush=True)


def _carry_out(platform: Platform, operation: Any, requests: list[Any]) -> None:
    """Carry out many calls in few transactions."""
    done = threading.Semaphore(0)
    errors: list[BaseException] = []

    def told(_result: Any, error: BaseException | None) -> None:
        if error is not None:
            errors.append(error)
        done.release()

    for request in requests:
        platform.dispatch.submit(operation, request, platform.dispatch.open_call(SYSTEM, "default"), told)
    for _ in requests:
        done.acquire()
    if errors:
        raise errors[0]


if __name__ == "__main__":
    main()
