"""What MLflow's web UI costs beside Trackway's, in the same browser on the same runs: `python -m bench.ui_beside`.

Both stores hold the runs of `bench.ui`; MLflow's is filled by SQL through its own schema, as its API would take hours.
Its ten curves have a tenth of the points, as each point is a row of its own with three indexes. Stores are kept in
``build/bench-ui``.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from bench.servers import get_python, run_server
from bench.ui import CURVES, POINTS, RUNS, START_MS, describe, fill, read_busy_s
from tests.services.trackway_server import run_trackway
from tests.ui.looking import launch

ROUNDS = 3
SCROLLS = 60
LONGEST_MS = 120_000
SETTLED_MS = 8_000
"""After the first row, until nothing more is on its way; MLflow's page never falls silent."""


class Product(NamedTuple):
    """One web UI: where it shows runs, and what there is to press.

    runs, curves: addresses of the two experiments, behind the server's
    row:          of a run's name in the table
    scroller:     what scrolls the table
    box:          of the first run's check box
    charts:       what shows the charts
    curve:        of the drawn curves
    """

    name: str
    runs: str
    curves: str
    row: str
    scroller: str
    box: str
    charts: str
    curve: str


OURS = Product(
    name="Trackway",
    runs="/experiments/{many}",
    curves="/experiments/{curves}",
    row=".grid-body .run-name a",
    scroller="[role=grid]",
    box=".grid-body input",
    charts="[aria-label='Charts'][aria-pressed]",
    curve=".chart canvas",
)
THEIRS = Product(
    name="MLflow",
    runs="/#/experiments/{many}/runs",
    curves="/#/experiments/{curves}/runs",
    row="[role=gridcell] a[href*='/runs/']",
    scroller=".ag-body-viewport",
    box=".ag-center-cols-container .ag-row input, .ag-pinned-left-cols-container .ag-row input",
    charts="input[name=runs-view-mode][value=CHART]",
    curve=".js-plotly-plot .scatterlayer path.js-line",
)


def main() -> None:
    """Fill what is not filled yet, measure both, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of both in turns, of which the middle counts")
    options = parser.parse_args()
    folder = Path("build/bench-ui").absolute()
    ours, theirs = folder / f"{options.runs}-{options.points}", folder / f"mlflow-{options.runs}-{options.points // 10}"
    if not (ours / "t.db").exists():
        fill(ours, options.runs, options.points)
    if not (theirs / "store.db").exists():
        fill_mlflow(theirs, options.runs, options.points // 10)
    with (
        sync_playwright() as playwright,
        launch(playwright) as browser,
        run_trackway(ours, "--jobs=false") as port,
        run_mlflow(theirs) as address,
    ):
        sides = [
            (OURS, f"http://127.0.0.1:{port}", find_experiments(ours / "t.db")),
            (THEIRS, address, find_experiments(theirs / "store.db")),
        ]
        rounds = [[measure(browser, *side) for side in sides] for _ in range(options.rounds)]
    print(f"| {options.runs:,} runs | {OURS.name} | {THEIRS.name} | ratio |\n| --- | --- | --- | --- |")
    for what in rounds[0][0]:
        first, second = (statistics.median(one[at][what] for one in rounds) for at in (0, 1))
        print(f"| {what} | {first:,.1f} | {second:,.1f} | {second / first:,.1f} |")


@contextmanager
def run_mlflow(folder: Path) -> Iterator[str]:
    """Run MLflow's server on a filled store, as its own benchmark rows do."""
    with run_server("mlflow", f"sqlite:///{folder}/store.db") as server:
        yield f"http://{server.address.host}:{server.address.port}"


def find_experiments(path: Path) -> dict[str, str]:
    """Return the ids of the two experiments, by the names that addresses have for them."""
    key = "pk" if path.name == "t.db" else "experiment_id"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
        rows = dict(store.execute(f"SELECT name, {key} FROM experiments").fetchall())
    return {"many": str(rows["many"]), "curves": str(rows["long curves"])}


def measure(browser: Browser, product: Product, address: str, experiments: dict[str, str]) -> dict[str, float]:
    """Return what one web UI costs, in a browser that has cached nothing."""
    runs, curves = (address + path.format(**experiments) for path in (product.runs, product.curves))
    with _opened(browser) as page:
        figures = {**_measure_load(page, runs, product), **_measure_table(page, product)}
        figures["curves of ten runs, ms after the click"] = _measure_curves(page, curves, product)
    print(f"{product.name}: {figures}", file=sys.stderr, flush=True)
    return figures


