"""Plug-ins for MLflow's projects: a small one, as a wheel that is built and installed here."""

from __future__ import annotations

import importlib
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projects.folders import MakeProject, read_run
from tests.services.trackway_server import run_trackway
from trackway.base.errors import ExecutionFailed, InvalidInput, NotSupported
from trackway.projects import run
from trackway.projects.plugins import PluginBackend, find_backend
from trackway.sdk.client import Client

PLUGIN = """
import json, os, subprocess, urllib.request


class Backend:
    def run(self, project_uri, entry_point, params, version, backend_config, tracking_uri, experiment_id):
        if backend_config.get("broken"):
            raise OSError("the cluster is on fire")
        if backend_config.get("empty"):
            return None
        body = json.dumps({"experiment_id": experiment_id, "tags": [{"key": "made.by", "value": "plug-in"}]}).encode()
        request = urllib.request.Request(
            f"{tracking_uri}/api/2.0/mlflow/runs/create", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            run_id = json.load(answer)["run"]["info"]["run_id"]
        known = {"entry_point": entry_point, "params": params, "version": version, "config": backend_config}
        return Submitted(run_id, project_uri, json.dumps(known))


class Submitted:
    def __init__(self, run_id, folder, known):
        self.run_id = run_id
        self._process = subprocess.Popen(["python3", "main.py", known], cwd=folder)

    def wait(self):
        return self._process.wait() == 0

    def get_status(self):
        code = self._process.poll()
        return 1 if code is None else 3 if code == 0 else 4

    def cancel(self):
        self._process.terminate()
        self._process.wait()
"""
MAIN = """
import pathlib, sys, time
pathlib.Path("told.json").write_text(sys.argv[1])
while pathlib.Path("wait").exists():
    time.sleep(0.01)
sys.exit(pathlib.Path("fail").exists())
"""
MLPROJECT = 'entry_points: {train: {parameters: {a: float, b: {default: "x y"}}, command: "python3 main.py {a} {b}"}}\n'


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with a backend named ``tiny``, built and installed where this process finds it."""
    wheel = tmp_path / "mlflow_tiny-1.0-py3-none-any.whl"
    about = "mlflow_tiny-1.0.dist-info"
    files = {
        "mlflow_tiny_backend.py": PLUGIN,
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: mlflow-tiny\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": "[mlflow.project_backend]\ntiny = mlflow_tiny_backend:Backend\n"
        "local = mlflow_tiny_backend:Backend\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{about}/RECORD", "".join(f"{name},,\n" for name in (*files, f"{about}/RECORD")))
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:  # all that installing a wheel of Python alone is
        archive.extractall(site)
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    yield
    sys.modules.pop("mlflow_tiny_backend", None)


@pytest.fixture
def server(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "server").mkdir()
    with run_trackway(tmp_path / "server") as port:
        monkeypatch.setenv("TRACKWAY_TRACKING_URI", f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"


def test_a_plugin_gets_what_mlflow_would_give_it_and_its_run_is_a_child(
    plugin: None, server: str, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=MLPROJECT, main__py=MAIN)
    done = run(str(folder), "train", parameters={"a": 0.5}, backend="tiny", backend_config={"queue": "long"})
    told = (folder / "told.json").read_text()
    assert '"params": {"a": "0.5", "b": "x y"}' in told
    assert '"entry_point": "train"' in told
    assert '"queue": "long"' in told
    ours = read_run(done.run_id)
    (child,) = [one for one in Client().search_runs([ours.experiment_id]) if one.run_id != done.run_id]
    assert (ours.status, ours.tags["mlflow.project.backend"]) == ("FINISHED", "tiny")
    assert (child.tags["made.by"], child.parent_run_id) == ("plug-in", done.run_id)
    assert (child.status, child.end_ms is not None) == ("FINISHED", True)


def test_a_failed_run_of_a_plugin_has_failed(plugin: None, server: str, make_project: MakeProject) -> None:
    folder = make_project(MLproject=MLPROJECT, main__py=MAIN, fail="")
    with pytest.raises(ExecutionFailed, match=r"its run .* failed"):
        run(str(folder), "train", parameters={"a": 1}, backend="tiny")


def test_a_run_of_a_plugin_is_cancelled(plugin: None, server: str, make_project: MakeProject) -> None:
    folder = make_project(MLproject=MLPROJECT, main__py=MAIN, wait="")
    started = run(str(folder), "train", parameters={"a": 1}, backend="tiny", synchronous=False)
    started.cancel()
    assert read_run(started.run_id).status == "KILLED"


@pytest.mark.parametrize(
    ("config", "error", "said"),
    [
        ({"broken": True}, ExecutionFailed, "'tiny' failed: OSError: the cluster is on fire"),
        ({"empty": True}, InvalidInput, "returned NoneType, which is no run"),
    ],
    ids=["broken", "empty"],
)
def test_a_plugin_that_does_not_keep_to_it_is_told(
    plugin: None,
    server: str,
    make_project: MakeProject,
    config: dict[str, bool],
    error: type[Exception],
    said: str,
) -> None:
    folder = make_project(MLproject=MLPROJECT, main__py=MAIN)
    with pytest.raises(error, match=said):
        run(str(folder), "train", parameters={"a": 1}, backend="tiny", backend_config=config)


def test_a_store_that_mlflows_client_does_not_know_is_refused(
    plugin: None, store: Path, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=MLPROJECT, main__py=MAIN)
    with pytest.raises(NotSupported, match="knows no store like"):
        run(str(folder), "train", parameters={"a": 1}, backend="tiny")
    assert [*Client().search_runs()] == []


def test_our_own_backends_win_and_others_are_named(plugin: None) -> None:
    assert not isinstance(find_backend("local"), PluginBackend)
    assert isinstance(find_backend("tiny"), PluginBackend)
    with pytest.raises(InvalidInput, match="no project_backends named 'tyni'"):
        find_backend("tyni")
