"""Sweeps as people do them: of a function or a project, by several samplers, ended early, cut off and gone on with."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import trackway as tw
from tests.services.waiting import LONG_S, wait_until
from trackway.base.errors import Conflict, ExecutionFailed, InvalidInput, NotFound
from trackway.cli.main import cli
from trackway.projects.sweeps import FunctionTrial, SweepResult, resume_sweep, sweep
from trackway.sdk.client import Client

SPACE = {"lr": "log(1e-3, 1)", "layers": "int(1, 4)", "kind": ["a", "b"], "fixed": 7}


def loss(lr: float, layers: int, kind: str, fixed: int) -> float:
    return (lr - 0.1) ** 2 + layers + (kind == "b") + fixed


def list_children(result: SweepResult) -> list[Any]:
    found = tw.search_runs(search_all_experiments=True, output_format="list")
    return [run for run in found if run.data.tags.get("mlflow.parentRunId") == result.run_id]


@pytest.mark.parametrize(
    "sampler", ["grid", "random", "tpe", *(pytest.param(n, marks=pytest.mark.slow) for n in ("qmc", "nsgaii", "cmaes"))]
)
def test_a_sampler_finds_the_best_of_what_it_tries(place: Path, sampler: str) -> None:
    space = SPACE | ({"lr": "log(1e-3, 1, points=3)"} if sampler == "grid" else {})
    result = sweep(loss, space, sampler=sampler, trials=8, seed=3)
    assert [trial.number for trial in result.trials] == list(range(8))
    assert result.best is not None
    values = [trial.value for trial in result.trials if trial.value is not None]
    assert result.best.value == min(values)
    assert all(trial.value == loss(**trial.params) for trial in result.trials)  # type: ignore[arg-type]
    assert {trial.params["fixed"] for trial in result.trials} == {7}


@pytest.mark.filterwarnings("error")
def test_an_evolution_strategy_learns_from_its_trials(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def bowl(x: float, y: float, kind: str) -> float:
        return (x - 3) ** 2 + (y + 2) ** 2

    space = {"x": "uniform(-10, 10)", "y": "uniform(-10, 10)", "kind": ["a", "b"]}
    result = sweep(bowl, space, sampler="cmaes", trials=80, seed=5)
    values = [trial.value for trial in result.trials if trial.value is not None]
    assert statistics.median(values[-20:]) < 1 < statistics.median(values[:20])
    assert "independently" not in capfd.readouterr().err


def test_a_sampler_whose_package_is_missing_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway.projects.sweeps.samplers.find_spec", lambda name: None)
    with pytest.raises(InvalidInput, match="needs the package cmaes"):
        sweep(loss, SPACE, sampler="cmaes")


def test_trials_are_runs_below_the_sweep_and_the_best_is_marked(place: Path) -> None:
    result = sweep(loss, SPACE, metric="loss", goal="maximize", trials=4, experiment_name="e", run_name="s")
    assert result.best is not None
    parent = tw.get_run(result.run_id)
    children = {run.info.run_id: run for run in list_children(result)}
    assert {run.info.experiment_id for run in children.values()} == {parent.info.experiment_id} != {"0"}
    assert (parent.info.run_name, parent.info.status) == ("s", "FINISHED")
    assert parent.data.tags["trackway.sweep.best"] == result.best.run_id
    assert parent.data.metrics["best_loss"] == result.best.value
    assert [one for one, run in children.items() if run.data.tags.get("trackway.sweep.best") == "true"] == [
        result.best.run_id
    ]
    best = children[result.best.run_id]
    assert best.data.metrics["loss"] == result.best.value
    assert best.data.params["layers"] == str(result.best.params["layers"])
    assert best.data.tags["trackway.sweep.state"] == "finished"
    assert f"{result.best.number}*" in result.to_text()


def test_the_same_seed_tries_the_same(place: Path) -> None:
    first, again, other = (sweep(loss, SPACE, trials=3, seed=seed) for seed in (1, 1, 2))
    assert [trial.params for trial in first.trials] == [trial.params for trial in again.trials]
    assert [trial.params for trial in first.trials] != [trial.params for trial in other.trials]


def test_a_trial_that_fails_is_a_result(place: Path) -> None:
    def fail(x: int) -> float | None:
        if x == 1:
            raise ValueError("no 1")
        if x == 5:
            raise SystemExit(3)
        return float("nan") if x == 2 else None if x == 3 else x

    result = sweep(fail, {"x": "int(1, 5)"}, sampler="grid")
    assert [trial.state for trial in result.trials] == ["failed", "failed", "failed", "finished", "failed"]
    assert [trial.reason for trial in result.trials[:3]] == ["ValueError: no 1", "it gave no value", "it gave no value"]
    nothing = sweep(fail, {"x": "choice(1, 2)"}, sampler="grid")
    assert nothing.best is None
    assert tw.get_run(nothing.run_id).info.status == "FAILED"


def test_a_function_that_reports_is_ended_when_it_is_not_worth_going_on_with(place: Path) -> None:
    reached: dict[int, int] = {}

    def train(x: int, trial: FunctionTrial) -> None:
        for step in range(10):
            reached[x] = step
            trial.report(x + 1 / (step + 1), step)

    result = sweep(train, {"x": "int(1, 8)"}, sampler="grid", metric="loss", pruner="median", prune_after_trials=2)
    assert [trial.state for trial in result.trials] == ["finished"] * 2 + ["pruned"] * 6
    assert max(reached[x] for x in range(3, 9)) == 1, "they ended at their first step that is judged"
    assert result.best is not None
    assert result.best.number == 0
    assert {run.data.tags["trackway.sweep.state"] for run in list_children(result)} == {"finished", "pruned"}


def test_so_many_trials_run_at_once_and_no_more(place: Path) -> None:
    lock = threading.Lock()
    now, most = 0, 0
    gate = threading.Barrier(3, timeout=LONG_S)

    def work(x: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        gate.wait()  # three are there at once
        with lock:
            now -= 1
        return x

    result = sweep(work, {"x": "int(1, 6)"}, sampler="grid", parallel=3)
    assert most == 3
    assert {trial.state for trial in result.trials} == {"finished"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"sampler": "magic"}, "no sampler"),
        ({"trials": 0}, "trials is 0"),
        ({"parallel": 0}, "parallel is 0"),
        ({"goal": "best"}, "options"),
        ({"pruner": "median"}, "No metric"),
        ({"nonsense": 1}, "options"),
        ({"sampler": "grid"}, "how many values of 'lr'"),
        ({"metric": "loss", "pruner": "median"}, "must report"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_is_started(place: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        sweep(loss, SPACE, **given)
    assert tw.search_runs(search_all_experiments=True, output_format="list") == []


PROJECT = """
name: sweeping
entry_points:
  main:
    parameters:
      x: {type: float}
      kind: {default: plain}
    command: "python train.py {x} {kind}"
