"""The backend of Kubernetes, with a stand-in for the cluster that validates objects and runs pods as processes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes.client
import pytest
import yaml
from click.testing import CliRunner

from tests.projects.folders import MakeProject, read_run, read_run_file
from tests.projects.kubernetes_stand_in import StandInCluster, run_cluster
from trackway.base.errors import InvalidInput, NotSupported, PermissionDenied, TooLarge, TrackwayError, Unavailable
from trackway.base.ids import new_id
from trackway.cli.main import cli
from trackway.projects import run
from trackway.projects.backends import Backend, Handle, Job, Outcome, load_backend
from trackway.projects.kubernetes import KubernetesBackend
from trackway.projects.kubernetes import backend as following
from trackway.sdk.client import Client
from trackway.testing.backends import BackendContract, Sink, await_end

QUICK = {"image": "python:3.11", "poll_s": 0.05}
WAITING = "import time; print('begun', flush=True); time.sleep(600)"


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInCluster]:
    with run_cluster() as running:
        monkeypatch.setenv("KUBECONFIG", str(running.write_config(tmp_path_factory.mktemp("kube") / "config")))
        yield running


def submit(project: Path, code: str, variables: dict[str, str] | None = None, **config: Any) -> tuple[Handle, Sink]:
    sink = Sink()
    job = Job(
        run_id=new_id(),
        command=("python3", "-c", code),
        folder=project,
        variables=variables or {},
        config={**QUICK, **config},
    )
    return KubernetesBackend().submit(job, sink.take), sink


class TestKubernetesBackend(BackendContract):
    merges_streams = True

    @pytest.fixture
    def backend(self, cluster: StandInCluster) -> Backend:
        return load_backend("kubernetes")

    @pytest.fixture
    def config(self) -> dict[str, Any]:
        return dict(QUICK)


def read_job(cluster: StandInCluster) -> dict[str, Any]:
    (job,) = cluster.list_objects("jobs")
    return job


def test_settings_become_parts_of_the_manifest(cluster: StandInCluster, tmp_path: Path) -> None:
    cluster.full = True
    handle, _ = submit(
        tmp_path,
        "pass",
        namespace="research",
        resources={"cpu": 2, "memory": "4Gi", "nvidia.com/gpu": 1},
        env={"THREADS": 4, "PRICE": "$(HOME) $5"},
        secrets={"TOKEN": "vault/token"},
        volumes={"/data": {"persistentVolumeClaim": {"claimName": "data", "readOnly": True}}},
        service_account="trainer",
        deadline_s=3600,
    )
    job = read_job(cluster)
    assert job["metadata"]["namespace"] == "research"
    assert (job["spec"]["backoffLimit"], job["spec"]["activeDeadlineSeconds"]) == (0, 3600)
    pod = job["spec"]["template"]["spec"]
    assert (pod["restartPolicy"], pod["serviceAccountName"]) == ("Never", "trainer")
    container = pod["containers"][0]
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "4Gi", "nvidia.com/gpu": "1"}
    variables = {one["name"]: one for one in container["env"]}
    assert variables["THREADS"]["value"] == "4"
    assert variables["PRICE"]["value"] == "$$(HOME) $$5"
    assert variables["TOKEN"]["valueFrom"] == {"secretKeyRef": {"name": "vault", "key": "token"}}
    assert "/data" in [mount["mountPath"] for mount in container["volumeMounts"]]
    assert handle.get_status() == "PENDING"
    handle.cancel()
    assert (handle.get_status(), cluster.list_objects("jobs"), cluster.list_objects("secrets")) == ("KILLED", [], [])


def test_a_template_of_mlflows_is_filled_in(cluster: StandInCluster, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("""
apiVersion: batch/v1
kind: Job
metadata: {name: "{replaced with MLflow Project name}", namespace: mlflow, labels: {team: a}}
spec:
  ttlSecondsAfterFinished: 100
  backoffLimit: 0
  template:
    spec:
      containers:
        - name: "trainer"
          image: "{replaced with URI of Docker image created during Project execution}"
          command: ["{replaced with MLflow Project entry point command}"]
          env: [{name: KEPT, value: "1"}, {name: GIVEN, value: "2"}]
      restartPolicy: Never
