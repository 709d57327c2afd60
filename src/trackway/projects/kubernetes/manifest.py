"""The objects that a job becomes: a Job, and a Secret with what is not for everybody's eyes.

Format: the API reference of Kubernetes, batch/v1 and v1.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

import msgspec

from trackway.base.errors import InvalidInput
from trackway.projects.backends import Job
from trackway.projects.containers import FOLDER
from trackway.projects.kubernetes.options import Options, read_template
from trackway.projects.remote import STORE_VARIABLES, read_forwarded
from trackway.projects.specification import DockerEnvironment
from trackway.sdk import secrets

ARCHIVE: Final = "project.tar.gz"
ARCHIVE_FOLDER: Final = "/var/run/trackway"
ARCHIVE_BYTES: Final = 900_000
"""Largest project that is sent: an object of Kubernetes may have 1 MiB."""
UNPACK: Final = "unpack"
"""The container that brings the project to its place."""
LABEL: Final = "trackway.run"
_PLACEHOLDER: Final = "{"
"""How an image in a template of MLflow's begins that stands for the project's."""
_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


class Objects(NamedTuple):
    """What is created for a job.

    secret: the values of its Secret, by key; nothing when it needs none
    """

    manifest: dict[str, Any]
    secret: dict[str, bytes]

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def container(self) -> str:
        return str(self.manifest["spec"]["template"]["spec"]["containers"][0]["name"])

    def make_secret(self) -> dict[str, Any]:
        """Return the Secret's manifest."""
        metadata = {key: self.manifest["metadata"][key] for key in ("name", "labels")}
        data = {key: base64.b64encode(value).decode() for key, value in self.secret.items()}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}


def make_name(job: Job, mark: str) -> str:
    """Return a name for the objects of a job, as the cluster takes it.

    mark: tells jobs apart
    """
    slug = re.sub(r"[^a-z0-9]+", "-", (job.name or job.folder.name).lower()).strip("-")[:30].strip("-")
    return f"trackway-{slug or 'project'}-{re.sub(r'[^a-z0-9]', '', mark.lower())[:12] or 'x'}"


def make_objects(job: Job, options: Options, name: str, archive: bytes | None) -> Objects:
    """Return what a job becomes.

    archive: the project, packed; None when it is in the image or a volume
    raises:  InvalidInput when there is no image, or for a variable that is to be handed on and is not set
    """
    manifest = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, **read_template(options)}
    metadata, spec = manifest["metadata"], manifest["spec"]
    pod = spec["template"]["spec"]
    container = pod["containers"][0]
    image = find_image(job.surroundings.docker, options)
    labels = {"app.kubernetes.io/managed-by": "trackway"}
    labels |= {LABEL: job.run_id} if _LABEL_VALUE.fullmatch(job.run_id) else {}
    metadata["name"] = name
    metadata["labels"] = {**metadata.get("labels", {}), **labels}
    metadata.pop("generateName", None)
    spec.setdefault("backoffLimit", 0)
    spec.setdefault("ttlSecondsAfterFinished", options.keep_s)
    if options.deadline_s is not None:
        spec["activeDeadlineSeconds"] = options.deadline_s
    pod_metadata = spec["template"].setdefault("metadata", {})
    pod_metadata["labels"] = {**pod_metadata.get("labels", {}), **labels}
    pod.setdefault("restartPolicy", "Never")
    if options.service_account:
        pod["serviceAccountName"] = options.service_account
    plain, secret = _list_variables(job, options)
    container.setdefault("name", "project")
    container.pop("args", None)
    container |= {"image": image, "command": _make_command(job.command, secret)}
    container["env"] = _merge_variables(container.get("env", []), plain, [*secret], name, options)
    if options.resources:
        container["resources"] = _make_resources(options.resources)
    for number, (place, source) in enumerate(options.volumes.items()):
        _mount(pod, container, f"volume-{number}", place, source)
    _place_project(pod, container, name, options.folder, packed=archive is not None)
    if archive is not None:
        secret[ARCHIVE] = archive
    return Objects(manifest, secret)


def find_image(docker: DockerEnvironment | None, options: Options) -> str:
    """Return the image that a command runs in: the project's, else the configuration's, else the template's.

    raises: InvalidInput when none was named
    """
    if docker is not None:
        return docker.image
    template = read_template(options)["spec"]["template"]["spec"]["containers"][0].get("image", "")
    image = options.image or ("" if str(template).startswith(_PLACEHOLDER) else str(template))
    if not image:
        raise InvalidInput(
            "Kubernetes runs images, and none was named",
            hint='name one, as -c \'{"image": "python:3.11"}\', or as docker_env in the MLproject file',
        )
    return image


