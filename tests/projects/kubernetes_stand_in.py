"""Stands in for a cluster of Kubernetes: its API over HTTP, the controller of jobs, and one machine that runs pods.

Each object that is sent is validated by the models that the official client ships, which are made from the API's own
description and refuse unknown fields and wrong types; and by rules that only a server has. A container is a process of
this machine: its mounts are folders, and all that it started ends with it.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import datetime as dt
import itertools
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.projects.kubernetes_rules import Object, Refused, check, expand, find_image_problem, validate

_MODELS = {"jobs": "V1Job", "secrets": "V1Secret"}


class StandInCluster:
    """The cluster's state; any thread may call.

    away:       the API answers with 503
    full:       no machine takes a pod
    token:      which requests must carry
    forbidden:  a kind of objects that is not for the caller
    tar:        the program of that name in every image
    requests:   what was asked for: method and path
    bodies:     what was created
    """

    def __init__(self, folder: Path) -> None:
        self.away = self.full = False
        self.forbidden = ""
        self.tar = "tar"
        self.token = "token-of-the-test"
        self.requests: list[str] = []
        self.bodies: list[Object] = []
        self._folder = folder
        self._lock = threading.RLock()
        self._kept: dict[tuple[str, str, str], Object] = {}
        self._machines: dict[str, Machine] = {}
        self._streams: set[socket.socket] = set()
        cluster = self

        class Handler(_Handler):
            state = cluster

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def write_config(self, path: Path) -> Path:
        """Write a kubeconfig of two contexts, of which the second leads nowhere."""
        context = {"cluster": "here", "user": "me", "namespace": "team"}
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "main",
                    "clusters": [
                        {"name": "here", "cluster": {"server": self.url}},
                        {"name": "gone", "cluster": {"server": "http://127.0.0.1:1"}},
                    ],
                    "users": [{"name": "me", "user": {"token": self.token}}],
                    "contexts": [
                        {"name": "main", "context": context},
                        {"name": "gone", "context": {**context, "cluster": "gone"}},
                    ],
                }
            )
        )
        return path

    def close(self) -> None:
        for machine in list(self._machines.values()):
            machine.end({"exitCode": 137, "reason": "Error"})
        self._server.shutdown()
        self._server.server_close()

    def list_objects(self, kind: str) -> list[Object]:
        with self._lock:
            return [copy.deepcopy(one) for (its, _, _), one in self._kept.items() if its == kind]

    def end_pods(self, *, status: Mapping[str, Any] | None = None, **ended: Any) -> None:
        """End all that runs, as the cluster does: with a container's end, and what a pod's status says beside it."""
        for name, machine in list(self._machines.items()):
            with self._lock:
                self._get("pods", machine.namespace, name)["status"].update(status or {})
            machine.end({"exitCode": 137, "reason": "Error", **ended})

    def break_logs(self) -> None:
        """Break the connections that logs are followed on."""
        for one in list(self._streams):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Object) -> Object:
        """Carry a request out.

        raises: Refused
        """
        parts = path.strip("/").split("/")
        parts = parts[2:] if parts[:2] == ["api", "v1"] else parts[3:] if parts[:3] == ["apis", "batch", "v1"] else []
        if len(parts) not in (3, 4) or parts[0] != "namespaces" or parts[2] not in ("jobs", "secrets", "pods"):
            raise Refused(404, "the server could not find the requested resource")
        namespace, kind, name = parts[1], parts[2], parts[3] if len(parts) == 4 else ""
        if self.forbidden == kind:
            raise Refused(403, f'{kind} is forbidden: User "me" cannot {method} resource "{kind}"')
        with self._lock:
            if method == "POST" and not name:
                return self._create(kind, namespace, body)
            if method == "GET" and not name:
                return {"kind": "List", "items": self._select(kind, namespace, query.get("labelSelector", ""))}
            if method == "GET":
                return self._get(kind, namespace, name)
            if method == "PATCH" and kind == "secrets":
                found = self._get(kind, namespace, name)
                found["metadata"].update(body["metadata"])
                validate("V1Secret", found)
                return found
            if method == "DELETE":
                return self._delete(kind, namespace, name, body)
        raise Refused(405, "the server does not allow this method on the requested resource")

    def _get(self, kind: str, namespace: str, name: str) -> Object:
        found = self._kept.get((kind, namespace, name))
        if found is None:
            raise Refused(404, f'{kind} "{name}" not found')
        return found

    def _select(self, kind: str, namespace: str, selector: str) -> list[Object]:
        wanted = dict(part.split("=", 1) for part in selector.split(",") if part)
        return [
            one
            for (its, place, _), one in self._kept.items()
            if (its, place) == (kind, namespace) and wanted.items() <= one["metadata"].get("labels", {}).items()
        ]

    def _create(self, kind: str, namespace: str, body: Object) -> Object:
        self.bodies.append(body)
        validate(_MODELS[kind], body)
        check(kind, body)
        name = body["metadata"]["name"]
        if (kind, namespace, name) in self._kept:
            raise Refused(409, f'{kind} "{name}" already exists')
        if body["metadata"].get("namespace", namespace) != namespace:
            raise Refused(400, "the namespace of the provided object does not match the namespace of the request")
        made = copy.deepcopy(body)
        made["metadata"] |= {"namespace": namespace, "uid": f"uid-{kind}-{name}", "creationTimestamp": _now()}
        self._kept[kind, namespace, name] = made
        if kind == "jobs":
            made["status"] = {}
            self._start_pod(made)
        return made

    def _delete(self, kind: str, namespace: str, name: str, body: Object) -> Object:
        found = self._get(kind, namespace, name)
        if kind != "jobs":
            del self._kept[kind, namespace, name]
            return {"kind": "Status", "status": "Success"}
        validate("V1DeleteOptions", body)
        how = body.get("propagationPolicy")
        if how != "Foreground":
            raise Refused(400, f"the test allows no propagation but Foreground, not {how}")
        found["metadata"]["deletionTimestamp"] = _now()
        threading.Thread(target=self._take_down, args=(namespace, name), daemon=True).start()
        return found

    def _take_down(self, namespace: str, job: str) -> None:
        """End a job's pods, then the pods, what else it owns, and the job itself are gone."""
        for pod in self._select("pods", namespace, f"job-name={job}"):
            machine = self._machines.get(pod["metadata"]["name"])
            if machine is not None:
                machine.end({"exitCode": 143, "reason": "Error"}, gently=True)
        with self._lock:
            for key, one in list(self._kept.items()):
                owners = [owner["name"] for owner in one["metadata"].get("ownerReferences", [])]
                if job in owners and key[1] == namespace:
                    del self._kept[key]
            self._kept.pop(("jobs", namespace, job), None)

    def _start_pod(self, job: Object) -> None:
        metadata, spec = job["metadata"], job["spec"]
        name = f"{metadata['name']}-{len(self._select('pods', metadata['namespace'], '')):05d}"
        labels = {**spec["template"].get("metadata", {}).get("labels", {}), "job-name": metadata["name"]}
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": metadata["namespace"],
                "labels": labels,
                "creationTimestamp": _now(),
                "ownerReferences": [owner],
            },
            "spec": copy.deepcopy(spec["template"]["spec"]),
            "status": {"phase": "Pending"},
        }
        validate("V1Pod", {key: one for key, one in pod.items() if key != "status"})
        self._kept["pods", metadata["namespace"], name] = pod
        machine = self._machines[name] = Machine(self, job, pod, self._folder / name)
        threading.Thread(target=machine.run, daemon=True).start()
        if (deadline_s := spec.get("activeDeadlineSeconds")) is not None:
            timer = threading.Timer(deadline_s, self._miss_deadline, (job, machine))
            timer.daemon = True
            timer.start()

    def _miss_deadline(self, job: Object, machine: Machine) -> None:
        with self._lock:
            job["status"].setdefault("conditions", []).append(
                {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "Job was active longer"}
            )
        machine.end({"exitCode": 143, "reason": "Error"})

    def read_secret(self, namespace: str, name: str, key: str) -> bytes:
        found = self._get("secrets", namespace, name)["data"]
        return base64.b64decode(found[key])

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        with self._lock:
            yield

    def follow(self, namespace: str, name: str, query: Mapping[str, str], connection: socket.socket) -> Iterator[bytes]:
        """Yield a container's log, as it comes when it is followed."""
        machine = self._machines.get(name)
        if machine is None or ("pods", namespace, name) not in self._kept:
            raise Refused(404, f'pods "{name}" not found')
        if not machine.has_begun:
            raise Refused(400, f'container "{query["container"]}" in pod "{name}" is waiting to start')
        self._streams.add(connection)
        try:
            yield from machine.read_log(query.get("sinceTime", ""), query.get("timestamps") == "true")
        finally:
            self._streams.discard(connection)


