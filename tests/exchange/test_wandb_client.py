"""Runs that W&B's own client made, compared with what its own definitions read of its logs."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.test_filestore import list_files
from tests.exchange.test_wandb import read_run, run_import
from tests.services.peers import peer_python
from trackway.exchange.points import read_history
from trackway.exchange.report import Report
from trackway.exchange.sources import open_history
from trackway.sdk.transport import Transport

SCRIPT = Path(__file__).with_name("wandb_past.py")
TIMEOUT_S = 120
Made = dict[str, Path]


def call_client(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the client, whose caches and settings stay in the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "TRACKWAY_"))}
    own = {f"WANDB_{name}_DIR": str(folder / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
    return subprocess.run(
        [peer_python("wandb"), str(SCRIPT), *arguments],
        cwd=folder,
        env={**kept, **own, "WANDB_SILENT": "true"},
        capture_output=True,
        timeout=TIMEOUT_S,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs of every kind."""
    folder = tmp_path_factory.mktemp("made")
    for what, code in (("whole", 0), ("resumed", 0), ("resumed", 0), ("failed", 1), ("killed", -9)):
        done = call_client(folder, what)
        assert done.returncode == code, done.stderr[-3_000:]
    return folder


def read_by_client(folder: Path, run_id: str) -> dict[str, list[list[str]]]:
    """Return the points of a run, as texts."""
    points: dict[str, list[list[str]]] = {}
    for log in sorted(folder.glob(f"wandb/offline-run-*/run-{run_id}.wandb")):
        found: dict[str, Any] = json.loads(call_client(folder, "read", str(log)).stdout)
        for key, rows in found["points"].items():
            points.setdefault(key, []).extend(rows)
    return {key: sorted(rows) for key, rows in points.items()}


@pytest.mark.parametrize("run_id", ["whole001", "again001", "failed01", "killed01"])
def test_every_point_is_what_the_client_reads(store: Transport, made: Path, run_id: str) -> None:
    run_import(store, made)
    found = {}
    for key in read_by_client(made, run_id):
        history = read_history(store, run_id, key)
        rows = zip(history.steps.tolist(), history.times_ms.tolist(), history.values.tolist(), strict=True)
        found[key] = sorted([str(step), str(time_ms), repr(value)] for step, time_ms, value in rows)
    assert found == read_by_client(made, run_id)
    assert len(found["loss"]) >= 1


def test_what_is_known_of_a_run_arrives(store: Transport, made: Path) -> None:
    report = run_import(store, made, made)
    run = read_run(store, "whole001")
    assert run.params == {
        "lr": "0.1",
        "opt.name": "adam",
        "opt.betas": "[0.9, 0.99]",
        "opt.deep.x": "None",
        "layers": "[{'n': 1}]",
        "late": "5",
    }
    assert {key: run.tags[key] for key in run.tags if key.startswith(("wandb.", "mlflow.note"))} == {
        "mlflow.note.content": "# note\n\nhello",
        "wandb.axes": '{"val/*": "epoch"}',
        "wandb.entity": "ada",
        "wandb.group": "g",
        "wandb.id": "whole001",
        "wandb.job_type": "train",
        "wandb.summary.word": "hi",
        "wandb.tag.a": "true",
        "wandb.tag.b c": "true",
    }
    assert (run.name, run.metrics["best"].last_value, run.metrics["nested.a.b"].count) == ("first try", 0.25, 400)
    assert "system/process_memory_usage_megabytes" in run.metrics
    names = [path.rpartition("/")[0] or path for path in list_files(store, run)]
    assert names == ["media/images", "media/table", "model.txt", "output.log", "requirements.txt"]
    left = "\n".join(f"{one.examples}: {why}" for why, one in report.left_out.items())
    assert "artifacts" in left
    assert "'spread'" in left


def test_runs_ended_as_they_did(store: Transport, made: Path) -> None:
    run_import(store, made)
    ended = {run_id: read_run(store, run_id).status for run_id in ("whole001", "again001", "failed01", "killed01")}
    assert ended == {"whole001": "FINISHED", "again001": "FINISHED", "failed01": "FAILED", "killed01": "RUNNING"}
    assert read_run(store, "again001").metrics["loss"].count == 6
    again = run_import(store, made).added
    assert (again.points, again.files, again.tags, again.unchanged_runs) == (0, 0, 0, 4)


def test_a_log_of_the_client_cut_anywhere_is_read_up_to_there(made: Path, tmp_path: Path) -> None:
    [source] = made.glob("wandb/offline-run-*/run-failed01.wandb")
    data, folder = source.read_bytes(), tmp_path / source.parent.name
    folder.mkdir()
    counts = []
    for end in range(0, len(data), 7):
        (folder / source.name).write_bytes(data[:end])
        report = Report()
        with closing(open_history(str(folder), None, report.note)) as history:
            runs = [run for one in history.list_experiments() for run in history.list_runs(one)]
            counts.append(sum(len(piece.values) for run in runs for piece in history.read_points(run)))
        assert {"a record cannot be read"}.isdisjoint(report.left_out), end
    assert counts == sorted(counts)
    assert counts[-1] >= 1
