"""Runs that are made again from what they recorded: what it takes, what differs, what is missing."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

import trackway as tw
from tests.projects.folders import read_run, read_run_file
from tests.projects.reproduction.conftest import TRAIN, commit
from tests.sdk.repositories import run_git
from trackway.api import operations as ops
from trackway.api.runs import Environment, GitState, LogEnvironment
from trackway.base.errors import Conflict, InvalidInput, PermissionDenied
from trackway.cli.main import cli
from trackway.projects import reproduce, run
from trackway.projects.reproduction import Report, prepare
from trackway.projects.worker import Pace, Worker
from trackway.sdk.client import Client
from trackway.sdk.connection import get_tracking_uri, get_transport

ADDED = """
with open("{}", "a") as file:
    file.write("ran\\n")
"""
CHANCE = "import random, trackway as tw\nwith tw.start_run(): tw.log_metric('noise', 1 + {} * random.random())\n"


def again(run_id: str, *words: str) -> Result:
    return CliRunner().invoke(cli, ["reproduce", run_id, *words])


def get_findings(report: Report) -> dict[str, str]:
    return {f"{one.kind} {one.name}": one.result for one in report.findings}


def list_gaps(report: Report) -> str:
    assert report.verdict == "not reproducible"
    assert all(gap.hint for gap in report.gaps), "each says what to do"
    return "; ".join(gap.what for gap in report.gaps)


def run_script(folder: Path, *words: str) -> str:
    """Run a script as a user does; return the run that it made."""
    done = subprocess.run([sys.executable, *words], cwd=folder, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout.split()[-1]


def test_a_run_of_a_clean_commit_is_identical_and_both_runs_say_so(recorded: str, project: Path) -> None:
    (project / "train.py").write_text("raise SystemExit('the work tree of today')")
    done = again(recorded, "--yes", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["verdict"] == "identical"
    found = {f"{one['kind']} {one['name']}": one["result"] for one in report["findings"]}
    assert found == {"status of the run": "identical", "metric loss": "identical"}
    assert report["ignored"] == ["train_seconds"]
    new = read_run(report["new_run_id"])
    assert new.experiment_id == read_run(recorded).experiment_id
    assert new.params["alpha"] == "0.5"
    assert new.tags["trackway.reproduction.of"] == recorded
    assert new.tags["trackway.reproduction.verdict"] == "identical"
    [link] = Client().list_run_links(new.run_id).earlier
    assert (link.kind, link.run_id) == ("reproduces", recorded)
    old = read_run(recorded)
    assert old.tags["trackway.reproduction.by"] == new.run_id
    assert old.tags["trackway.reproduction.verdict"] == "identical"
    assert "Verdict: **identical**" in read_run_file(new.run_id, "reproduction/report.md")
    assert json.loads(read_run_file(new.run_id, "reproduction/report.json")) == report


def test_what_differed_from_the_commit_is_made_again(project: Path) -> None:
    (project / "train.py").write_text(TRAIN.replace("number *", "100 + number *"))
    recorded = run(project, parameters={"alpha": 2}).run_id
    run_git(project, "checkout", "--quiet", ".")
    report = reproduce(recorded, trust=True)
    assert report.verdict == "identical"
    assert read_run(report.new_run_id).metrics["loss"].last_value == 106
    once_more = reproduce(report.new_run_id, trust=True)
    assert once_more.verdict == "identical", "what reproduced a run can be reproduced itself"


def test_a_diff_is_recorded_so_that_it_can_be_applied_whatever_the_user_configured(project: Path) -> None:
    for name, value in (("diff.noprefix", "true"), ("diff.context", "0"), ("diff.relative", "true")):
        run_git(project, "config", name, value)
    (project / "train.py").write_text(TRAIN.replace("number *", "7 * number *"))
    recorded = run(project).run_id
    run_git(project, "checkout", "--quiet", ".")
    assert reproduce(recorded, trust=True).verdict == "identical"


def test_a_commit_that_nobody_has_any_more_is_named(recorded: str, repository: Path) -> None:
    shutil.rmtree(repository)
    done = again(recorded, "--yes")
    assert done.exit_code == 8
    assert "Missing: its code cannot be had" in done.output
    assert "is not on this machine, and has no remote" in done.output
    assert read_run(recorded).tags["trackway.reproduction.verdict"] == "not reproducible"


def test_a_commit_is_fetched_from_the_remote_when_the_folder_is_gone(repository: Path, tmp_path: Path) -> None:
    origin = tmp_path / "origin.git"
    run_git(tmp_path, "clone", "--quiet", "--bare", str(repository), str(origin))
    run_git(repository, "remote", "add", "origin", f"file://{origin}")
    recorded = run(repository / "inner").run_id
    shutil.rmtree(repository)
    assert reproduce(recorded, trust=True).verdict == "identical"


def test_a_project_of_a_repositorys_address_is_reproduced_at_its_commit(repository: Path) -> None:
    recorded = run(f"git+file://{repository}#inner", version="main").run_id
    (repository / "inner" / "rows.txt").write_text("9 9 9")
    commit(repository)
    assert reproduce(recorded, trust=True).verdict == "identical"


def test_data_that_were_moved_are_named_and_found_at_another_place(project: Path, tmp_path: Path) -> None:
    data = tmp_path / "rows.txt"
    data.write_text("4 5")
    recorded = run(project, parameters={"data": data}).run_id
    data.rename(tmp_path / "moved.txt")
    assert "no file or folder" in list_gaps(reproduce(recorded, trust=True))
    report = reproduce(recorded, trust=True, inputs={"data": str(tmp_path / "moved.txt")})
    assert report.verdict == "identical"
    (tmp_path / "moved.txt").write_text("4 6")
    changed = list_gaps(reproduce(recorded, trust=True, inputs={"data": str(tmp_path / "moved.txt")}))
    assert "are not those of then: sha256:" in changed
    with pytest.raises(InvalidInput, match="'rows' is no input of the run"):
        reproduce(recorded, trust=True, inputs={"rows": "x"})


def test_what_comes_by_chance_is_told_with_how_far_it_is_off(project: Path) -> None:
    (project / "chance.py").write_text(CHANCE.format("1e-3"))
    commit(project.parent)
    recorded = run(project, "chance.py").run_id
    done = again(recorded, "--yes")
    assert done.exit_code == 7
    assert "different         metric noise: by up to " in done.output
    within = again(recorded, "--yes", "--metric-rtol", "noi*=0.01")
    assert (within.exit_code, "Verdict: within tolerance" in within.output) == (0, True)
    ignored = again(recorded, "--yes", "--ignore", "noise")
    assert (ignored.exit_code, "neither a metric nor a model" in ignored.output) == (8, True)


def test_a_series_is_compared_point_by_point_and_by_its_length(project: Path) -> None:
    script = """
