"""What an API of Kubernetes takes: objects as it describes them, and rules that only a server has."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import kubernetes.client
import pydantic

Object = dict[str, Any]

_IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:@-]*")
_PLACE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")


class Refused(Exception):
    """What the API answers with a status that is no success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def validate(model: str, body: Object) -> None:
    """Hold an object against the API's description."""
    try:
        getattr(kubernetes.client, model).model_validate(body)
    except pydantic.ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise Refused(422, f"{model} is invalid: {told}") from None


def check(kind: str, body: Object) -> None:
    """Hold an object against rules that its description does not have."""
    if not _NAME.fullmatch(body["metadata"]["name"]):
        raise Refused(422, f"metadata.name: Invalid value: {body['metadata']['name']!r}")
    if not all(_LABEL.fullmatch(value) for value in body["metadata"].get("labels", {}).values()):
        raise Refused(422, "metadata.labels: Invalid value")
    if kind == "secrets":
        sizes = [len(base64.b64decode(one)) for one in body.get("data", {}).values()]
        if sum(sizes) > 2**20:
            raise Refused(422, "data: Too long: must have at most 1048576 bytes")
        return
    pod = body["spec"]["template"]["spec"]
    if pod.get("restartPolicy") not in ("Never", "OnFailure"):
        raise Refused(422, "spec.template.spec.restartPolicy: Required value: valid values: OnFailure, Never")
    volumes = [one["name"] for one in pod.get("volumes", [])]
    containers = [*pod.get("initContainers", []), *pod["containers"]]
    names = [one["name"] for one in containers]
    for what, given in (("volumes", volumes), ("containers", names)):
        if len(set(given)) != len(given):
            raise Refused(422, f"spec.template.spec.{what}: Duplicate value")
    for one in containers:
        places = [mount["mountPath"] for mount in one.get("volumeMounts", [])]
        if len(set(places)) != len(places) or any(
            mount["name"] not in volumes for mount in one.get("volumeMounts", [])
        ):
            raise Refused(422, "volumeMounts: Not found, or mounted twice")
        for variable in one.get("env", []):
            if "value" in variable and "valueFrom" in variable:
                raise Refused(422, "env.valueFrom: Invalid value: may not be specified when `value` is not empty")
        limits = one.get("resources", {}).get("limits", {})
        if any(not re.fullmatch(r"[0-9.]+([EPTGMk]i?|m)?", value) for value in limits.values()):
            raise Refused(422, "resources.limits: quantities must match the regular expression")


def find_image_problem(container: Object) -> Object | None:
    image = container["image"]
    if not _IMAGE.fullmatch(image):
        return {"reason": "InvalidImageName", "message": f"couldn't parse image reference {image!r}"}
    if image.startswith("missing"):
        return {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}
    return None


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Put variables where a text says ``$(NAME)``, as kubelets do; ``$$`` is a dollar sign."""

    def put(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else variables.get(found[1], found[0])

    return _PLACE.sub(put, text)
