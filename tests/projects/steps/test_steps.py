"""Steps as people run them: what is run, what is taken from earlier runs, what becomes of failures and kills."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import trackway as tw
from tests.services.waiting import wait_until
from trackway.base.errors import Conflict, ExecutionFailed, InvalidInput, NotFound
from trackway.cli.main import cli
from trackway.projects.steps import resume_steps, run_steps
from trackway.sdk.client import Client

FILE = """\
name: p
entry_points:
  prepare:
    parameters: {rows: int}
    command: "python step.py prepare {rows}"
  train:
    parameters: {data: path, factor: {type: float, default: 1}}
    command: "python step.py train {data} {factor}"
  report:
    parameters: {a: string, b: string}
    command: "python step.py report {a} {b}"
steps:
  - name: prepare
    parameters: {rows: "{rows}"}
  - name: one
    entry_point: train
    parameters: {data: "{prepare.artifacts.data/rows.txt}"}
  - name: two
    entry_point: train
    parameters: {data: "{prepare.artifacts.data/rows.txt}", factor: 2}
  - name: report
    parameters: {a: "{one.metrics.loss}", b: "{two.metrics.loss} {two.params.factor}"}
"""
SCRIPT = """\
import pathlib, sys, time
import trackway as tw

what, *values = sys.argv[1:]
here = pathlib.Path(__file__).parent
with (here.parent / "log").open("a") as log:
    log.write(" ".join([what, *(pathlib.Path(one).name for one in values)]) + "\\n")
with tw.start_run():
    if what == "prepare":
        tw.log_text("x" * int(values[0]), "data/rows.txt")
    if what == "train":
        tw.log_metric("loss", len(pathlib.Path(values[0]).read_text()) * float(values[1]))
    tw.flush()
    while what == "report" and (here.parent / "hold").exists():
        time.sleep(0.05)
    if what == "report" and (here.parent / "fail").exists():
        raise SystemExit(3)
