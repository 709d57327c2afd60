"""``trackway import`` and ``trackway export``, as a person uses them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result

import trackway as tw
from tests.exchange import wandb_logs as w
from tests.exchange.folders import RUN, write_experiment, write_run, write_text
from tests.services.trackway_server import run_trackway
from trackway.base import errors
from trackway.cli.main import cli
from trackway.sdk.connection import DATABASE_FILE, close_transports

Trackway = Callable[..., Result]
HTML = b"\n<!DOCTYPE html><html><head><title>Sign in</title></head><body>" + b"<p>much</p>" * 1_000


@pytest.fixture
def trackway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trackway]:
    """Run a command in a folder that holds a small history of MLflow's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    run = write_run(write_experiment(tmp_path / "mlruns", name="prices"))
    write_text(run, "metrics", "rmse", b"1 0.5 0\n2 0.25 1\n")
    write_text(run, "params", "alpha", "1")
    write_text(run, "params", "bad@key", "1")
    write_text(run, "artifacts", "a.txt", b"hello")
    yield lambda *arguments: CliRunner().invoke(cli, list(arguments))
    close_transports()


def read(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.output)


def test_a_history_is_announced_imported_and_then_nothing_new(trackway: Trackway) -> None:
    announced = read(trackway("import", "mlruns", "--dry-run", "--json"))
    assert read(trackway("runs", "list", "--json")) == []
    done = read(trackway("import", "mlruns", "--json"))
    assert announced["added"] == done["added"]
    assert (done["added"]["runs"], done["added"]["points"], done["added"]["files"]) == (1, 2, 1)
    assert done["left_out"][0]["examples"] == [f"run {RUN}, param 'bad@key'"]
    again = trackway("import", "mlruns").output
    assert "Added 0 experiments, 0 runs, 0 points" in again
    assert "0 got something new, 1 did not" in again
    assert "Left out: " in again


def test_runs_of_wandb_come_with_what_they_saved(trackway: Trackway, tmp_path: Path) -> None:
    records = [w.run({"lr": 0.1}, name="first"), *(w.row(step, loss=1 / (step + 1)) for step in range(3)), w.ended()]
    files = w.write_run(tmp_path / "wandb", records) / "files"
    (files / "output.log").write_text("hello")
    (tmp_path / "model.pt").write_text("weights")
    (files / "model.pt").symlink_to(tmp_path / "model.pt")
    announced = read(trackway("import", "./wandb", "--dry-run", "--json"))["added"]
    assert (announced["runs"], announced["points"], announced["files"]) == (1, 3, 1)
    told = trackway("import", "./wandb").output
    assert "Added 1 experiment, 1 run, 3 points" in told
    assert "Left out: " in told
    assert "(--artifacts)" in told
    told = trackway("import", "./wandb", "--artifacts", ".").output
    assert "1 file" in told
    assert "Left out" not in told
    [run] = read(trackway("runs", "list", "--json"))
    assert (run["run_id"], run["name"], run["status"]) == (w.RUN, "first", "FINISHED")


@pytest.mark.parametrize("uri", ["mlruns", "file:mlruns"])
def test_the_folder_in_which_mlflow_keeps_experiments_is_imported_and_not_logged_to(
    trackway: Trackway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    before = sorted((tmp_path / "mlruns").rglob("*"))
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", uri)
    for refused in (trackway("runs", "list").exception, trackway("db", "upgrade").exception):
        assert isinstance(refused, errors.InvalidInput)
        assert refused.hint == f"name another folder, and bring them over: trackway import {tmp_path / 'mlruns'}"
    with pytest.raises(errors.InvalidInput, match="folder of MLflow's experiments"):
        tw.start_run()
    assert sorted((tmp_path / "mlruns").rglob("*")) == before
    (tmp_path / "mlruns" / DATABASE_FILE).touch()  # a store that was made there before is still one
    assert trackway("runs", "list").exit_code == 0


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, HTML, "cannot be read: a page of HTML, where MLflow's API answers JSON"),
        (404, HTML, "answered 404: a page of HTML, where MLflow's API answers JSON"),
        (403, b'{"error_code": "PERMISSION_DENIED", "message": "not you"}', "answered 403: not you"),
        (400, b"no \n such \n thing " * 100, "answered 400: no such thing no such thing"),
    ],
    ids=["page", "lost page", "refusal", "text"],
)
def test_an_address_that_is_no_server_of_mlflow_is_told_in_a_line(
    trackway: Trackway, status: int, body: bytes, said: str
) -> None:
    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

    with HTTPServer(("127.0.0.1", 0), Site) as site:
        thread = Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            refused = trackway("import", f"http://127.0.0.1:{site.server_port}").exception
        finally:
            site.shutdown()
            thread.join()
    assert isinstance(refused, errors.TrackwayError)
    assert said in refused.message
    assert len(refused.message) < 200
    assert "http://host:5000" in refused.hint


