"""Projects that are run: what they are given, what is recorded, how they end."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import trackway as tw
from tests.projects.folders import MakeProject, list_run_files, read_run, read_run_file
from tests.sdk.repositories import create_repository
from tests.services.peers import peer_python
from tests.services.trackway_server import run_trackway
from trackway.api import operations as ops
from trackway.api.runs import CreateRun, RunId
from trackway.base.errors import ExecutionFailed, InvalidInput, NotFound
from trackway.base.ids import new_id
from trackway.projects import launch as launching
from trackway.projects import run
from trackway.projects.running import ProjectRun
from trackway.sdk import environment
from trackway.sdk.connection import close_transports
from trackway.sdk.session import list_sessions

MLPROJECT = """
name: sums
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
      name: {type: string, default: "nobody"}
    command: "python main.py --alpha {alpha} --name {name}"
  fail:
    command: "python -c 'raise SystemExit(3)'"
  wait:
    command: "python wait.py"
"""
MAIN = "import sys; print('got', sys.argv[1:]); print('warned', file=sys.stderr)"
WAIT = "import time; print('begun', flush=True); time.sleep(600)"
LONG_S = 120.0


@pytest.fixture
def project(make_project: MakeProject, store: Path) -> Path:
    return make_project(MLproject=MLPROJECT, main__py=MAIN, wait__py=WAIT)


def wait_for_text(started: ProjectRun, text: str) -> None:
    deadline_s = time.monotonic() + LONG_S
    while text not in started.read_log():
        assert time.monotonic() < deadline_s, started.read_log()
        time.sleep(0.02)


def test_a_project_is_recorded_as_a_run_with_all_that_it_was_made_of(project: Path) -> None:
    done = run(str(project), parameters={"alpha": 0.25, "rate": "a b"}, experiment_name="sums", run_name="first")
    assert done.wait()
    assert done.get_status() == "FINISHED"
    found = read_run(done.run_id)
    assert (found.status, found.name) == ("FINISHED", "first")
    assert found.end_ms is not None
    assert found.params == {"alpha": "0.25", "name": "nobody", "rate": "a b"}
    expected = {
        "mlflow.source.type": "PROJECT",
        "mlflow.source.name": str(project),
        "mlflow.project.entryPoint": "main",
        "mlflow.project.backend": "local",
        "mlflow.project.env": "local",
        "trackway.project.exitCode": "0",
    }
    assert expected.items() <= found.tags.items()
    words = "['--alpha', '0.25', '--name', 'nobody', '--rate', 'a b']"
    assert read_run_file(done.run_id, "logs/stdout.log") == f"got {words}\n"
    assert read_run_file(done.run_id, "logs/stderr.log") == "warned\n"
    record = json.loads(read_run_file(done.run_id, "project/launch.json"))
    assert record["parameters"] == {"alpha": "0.25", "name": "nobody"}
    assert record["extra"] == {"rate": "a b"}
    assert record["seeds"] == {"PYTHONHASHSEED": "0"}
    environment = tw.Client().call(ops.GET_ENVIRONMENT, RunId(run_id=done.run_id)).environment
    assert environment is not None
    assert environment.command[:2] == ["python", "main.py"]
    assert environment.python == sys.version.split()[0]
    assert "msgspec" in environment.packages
    assert environment.hardware["cpu_cores"]
    assert tw.get_experiment(found.experiment_id).name == "sums"


def test_the_run_that_the_program_opens_is_that_run(make_project: MakeProject, store: Path) -> None:
    script = """
import trackway as mlflow
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
    mlflow.set_tag("told", "by the program")
with mlflow.start_run():
    mlflow.set_tag("another", "yes")