""")
    config = {"kube-context": "main", "kube-job-template-path": str(tmp_path / "job.yaml")}
    handle, sink = submit(
        tmp_path, "import os; print(os.environ['KEPT'], os.environ['GIVEN'])", {"GIVEN": "3"}, **config
    )
    assert await_end(handle) == Outcome("FINISHED", 0)
    assert sink.read("stdout") == "1 3\n"
    job = read_job(cluster)
    assert (job["metadata"]["namespace"], job["metadata"]["labels"]["team"]) == ("mlflow", "a")
    assert job["spec"]["ttlSecondsAfterFinished"] == 100
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == QUICK["image"]


def test_what_is_secret_is_in_no_manifest_and_is_deleted_at_the_end(
    cluster: StandInCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUD_KEY", "hidden-1")
    variables = {"TRACKWAY_TRACKING_URI": "https://me:hidden-2@example.org", "API_TOKEN": "hidden-3", "PLAIN": "seen"}
    code = (
        "import os; print(*(os.environ[n][-8:] for n in ('CLOUD_KEY', 'API_TOKEN', 'PLAIN', 'TRACKWAY_TRACKING_URI')))"
    )
    handle, sink = submit(tmp_path, code, variables, forward=["CLOUD_KEY"])
    assert await_end(handle) == Outcome("FINISHED", 0)
    assert sink.read("stdout") == "hidden-1 hidden-3 seen mple.org\n"
    (secret,) = [body for body in cluster.bodies if body["kind"] == "Secret"]
    assert set(secret["data"]) == {"CLOUD_KEY", "API_TOKEN", "TRACKWAY_TRACKING_URI", "project.tar.gz"}
    assert "hidden" not in str(cluster.list_objects("jobs"))
    assert cluster.list_objects("secrets") == []


def test_a_word_that_looks_like_a_secret_is_in_no_manifest(cluster: StandInCluster, tmp_path: Path) -> None:
    sink = Sink()
    words = ("python3", "-c", "import sys; print(sys.argv[1:])", "--token", "hidden $(HOME)", "--lr", "0.1")
    job = Job(run_id=new_id(), command=words, folder=tmp_path, config=QUICK)
    assert await_end(KubernetesBackend().submit(job, sink.take)) == Outcome("FINISHED", 0)
    assert sink.read("stdout") == "['--token', 'hidden $(HOME)', '--lr', '0.1']\n"
    assert "hidden" not in str(cluster.list_objects("jobs"))
    assert "hidden" not in KubernetesBackend().preview(job)


def test_a_secret_goes_with_its_job_when_nobody_is_left_to_delete_it(cluster: StandInCluster, tmp_path: Path) -> None:
    handle, sink = submit(tmp_path, WAITING)
    sink.wait_for("begun")
    (secret,) = cluster.list_objects("secrets")
    job = read_job(cluster)
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": handle.job_id, "uid": job["metadata"]["uid"]}
    assert secret["metadata"]["ownerReferences"] == [owner]
    handle.cancel()


@pytest.mark.parametrize(
    ("config", "variables", "reason"),
    [
        ({"image": "missing/image:1"}, {}, "ImagePullBackOff: Back-off pulling image"),
        ({"image": "No Image"}, {}, "InvalidImageName"),
        ({"secrets": {"TOKEN": "nowhere/token"}}, {}, "CreateContainerConfigError"),
    ],
)
def test_what_cannot_begin_is_given_up_with_the_clusters_words(
    cluster: StandInCluster, tmp_path: Path, config: dict[str, Any], variables: dict[str, str], reason: str
) -> None:
    handle, _ = submit(tmp_path, "pass", variables, start_s=0.2, **config)
    outcome = await_end(handle)
    assert (outcome.status, outcome.exit_code) == ("FAILED", None)
    assert reason in outcome.reason
    while cluster.list_objects("jobs"):
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("ended", "status", "outcome"),
    [
        (
            {"reason": "OOMKilled"},
            {},
            Outcome("FAILED", 137, "it was killed for lack of memory, of which it may have 1Gi"),
        ),
        (
            {},
            {"reason": "Evicted", "message": "The node was low on resource: memory."},
            Outcome("FAILED", 137, "its pod was evicted: The node was low on resource: memory."),
        ),
        (
            {"exitCode": 143},
            {
                "conditions": [
                    {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "room"}
                ]
            },
            Outcome("FAILED", 143, "its pod was ended by the cluster: PreemptionByScheduler: room"),
        ),
        ({"exitCode": 3}, {}, Outcome("FAILED", 3, "its command ended with status 3")),
    ],
    ids=["memory", "evicted", "preempted", "status"],
)
def test_each_end_has_its_words(
    cluster: StandInCluster, tmp_path: Path, ended: dict[str, Any], status: dict[str, Any], outcome: Outcome
) -> None:
    handle, sink = submit(tmp_path, WAITING, resources={"memory": "1Gi"})
    sink.wait_for("begun")
    cluster.end_pods(status=status, **ended)
    assert await_end(handle) == outcome


def test_a_deadline_ends_it(cluster: StandInCluster, tmp_path: Path) -> None:
    handle, _ = submit(tmp_path, WAITING, deadline_s=1)
    assert await_end(handle) == Outcome("FAILED", None, "it had not ended within its deadline of 1 s")


def test_an_image_without_tar_is_told(cluster: StandInCluster, tmp_path: Path) -> None:
    cluster.tar = "no-such-tar"
    handle, _ = submit(tmp_path, "pass")
    outcome = await_end(handle)
    assert outcome.status == "FAILED"
    assert "'unpack', which comes first, failed" in outcome.reason
    assert "no-such-tar" in outcome.reason


def test_a_job_that_somebody_deletes_was_ended(cluster: StandInCluster, tmp_path: Path) -> None:
    handle, sink = submit(tmp_path, WAITING)
    sink.wait_for("begun")
    job = read_job(cluster)["metadata"]
    how = {"propagationPolicy": "Foreground"}
    cluster.answer("DELETE", f"/apis/batch/v1/namespaces/team/jobs/{job['name']}", {}, how)
    assert await_end(handle) == Outcome("KILLED", None, "it was deleted in Kubernetes")


def test_a_log_is_read_on_when_its_connection_breaks(cluster: StandInCluster, tmp_path: Path) -> None:
    code = """