import os, trackway as tw
with tw.start_run():
    for step, value in enumerate(map(float, open(os.environ["CURVES"]).read().split())):
        tw.log_metric("loss", value, step=step)
"""
    (project / "curve.py").write_text(script)
    commit(project.parent)
    curves = project / "curves"
    os.environ["CURVES"] = str(curves)
    try:
        curves.write_text("3 2 1")
        recorded = run(project, "curve.py").run_id
        curves.write_text("3 2.5 1")
        (found,) = [one for one in reproduce(recorded, trust=True).findings if one.kind == "metric"]
        assert (found.result, "by up to 0.5" in found.reason, "step 1" in found.reason) == ("different", True, True)
        curves.write_text("3 2 1 1")
        (found,) = [one for one in reproduce(recorded, trust=True).findings if one.kind == "metric"]
        assert (found.result, found.reason) == ("different", "3 points, now 4")
    finally:
        del os.environ["CURVES"]


def test_clocks_are_compared_only_when_asked_for(recorded: str) -> None:
    report = reproduce(recorded, trust=True, with_clock=True)
    assert get_findings(report)["metric train_seconds"] == "within tolerance", "seconds since 1970, relatively"
    assert reproduce(recorded, trust=True, with_clock=True, rtol=0, atol=0).verdict == "different"


def test_a_program_that_ends_otherwise_is_different(project: Path) -> None:
    (project / "once.py").write_text(
        "import pathlib, trackway as tw\nwith tw.start_run(): tw.log_metric('a', 1)\n"
        f"pathlib.Path({str(project.parent / 'mark')!r}).open('x')\n"
    )
    commit(project.parent)
    recorded = run(project, "once.py").run_id
    report = reproduce(recorded, trust=True)
    assert get_findings(report) == {"status of the run": "different", "metric a": "identical"}
    assert report.findings[0].reason == "its command ended with status 1"


MODEL = """
import sys, random
import pandas as pd, trackway as tw
from sklearn.linear_model import LinearRegression
with tw.start_run():
    rows = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    noise = random.random() * float(sys.argv[1])
    model = LinearRegression().fit(rows, [2.0 + noise, 4.0, 6.0])
    tw.log_model(model, name="line", input_example=rows)