"""
    done = run(str(make_project(train__py=script)), "train.py", experiment_name="own")
    found = read_run(done.run_id)
    assert found.metrics["loss"].last_value == 0.5
    assert found.tags["told"] == "by the program"
    assert found.tags["mlflow.source.type"] == "PROJECT"
    others = [one for one in tw.Client().search_runs([found.experiment_id]) if one.run_id != done.run_id]
    assert [one.tags["another"] for one in others] == ["yes"], (
        "a second one is a run of its own, in the same experiment"
    )


def test_no_process_is_started_before_the_programs_own(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    begin = subprocess.Popen.__init__

    def note(process: Any, command: Any, *words: Any, **more: Any) -> None:
        started.append(Path(command[0]).name if Path(command[0]).name == "git" else Path(command[-1]).name)
        begin(process, command, *words, **more)

    create_repository(project / "inner")
    monkeypatch.setattr(subprocess.Popen, "__init__", note)
    run(project / "inner", "train.py")
    assert started[:2] == ["train.py", "watchdog.py"]
    assert started.count("git") == 2, "the state of a clean work tree, and its remote"


def test_a_program_that_fails_makes_its_run_fail(project: Path) -> None:
    with pytest.raises(ExecutionFailed, match="status 3") as caught:
        run(str(project), "fail")
    found = read_run(caught.value.details["run_id"])
    assert (found.status, found.tags["trackway.project.exitCode"]) == ("FAILED", "3")
    assert found.lease_until_ms is None


def test_a_run_that_its_program_ends_as_failed_stays_so(make_project: MakeProject, store: Path) -> None:
    script = "import trackway as tw; tw.start_run(); tw.end_run('FAILED')"
    done = run(str(make_project(a__py=script)), "a.py", synchronous=False)
    assert not done.wait()
    assert read_run(done.run_id).status == "FAILED"


def test_a_program_that_dies_after_its_run_had_ended_makes_it_fail(make_project: MakeProject, store: Path) -> None:
    script = "import trackway as tw; tw.start_run(); tw.end_run(); raise SystemExit(4)"
    done = run(str(make_project(a__py=script)), "a.py", synchronous=False)
    done.wait()
    assert read_run(done.run_id).status == "FAILED"


def test_output_is_among_the_runs_files_while_it_goes_on_and_it_can_be_cancelled(project: Path) -> None:
    started = run(str(project), "wait", synchronous=False)
    wait_for_text(started, "begun")
    deadline_s = time.monotonic() + LONG_S
    while not any(file.path.endswith("logs/stdout.log") for file in list_run_files(started.run_id)):
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    assert read_run(started.run_id).status == "RUNNING"
    started.cancel()
    assert started.get_status() == read_run(started.run_id).status == "KILLED"


def test_an_existing_run_can_be_the_one(project: Path) -> None:
    with tw.start_run() as first:
        tw.set_tag("before", "yes")
    done = run(str(project), run_id=first.run_id)
    assert done.run_id == first.run_id
    found = read_run(done.run_id)
    assert found.tags["before"] == "yes"
    assert found.params["alpha"] == "0.5"
    assert found.status == "FINISHED"


def test_a_project_launched_within_a_run_is_its_child(project: Path) -> None:
    with tw.start_run() as parent:
        inner = run(str(project))
    assert read_run(inner.run_id).parent_run_id == parent.run_id


def test_a_project_that_launches_another_is_its_parent(make_project: MakeProject, store: Path) -> None:
    script = """
