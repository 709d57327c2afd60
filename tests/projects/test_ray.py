"""The backend of Ray: on a real cluster of two nodes, every night; and what needs none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.projects.folders import MakeProject, read_run, read_run_file
from tests.services.ray_cluster import run_ray
from trackway.base.errors import InvalidInput, Unavailable
from trackway.base.ids import new_id
from trackway.projects import run
from trackway.projects.backends import Backend, Job, Surroundings, load_backend
from trackway.projects.ray import RayBackend
from trackway.projects.sweeps import sweep
from trackway.sdk.client import Client
from trackway.testing.backends import BackendContract, Sink, await_end

pytestmark = pytest.mark.filterwarnings("ignore:ssl=None is deprecated", "ignore:unclosed")
"""Of Ray's client, and of the library that it speaks HTTP by."""
LOCK = """# made by a test
--require-hashes
tiny==1.0 \\
    --hash=sha256:01 \\
    --hash=sha256:02
other==2.0
"""


def make_job(folder: Path, command: tuple[str, ...], **fields: Any) -> Job:
    return Job(run_id=new_id(), command=command, folder=folder, **fields)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of the jobs' API of a cluster with two nodes."""
    with run_ray() as address:
        yield address


@pytest.mark.ray
class TestRayBackend(BackendContract):
    merges_streams = True

    @pytest.fixture
    def backend(self, cluster: str) -> Backend:
        return load_backend("ray")

    @pytest.fixture
    def config(self, cluster: str) -> dict[str, Any]:
        return {"address": cluster, "poll_s": 0.2}

    @pytest.fixture
    def python(self) -> str:
        return "python"


@pytest.mark.ray
def test_nothing_but_what_a_job_writes_is_in_its_output(cluster: str, tmp_path: Path) -> None:
    sink = Sink()
    job = make_job(tmp_path, ("python", "-c", "print('all')"), config={"address": cluster, "poll_s": 0.2})
    await_end(RayBackend().submit(job, sink.take))
    assert sink.read("stdout") == "all\n"


@pytest.mark.ray
def test_tasks_of_a_project_run_on_both_nodes_and_its_run_has_the_log(
    cluster: str, store: Path, make_project: MakeProject
) -> None:
    code = """
import ray
ray.init()
@ray.remote(num_cpus=1, scheduling_strategy="SPREAD")
def where():
    import time
    time.sleep(1)
    return ray.get_runtime_context().get_node_id()
print(len(set(ray.get([where.remote() for _ in range(8)]))), "nodes")
"""
    done = run(str(make_project(main__py=code)), "main.py", backend="ray", backend_config={"address": cluster})
    assert "2 nodes" in read_run_file(done.run_id, "logs/stdout.log")
    assert read_run(done.run_id).tags["mlflow.project.backend"] == "ray"


def test_what_a_project_requires_is_the_jobs_environment(tmp_path: Path) -> None:
    around = Surroundings(manager="uv", lock=LOCK)
    told = json.loads(RayBackend().preview(make_job(tmp_path, ("python", "x.py"), surroundings=around)))
    assert told["runtime_env"]["pip"]["packages"] == [
        "--require-hashes",
        "tiny==1.0 --hash=sha256:01 --hash=sha256:02",
        "other==2.0",
    ]
    own = {"runtime_env": {"uv": ["tiny"]}}
    job = make_job(tmp_path, ("python", "x.py"), surroundings=around, config=own)
    assert "pip" not in json.loads(RayBackend().preview(job))["runtime_env"]


def test_a_preview_holds_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_KEY", "hidden")
    variables = {"API_TOKEN": "hidden $x", "PLAIN": "seen"}
    config = {"forward": ["CLOUD_KEY"], "num_gpus": 1, "resources": {"big": 1}}
    words = ("python", "x.py", "--token", "hidden")
    told = RayBackend().preview(make_job(tmp_path, words, variables=variables, config=config))
    assert "hidden" not in told
    request = json.loads(told)
    assert request["entrypoint_num_gpus"] == 1
    assert request["runtime_env"]["env_vars"]["PLAIN"] == "seen"
    assert request["entrypoint"] == "python x.py --token '***'"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"runtime_env": {"working_dir": "."}}, "working directory is the project's"),
        ({"runtime_env": {"env_vars": []}}, "env_vars of runtime_env"),
        ({"num_cpus": "two"}, "num_cpus"),
        ({"poll_s": 0}, "poll_s is 0"),
        ({"address": "ray://head:10001"}, "no address of the API of jobs"),
    ],
    ids=["folder", "variables", "number", "poll", "address"],
)
def test_a_configuration_that_cannot_be_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        RayBackend().check(config)


@pytest.mark.ray
def test_an_address_where_nothing_answers_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"Failed to connect to Ray at address: http://127\.0\.0\.1:1"):
        RayBackend().submit(make_job(tmp_path, ("true",), config={"address": "http://127.0.0.1:1"}), Sink().take)


@pytest.mark.ray
def test_a_store_that_a_cluster_cannot_see_is_refused(store: Path, make_project: MakeProject) -> None:
    with pytest.raises(InvalidInput, match="where others cannot log to"):
        run(
            str(make_project(main__py="")),
            "main.py",
            backend="ray",
            backend_config={"address": "http://ray.example.org"},
        )
    assert [*Client().search_runs()] == []


@pytest.mark.ray
def test_a_sweep_runs_its_trials_on_the_cluster(cluster: str, store: Path, make_project: MakeProject) -> None:
    code = """
import sys
import ray
import trackway as tw
with tw.start_run():
    tw.log_metric("loss", (float(sys.argv[2]) - 2) ** 2)
"""
    found = sweep(
        str(make_project(main__py=code)),
        {"x": [1, 2, 4]},
        metric="loss",
        sampler="grid",
        entry_point="main.py",
        parallel=2,
        backend="ray",
        backend_config={"address": cluster, "poll_s": 0.2},
    )
    assert found.best is not None
    assert (found.best.params, found.best.value) == ({"x": 2}, 0.0)
    assert {trial.state for trial in found.trials} == {"finished"}
    best = read_run(found.best.run_id)
    assert best.parent_run_id == found.run_id
    assert (best.tags["trackway.sweep.best"], best.tags["mlflow.project.backend"]) == ("true", "ray")
    assert read_run(found.run_id).tags["trackway.sweep.best"] == best.run_id