"""


@pytest.mark.parametrize(("noise", "verdict"), [("0", "identical"), ("1e-9", "within tolerance"), ("1", "different")])
def test_models_are_compared_by_what_they_predict(project: Path, noise: str, verdict: str) -> None:
    text = 'entry_points: {main: {parameters: {noise: float}, command: "python fit.py {noise}"}}'
    (project / "MLproject").write_text(text)
    (project / "fit.py").write_text(MODEL)
    commit(project.parent)
    recorded = run(project, parameters={"noise": noise}).run_id
    report = reproduce(recorded, trust=True)
    assert (report.verdict, get_findings(report)["model line"]) == (verdict, verdict)
    if verdict == "different":
        data = project / "rows.csv"
        data.write_text("a\n2\n")
        found = reproduce(recorded, trust=True, data=str(data), atol=10.0)
        assert found.verdict == "within tolerance"
        assert reproduce(recorded, trust=True, models=False).verdict == "not reproducible", "nothing is left to compare"


SCRIPT = """
import pathlib, sys
import trackway as tw
with tw.start_run() as run:
    rows = pathlib.Path("rows.txt")
    if rows.exists():
        tw.log_input(tw.data.from_numpy(__import__("numpy").loadtxt(rows), source=str(rows), name="rows"))
    tw.log_metric("sum", sum(map(float, sys.argv[1:])))
print(run.run_id)
"""


def test_a_script_that_is_no_project_is_run_as_it_was(repository: Path, tmp_path: Path) -> None:
    script = repository / "inner" / "sum.py"
    script.write_text(SCRIPT)
    commit(repository)
    script.write_text(SCRIPT.replace("sys.argv[1:])", "sys.argv[1:]), 100.0"))
    first = run_script(repository / "inner", "-W", "ignore", "sum.py", "1", "2")
    elsewhere = run_script(tmp_path, "-u", str(script), "3")
    run_git(repository, "checkout", "--quiet", ".")
    for recorded, value in ((first, 103.0), (elsewhere, 103.0)):
        report = reproduce(recorded, trust=True)
        assert report.verdict == "identical", report.to_text()
        assert read_run(report.new_run_id).metrics["sum"].last_value == value
    assert reproduce(report.new_run_id, trust=True).verdict == "identical", "and so is that run"


def test_data_beside_a_script_that_git_does_not_know_are_found_and_compared(repository: Path) -> None:
    folder = repository / "inner"
    (folder / "sum.py").write_text(SCRIPT)
    (folder / ".gitignore").write_text("rows.txt")
    run_git(repository, "rm", "--quiet", "--cached", "inner/rows.txt")
    commit(repository)
    recorded = run_script(folder, "sum.py", "1")
    report = reproduce(recorded, trust=True)
    assert (report.verdict, get_findings(report)["data rows"]) == ("identical", "identical")
    (folder / "rows.txt").write_text("1 2 4")
    report = reproduce(recorded, trust=True)
    assert (report.verdict, get_findings(report)["data rows"]) == ("different", "different")
    (folder / "rows.txt").unlink()
    assert "the data set 'rows' is not at" in list_gaps(reproduce(recorded, trust=True))


def test_a_script_that_git_ignores_is_named(repository: Path) -> None:
    (repository / ".gitignore").write_text("new.py")
    (repository / "inner" / "new.py").write_text(SCRIPT)
    recorded = run_script(repository / "inner", "new.py", "1")
    assert "The script 'new.py' is not in commit" in list_gaps(reproduce(recorded, trust=True))


def test_a_part_of_another_runs_program_leads_to_that_run(repository: Path) -> None:
    script = """
import trackway as tw
with tw.start_run() as run:
    tw.log_metric("outer", 1)
    with tw.start_run(nested=True) as inner:
        tw.log_metric("inner", 1)
