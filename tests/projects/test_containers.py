"""Projects in containers: how an engine is called, by a stand-in for it that runs the command here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projects.folders import EXAMPLES, MakeProject, read_run, read_run_file
from tests.services.podman import Podman, serve_docker
from trackway.base.errors import ExecutionFailed, InvalidInput, NotSupported, Unavailable
from trackway.projects import run

ENGINE = """#!{python}
import json, os, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps(words) + "\\n")
if words[:2] == ["image", "inspect"]:
    print("sha256:0123") if words[-1] != "missing" else sys.exit(1)
elif words[0] == "pull":
    sys.exit("no such image")
elif words[0] == "run":
    image = next(at for at, word in enumerate(words) if word.startswith(("base", "python:", "trackway-project-")))
    given = [word[len("--env="):].split("=", 1) for word in words[:image] if word.startswith("--env=")]
    os.environ.update(pair for pair in given if len(pair) == 2)
    os.execvp(words[image + 1], words[image + 1:])
"""
MLPROJECT = """
docker_env:
  image: base
  volumes: ["/data:/data:ro"]
  environment: [HANDED_ON, [GREETING, "hello $x"]]
entry_points: {main: {parameters: {a: {default: "1; id"}}, command: "echo {a}"}}
"""


@pytest.fixture
def engine(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "engine"
    folder.mkdir()
    (folder / "docker").write_text(ENGINE.format(python=sys.executable, log=str(tmp_path / "calls")))
    (folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return tmp_path / "calls"


def read_calls(engine: Path) -> list[list[str]]:
    return [json.loads(line) for line in engine.read_text().splitlines()]


def test_a_project_runs_in_its_image_with_its_folder_volumes_and_variables(
    engine: Path, make_project: MakeProject, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_TRACKING_TOKEN", "secret")
    folder = make_project(MLproject=MLPROJECT)
    done = run(str(folder), docker_args={"memory": "2g", "privileged": True})
    assert read_run_file(done.run_id, "logs/stdout.log") == "1; id\n"
    found = read_run(done.run_id)
    assert found.tags["mlflow.project.env"] == "docker"
    assert found.tags["mlflow.docker.image.uri"] == "base@sha256:0123"
    words, removed = read_calls(engine)[-2:]
    assert removed == ["rm", "--force", f"trackway-{done.run_id}"]
    assert words[-6:] == ["--memory", "2g", "--privileged", "base", "echo", "1; id"]
    for word in (
        f"--volume={folder}:/mlflow/projects/code/",
        "--volume=/data:/data:ro",
        f"--volume={store}:{store}",
        "--env=HANDED_ON",
        "--env=GREETING=hello $x",
        "--env=TRACKWAY_RUN_ID",
        "--env=TRACKWAY_TRACKING_TOKEN",
    ):
        assert word in words
    assert "secret" not in engine.read_text()


def test_the_example_in_a_container_greets(engine: Path) -> None:
    done = run(str(EXAMPLES / "docker"), parameters={"name": "you; $(id)"})
    assert read_run_file(done.run_id, "logs/stdout.log") == "hello you; $(id)\n"
    assert read_run(done.run_id).tags["mlflow.docker.image.uri"] == "python:3.11-slim@sha256:0123"


def test_an_image_can_be_built_with_the_project_in_it(engine: Path, make_project: MakeProject) -> None:
    folder = make_project(MLproject=MLPROJECT)
    assert run(str(folder), build_image=True).wait()
    calls = read_calls(engine)
    assert [call[0] for call in calls] == ["build", "image", "run", "rm"]
    assert calls[0][-1] == str(folder)
    assert not any(word.startswith(f"--volume={folder}") for word in calls[-1])


@pytest.mark.parametrize(
    ("image", "given", "error", "said"),
    [
        ("missing", {}, Unavailable, "cannot be had: no such image"),
        ("--privileged", {}, InvalidInput, "no name of an image"),
        ("a b", {}, InvalidInput, "no name of an image"),
        ("base", {"docker_args": {"-v /:/host": "x"}}, InvalidInput, "no option of"),
        ("base", {"env_manager": "uv"}, InvalidInput, "runs in a container"),
    ],
)
def test_what_cannot_be_is_refused(
    engine: Path, make_project: MakeProject, image: str, given: dict[str, object], error: type[Exception], said: str
) -> None:
    folder = make_project(MLproject=MLPROJECT.replace("image: base", f"image: '{image}'"))
    with pytest.raises(error, match=said):
        run(str(folder), **given)  # type: ignore[arg-type]


def test_a_project_without_an_image_takes_no_options_of_containers(make_project: MakeProject, store: Path) -> None:
    folder = make_project(a__sh="true")
    for given in ({"docker_args": {"memory": "1g"}}, {"build_image": True}):
        with pytest.raises(InvalidInput, match="runs in no container"):
            run(str(folder), "a.sh", **given)
    with pytest.raises(InvalidInput, match="no docker_env"):
        run(str(folder), "a.sh", env_manager="docker")


def test_without_an_engine_it_says_what_to_do(
    make_project: MakeProject, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackway.projects.containers.shutil.which", lambda _: None)
    with pytest.raises(NotSupported, match="neither docker nor podman"):
        run(str(make_project(MLproject=MLPROJECT)))


def test_the_engine_can_be_chosen(make_project: MakeProject, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for chosen, error, said in (
        ("podman", NotSupported, "There is no podman"),
        ("rkt; id", InvalidInput, "TRACKWAY_CONTAINER_ENGINE is 'rkt; id'"),
    ):
        monkeypatch.setenv("TRACKWAY_CONTAINER_ENGINE", chosen)
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(error, match=said):
            run(str(make_project(MLproject=MLPROJECT)))


REAL = """
docker_env:
  image: {image}
  environment: [[GREETING, "hello $x"]]