def _list_variables(job: Job, options: Options) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return a job's variables: those that may be seen, and those that may not."""
    values = {**job.surroundings.variables, **job.variables}
    values = {name: value for name, value in values.items() if not (name in STORE_VARIABLES and options.tracking_uri)}
    if options.tracking_uri:
        values |= dict.fromkeys(STORE_VARIABLES, options.tracking_uri)
    docker = job.surroundings.docker
    declared = docker.variables if docker is not None else ()
    values |= {name: value for name, value in declared if value is not None}
    values |= {name: str(value) for name, value in options.env.items()}
    handed = {name: os.environ[name] for name, value in declared if value is None and name in os.environ}
    handed |= read_forwarded(options.forward)
    handed |= {name: value for name, value in values.items() if secrets.mask_value(name, value) != value}
    handed = {name: value for name, value in handed.items() if name not in options.secrets}
    plain = {name: value for name, value in values.items() if name not in handed and name not in options.secrets}
    return plain, {name: value.encode("utf-8", "surrogateescape") for name, value in handed.items()}


def _make_command(words: Sequence[str], secret: dict[str, bytes]) -> list[str]:
    """Return a command's words; one that looks like a secret becomes a variable, which its place stands for."""
    command = []
    for number, (word, shown) in enumerate(zip(words, secrets.mask_command(words), strict=True)):
        name = f"TRACKWAY_WORD_{number}"
        if word != shown:
            secret[name] = word.encode("utf-8", "surrogateescape")
        command.append(_escape(word) if word == shown else f"$({name})")
    return command


def _merge_variables(
    given: list[Any], plain: Mapping[str, str], secret: list[str], name: str, options: Options
) -> list[Any]:
    """Return a container's variables: the template's, but those that are set here."""

    def refer(secret_name: str, key: str) -> dict[str, Any]:
        return {"secretKeyRef": {"name": secret_name, "key": key}}

    own: list[dict[str, Any]] = [{"name": key, "value": _escape(value)} for key, value in plain.items()]
    own += [{"name": key, "valueFrom": refer(name, key)} for key in secret]
    for key, reference in options.secrets.items():
        place, _, part = reference.partition("/")
        own.append({"name": key, "valueFrom": refer(place, part)})
    names = {one["name"] for one in own}
    return [one for one in given if not (isinstance(one, dict) and one.get("name") in names)] + own


def _place_project(pod: dict[str, Any], container: dict[str, Any], name: str, folder: str, *, packed: bool) -> None:
    """Have the command run in the project's folder, brought there by a container that comes first when it was sent."""
    if not packed:
        container["workingDir"] = folder or FOLDER.rstrip("/")
        return
    place = FOLDER.rstrip("/")
    container["workingDir"] = place
    # It needs `tar` and nothing more of the image, and no shell.
    unpack: dict[str, Any] = {
        "name": UNPACK,
        "image": container["image"],
        "command": ["tar", "-xzf", str(PurePosixPath(ARCHIVE_FOLDER, ARCHIVE)), "-C", place],
        **{key: container[key] for key in ("imagePullPolicy", "resources", "securityContext") if key in container},
    }
    pod["initContainers"] = [*pod.get("initContainers", []), unpack]
    _mount(pod, unpack, "trackway-project", place, {"emptyDir": {}})
    container.setdefault("volumeMounts", []).append({"name": "trackway-project", "mountPath": place})
    archive = {"secret": {"secretName": name, "items": [{"key": ARCHIVE, "path": ARCHIVE}]}}
    _mount(pod, unpack, "trackway-archive", ARCHIVE_FOLDER, archive)


def _mount(pod: dict[str, Any], container: dict[str, Any], name: str, place: str, source: Mapping[str, Any]) -> None:
    pod.setdefault("volumes", []).append({"name": name, **source})
    container.setdefault("volumeMounts", []).append({"name": name, "mountPath": place})


def _make_resources(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a container gets: quantities as texts, the same as request and limit unless told apart."""
    if set(given) <= {"requests", "limits", "claims"}:
        return msgspec.to_builtins({key: _to_texts(one) for key, one in given.items()})  # type: ignore[no-any-return]
    return {"requests": _to_texts(given), "limits": _to_texts(given)}


def _to_texts(given: Any) -> Any:
    return {key: str(value) for key, value in given.items()} if isinstance(given, Mapping) else given


def _escape(text: str) -> str:
    """Return a text that reaches the container as it is: Kubernetes puts variables where it says ``$(NAME)``."""
    return text.replace("$", "$$")