import pathlib, time
for number in range(40):
    print("line", number, flush=True)
    while number == 20 and not pathlib.Path("go").exists():
        time.sleep(0.01)
print("no line's end", end="")
"""
    handle, sink = submit(tmp_path, code, folder=str(tmp_path))
    sink.wait_for("line 20\n")
    cluster.break_logs()
    (tmp_path / "go").touch()
    assert await_end(handle) == Outcome("FINISHED", 0)
    assert sink.read("stdout") == "".join(f"line {number}\n" for number in range(40)) + "no line's end"


def test_a_cluster_that_is_away_for_a_while_ends_nothing(cluster: StandInCluster, tmp_path: Path) -> None:
    handle, sink = submit(tmp_path, WAITING)
    sink.wait_for("begun")
    cluster.away = True
    asked = len(cluster.requests)
    while len(cluster.requests) < asked + 5:
        time.sleep(0.01)
    with pytest.raises(Unavailable, match="unable to handle"):
        handle.cancel()
    assert handle.get_status() == "RUNNING"
    cluster.away = False
    handle.cancel()
    assert handle.get_status() == "KILLED"


def test_a_cluster_that_stays_away_is_given_up(
    cluster: StandInCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "SILENCE_S", 0.2)
    monkeypatch.setattr(following, "DRAIN_S", 0.2)
    handle, sink = submit(tmp_path, WAITING)
    sink.wait_for("begun")
    cluster.away = True
    outcome = await_end(handle)
    assert outcome.status == "FAILED"
    assert "lost sight of, and may go on" in outcome.reason


def test_who_may_not_look_at_pods_is_told_and_nothing_goes_on(cluster: StandInCluster, tmp_path: Path) -> None:
    cluster.forbidden = "pods"
    handle, _ = submit(tmp_path, WAITING)
    outcome = await_end(handle)
    assert outcome.status == "FAILED"
    assert "pods is forbidden" in outcome.reason
    while cluster.list_objects("jobs"):
        time.sleep(0.01)


def test_what_the_cluster_refuses_leaves_nothing_behind(cluster: StandInCluster, tmp_path: Path) -> None:
    container = {"imagePolicy": "Always"}
    with pytest.raises(InvalidInput, match=r"containers\.0\.imagePolicy.*not permitted"):
        submit(tmp_path, "pass", template={"spec": {"template": {"spec": {"containers": [container]}}}})
    cluster.forbidden = "jobs"
    with pytest.raises(PermissionDenied, match="jobs is forbidden"):
        submit(tmp_path, "pass")
    assert (cluster.list_objects("jobs"), cluster.list_objects("secrets")) == ([], [])
    cluster.forbidden, cluster.token = "", "another"
    with pytest.raises(TrackwayError, match="Unauthorized"):
        submit(tmp_path, "pass")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"kube-context": "main", "context": "main"}, "are the same"),
        ({"secrets": {"TOKEN": "a value"}}, "no place of a Secret"),
        ({"env": {"A B": "x"}}, "no name of a variable"),
        ({"volumes": {"data": {}}}, "no folder of a container"),
        ({"volumes": {"/a/../b": {}}}, "no folder of a container"),
        ({"poll_s": 0}, "poll_s is 0"),
        ({"poll_s": "often"}, "poll_s"),
        ({"template": "no-such-file.yaml"}, "cannot be read"),
        ({"template": {"kind": "Pod"}}, "is a Pod"),
        ({"template": {"spec": {"template": {"spec": {"containers": []}}}}}, "no list of containers"),
        ({"template": {"spec": []}}, "spec in template is no object"),
        ({"repository": "example.org/x", "folder": "/code"}, "leave"),
    ],
    ids=lambda one: str(one) if isinstance(one, dict) else None,
)
def test_a_configuration_that_cannot_be_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        KubernetesBackend().check(config)


def test_a_project_that_is_too_large_to_send_names_its_largest_files(cluster: StandInCluster, tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(os.urandom(1_000_000))
    with pytest.raises(TooLarge, match=r"data\.bin \(1,000,000 bytes\).*repository"):
        submit(tmp_path, "pass")
    assert cluster.list_objects("jobs") == []


def test_without_a_cluster_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(NotSupported, match="There is no cluster"):
        submit(tmp_path, "pass")


def test_a_context_is_chosen_by_name(cluster: StandInCluster, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 cannot be reached"):
        submit(tmp_path, "pass", context="gone")
    with pytest.raises(InvalidInput, match="There is no context 'other'"):
        submit(tmp_path, "pass", context="other")


MLPROJECT = """
name: Iris & Co
docker_env: {image: "registry.example.org/base:1", environment: [HANDED_ON, [GREETING, hello]]}
entry_points: {main: {parameters: {a: {default: "1; id"}}, command: "python3 main.py {a}"}}
"""
CONFIG = {"poll_s": 0.05, "tracking_uri": "https://tracks.example.org"}


def test_a_project_runs_in_its_image_and_its_run_has_its_log(
    cluster: StandInCluster, store: Path, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDED_ON", "from here")
    code = (
        "import os, sys; print(sys.argv[1], *map(os.environ.get, ['HANDED_ON', 'GREETING', 'TRACKWAY_TRACKING_URI']))"
    )
    done = run(str(make_project(MLproject=MLPROJECT, main__py=code)), backend="kubernetes", backend_config=CONFIG)
    assert read_run_file(done.run_id, "logs/stdout.log") == "1; id from here hello https://tracks.example.org\n"
    tags = read_run(done.run_id).tags
    assert tags["mlflow.docker.image.uri"] == "registry.example.org/base:1"
    assert tags["mlflow.project.backend"] == "kubernetes"
    job = read_job(cluster)
    assert job["metadata"]["name"].startswith("trackway-iris-co-")
    assert job["metadata"]["labels"]["trackway.run"] == done.run_id


def test_an_image_with_the_project_is_built_and_pushed(
    cluster: StandInCluster, store: Path, make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tmp_path / "engine"
    engine.mkdir()
    (engine / "docker").write_text(f"""#!/bin/bash