entry_points:
  main: {{parameters: {{name: {{default: "a; id"}}}}, command: "python3 greet.py {{name}}"}}
  fail: {{command: "python3 -c 'raise SystemExit(3)'"}}
  wait: {{command: "python3 wait.py"}}
"""
GREET = """
import os, sys
print(os.environ["GREETING"], sys.argv[1], os.getcwd(), os.environ["TRACKWAY_RUN_ID"])
open("written", "w").write("here")
"""
LONG_S = 300.0


@pytest.fixture(params=["podman", "docker"])
def real_engine(
    request: pytest.FixtureRequest, podman: Podman, store: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Podman by its own command line, and by Docker's."""
    for name, value in podman.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TRACKWAY_CONTAINER_ENGINE", request.param)
    if request.param == "podman":
        yield request.param
        return
    with serve_docker(podman) as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        monkeypatch.setenv("DOCKER_BUILDKIT", "0")
        yield request.param


@pytest.mark.slow
def test_projects_run_in_real_containers(real_engine: str, podman: Podman, make_project: MakeProject) -> None:
    folder = make_project(
        MLproject=REAL.format(image=podman.image),
        greet__py=GREET,
        wait__py="import time; print('begun', flush=True); time.sleep(600)",
    )
    mounted = run(str(folder), docker_args={"memory": "256m", "network": "none"})
    told = read_run_file(mounted.run_id, "logs/stdout.log")
    assert told == f"hello $x a; id /mlflow/projects/code {mounted.run_id}\n"
    image = read_run(mounted.run_id).tags["mlflow.docker.image.uri"]
    assert image.startswith(f"{podman.image}@")
    assert len(image.rpartition("@")[2].removeprefix("sha256:")) == 64
    assert (folder / "written").read_text() == "here", "its folder is mounted"
    (folder / "written").unlink()
    built = run(str(folder), build_image=True)
    assert read_run_file(built.run_id, "logs/stdout.log").startswith("hello $x a; id /mlflow/projects/code ")
    assert not (folder / "written").exists(), "its folder is in the image"
    with pytest.raises(ExecutionFailed, match="status 3"):
        run(str(folder), "fail")
    started = run(str(folder), "wait", synchronous=False)
    deadline_s = time.monotonic() + LONG_S
    while "begun" not in started.read_log():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    started.cancel()
    assert started.get_status() == "KILLED"
    left = subprocess.run([real_engine, "ps", "--all", "--quiet"], capture_output=True, text=True, check=True)
    assert left.stdout == "", "no container is left of those that ended, failed or were cancelled"