class Machine:
    """Runs one pod."""

    def __init__(self, cluster: StandInCluster, job: Object, pod: Object, folder: Path) -> None:
        self.namespace = pod["metadata"]["namespace"]
        self.has_begun = False
        self._cluster = cluster
        self._job = job
        self._pod = pod
        self._folder = folder
        self._mounts: dict[str, Path] = {}
        self._token = f"POD_MARK=pod-{time.monotonic_ns()}"
        self._process: subprocess.Popen[bytes] | None = None
        self._ending: Object | None = None
        self._ended = threading.Event()
        self._log: list[tuple[str, bytes]] = []
        self._written = threading.Condition()

    def run(self) -> None:
        container = self._pod["spec"]["containers"][0]
        while self._cluster.full:
            self._say({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]})
            if self._ended.wait(0.02):
                return
        if (why := find_image_problem(container)) is not None:
            self._set(container, {"waiting": why})
            self._ended.wait()
            return
        try:
            self._mount()
        except Refused as error:
            self._set(container, {"waiting": {"reason": "CreateContainerConfigError", "message": str(error)}})
            self._ended.wait()
            return
        for one in self._pod["spec"].get("initContainers", []):
            words = [self._find_place(word, one) for word in one["command"]]
            done = subprocess.run(["env", self._cluster.tar, *words[1:]], capture_output=True, text=True, check=False)
            ended = {"terminated": {"exitCode": done.returncode, "reason": "Error", "message": done.stderr}}
            self._set(one, ended, "initContainerStatuses")
            if done.returncode:
                self._finish({"exitCode": 0}, failed=True)
                return
        self._run_main(container)

    def _run_main(self, container: Object) -> None:
        try:
            variables = self._list_variables(container)
        except Refused as error:
            self._set(container, {"waiting": {"reason": "CreateContainerConfigError", "message": str(error)}})
            self._ended.wait()
            return
        words = [expand(word, variables) for word in container["command"]]
        try:
            self._process = subprocess.Popen(
                words,
                cwd=self._find_place(container.get("workingDir", "/"), container),
                env={"PATH": os.environ["PATH"], **variables, "POD_MARK": self._token.partition("=")[2]},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            self._finish({"exitCode": 128, "reason": "StartError", "message": f"exec: {words[0]!r}: {error.strerror}"})
            return
        with self._cluster.changing():
            self.has_begun = True
            self._set(container, {"running": {"startedAt": _now()}})
            self._pod["status"]["phase"] = "Running"
        self._keep_log()
        code = self._process.wait()
        self._kill()  # a container's processes end with its first
        found = self._ending or {
            "exitCode": code if code >= 0 else 128 - code,
            "reason": "Error" if code else "Completed",
        }
        self._finish(found)

    def end(self, ended: Object, *, gently: bool = False) -> None:
        self._ending = ended
        if self._process is not None:
            if gently:
                with contextlib.suppress(ProcessLookupError):
                    self._process.send_signal(signal.SIGTERM)
                self._ended.wait(1)
            self._kill()
            self._ended.wait(30)
        self._ended.set()

    def read_log(self, since: str, timestamps: bool) -> Iterator[bytes]:
        at = 0
        while True:
            with self._written:
                while at >= len(self._log) and not self._ended.is_set():
                    self._written.wait(0.05)
                if at >= len(self._log):
                    return
                moment, line = self._log[at]
            at += 1
            if moment[:19] >= since[:19]:
                yield f"{moment} ".encode() + line if timestamps else line

    def _keep_log(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                with self._written:
                    moment = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
                    self._log.append((f"{moment}.{time.time_ns() % 10**9:09d}Z", line))
                    self._written.notify_all()

    def _kill(self) -> None:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if self._token.encode() in (entry / "environ").read_bytes().split(b"\0"):
                        os.kill(int(entry.name), signal.SIGKILL)

    def _finish(self, ended: Object, *, failed: bool = False) -> None:
        container, conditions = self._pod["spec"]["containers"][0], self._job["status"].setdefault("conditions", [])
        good = ended["exitCode"] == 0 and not failed
        with self._cluster.changing():
            if not failed:
                self._set(container, {"terminated": ended})
            self._pod["status"]["phase"] = "Succeeded" if good else "Failed"
            if not conditions and "deletionTimestamp" not in self._job["metadata"]:
                reason = {} if good else {"reason": "BackoffLimitExceeded", "message": "Job has reached its limit"}
                conditions.append({"type": "Complete" if good else "Failed", "status": "True", **reason})
        self._ended.set()

    def _mount(self) -> None:
        for volume in self._pod["spec"].get("volumes", []):
            place = self._mounts[volume["name"]] = self._folder / volume["name"]
            place.mkdir(parents=True, exist_ok=True)
            if "secret" in volume:
                for item in volume["secret"]["items"]:
                    name = volume["secret"]["secretName"]
                    (place / item["path"]).write_bytes(self._cluster.read_secret(self.namespace, name, item["key"]))

    def _find_place(self, path: str, container: Object) -> str:
        for mount in container.get("volumeMounts", []):
            if path == mount["mountPath"] or path.startswith(mount["mountPath"] + "/"):
                return str(self._mounts[mount["name"]]) + path[len(mount["mountPath"]) :]
        return path

    def _list_variables(self, container: Object) -> dict[str, str]:
        variables: dict[str, str] = {}
        for one in container.get("env", []):
            if "valueFrom" in one:
                reference = one["valueFrom"]["secretKeyRef"]
                try:
                    value = self._cluster.read_secret(self.namespace, reference["name"], reference["key"]).decode()
                except KeyError:
                    raise Refused(404, f"couldn't find key {reference['key']} in Secret {reference['name']}") from None
            else:
                value = expand(one.get("value", ""), variables)
            variables[one["name"]] = value
        return variables

    def _say(self, status: Object) -> None:
        with self._cluster.changing():
            self._pod["status"].update(status)

    def _set(self, container: Object, state: Object, key: str = "containerStatuses") -> None:
        with self._cluster.changing():
            found = [one for one in self._pod["status"].get(key, []) if one["name"] != container["name"]]
            self._pod["status"][key] = [*found, {"name": container["name"], "state": state}]


class _Handler(BaseHTTPRequestHandler):
    """Speaks HTTP."""

    protocol_version = "HTTP/1.1"
    state: StandInCluster

    def log_message(self, *arguments: Any) -> None: ...

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size) or b"{}")
        self.state.requests.append(f"{self.command} {parts.path}")
        try:
            if self.state.away:
                raise Refused(503, "the server is currently unable to handle the request")
            if self.headers.get("Authorization") != f"Bearer {self.state.token}":
                raise Refused(401, "Unauthorized")
            if parts.path.endswith("/log"):
                self._stream(parts.path, query)
                return
            self._send(200, self.state.answer(self.command, parts.path, query, body))
        except Refused as error:
            told = {"kind": "Status", "status": "Failure", "message": str(error), "code": error.status}
            self._send(error.status, told)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def _send(self, status: int, answer: Object) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, path: str, query: Mapping[str, str]) -> None:
        _, _, _, _, namespace, _, name, _ = ("", *path.strip("/").split("/"))
        lines = self.state.follow(namespace, name, query, self.connection)
        first = next(lines, b"")
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for line in itertools.chain([first] if first else [], lines):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def run_cluster() -> Iterator[StandInCluster]:
    with tempfile.TemporaryDirectory(prefix="trackway-cluster-") as folder:
        cluster = StandInCluster(Path(folder))
        try:
            yield cluster
        finally:
            cluster.close()