echo "$*" >>{tmp_path}/calls
case "$*" in
  *RepoDigests*) echo registry.example.org/team/iris@sha256:0123 ;;
  "image inspect"*) echo sha256:abcdefabcdefabcdef ;;
esac
""")
    (engine / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(engine), prepend=os.pathsep)
    monkeypatch.setattr("trackway.projects.kubernetes.manifest.FOLDER", str(tmp_path))
    config = {**CONFIG, "repository-uri": "registry.example.org/team/iris"}
    folder = make_project(MLproject=MLPROJECT.replace("python3 main.py", "echo"))
    done = run(str(folder), backend="kubernetes", backend_config=config)
    calls = [line.split() for line in (tmp_path / "calls").read_text().splitlines()]
    assert [call[0] for call in calls] == ["build", "image", "tag", "push", "image"]
    assert calls[3][-1] == "registry.example.org/team/iris:trackway-abcdefabcdef"
    container = read_job(cluster)["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.example.org/team/iris@sha256:0123"
    assert read_run(done.run_id).tags["mlflow.docker.image.uri"] == container["image"]
    assert not [body for body in cluster.bodies if body["kind"] == "Secret"], "nothing is sent"


def test_a_store_that_pods_cannot_see_is_refused_before_anything_is_made(
    cluster: StandInCluster, store: Path, make_project: MakeProject
) -> None:
    with pytest.raises(InvalidInput, match="where others cannot log to"):
        run(str(make_project(MLproject=MLPROJECT)), backend="kubernetes")
    assert (cluster.requests, [*Client().search_runs()]) == ([], [])


def test_a_dry_run_prints_the_manifest_without_secrets_and_asks_nobody(
    store: Path, make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HANDED_ON", "hidden")
    (tmp_path / "config.yaml").write_text("tracking_uri: https://tracks.example.org\nresources: {cpu: 2}\n")
    words = ["run", str(make_project(MLproject=MLPROJECT)), "-b", "kubernetes", "-c", str(tmp_path / "config.yaml")]
    told = CliRunner().invoke(cli, [*words, "--dry-run"], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    secret, job = yaml.safe_load_all(told.stdout)
    assert (secret["kind"], job["kind"]) == ("Secret", "Job")
    assert secret["data"]["HANDED_ON"] == "(6 bytes)"
    assert "hidden" not in told.stdout
    assert job["spec"]["template"]["spec"]["containers"][0]["command"] == ["python3", "main.py", "1; id"]
    kubernetes.client.V1Job.model_validate(job)
    assert [*Client().search_runs()] == []