@contextmanager
def _opened(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(LONGEST_MS)
    try:
        yield context.new_page()
    finally:
        context.close()


def _measure_load(page: Page, url: str, product: Product) -> dict[str, float]:
    """Open the table of runs, and return what came over the wire for it, and when a run was seen."""
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    sizes: list[float] = []
    client.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
    started = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.locator(product.row).first.wait_for()
    took = (time.perf_counter() - started) * 1_000
    page.wait_for_timeout(SETTLED_MS)
    return {
        "first load of the runs, kB over the wire": sum(sizes) / 1_000,
        "requests of it": len(sizes),
        "first row after the address is entered, ms": took,
    }


def _measure_table(page: Page, product: Product) -> dict[str, float]:
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = read_busy_s(client)
    frames = page.evaluate(SCROLL, [product.scroller, SCROLLS])
    busy_s = read_busy_s(client) - before
    click = page.evaluate(CHOOSE, [product.scroller, product.box])
    client.send("HeapProfiler.collectGarbage")
    return {
        "processor time of a frame while scrolling, ms": busy_s / SCROLLS * 1_000,
        "longest frame while scrolling, ms": max(frames),
        "click on a row's box to the next paint, ms": click,
        "JavaScript heap, MB": client.send("Runtime.getHeapUsage")["usedSize"] / 1e6,
    }


def _measure_curves(page: Page, url: str, product: Product) -> float:
    """Return the time from the click on the charts until all curves are drawn: once, as MLflow remembers the view."""
    page.goto(url)
    page.reload()  # another fragment alone would load nothing
    page.locator(product.row).first.wait_for()
    page.wait_for_timeout(SETTLED_MS)
    return float(page.evaluate(DRAWN, [product.charts, product.curve]))


SCROLL = """async ([scroller, count]) => {
    const table = document.querySelector(scroller)
    const frames = []
    let last = await new Promise(requestAnimationFrame)
    for (let n = 0; n < count; n++) {
        table.scrollTop += 120
        const now = await new Promise(requestAnimationFrame)
        frames.push(now - last)
        last = now
    }
    return frames
}"""
CHOOSE = """async ([scroller, box]) => {
    document.querySelector(scroller).scrollTop = 0
    await new Promise((done) => setTimeout(done, 1_000))
    const start = performance.now()
    document.querySelector(box).click()
    await new Promise(requestAnimationFrame)
    await new Promise(requestAnimationFrame)
    return performance.now() - start
}"""
DRAWN = """async ([charts, curve]) => {
    const start = performance.now()
    document.querySelector(charts).click()
    while (!document.querySelector(curve)) await new Promise(requestAnimationFrame)
    await new Promise(requestAnimationFrame)
    return performance.now() - start
}"""


def fill_mlflow(folder: Path, runs: int, points: int) -> None:
    """Make MLflow's store of the same runs, and of ten curves."""
    folder.mkdir(parents=True, exist_ok=True)
    path, started = folder / "filling.db", time.monotonic()
    path.unlink(missing_ok=True)
    code = "import sys; from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as S; S(*sys.argv[1:])"
    made = [get_python("mlflow"), "-c", code, f"sqlite:///{path}", str(folder / "artifacts")]
    subprocess.run(made, check=True, stdout=sys.stderr)
    store = sqlite3.connect(path)
    store.execute("PRAGMA journal_mode = OFF")
    store.execute("PRAGMA synchronous = OFF")
    put = _open_tables(store)
    for number, name in ((1, "many"), (2, "long curves")):
        place = f"mlflow-artifacts:/{number}"
        put("experiments", [(number, name, place, "active", START_MS, START_MS, "default")])
    _fill_runs(put, runs)
    _fill_curves(put, points)
    store.commit()
    store.execute("ANALYZE")
    store.close()
    path.rename(folder / "store.db")
    print(
        f"MLflow: {runs:,} runs and {CURVES} curves of {points:,} points in {time.monotonic() - started:.0f} s",
        flush=True,
    )


Put = Callable[[str, Iterable[tuple[Any, ...]]], None]


def _open_tables(store: sqlite3.Connection) -> Put:
    columns = {
        "experiments": "experiment_id name artifact_location lifecycle_stage creation_time last_update_time workspace",
        "runs": "run_uuid name user_id status start_time end_time lifecycle_stage artifact_uri experiment_id",
        "params": "run_uuid key value",
        "tags": "run_uuid key value",
        "metrics": "run_uuid key value timestamp step is_nan",
        "latest_metrics": "run_uuid key value timestamp step is_nan",
    }

    def put(table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        names = columns[table].split()
        asked = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        store.executemany(asked, rows)

    return put


def _fill_runs(put: Put, runs: int) -> None:
    draw = random.Random(1)  # as Trackway's
    for first in range(0, runs, 5_000):
        rows: dict[str, list[tuple[Any, ...]]] = {"runs": [], "params": [], "tags": [], "metrics": []}
        for number in range(first, min(runs, first + 5_000)):
            create, ingest, update = describe("1", number, draw)
            run = create.run_id
            place = f"mlflow-artifacts:/1/{run}/artifacts"
            rows["runs"].append(
                (run, create.name, create.user, "FINISHED", create.start_ms, update.end_ms, "active", place, 1)
            )
            rows["params"] += [(run, *pair) for pair in ingest.params.items()]
            tags = {**create.tags, "mlflow.runName": create.name, "mlflow.user": create.user}
            rows["tags"] += [(run, *pair) for pair in tags.items()]
            rows["metrics"] += [(run, one.key, _read_double(one.values), START_MS, 0, False) for one in ingest.series]
        for table, values in {**rows, "latest_metrics": rows["metrics"]}.items():
            put(table, values)


def _read_double(data: bytes) -> float:
    return float(memoryview(data).cast("d")[0])


def _fill_curves(put: Put, points: int) -> None:
    draw = random.Random(2)
    for number in range(CURVES):
        run = f"{number:032x}".replace("0" * 31, "c" * 31)
        start_ms, place = START_MS + number, f"mlflow-artifacts:/2/{run}/artifacts"
        put(
            "runs",
            [(run, f"curve {number}", "ann", "FINISHED", start_ms, START_MS + points, "active", place, 2)],
        )
        put("tags", [(run, "mlflow.runName", f"curve {number}")])
        values = [1 / (1 + step * (number + 1) / points) + draw.random() / 20 for step in range(points)]
        put("metrics", ((run, "loss", value, START_MS + step, step, False) for step, value in enumerate(values)))
        put("latest_metrics", [(run, "loss", values[-1], START_MS + points - 1, points - 1, False)])


if __name__ == "__main__":
    main()