def test_a_run_and_an_experiment_go_through_a_file(trackway: Trackway) -> None:
    trackway("import", "mlruns")
    assert "1 run, 2 points, 1 file," in trackway("export", RUN, "run.zip").output
    assert read(trackway("export", "prices", "prices.zip", "--json"))["points"] == 2
    for name in ("run", "prices"):
        assert "1 run, 2 points" in trackway("import", f"{name}.zip", "--to", f"from-{name}").output
        [found] = read(trackway("runs", "list", "--uri", f"from-{name}", "--json"))
        assert (found["run_id"], found["params"]) == (RUN, {"alpha": "1"})


def test_registered_models_go_through_a_file(trackway: Trackway) -> None:
    trackway("import", "mlruns")
    for name in ("churn", "fraud"):
        assert trackway("models", "register", f"runs:/{RUN}/", name).exit_code == 0
    assert trackway("models", "transition", "churn", "1", "Production").exit_code == 0
    assert "1 run, 2 points, 1 file, 0 models, 1 registered model, 1 version in" in (
        trackway("export", "models:/churn", "churn.zip").output
    )
    assert read(trackway("export", "models:/", "all.zip", "--json"))["registered"] == 2
    assert isinstance(trackway("export", "models:/nothing", "b.zip").exception, errors.NotFound)
    done = read(trackway("import", "all.zip", "--to", "elsewhere", "--json"))
    assert (done["added"]["registered"], done["added"]["versions"], done["left_out"]) == (2, 2, [])
    [row] = read(trackway("models", "portfolio", "--uri", "elsewhere", "--json"))
    assert (row["name"], row["version"], row["run_id"]) == ("churn", 1, RUN)
    again = trackway("import", "all.zip", "--to", "elsewhere").output
    assert "registered" not in again


def test_descendants_and_what_is_in_the_trash_come_when_asked_for(trackway: Trackway, tmp_path: Path) -> None:
    child = write_run(tmp_path / "mlruns/7", "c" * 32)
    write_text(child, "tags", "mlflow.parentRunId", RUN)
    write_run(tmp_path / "mlruns/7", "d" * 32, lifecycle_stage="deleted")
    trackway("import", "mlruns")
    counts = [
        read(trackway("export", *what, "b.zip", "--force", "--json"))["runs"]
        for what in ([RUN], [RUN, "--children"], ["prices"], ["prices", "--trash"])
    ]
    assert counts == [1, 2, 2, 3]


def test_what_cannot_be_exported_or_imported_is_told(trackway: Trackway) -> None:
    trackway("import", "mlruns")
    assert isinstance(trackway("export", "nothing", "b.zip").exception, errors.NotFound)
    assert trackway("export", "prices", "b.zip").exit_code == 0
    assert "--force" in trackway("export", "prices", "b.zip").output
    assert isinstance(trackway("import", "missing").exception, errors.NotFound)
    assert isinstance(trackway("import", "mlruns", "-x", "nothing").exception, errors.InvalidInput)


def test_a_bundle_goes_from_a_folder_to_a_server_and_back(trackway: Trackway, tmp_path: Path) -> None:
    command = str(Path(sys.executable).with_name("trackway"))

    def run(*arguments: str) -> str:
        done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False, env=os.environ)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with run_trackway(tmp_path) as port:
        url = f"http://127.0.0.1:{port}"
        assert "1 run, 2 points, 0 models, 1 file " in run("import", "mlruns", "--to", url)
        assert "1 run, 2 points, 1 file," in run("export", "prices", "b.zip", "--uri", url)
    assert "1 run, 2 points, 0 models, 1 file " in run("import", "b.zip", "--to", "back")
    assert "0.25" in run("runs", "metrics", RUN, "rmse", "--uri", "back")
