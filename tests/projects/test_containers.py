"""Projects in containers: how an engine is called, by a stand-in for it that runs the command here."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.projects.folders import MakeProject, read_run, read_run_file
from trackway.base.errors import InvalidInput, NotSupported, Unavailable
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
    image = next(place for place, word in enumerate(words) if word.startswith(("base", "trackway-project-")))
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
    (words,) = [call for call in read_calls(engine) if call[0] == "run"]
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


def test_an_image_can_be_built_with_the_project_in_it(engine: Path, make_project: MakeProject) -> None:
    folder = make_project(MLproject=MLPROJECT)
    assert run(str(folder), build_image=True).wait()
    calls = read_calls(engine)
    assert [call[0] for call in calls] == ["build", "image", "run"]
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