print(run.run_id, inner.run_id)
"""
    (repository / "nest.py").write_text(script)
    commit(repository)
    inner = run_script(repository, "nest.py")
    outer = read_run(inner).parent_run_id
    report = reproduce(inner, trust=True)
    assert "a part of another run's program" in list_gaps(report)
    assert report.gaps[0].hint == f"trackway reproduce {outer}"


def test_a_secret_that_was_not_kept_is_named(repository: Path) -> None:
    (repository / "sum.py").write_text(SCRIPT.replace("sum(map(float, sys.argv[1:]))", "1"))
    commit(repository)
    recorded = run_script(repository, "sum.py", "--password", "x")
    assert "a secret was on its command line" in list_gaps(reproduce(recorded, trust=True))


def test_code_outside_of_git_is_named_before_anything_is_fetched(tmp_path: Path, store: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.py").write_text("import trackway as tw\nwith tw.start_run(): tw.log_metric('a', 1)")
    recorded = run(tmp_path / "plain", "a.py").run_id
    assert "no git repository" in list_gaps(reproduce(recorded))


def test_a_schedules_run_and_a_sweeps_trial_are_reproduced_by_themselves(project: Path) -> None:
    tw.schedules.create("nightly", "@yearly", str(project), params={"alpha": "3"}, experiment="clock")
    tw.schedules.run_now("nightly")
    Worker(get_transport(get_tracking_uri()), "w", 1, (), Pace(poll_s=0.05, lease_s=30.0)).work(once=True)
    scheduled = tw.schedules.list_history("nightly")[0].run_id
    command = [
        sys.executable,
        "-m",
        "trackway",
        "sweep",
        ".",
        "-P",
        "alpha=choice(1,2)",
        "--metric",
        "loss",
        "--sampler",
        "grid",
    ]
    subprocess.run(command, cwd=project, check=True, capture_output=True, timeout=120)
    trial, _ = [one for one in tw.Client().search_runs() if one.parent_run_id]
    for recorded in (scheduled, trial.run_id):
        report = reproduce(recorded, trust=True)
        assert report.verdict == "identical", report.to_text()
        new = read_run(report.new_run_id)
        assert (new.parent_run_id, "trackway.schedule" in new.tags) == (None, False)
    assert trial.parent_run_id is not None
    assert "stands for the runs" in list_gaps(reproduce(trial.parent_run_id))


def test_nothing_is_run_without_consent(project: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (project / "train.py").write_text(TRAIN + ADDED.format(canary))
    recorded = run(project).run_id
    canary.unlink()
    with pytest.raises(PermissionDenied, match="run its code on this machine"):
        reproduce(recorded)
    refused = again(recorded)
    assert isinstance(refused.exception, InvalidInput)
    assert "commit " in refused.stderr
    assert "changed: inner/train.py" in refused.stderr
    assert "python train.py 0.5" in refused.stderr
    ready = again(recorded, "--dry-run")
    assert (ready.exit_code, "Verdict: ready" in ready.output) == (0, True)
    assert not canary.exists()
    assert len(list(tw.Client().search_runs())) == 1
    assert "trackway.reproduction.verdict" not in read_run(recorded).tags


TINY = f"""
import sys, tiny
sys.path += {[path for path in sys.path if path]!r}
import trackway as tw
with tw.start_run(): tw.log_metric("version", float(tiny.VALUE.split()[1]))
"""


@pytest.fixture
def versioned(uv: Path, repository: Path, wheels: Path) -> Path:
    """A project that needs a package, of which there is a newer version than when it was first run."""
    (repository / "requirements.txt").write_text("tiny")
    (repository / "version.py").write_text(TINY)
    commit(repository)
    return repository


def test_an_environment_is_made_of_the_versions_of_then(versioned: Path, wheels: Path, tmp_path: Path) -> None:
    newer = (wheels / "tiny-2.0-py3-none-any.whl").rename(tmp_path / "tiny-2.0-py3-none-any.whl")
    recorded = run(versioned, "version.py").run_id
    newer.rename(wheels / newer.name)
    shutil.rmtree(tmp_path / "cache" / "environments")
    assert read_run(run(versioned, "version.py").run_id).metrics["version"].last_value == 2.0
    report = reproduce(recorded, trust=True)
    assert (report.verdict, report.packages) == ("identical", ())
    here = reproduce(recorded, trust=True, env_manager="local")
    assert here.verdict == "different", "the package is not in the environment at hand"
    assert "tiny: 1.0 -> none" in here.to_text()


def test_the_packages_of_a_script_are_had_by_their_versions(versioned: Path) -> None:
    with tw.start_run() as recorded:
        tw.log_metric("version", 1.0)
    git = GitState(commit=run_git(versioned, "rev-parse", "HEAD"), root=str(versioned))
    environment = Environment(
        python=platform.python_version(),
        implementation="CPython",
        platform="x",
        host="h",
        command=["python", "version.py"],
        working_dir=str(versioned),
        packages={"tiny": "1.0"},
        git=git,
    )
    tw.Client().call(ops.LOG_ENVIRONMENT, LogEnvironment(run_id=recorded.run_id, environment=environment))
    assert "Environment: uv" in prepare(recorded.run_id).to_text(), "what is at hand is something else"
    report = reproduce(recorded.run_id, trust=True)
    assert (report.verdict, report.packages) == ("identical", ())
    missing = environment.packages | {"no-such-package": "1.0"}
    gone = msgspec.structs.replace(environment, packages=missing)
    tw.Client().call(ops.LOG_ENVIRONMENT, LogEnvironment(run_id=recorded.run_id, environment=gone))
    assert "no-such-package" in list_gaps(reproduce(recorded.run_id, trust=True))


def test_a_run_that_goes_on_is_not_reproduced(store: Path) -> None:
    with tw.start_run() as going_on, pytest.raises(Conflict, match="has not ended"):
        reproduce(going_on.run_id, trust=True)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), True])
def test_what_is_no_tolerance_is_refused(recorded: str, value: float) -> None:
    with pytest.raises(InvalidInput, match="is no tolerance"):
        reproduce(recorded, trust=True, rtol=value)
