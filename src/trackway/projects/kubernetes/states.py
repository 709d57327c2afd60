"""What a Job and its pods say of how it is going, in our words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from trackway.projects.backends import JobStatus, Outcome

Object = Mapping[str, Any]

_HOPELESS: Final = frozenset(("InvalidImageName", "ErrImageNeverPull"))
"""What a container waits for that never comes."""
_DOUBTFUL: Final = frozenset(
    """ErrImagePull ImagePullBackOff ImageInspectError RegistryUnavailable CreateContainerConfigError
    CreateContainerError CreatePodSandboxError RunContainerError SignatureValidationFailed""".split()
)
"""What a container waits for that may come yet."""
_NOT_STARTED: Final = frozenset(("StartError", "ContainerCannotRun"))


class Trouble(NamedTuple):
    """What keeps a pod from its beginning.

    hopeless: no time mends it
    """

    reason: str
    hopeless: bool


def find_trouble(pod: Object) -> Trouble | None:
    """Return what keeps a pod's containers from beginning, beside having no machine yet."""
    for status in _list_statuses(pod):
        waiting = status.get("state", {}).get("waiting") or {}
        why = waiting.get("reason", "")
        if why in _HOPELESS or why in _DOUBTFUL:
            text = f"its container {status.get('name', '')!r} cannot begin: {why}: {waiting.get('message', '')}"
            return Trouble(text.rstrip(": ")[:1_000], why in _HOPELESS)
    return None


def get_status(pods: Sequence[Object], container: str) -> JobStatus:
    """Return the state of a job that has not ended."""
    states = [state for pod in pods if (state := _find_state(pod, container))]
    return "RUNNING" if any(not state.get("waiting") for state in states) else "PENDING"


def has_begun(pod: Object, container: str) -> bool:
    """Tell whether a pod's container has something to say."""
    state = _find_state(pod, container)
    return bool(state.get("running") or state.get("terminated"))


def tell_end(job: Object, pods: Sequence[Object], container: str) -> Outcome | None:
    """Return how a job ended; None when it has not."""
    conditions = {one["type"]: one for one in job.get("status", {}).get("conditions") or () if one["status"] == "True"}
    if "Complete" in conditions:
        return Outcome("FINISHED", 0)
    if "Failed" not in conditions or "deletionTimestamp" in job["metadata"]:  # it is gone soon, and was ended by that
        return None
    failed = conditions["Failed"]
    if failed.get("reason") == "DeadlineExceeded":
        seconds = job.get("spec", {}).get("activeDeadlineSeconds")
        return Outcome("FAILED", None, f"it had not ended within its deadline of {seconds} s")
    for pod in sorted(pods, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), reverse=True):
        if (found := _tell_pod(pod, container)) is not None:
            return found
    why = f"{failed.get('reason', '')}: {failed.get('message', '')}".strip(": ")
    return Outcome("FAILED", None, f"Kubernetes says {why or 'that it failed'}")


def _tell_pod(pod: Object, container: str) -> Outcome | None:
    """Return how a pod ended that did not end well."""
    status = pod.get("status", {})
    ended = _find_state(pod, container).get("terminated") or {}
    code = ended.get("exitCode")
    if status.get("reason") == "Evicted":
        return Outcome("FAILED", code, f"its pod was evicted: {status.get('message', '')}".rstrip(": "))
    disruption = next(
        (
            one
            for one in status.get("conditions") or ()
            if one["type"] == "DisruptionTarget" and one["status"] == "True"
        ),
        None,
    )
    if disruption is not None:
        text = f"its pod was ended by the cluster: {disruption.get('reason', '')}: {disruption.get('message', '')}"
        return Outcome("FAILED", code, text.rstrip(": "))
    for one in status.get("initContainerStatuses") or ():
        before = one.get("state", {}).get("terminated") or {}
        if before.get("exitCode"):
            said = before.get("message") or f"it ended with status {before['exitCode']}"
            return Outcome(
                "FAILED", None, f"the container {one.get('name')!r}, which comes first, failed: {said}"[:1_000]
            )
    if not ended:
        why = f"{status.get('reason', '')}: {status.get('message', '')}".strip(": ")
        return Outcome("FAILED", None, f"its pod failed: {why}") if status.get("phase") == "Failed" and why else None
    why = ended.get("reason", "")
    if why == "OOMKilled":
        return Outcome("FAILED", code, f"it was killed for lack of memory{_tell_limit(pod, container)}")
    if why in _NOT_STARTED:
        return Outcome("FAILED", code, f"its command cannot be started: {ended.get('message', '')}"[:1_000])
    return Outcome("FAILED", code, f"its command ended with status {code}") if code else None


def _tell_limit(pod: Object, container: str) -> str:
    for one in pod.get("spec", {}).get("containers", ()):
        limit = (one.get("resources") or {}).get("limits", {}).get("memory")
        if one.get("name") == container and limit:
            return f", of which it may have {limit}"
    return ""


def _list_statuses(pod: Object) -> Iterator[Object]:
    for key in ("initContainerStatuses", "containerStatuses"):
        yield from pod.get("status", {}).get(key) or ()


def _find_state(pod: Object, container: str) -> Object:
    """Return the state of a pod's container; empty before there is one."""
    for status in pod.get("status", {}).get("containerStatuses") or ():
        if status.get("name") == container:
            return status.get("state") or {}
    return {}