import subprocess, sys
subprocess.run([sys.executable, "-m", "trackway", "run", ".", "-e", "inner.sh"], check=True)
"""
    folder = make_project(outer__py=script, inner__sh="echo inner")
    done = run(str(folder), "outer.py", experiment_name="nest")
    found = read_run(done.run_id)
    (inner,) = [one for one in tw.Client().search_runs([found.experiment_id]) if one.run_id != done.run_id]
    assert inner.parent_run_id == done.run_id
    assert "inner" in read_run_file(inner.run_id, "logs/stdout.log")


def delay(look: Callable[..., Any]) -> Callable[..., Any]:
    """Have a look take longer than a small program does."""

    def look_late(*asked: Any) -> Any:
        time.sleep(0.7)
        return look(*asked)

    return look_late


def test_a_program_that_ends_before_it_is_described_is_described_all_the_same(
    make_project: MakeProject, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_project(MLproject='entry_points: {main: {command: "true"}}')
    for where, name in ((launching, "_find_python_version"), (environment, "capture_environment")):
        monkeypatch.setattr(where, name, delay(getattr(where, name)))
    done = run(str(folder))
    assert json.loads(read_run_file(done.run_id, "project/launch.json"))["entry_point"] == "main"


def test_inputs_are_recorded_by_their_digests(make_project: MakeProject, store: Path) -> None:
    text = 'entry_points: {main: {parameters: {data: path, m: {type: path, default: m}}, command: "cat {data}"}}'
    folder = make_project(MLproject=text, data__csv="a,b")
    (folder / "m").mkdir()
    (folder / "m" / "x").write_text("x")
    done = run(str(folder), parameters={"data": folder / "data.csv"})
    found = read_run(done.run_id)
    by_name = {one.dataset.name: one.dataset for one in found.inputs}
    assert by_name["data"].digest == f"sha256:{hashlib.sha256(b'a,b').hexdigest()}"
    assert by_name["data"].source == str(folder / "data.csv")
    record = json.loads(read_run_file(done.run_id, "project/launch.json"))
    assert record["inputs"] == {name: one.digest for name, one in by_name.items()}
    assert found.params["data"] == str(folder / "data.csv")


def test_a_seed_that_is_a_parameter_seeds_pythons_hashes(make_project: MakeProject, store: Path) -> None:
    text = "entry_points: {main: {parameters: {seed: {type: int, default: 7}}, command: python a.py}}"
    folder = make_project(MLproject=text, a__py="import os; print(os.environ['PYTHONHASHSEED'], hash('a'))")
    first, second = run(str(folder)), run(str(folder))
    assert read_run_file(first.run_id, "logs/stdout.log").startswith("7 ")
    assert read_run_file(first.run_id, "logs/stdout.log") == read_run_file(second.run_id, "logs/stdout.log")


MISTAKES = [
    ({"parameters": {}}, "No value was given for data", "-P data=VALUE"),
    ({"parameters": {"data": "x", "alpha": "high"}}, "'high' of 'alpha' is not a number", ""),
    ({"parameters": {"data": "x", "rows": "1.5"}}, "'1.5' of 'rows' is not a whole number", ""),
    ({"parameters": {"data": "x", "at": "here"}}, "'here' of 'at' is not an address", ""),
    ({"parameters": {"data": "x"}, "entry_point": "tain"}, "no entry point 'tain'", "main"),
    ({"parameters": {"data": "x"}, "env_manager": "pipenv"}, "no environment manager 'pipenv'", "uv"),
    ({"parameters": {"data": "x"}, "backend": "slrum"}, "no project_backends named 'slrum'", "local"),
    ({"parameters": {"data": "x"}, "backend_config": {"a": 1}}, "knows no 'a'", "grace_s"),
    ({"parameters": {"data": "x"}, "version": "main"}, "Only repositories have versions", ""),
    ({"parameters": {"data": "x"}, "run_id": "a/b"}, "Invalid run id", ""),
    ({"parameters": {"data": "x"}, "experiment_id": "1", "experiment_name": "a"}, "by name or by id", ""),
]


@pytest.mark.parametrize(("given", "message", "hint"), MISTAKES, ids=[one[1] for one in MISTAKES])
def test_a_mistake_is_told_before_anything_is_recorded(
    make_project: MakeProject, store: Path, given: dict[str, object], message: str, hint: str
) -> None:
    text = """
entry_points:
  main:
    parameters:
      data: string
      alpha: {type: float, default: 1}
      rows: {type: int, default: 1}
      at: {type: uri, default: "s3:x"}
    command: echo {data} {alpha} {rows} {at}
