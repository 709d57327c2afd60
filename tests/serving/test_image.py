"""What an image of a model is built from: the text of it here, and a real engine in the slow suite."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from sklearn.linear_model import LinearRegression

from tests.services.podman import Podman
from tests.services.ports import free_port
from trackway.base.errors import NotSupported, TrackwayError
from trackway.cli.main import cli
from trackway.models import build_docker, save_model
from trackway.models.manifest import write_manifest
from trackway.serving.image import Image, build, check_name, write_context

ROWS = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.5, 0.0, 1.5]})
UV = Path(__file__).parents[2] / ".venvs" / "uv" / "bin"
"""Where `make` puts uv, with a pip beside it."""
LOCK = "numpy==2.4 \\\n    --hash=sha256:00\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image") / "model"
    save_model(LinearRegression().fit(ROWS, [1.0, 2.0, 4.0]), folder, input_example=ROWS.head(1))
    return folder


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A stand-in for uv's list of exact versions, which needs an index."""
    lock = tmp_path / "lock.txt"
    lock.write_text(LOCK)
    monkeypatch.setattr("trackway.serving.image.lock_with_uv", lambda *_: lock)
    return lock


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["models", "build-docker", *words])


def read_steps(folder: Path) -> list[str]:
    return (folder / "Dockerfile").read_text().replace("\\\n", "").splitlines()


