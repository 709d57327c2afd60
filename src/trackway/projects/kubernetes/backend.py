"""Submits jobs to a cluster, and follows them."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec
import yaml

from trackway.base.errors import InvalidInput, NotFound, PermissionDenied, TooLarge, TrackwayError
from trackway.base.ids import new_id
from trackway.projects.backends import Asked, Job, Outcome, Sink, Surroundings, WatchedHandle
from trackway.projects.containers import publish_image
from trackway.projects.kubernetes.cluster import Cluster, require_package
from trackway.projects.kubernetes.logs import LogReader
from trackway.projects.kubernetes.manifest import ARCHIVE_BYTES, Objects, find_image, make_name, make_objects
from trackway.projects.kubernetes.options import Options, read_options, read_template
from trackway.projects.kubernetes.states import find_trouble, get_status, has_begun, tell_end
from trackway.projects.packing import pack_folder
from trackway.projects.remote import check_store
from trackway.projects.specification import DockerEnvironment

SILENCE_S: Final = 600.0
"""How long the cluster may be away before a job is given up."""
GONE_S: Final = 600.0
"""How long the pods of a job that is cancelled may take to end."""
DRAIN_S: Final = 30.0
"""How long what a job wrote last is waited for."""
_MLFLOW_STORE: Final = "KUBE_MLFLOW_TRACKING_URI"
"""What MLflow's backend calls the store's address as pods know it."""


class KubernetesBackend:
    """Runs jobs as Jobs of Kubernetes; see ``options.Options`` for its configuration."""

    name = "kubernetes"

    def check(self, config: Mapping[str, Any]) -> None:
        read_options(config)
        require_package()

    def surround(self, asked: Asked) -> Surroundings:
        options = _read(asked.config)
        docker = asked.specification.docker
        if asked.need.manager not in ("", "docker"):
            raise InvalidInput(
                f"Kubernetes runs images, not environments of {asked.need.manager}", hint="leave --env-manager out"
            )
        if asked.need.docker_args:
            raise InvalidInput("Kubernetes starts no container by `docker run`", hint="put it into a template")
        if asked.need.build_image and not options.repository:
            raise InvalidInput("An image that is built must be pushed", hint="name its place as `repository`")
        check_store(options.tracking_uri)
        if not asked.dry:
            Cluster(options.context)  # that there is one is known before anything is made
        image = options.image or find_image(docker, options)
        if options.repository:
            image = publish_image(image, asked.specification.folder, options.repository, dry=asked.dry)
        variables = docker.variables if docker is not None else ()
        wanted = DockerEnvironment(image, variables=variables, holds_project=bool(options.repository))
        return Surroundings(manager="docker", image=image, docker=wanted)

    def preview(self, job: Job) -> str:
        options = _read(job.config)
        objects = _make(job, options, job.run_id)
        parts = [objects.manifest]
        if objects.secret:
            sizes = {key: f"({len(value):,} bytes)" for key, value in objects.secret.items()}
            parts.insert(0, {**objects.make_secret(), "data": sizes})
        parts = msgspec.json.decode(msgspec.json.encode(parts))  # what is there twice is written twice
        return "---\n".join(yaml.safe_dump(part, sort_keys=False, allow_unicode=True) for part in parts)

    def submit(self, job: Job, sink: Sink) -> KubernetesHandle:
        options = _read(job.config)
        objects = _make(job, options, new_id())
        cluster = Cluster(options.context)
        place = _Place(cluster, options, objects)
        place.create()
        return KubernetesHandle(place, sink, options)


class _Place:
    """A job's objects in the cluster."""

    def __init__(self, cluster: Cluster, options: Options, objects: Objects) -> None:
        given = read_template(options)["metadata"].get("namespace")
        namespace = options.namespace or given or cluster.namespace
        objects.manifest["metadata"]["namespace"] = namespace
        self.cluster = cluster
        self.container = objects.container
        self.name = objects.name
        self._objects = objects
        self.pods = f"/api/v1/namespaces/{namespace}/pods"
        self._jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self._secrets = f"/api/v1/namespaces/{namespace}/secrets"

    def create(self) -> None:
        """Create the objects; the Secret goes when the Job does."""
        if self._objects.secret:
            self.cluster.call("POST", self._secrets, self._objects.make_secret())
        try:
            job = self.cluster.call("POST", self._jobs, self._objects.manifest)
            if self._objects.secret:
                owner = {"apiVersion": "batch/v1", "kind": "Job", "name": self.name, "uid": job["metadata"]["uid"]}
                patch = {"metadata": {"ownerReferences": [owner]}}
                self.cluster.call("PATCH", f"{self._secrets}/{self.name}", patch)
        except BaseException:
            with suppress(TrackwayError):
                self.delete()
            self.tidy()
            raise

    def read(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the job and its pods.

        raises: NotFound when it was deleted
        """
        job = self.cluster.call("GET", f"{self._jobs}/{self.name}")  # first: what it says of its pods is known then
        return job, self._list_pods()

    def delete(self) -> None:
        """Delete the job: it is gone when its pods are."""
        with suppress(NotFound):
            how = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"}
            self.cluster.call("DELETE", f"{self._jobs}/{self.name}", how)

    def is_gone(self) -> bool:
        """Tell whether neither the job nor a pod of it is left."""
        try:
            self.read()
        except NotFound:
            return not self._list_pods()
        return False

    def _list_pods(self) -> list[dict[str, Any]]:
        pods: list[dict[str, Any]] = self.cluster.call("GET", self.pods, labelSelector=f"job-name={self.name}")["items"]
        return pods

    def tidy(self) -> None:
        """Delete the Secret, which nothing needs any more."""
        if self._objects.secret:
            with suppress(TrackwayError):  # it goes with the job, at the latest
                self.cluster.call("DELETE", f"{self._secrets}/{self.name}")


class KubernetesHandle(WatchedHandle):
    """A Job of a cluster; see ``backends.Handle``."""

    def __init__(self, place: _Place, sink: Sink, options: Options) -> None:
        super().__init__()
        self.job_id = place.name
        self._place = place
        self._sink = sink
        self._options = options
        self._readers: dict[str, tuple[LogReader, threading.Event]] = {}
        self._cancelled = threading.Event()
        self._troubled_s = math.inf
        threading.Thread(target=self._follow, name="trackway-kubernetes", daemon=True).start()

    def _stop(self) -> None:
        self._place.delete()
        self._cancelled.set()

    def _follow(self) -> None:
        """Look at the job, and have its log read, until it has ended."""
        known_s = time.monotonic()
        outcome = None
        while outcome is None:
            try:
                outcome = self._look()
                known_s = time.monotonic()
            except NotFound:
                outcome = (
                    self._await_gone()
                    if self._cancelled.is_set()
                    else Outcome("KILLED", None, "it was deleted in Kubernetes")
                )
            except PermissionDenied as error:
                with suppress(TrackwayError):
                    self._place.delete()
                outcome = Outcome("FAILED", None, f"it cannot be followed. {error}")
            except TrackwayError as error:
                if time.monotonic() - known_s > SILENCE_S:
                    outcome = Outcome("FAILED", None, f"it was lost sight of, and may go on. {error}")
            if outcome is None and self._cancelled.wait(self._options.poll_s):
                outcome = self._await_gone()
        for reader, ended in self._readers.values():
            ended.set()
            reader.join(DRAIN_S)
        self._place.tidy()
        self._conclude(outcome)

    def _look(self) -> Outcome | None:
        """Return how it ended; None when it goes on."""
        job, pods = self._place.read()
        for pod in pods:
            name = pod["metadata"]["name"]
            if name not in self._readers and has_begun(pod, self._place.container):
                ended = threading.Event()
                path = f"{self._place.pods}/{name}/log"
                reader = LogReader(self._place.cluster, path, self._place.container, self._sink, ended)
                self._readers[name] = reader, ended
        outcome = tell_end(job, pods, self._place.container)
        if outcome is None:
            self._status = get_status(pods, self._place.container)
            outcome = self._give_up(pods)
        return outcome

    def _give_up(self, pods: list[dict[str, Any]]) -> Outcome | None:
        """End a job whose container cannot begin, at once or when it has been waited for long enough."""
        trouble = next((found for pod in pods if (found := find_trouble(pod)) is not None), None)
        if trouble is None:
            self._troubled_s = math.inf
            return None
        self._troubled_s = min(self._troubled_s, time.monotonic())
        if not trouble.hopeless and time.monotonic() - self._troubled_s < self._options.start_s:
            return None
        self._place.delete()
        return Outcome("FAILED", None, trouble.reason)

    def _await_gone(self) -> Outcome:
        """Wait until nothing is left of a job that was deleted."""
        deadline_s = time.monotonic() + GONE_S
        while time.monotonic() < deadline_s:
            with suppress(TrackwayError):
                if self._place.is_gone():
                    return Outcome("KILLED", None, "it was cancelled")
            time.sleep(min(self._options.poll_s, 0.5))
        return Outcome("KILLED", None, f"it was cancelled, and had not ended {GONE_S:.0f} s later")


def _read(config: Mapping[str, Any]) -> Options:
    options = read_options(config)
    store = options.tracking_uri or os.environ.get(_MLFLOW_STORE, "")
    return msgspec.structs.replace(options, tracking_uri=store)


def _make(job: Job, options: Options, mark: str) -> Objects:
    docker = job.surroundings.docker
    sent = not options.folder and not (docker is not None and docker.holds_project)
    try:
        archive = pack_folder(job.folder, ARCHIVE_BYTES) if sent else None
    except TooLarge as error:
        raise TooLarge(
            error.message,
            hint="name a `repository`, for an image with the project in it, or the `folder` where a volume has it",
        ) from None
    return make_objects(job, options, make_name(job, mark), archive)
