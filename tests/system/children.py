"""What forked processes do: serve, or train."""

from __future__ import annotations

import os
import time
from pathlib import Path

import trackway as tw
from trackway.cli.server import serve as serve_settings
from trackway.store.sql import connection

LOGGED_PAGES = 250


def serve(port: int, store: str, artifacts: str) -> None:
    """Serve like `trackway server`."""
    serve_settings({"host": "127.0.0.1", "port": port, "store": store, "artifacts": artifacts})


def serve_often_writing_back(port: int, store: str, artifacts: str) -> None:
    """Serve with a store whose log goes to the database's file every megabyte, as it does under a heavier load."""
    connection.SQLITE_LOGGED_PAGES = LOGGED_PAGES
    serve(port, store, artifacts)


def train(url: str, noted: str, stop: str) -> None:
    """Log points, params, tags and files, noting each after its call has returned, until a file says stop.

    noted: file for one line each: "begin RUN", then "m STEP", "p KEY", "f NAME"; it outlives a kill of the process
    """
    tw.set_tracking_uri(url)
    note = os.open(noted, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with tw.start_run() as run:
        os.write(note, f"begin {run.run_id}\n".encode())
        step = 0
        while not Path(stop).exists():
            tw.log_metric("m", step / 7, step=step)
            os.write(note, f"m {step}\n".encode())
            if step % 50 == 0:
                tw.log_param(f"p{step}", step)
                os.write(note, f"p p{step}\n".encode())
            if step % 200 == 0:
                tw.log_text(f"{step} " * 20_000, f"f{step}.txt")
                os.write(note, f"f f{step}.txt\n".encode())
            step += 1
            if step % 20 == 0:
                time.sleep(0.005)
    os.write(note, b"end\n")