def test_a_folder_holds_all_that_the_image_will(model: Path, lock: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    done = run(
        "-m", str(model), "-o", str(target), "--env", "TRACKWAY_SERVE_WORKERS=2", "--env", 'GREETING=say "hi" $x'
    )
    assert done.exit_code == 0, done.output
    steps = read_steps(target)
    assert steps[0] == f"FROM python:{sys.version_info[0]}.{sys.version_info[1]}-slim"
    assert [msgspec.json.decode(step.partition(" ")[2])[0] for step in steps if step.startswith("RUN ")] == [
        "python3",
        "/image/python/bin/python",
    ]
    (environment,) = [step for step in steps if step.startswith("ENV ")]
    assert 'TRACKWAY_SERVE_WORKERS="2"' in environment
    assert r'GREETING="say \"hi\" \$x"' in environment
    assert "USER 10001:10001" in steps
    assert (target / "requirements.txt").read_text() == LOCK
    assert (target / "package" / "trackway" / "serving" / "app.py").is_file()
    assert (target / "model" / "MLmodel").read_bytes() == (model / "MLmodel").read_bytes()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*")}
    assert modes == {0o755, 0o644}, "the image's user owns nothing of it"


def test_what_a_model_says_of_itself_is_no_step(lock: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_model(LinearRegression().fit(ROWS, [1.0, 2.0, 4.0]), folder, metadata={"note": "\nRUN touch /canary\n"})
    (folder / "requirements.txt").write_text("numpy\nx\\\nRUN touch /canary")
    write_manifest(folder)
    write_context(folder, tmp_path / "out", Image(), tmp_path)
    assert "canary" not in (tmp_path / "out" / "Dockerfile").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--env", "NAME"), "as --env NAME=VALUE"),
        (("--env", "A B=1"), "no variable to set"),
        (("--env", "A=1\nRUN touch /canary"), "not one line of printable ASCII"),
        (("--env", "TRACKWAY_SERVE_MODEL=/etc"), "no variable to set"),
        (("--env", "TRACKWAY_SERVE_WORKRES=2"), "no variable to set"),
        (("--base-image", "x\nRUN touch /canary"), "no name of an image"),
        (("--base-image", "--privileged"), "no name of an image"),
        (("--wheels", "/no/such/folder"), "There are no wheels"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_left(
    words: tuple[str, str], said: str, model: Path, lock: Path, tmp_path: Path
) -> None:
    done = run("-m", str(model), "-o", str(tmp_path / "out"), *words)
    assert isinstance(done.exception, TrackwayError)
    assert said in f"{done.exception} {done.exception.hint}"
    assert [path.name for path in tmp_path.iterdir()] == [lock.name]


@pytest.mark.parametrize("name", ["Churn", "a b", "-t", "a;touch x", "", "x" * 256])
def test_a_name_is_one_that_engines_take(name: str) -> None:
    with pytest.raises(TrackwayError, match="is no name of an image"):
        check_name(name)


def test_a_pickle_is_refused_when_the_image_is_built_and_not_when_it_starts(lock: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_model(LinearRegression().fit(ROWS, [1.0, 2.0, 4.0]), folder, serialization_format="pickle")
    with pytest.raises(TrackwayError, match="trust"):
        write_context(folder, tmp_path / "out", Image(), tmp_path)
    write_context(folder, tmp_path / "out", Image(trust=True), tmp_path)
    assert 'TRACKWAY_SERVE_TRUST="true"' in (tmp_path / "out" / "Dockerfile").read_text()


def test_something_that_is_there_stays(model: Path, lock: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(TrackwayError, match="There is something"):
        write_context(model, tmp_path / "out", Image(), tmp_path)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_without_an_engine_the_folder_is_offered(model: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    done = run("-m", str(model), "-n", "churn:1")
    assert isinstance(done.exception, TrackwayError)
    assert "--output DIR" in str(done.exception.hint)


def test_scripts_build_by_the_name_that_they_know(
    model: Path, lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tmp_path / "bin" / "docker"
    engine.parent.mkdir()
    engine.write_text(f'#!/bin/sh\necho "$1 $2 $3" > {tmp_path}/asked\nhead -1 "$4/Dockerfile" >> {tmp_path}/asked\n')
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", str(engine.parent), prepend=os.pathsep)
    build_docker(model, "sums:2", env_manager="virtualenv", install_java=False, base_image="python:3.11")
    assert (tmp_path / "asked").read_text() == "build --tag sums:2\nFROM python:3.11\n"
    with pytest.raises(NotSupported, match="install_java"):
        build_docker(model, install_java=True)
    with pytest.raises(NotSupported, match="conda"):
        build_docker(model, env_manager="conda")
    with pytest.raises(NotSupported, match="holds its model"):
        build_docker()


@pytest.mark.slow
def test_an_image_is_built_without_an_index_and_answers_as_the_model_does(
    model: Path, podman: Podman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in podman.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", str(UV), prepend=os.pathsep)
    write_context(model, tmp_path / "first", Image(base=podman.image), tmp_path / "cache")
    wheels = tmp_path / "wheels"
    fetch = [str(UV / "python"), "-m", "pip", "download", "--quiet", "--require-hashes", "--only-binary", ":all:"]
    lock = str(tmp_path / "first" / "requirements.txt")
    subprocess.run([*fetch, "-r", lock, "-d", str(wheels)], check=True, timeout=900)
    write_context(model, tmp_path / "second", Image(base=podman.image, wheels=wheels), tmp_path / "cache")
    build(tmp_path / "second", "sums:1", "podman")
    port = free_port()
    command = ["podman", "run", "--rm", "--name", "sums", "--publish", f"127.0.0.1:{port}:8080", "sums:1"]
    with subprocess.Popen(command) as container:
        try:
            wait_until_it_answers(f"http://127.0.0.1:{port}/ping", container)
            body = msgspec.json.encode({"dataframe_split": ROWS.to_dict("split")})
            asked = urllib.request.Request(
                f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(asked, timeout=30) as answer:
                found = msgspec.json.decode(answer.read())["predictions"]
        finally:
            subprocess.run(["podman", "stop", "--time", "20", "sums"], check=True, timeout=60)
        assert container.wait(30) == 0, "it ends by itself when it is told to"
    np.testing.assert_allclose(found, [1.0, 2.0, 4.0])


def wait_until_it_answers(url: str, container: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + 120
    while True:
        assert container.poll() is None
        assert time.monotonic() < deadline_s
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