"""
    folder = make_project(MLproject=text)
    with pytest.raises((InvalidInput, NotFound)) as caught:
        run(str(folder), **given)  # type: ignore[arg-type]
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert list(tw.Client().search_runs()) == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo {beta}", "The command wants {beta}"),
        ("echo ${data}", "is the name of a parameter behind a $"),
        ("python -c {data}", "would be a part of the program"),
        ("echo 'open", "quote"),
    ],
    ids=["unknown", "dollar", "program", "quote"],
)
def test_a_mistake_in_a_command_is_told_with_its_line_and_column(
    make_project: MakeProject, store: Path, command: str, said: str
) -> None:
    text = f"name: x\nentry_points:\n  main:\n    parameters: {{data: string}}\n    command: {json.dumps(command)}\n"
    with pytest.raises(InvalidInput) as caught:
        run(str(make_project(MLproject=text)), parameters={"data": "1"})
    assert caught.value.message.startswith("MLproject:5:14: ")
    assert said in caught.value.message


def test_a_program_that_is_not_there_leaves_a_failed_run_that_says_so(make_project: MakeProject, store: Path) -> None:
    folder = make_project(MLproject="entry_points: {main: {command: no-such-program}}")
    with pytest.raises(NotFound, match="no program 'no-such-program'"):
        run(str(folder))
    (found,) = tw.Client().search_runs()
    assert found.status == "FAILED"
    assert "no-such-program" in found.tags["trackway.project.reason"]


def test_paths_that_are_given_are_the_callers_and_defaults_the_projects(make_project: MakeProject, store: Path) -> None:
    text = 'entry_points: {main: {parameters: {a: path, b: {type: path, default: f}}, command: "cat {a} {b}"}}'
    folder = make_project(MLproject=text, f="the project's ")
    Path("f").write_text("the caller's ")
    done = run(str(folder), parameters={"a": "f"})
    assert read_run_file(done.run_id, "logs/stdout.log") == "the caller's the project's "
    with pytest.raises(NotFound, match="There is no file or folder 'missing'"):
        run(str(folder), parameters={"a": "missing"})


def test_a_file_of_another_run_is_fetched_for_a_parameter_of_the_type_path(
    make_project: MakeProject, store: Path
) -> None:
    with tw.start_run() as first:
        tw.log_text("from a run", "data/x.txt")
    text = 'entry_points: {main: {parameters: {a: path}, command: "cat {a}"}}'
    done = run(str(make_project(MLproject=text)), parameters={"a": f"runs:/{first.run_id}/data/x.txt"})
    assert read_run_file(done.run_id, "logs/stdout.log") == "from a run"


def start_cli(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "trackway", "run", str(folder), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupting_the_command_line_ends_the_project_and_its_run(project: Path, number: int, status: int) -> None:
    with start_cli(project, "-e", "wait") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=LONG_S)
    assert process.returncode == status, said
    (found,) = tw.Client().search_runs()
    assert found.status == "KILLED"


def test_a_process_waits_for_what_it_launched_at_its_end(make_project: MakeProject, store: Path) -> None:
    folder = make_project(a__py="import time; time.sleep(1); print('done')")
    code = f"import trackway as tw; print(tw.run({str(folder)!r}, 'a.py', synchronous=False).run_id)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=LONG_S)
    (run_id,) = [word for word in printed.stdout.split() if len(word) == 32]
    assert read_run(run_id).status == "FINISHED"
    assert read_run_file(run_id, "logs/stdout.log") == "done\n"


def test_many_at_once_end_each_as_it_should(project: Path) -> None:
    started = [run(str(project), "main" if number % 2 else "fail", synchronous=False) for number in range(6)]
    assert [one.wait() for one in started] == [False, True] * 3
    assert [read_run(one.run_id).status for one in started] == ["FAILED", "FINISHED"] * 3
    assert not [thread for thread in threading.enumerate() if thread.name == "trackway-launch" and thread.is_alive()]


def test_a_launch_outlives_a_store_that_is_away(
    make_project: MakeProject, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("TRACKWAY_FINISH_S", "1")
    monkeypatch.setattr("trackway.projects.launch.KNOWN_S", 0.5)
    monkeypatch.setenv("TRACKWAY_JOURNAL_DIR", str(store / "journal"))
    done = run(str(make_project(a__sh="echo offline > ran")), "a.sh", synchronous=False)
    assert done.wait()
    assert os.path.exists(store / "journal")


def test_a_program_waits_for_a_launcher_whose_store_is_slow(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway.sdk.runs.FOREIGN_RUN_S", 0.0)
    request = CreateRun(run_id=new_id(), experiment_name="slow")
    late = threading.Timer(1.0, lambda: tw.Client().call(ops.CREATE_RUN, request))
    late.start()
    monkeypatch.setenv("TRACKWAY_PROJECT_JOBS", "one")
    with tw.start_run(request.run_id):
        tw.set_tag("found", "yes")
    late.join()
    assert read_run(request.run_id).tags["found"] == "yes"


def test_mlflows_own_client_logs_to_the_run_that_was_launched(
    make_project: MakeProject, store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = """
import mlflow
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
    mlflow.log_text("made", "a.txt")
"""
    python = peer_python("mlflow-3.17")
    folder = make_project(MLproject=f"entry_points: {{main: {{command: '{python} train.py'}}}}", train__py=script)
    (tmp_path / "server").mkdir()
    with run_trackway(tmp_path / "server") as port:
        monkeypatch.setenv("TRACKWAY_TRACKING_URI", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        done = run(str(folder), experiment_name="peer")
        found = read_run(done.run_id)
        assert (found.status, found.metrics["loss"].last_value) == ("FINISHED", 0.5)
        assert found.tags["mlflow.source.type"] == "PROJECT"
        assert read_run_file(done.run_id, "a.txt") == "made"
        assert len(list(tw.Client().search_runs([found.experiment_id]))) == 1
        for session in list_sessions():
            session.close(30)
        close_transports()