"""


@pytest.fixture
def project(store: Path) -> Path:
    folder = store.parent / "pipe"
    folder.mkdir()
    (folder / "MLproject").write_text(FILE)
    (folder / "step.py").write_text(SCRIPT)
    return folder


def read_log(project: Path) -> list[str]:
    """Return what was run since this was asked last, sorted."""
    path = project.parent / "log"
    found = sorted(path.read_text().splitlines()) if path.exists() else []
    path.write_text("")
    return found


def run(project: Path, rows: int = 3, **given: Any) -> Any:
    return run_steps(project, env_manager="local", parameters={"rows": str(rows)}, **given)


def states(result: Any) -> dict[str, str]:
    return {one.name: one.state for one in result.steps}


ALL = ["prepare 3", "report 3.0 6.0 2", "train rows.txt 1", "train rows.txt 2"]


def test_steps_run_in_order_with_values_of_earlier_ones_and_results_are_kept(project: Path) -> None:
    result = run(project, parallel=2)
    assert set(states(result).values()) == {"finished"}
    assert read_log(project) == ALL
    parent = tw.get_run(result.run_id)
    assert (parent.info.status, parent.data.tags["trackway.steps"].count(",")) == ("FINISHED", 3)
    for one in result.steps:
        child = tw.get_run(one.run_id)
        assert child.data.tags["mlflow.parentRunId"] == result.run_id
        assert child.data.tags["trackway.step"] == one.name
        assert parent.data.tags[f"trackway.step.{one.name}"] == one.run_id
    made = {one.run_id: one.name for one in result.steps}
    links = {name: Client().list_run_links(run_id).earlier for run_id, name in made.items()}
    assert {name: sorted((one.kind, made[one.run_id]) for one in found) for name, found in links.items()} == {
        "prepare": [],
        "one": [("uses", "prepare")],
        "two": [("uses", "prepare")],
        "report": [("uses", "one"), ("uses", "two")],
    }
    again = run(project)
    assert set(states(again).values()) == {"cached"}
    assert read_log(project) == []
    assert [one.run_id for one in again.steps] == [one.run_id for one in result.steps]


@pytest.mark.slow
def test_only_what_depends_on_a_change_is_run_again(project: Path) -> None:
    run(project)
    read_log(project)
    file = project / "MLproject"
    file.write_text(file.read_text().replace("factor: 2}", "factor: 4}"))
    (project / ".git").mkdir()  # no part of the code, nor is what git ignores
    changed = run(project, cache=True)
    assert set(states(changed).values()) == {"finished"}, "a project's file is code"
    read_log(project)
    other = run(project, rows=5)
    assert set(states(other).values()) == {"finished"}
    read_log(project)
    assert set(states(run(project, rows=3)).values()) == {"cached"}, "an earlier result is found again"
    assert set(states(run(project, rows=3, cache=False)).values()) == {"finished"}
    assert len(read_log(project)) == 4


@pytest.mark.slow
def test_a_result_that_comes_out_the_same_is_enough_for_what_needs_it(project: Path) -> None:
    first = run(project)
    read_log(project)
    prepared = next(one for one in first.steps if one.name == "prepare")
    tw.delete_run(prepared.run_id)  # its result is gone, and the new one is the same, to the last byte
    again = run(project)
    assert states(again) == {"prepare": "finished", "one": "cached", "two": "cached", "report": "cached"}
    assert read_log(project) == ["prepare 3"]


def test_a_failure_stops_what_needs_it_and_is_gone_on_from(project: Path) -> None:
    (project.parent / "fail").touch()
    done = CliRunner().invoke(cli, ["steps", str(project), "-P", "rows=3", "--env-manager", "local", "--json"])
    assert isinstance(done.exception, ExecutionFailed)
    assert "trackway steps --resume" in done.exception.hint
    told = json.loads(done.stdout)
    assert {one["name"]: one["state"] for one in told["steps"]} == {
        "prepare": "finished",
        "one": "finished",
        "two": "finished",
        "report": "failed",
    }
    assert tw.get_run(told["run_id"]).info.status == "FAILED"
    read_log(project)
    (project.parent / "fail").unlink()
    resumed = CliRunner().invoke(cli, ["steps", "--resume", told["run_id"]])
    assert resumed.exit_code == 0, (resumed.output, resumed.exception)
    assert read_log(project) == ["report 3.0 6.0 2"]
    assert tw.get_run(told["run_id"]).info.status == "FINISHED"


@pytest.mark.slow
def test_without_a_cache_going_on_keeps_what_this_very_execution_has(project: Path) -> None:
    run(project)
    (project.parent / "fail").touch()
    failed = run(project, cache=False)
    read_log(project)
    (project.parent / "fail").unlink()
    resumed = resume_steps(failed.run_id)
    assert states(resumed) == {"prepare": "cached", "one": "cached", "two": "cached", "report": "finished"}
    links = Client().list_run_links(resumed.steps[-1].run_id).earlier
    assert [one.run_id for one in links if one.kind == "retry_of"] == [failed.steps[-1].run_id]
    assert [one.run_id for one in resumed.steps[:3]] == [one.run_id for one in failed.steps[:3]]
    assert read_log(project) == ["report 3.0 6.0 2"]


def test_steps_that_were_killed_are_gone_on_with(project: Path) -> None:
    (project.parent / "hold").touch()
    command = [sys.executable, "-m", "trackway", "steps", str(project), "-P", "rows=3", "--env-manager", "local"]
    with subprocess.Popen(
        [*command, "--run-name", "s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait_until(lambda: (project.parent / "log").exists() and "report" in (project.parent / "log").read_text())
        [parent] = tw.search_runs(filter_string="attributes.run_name = 's'", output_format="list")
        with pytest.raises(Conflict):
            resume_steps(parent.info.run_id)
        process.kill()
    (project.parent / "hold").unlink()
    read_log(project)
    resumed = resume_steps(parent.info.run_id)
    assert states(resumed) == {"prepare": "cached", "one": "cached", "two": "cached", "report": "finished"}
    assert read_log(project) == ["report 3.0 6.0 2"]


@pytest.mark.slow
def test_named_steps_are_run_with_what_they_need(project: Path) -> None:
    result = run(project, only=["one"])
    assert states(result) == {"prepare": "finished", "one": "finished", "two": "skipped", "report": "skipped"}
    assert result.passed
    assert read_log(project) == ["prepare 3", "train rows.txt 1"]


@pytest.mark.slow
def test_what_a_step_does_not_leave_is_missed_where_it_is_named(project: Path) -> None:
    file = project / "MLproject"
    file.write_text(file.read_text().replace("data/rows.txt", "data/none.txt").replace("{one.metrics.loss}", "x"))
    result = run(project)
    assert states(result) == {"prepare": "finished", "one": "failed", "two": "failed", "report": "skipped"}
    [reason, *_] = [one.reason for one in result.steps if one.name == "one"]
    assert "no file 'data/none.txt'" in reason


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "No value was given for rows"),
        ({"parameters": {"rows": "1", "x": "1"}}, "No step takes 'x'"),
        ({"parameters": {"rows": "1"}, "only": ["x"]}, "There is no step 'x'"),
        ({"parameters": {"rows": "1"}, "parallel": 0}, "parallel is 0"),
        ({"nonsense": 1}, "Options of steps"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_is_started(project: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        run_steps(project, **given)
    assert tw.search_runs(search_all_experiments=True, output_format="list") == []
    assert read_log(project) == []


def test_what_are_no_steps_cannot_be_gone_on_with(store: Path) -> None:
    with tw.start_run() as other:
        pass
    with pytest.raises(NotFound, match="no run of steps"):
        resume_steps(other.info.run_id)


@pytest.mark.parametrize("arguments", [[], ["--resume", "x", "./p"], ["--resume", "x", "-P", "a=1"]], ids=str)
def test_a_command_line_that_is_wrong_is_refused(store: Path, arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["steps", *arguments]).exit_code == 2