"""
SCRIPT = """
import os, pathlib, sys, time
import trackway as tw

x, here = float(sys.argv[1]), pathlib.Path(__file__).parent
held = x > 2 and (here / "hold").exists()
with (here / "began").open("a") as file:
    file.write(f"{x} {os.getpid()}\\n")
with tw.start_run():
    for step in range(2):
        tw.log_metric("loss", x + 1 / (step + 1), step=step)
    tw.flush()
    while held:
        time.sleep(0.05)
"""


@pytest.fixture
def project(place: Path) -> Path:
    folder = place / "project"
    folder.mkdir()
    (folder / "MLproject").write_text(PROJECT)
    (folder / "train.py").write_text(SCRIPT)
    return folder


def read_began(project: Path) -> list[tuple[float, int]]:
    """Return the trials that began, and their processes."""
    path = project / "began"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(float(line.split()[0]), int(line.split()[1])) for line in lines]


def run_sweep(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["sweep", *arguments, "--json"])


def test_a_project_that_is_not_there_is_said_before_anything_is_started(place: Path) -> None:
    with pytest.raises(NotFound, match="no folder"):
        sweep("./nothing", {"x": [1, 2]}, metric="loss")
    assert tw.search_runs(search_all_experiments=True, output_format="list") == []


def test_all_trials_of_a_repository_have_one_commit(project: Path) -> None:
    git = ["git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-qb", "main"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    result = sweep(f"git+file://{project}", {"x": [1, 2]}, metric="loss", sampler="grid", env_manager="local")
    assert [trial.state for trial in result.trials] == ["finished"] * 2
    runs = [tw.get_run(trial.run_id) for trial in result.trials]
    assert {run.data.tags["mlflow.source.git.commit"] for run in runs} == {commit}
    assert {run.data.tags["mlflow.project.version"] for run in runs} == {commit}, "a branch may move meanwhile"


def test_a_project_is_tried_by_the_command(project: Path) -> None:
    (project / "space.yaml").write_text(
        "metric: loss\ngoal: maximize\nsampler: grid\nparameters:\n  x: [1, 2]\n  kind: choice(a, b)\n"
    )
    done = run_sweep(str(project), "--space", str(project / "space.yaml"), "--env-manager", "local", "-P", "kind=b")
    assert done.exit_code == 0, (done.output, done.exception)
    result = json.loads(done.stdout)
    assert [trial["params"] for trial in result["trials"]] == [{"x": 1, "kind": "b"}, {"x": 2, "kind": "b"}]
    assert [trial["value"] for trial in result["trials"]] == [1.5, 2.5]
    assert result["best"]["number"] == 1
    assert tw.get_run(result["best"]["run_id"]).data.params == {"x": "2", "kind": "b"}


@pytest.mark.slow
def test_a_project_is_ended_when_it_is_not_worth_going_on_with(project: Path) -> None:
    (project / "hold").touch()
    result = sweep(
        project,
        {"x": [1, 3]},
        metric="loss",
        sampler="grid",
        pruner="median",
        prune_after_trials=1,
        env_manager="local",
    )
    assert [trial.state for trial in result.trials] == ["finished", "pruned"]
    pruned = tw.get_run(result.trials[1].run_id)
    assert (pruned.info.status, pruned.data.tags["trackway.sweep.state"]) == ("KILLED", "pruned")


def test_a_sweep_that_was_killed_goes_on_where_it_stopped(project: Path) -> None:
    (project / "hold").touch()
    options = ["-P", "x=choice(1, 3, 4, 0.5)", "--metric", "loss", "--sampler", "grid", "--env-manager", "local"]
    command = [sys.executable, "-m", "trackway", "sweep", str(project), *options, "--parallel", "2", "--run-name", "s"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # The first has ended, the second and third are under way.
        wait_until(lambda: len(read_began(project)) == 3)
        [parent] = tw.search_runs(filter_string="attributes.run_name = 's'", output_format="list")
        wait_until(lambda: len(list_tagged(parent.info.run_id)) == 3)
        with pytest.raises(Conflict, match="goes on in another process"):
            resume_sweep(parent.info.run_id)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(LONG_S)
    orphans = [process_id for x, process_id in read_began(project) if x > 2]
    (project / "began").write_text("")
    (project / "hold").unlink()
    done = run_sweep("--resume", parent.info.run_id)
    assert done.exit_code == 0, (done.output, done.exception)
    result = json.loads(done.stdout)
    assert [(trial["params"]["x"], trial["state"]) for trial in result["trials"]] == [
        (1, "finished"),
        (3, "finished"),
        (4, "finished"),
        (0.5, "finished"),
    ]
    assert sorted(x for x, _ in read_began(project)) == [0.5, 3, 4], "what had ended is not tried again"
    assert not any(is_alive(process_id) for process_id in orphans)
    links = [Client().list_run_links(trial["run_id"]).earlier for trial in result["trials"]]
    assert [[one.kind for one in found] for found in links] == [[], ["retry_of"], ["retry_of"], []]
    assert {one.status for found in links for one in found} == {"KILLED"}
    assert result["best"]["number"] == 3
    assert tw.get_run(parent.info.run_id).info.status == "FINISHED"


def list_tagged(parent: str) -> list[Any]:
    found = tw.search_runs(filter_string=f"tags.`trackway.sweep` = '{parent}'", output_format="list")
    return list(found)


def is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
        state = Path(f"/proc/{process_id}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False


def test_what_is_no_sweep_cannot_be_gone_on_with(place: Path) -> None:
    with tw.start_run() as run:
        pass
    with pytest.raises(NotFound, match="is no sweep"):
        resume_sweep(run.info.run_id)
    done = sweep(loss, SPACE, trials=1)
    with pytest.raises(InvalidInput, match="give it as function="):
        resume_sweep(done.run_id)
    assert resume_sweep(done.run_id, loss).trials == done.trials


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("metrics: loss\n", "space.yaml:1:1: 'metrics' is no key"),
        ("parameters:\n  x: log(0, 1)\n", "space.yaml:2:6: The domain of 'x'"),
        ("pruner: fast\nparameters:\n  x: [1, 2]\n", "space.yaml:1:9: there is no pruner"),
        ("parameters:\n  x: [1, 1]\n", "space.yaml:2:6: The domain of 'x': a value is there twice"),
    ],
)
def test_a_mistake_in_a_file_is_told_by_its_place(project: Path, text: str, told: str) -> None:
    (project / "space.yaml").write_text(text)
    done = run_sweep(str(project), "--space", str(project / "space.yaml"), "--metric", "loss")
    assert isinstance(done.exception, InvalidInput)
    assert told in done.exception.message


def test_a_sweep_without_a_trial_that_finished_ends_with_status_1(project: Path) -> None:
    (project / "train.py").write_text("raise SystemExit(3)")
    done = run_sweep(
        str(project), "-P", "x=choice(1, 2)", "--metric", "loss", "--env-manager", "local", "--trials", "1"
    )
    assert isinstance(done.exception, ExecutionFailed)
    assert '"reason": "its command ended with status 3"' in done.output


@pytest.mark.parametrize("arguments", [[], ["--resume", "x", "./p"], ["--resume", "x", "--trials", "3"]], ids=str)
def test_a_command_line_that_is_wrong_is_refused(place: Path, arguments: list[str]) -> None:
    assert run_sweep(*arguments).exit_code == 2
