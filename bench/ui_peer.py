"""MLflow's UI on the same runs, in the same browser: what it loads, and when its table has rows."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Browser

from bench.servers import run_server

TIMEOUT_MS = 180_000
COPY = """
CREATE TEMP VIEW many AS
    SELECT r.* FROM ours.runs r JOIN ours.experiments e ON e.pk = r.experiment_pk WHERE e.name = 'many';
INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time)
    SELECT 1, name, 'mlflow-artifacts:/1', 'active', created_ms, updated_ms FROM ours.experiments WHERE name = 'many';
INSERT INTO runs (run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri, experiment_id)
    SELECT run_id, name, user_name, 'FINISHED', start_ms, end_ms, 'active', 'mlflow-artifacts:/1/' || run_id, 1
    FROM many;
INSERT INTO params (run_uuid, key, value)
    SELECT run_id, p.key, value FROM many JOIN ours.params p ON run_pk = many.pk;
INSERT INTO tags (run_uuid, key, value)
    SELECT run_id, t.key, value FROM many JOIN ours.tags t ON run_pk = many.pk
    UNION ALL SELECT run_id, 'mlflow.runName', name FROM many;
INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan)
    SELECT run_id, s.key, last_value, last_time_ms, last_step, 0 FROM many JOIN ours.series s ON run_pk = many.pk;
INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan)
    SELECT run_uuid, key, value, timestamp, step, is_nan FROM metrics;
"""
"""By SQL, as its API would take an hour."""


def measure_mlflow(browser: Browser, source: Path) -> tuple[float, float]:
    """Return the kB that its first page of runs loads, and the ms until a row is there, both with an empty cache.

    source: the SQLite file whose experiment ``many`` is copied
    """
    with run_server("mlflow") as server:
        with closing(sqlite3.connect(server.folder / "store.db", timeout=60)) as store:
            store.execute("ATTACH ? AS ours", (str(source),))
            store.executescript(COPY)
        return load(browser, f"http://{server.address.host}:{server.address.port}/#/experiments/1/runs")


def load(browser: Browser, address: str) -> tuple[float, float]:
    """Open a page of runs in a window that knows nothing yet; return the kB loaded and the ms until a run is named."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        client = context.new_cdp_session(page)
        client.send("Network.enable")
        sizes: list[float] = []
        client.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
        started = time.perf_counter()
        page.goto(address, wait_until="commit")
        page.get_by_role("link", name="run-").first.wait_for(timeout=TIMEOUT_MS)
        took_s = time.perf_counter() - started
        page.wait_for_load_state("networkidle", timeout=TIMEOUT_MS)
        return sum(sizes) / 1_000, took_s * 1_000
    finally:
        context.close()
