"""What a user tells the backend of Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from trackway.base.errors import InvalidInput
from trackway.projects import remote

TEMPLATE_BYTES: Final = 2**20
_MLFLOW: Final = {
    "kube-context": "context",
    "kube-job-template-path": "template",
    "repository-uri": "repository",
}
"""What MLflow's backend calls some of them."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_REFERENCE = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?)/([A-Za-z0-9._-]+)")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration of the backend; all of it is optional.

    context:      of the kubeconfig
    namespace:    that the job is in; else the template's, else the context's
    image:        that the command runs in; else that of the project's docker_env, else the template's
    repository:   where an image with the project in it is pushed to; built here, by docker or podman
    folder:       of the project, where the image or a volume has it already, so that nothing of it is sent
    template:     a manifest of a Job that ours is made from: an object, or the path of a file of YAML
    env:          variables by name
    secrets:      variables that the cluster's Secrets hold, as ``{"TOKEN": "name-of-secret/key"}``
    forward:      names of variables of this machine that the job gets; they travel in a Secret
    volumes:      sources of volumes, as a Pod's manifest has them, by the folder that they are mounted at
    resources:    ``{"cpu": 2, "memory": "4Gi"}`` as request and limit, or ``{"requests": ..., "limits": ...}``
    service_account: of the pod
    tracking_uri: the store's address as pods know it, when it is another than here
    deadline_s:   after which the cluster ends the job
    start_s:      how long an image that cannot be had, or a container that cannot be made, is waited for
    keep_s:       how long the cluster keeps a job that has ended
    poll_s:       how often the cluster is asked
    """

    context: str = ""
    namespace: str = ""
    image: str = ""
    repository: str = ""
    folder: str = ""
    template: str | dict[str, Any] = ""
    env: dict[str, str | int | float] = {}
    secrets: dict[str, str] = {}
    forward: tuple[str, ...] = ()
    volumes: dict[str, dict[str, Any]] = {}
    resources: dict[str, Any] = {}
    service_account: str = ""
    tracking_uri: str = ""
    deadline_s: int | None = None
    start_s: float = 300.0
    keep_s: int = 86_400
    poll_s: float = 2.0


def read_options(config: Mapping[str, Any]) -> Options:
    """Check a configuration, in our words or MLflow's.

    raises: InvalidInput
    """
    given: dict[str, Any] = {}
    for key, value in config.items():
        name = _MLFLOW.get(key, key)
        if name in given:
            raise InvalidInput(f"{key!r} and {name!r} are the same", hint="keep one")
        given[name] = value
    options = remote.read_options(given, Options, "kubernetes")
    for name, low in (("deadline_s", 1), ("keep_s", 0), ("start_s", 0), ("poll_s", 0.01)):
        value = getattr(options, name)
        if value is not None and not low <= value < 1e9:
            raise InvalidInput(f"{name} is {value}", hint=f"a number of seconds, {low} or more")
    for name in (*options.env, *options.secrets, *options.forward):
        if not _VARIABLE.fullmatch(name):
            raise InvalidInput(f"{name[:100]!r} is no name of a variable", hint="letters, digits, _ . and -")
    for name, reference in options.secrets.items():
        if not _REFERENCE.fullmatch(reference):
            raise InvalidInput(
                f"secrets names {name} no place of a Secret",
                hint="as NAME-OF-SECRET/KEY; a value itself does not belong into a configuration",
            )
    for place in (*options.volumes, *([options.folder] if options.folder else [])):
        if not place.startswith("/") or ":" in place or ".." in place.split("/"):
            raise InvalidInput(f"{place[:100]!r} is no folder of a container", hint="a path from / on")
    if options.repository and options.folder:
        raise InvalidInput("An image with the project in it is built for `repository`", hint="leave `folder` out")
    read_template(options)
    return options


def read_template(options: Options) -> dict[str, Any]:
    """Return the manifest that a job's is made from, with its container's place made.

    raises: InvalidInput
    """
    template, what = options.template, "template"
    if isinstance(template, str):
        template, what = (_read_yaml(template), Path(template).name) if template else ({}, "")
    if not isinstance(template, dict):
        raise InvalidInput(f"{what} is no object", hint="a manifest of a Job")
    if template.get("kind", "Job") != "Job" or template.get("apiVersion", "batch/v1") != "batch/v1":
        raise InvalidInput(
            f"{what} is a {template.get('kind')} of {template.get('apiVersion')}", hint="a Job of batch/v1"
        )
    try:
        template = msgspec.json.decode(msgspec.json.encode(template))  # a copy
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{what} holds what is no JSON: {error}") from None
    place: Any = template
    for key in ("spec", "template", "spec"):
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            raise InvalidInput(f"{key} in {what} is no object", hint="a manifest of a Job")
    containers = place.setdefault("containers", [{}])
    if not isinstance(containers, list) or not containers or not all(isinstance(one, dict) for one in containers):
        raise InvalidInput(f"containers in {what} is no list of containers", hint="the first runs the command")
    if not isinstance(template.setdefault("metadata", {}), dict):
        raise InvalidInput(f"metadata in {what} is no object")
    return dict(template)


def _read_yaml(name: str) -> Any:
    path = Path(name)
    try:
        with path.open("rb") as file:
            data = file.read(TEMPLATE_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"The template {name[:200]!r} cannot be read: {error.strerror}") from None
    if len(data) > TEMPLATE_BYTES:
        raise InvalidInput(f"The template {path.name} has more than {TEMPLATE_BYTES:,} bytes")
    try:
        return yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"The template {path.name} is no YAML: {str(error)[:300]}") from None
