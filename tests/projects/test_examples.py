"""The projects of examples/: run by us, and by MLflow's own command line, as they are."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

import trackway as tw
from tests.projects.folders import EXAMPLES, MakeProject, read_run, read_run_file
from tests.services.peers import peer_python
from trackway.projects import run
from trackway.projects.specification import read_specification


def test_the_elastic_net_is_a_run_with_its_metric(store: Path) -> None:
    done = run(str(EXAMPLES / "elasticnet"), parameters={"alpha": 0.1}, env_manager="local")
    found = read_run(done.run_id)
    assert 40 < found.metrics["rmse"].last_value < 90
    assert found.params == {"alpha": "0.1", "l1_ratio": "0.5", "seed": "7"}


def test_steps_are_children_of_the_run_that_starts_them(store: Path) -> None:
    done = run(str(EXAMPLES / "multistep"), parameters={"rows": 10}, experiment_name="steps")
    found = read_run(done.run_id)
    assert found.metrics["total"].last_value == 45
    children = [one for one in tw.Client().search_runs([found.experiment_id]) if one.parent_run_id == done.run_id]
    assert sorted(one.tags["mlflow.project.entryPoint"] for one in children) == ["prepare", "sum"]


def test_shell_entry_points_run(store: Path) -> None:
    done = run(str(EXAMPLES / "shell"), parameters={"text": "a; $(id)"})
    assert read_run_file(done.run_id, "logs/stdout.log") == "A; $(ID)\n"
    script = run(str(EXAMPLES / "shell"), "count.sh")
    assert script.run_id in read_run_file(script.run_id, "logs/stdout.log")


@pytest.mark.slow
def test_an_entry_point_of_r_runs(store: Path) -> None:
    done = run(str(EXAMPLES / "r"), parameters={"rows": 50, "label": "x; $(id)"})
    assert read_run_file(done.run_id, "logs/stdout.log") == f"x; $(id): slope 2.0, run {done.run_id}\n"
    script = run(str(EXAMPLES / "r"), "line.R")
    assert read_run_file(script.run_id, "logs/stdout.log").startswith("a line: slope 2.0")


def test_every_example_can_be_read() -> None:
    for folder in sorted(EXAMPLES.iterdir()):
        assert read_specification(folder).name == folder.name


FORMS = """
name: forms
entry_points:
  main:
    parameters:
      data: {type: string, default: "../rows.csv"}
      rate: {type: float, default: 1e-1}
      momentum: {type: float, default: .0}
      rows: {type: int, default: 100000}
      nothing: {type: string, default: ""}
      where: path
      source: uri
      label: string
    command: "python -O show.py {data}
                                --rate {rate} --momentum {momentum} --rows {rows}
                                --nothing {nothing}
                                --where={where} --source {source} {label}"
"""
"""What the projects in MLflow's documentation are written with: folded commands, numbers that YAML takes for text,
types with and without defaults, an empty default behind an option."""
SHOW = "import json, sys\nprint(json.dumps(sys.argv))\n"
GIVEN = {"where": "/tmp", "source": "s3://bucket/x", "label": "it's a b", "more": "1 2"}


@pytest.mark.slow
def test_a_project_as_mlflow_documents_them_gets_the_very_words_from_both(
    make_project: MakeProject, store: Path, tmp_path: Path
) -> None:
    folder = make_project(MLproject=FORMS, show__py=SHOW)
    done = run(str(folder), parameters=GIVEN)
    ours = json.loads(read_run_file(done.run_id, "logs/stdout.log"))
    given = [word for name, value in GIVEN.items() for word in ("-P", f"{name}={value}")]
    printed = run_mlflow(folder, tmp_path, *given).stdout
    (theirs,) = [json.loads(line) for line in printed.splitlines() if line.startswith('["')]
    assert ours == theirs
    assert ours == [
        *("show.py", "../rows.csv", "--rate", "1e-1", "--momentum", "0.0", "--rows", "100000", "--nothing", ""),
        *("--where=/tmp", "--source", "s3://bucket/x", "it's a b", "--more", "1 2"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["elasticnet", "multistep", "shell", "r"])
def test_mlflows_own_command_line_runs_them_too(name: str, tmp_path: Path) -> None:
    done = run_mlflow(EXAMPLES / name, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        statuses = [row[0] for row in connection.execute("SELECT status FROM runs")]
    assert statuses == ["FINISHED"] * (3 if name == "multistep" else 1)


def run_mlflow(project: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a project by MLflow's command line, with a store in a folder."""
    python = peer_python("mlflow-3.17")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "TRACKWAY_"))}
    environment |= {
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [str(python), "-m", "mlflow", "run", str(project), "--env-manager", "local", *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
