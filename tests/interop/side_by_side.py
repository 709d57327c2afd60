"""The same requests to two servers, and whether their answers say the same."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from tests.services.mlflow_api import Answer, Api
from tests.services.peers import peer_python
from tests.services.ports import free_port
from tests.services.trackway_server import answers

START_TIMEOUT_S = 180
PREFIX = "/api/2.0/mlflow"
_HEX = re.compile(r"\b[0-9a-f]{32}\b")
_NAME = re.compile(r"[a-z]+-[a-z]+-\d{1,4}")
_UNORDERED = ("tags", "params", "metrics", "aliases", "dataset_inputs", "model_outputs", "latest_versions")


class Step(NamedTuple):
    """One request.

    path:     below ``/api/2.0/mlflow``, or from the root when it begins with ``//``
    sent:     the JSON body, or the query of a GET; ``bytes`` are sent as they are
    saved:    what later steps call a part of the answer, by its path in the answer
    differs:  why the answers may say different things, and must
    """

    method: str
    path: str
    sent: Any = None
    saved: dict[str, str] | None = None
    differs: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path} {str(self.sent)[:200]}"


def post(path: str, sent: Any = None, differs: str = "", **saved: str) -> Step:
    return Step("POST", path, {} if sent is None else sent, saved, differs)


def get(path: str, sent: Any = None, differs: str = "") -> Step:
    return Step("GET", path, sent, None, differs)


def each(*sent: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return fields of several requests of one kind."""
    return sent


@contextmanager
def run_mlflow(folder: Path) -> Iterator[int]:
    """Run MLflow's own server on an empty store until the block ends; yield its port.

    cost:    about half a minute and 1 GB
    """
    port = free_port()
    command = [peer_python("mlflow-server"), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/m.db"]
    command += ["--artifacts-destination", f"{folder}/artifacts"]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    log = (folder / "mlflow.log").open("wb")
    with (
        log,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            deadline_s = time.monotonic() + START_TIMEOUT_S
            while not answers(port):
                if process.poll() is not None or time.monotonic() > deadline_s:
                    raise RuntimeError((folder / "mlflow.log").read_text()[-4000:])
                time.sleep(0.2)
            yield port
        finally:
            os.killpg(process.pid, 15)  # the workers are its children


class Pair:
    """Two servers; ``{name}`` in a step is what an earlier one saved, on each server its own."""

    def __init__(self, theirs: int, ours: int) -> None:
        self._apis = (Api(theirs, ""), Api(ours, ""))

    def begin(self, **made: str) -> None:
        """Forget what was saved, but for what is given."""
        for api in self._apis:
            api.made = dict(made)

    def take(self, step: Step) -> str:
        """Carry a step out on both servers; return how it went wrong, or nothing."""
        theirs, ours = (_send(api, step) for api in self._apis)
        fault = _compare(_show(self._apis[0], theirs), _show(self._apis[1], ours))
        if step.differs:
            return "" if fault else f"{step}\n  does not differ any more: {step.differs}"
        return f"{step}\n  {fault}" if fault else ""


def _send(api: Api, step: Step) -> Answer:
    path = api.fill(step.path)
    target = path[1:] if path.startswith("//") else PREFIX + path
    target = quote(target, safe="/%?&=")
    body, headers = None, {}
    if step.method == "GET" and step.sent is not None:
        query = api.fill(step.sent)
        target += "?" + urlencode(query if isinstance(query, dict) else list(map(tuple, query)), doseq=True)
    elif step.sent is not None:
        headers = {"Content-Type": "application/json"}
        body = step.sent if isinstance(step.sent, bytes) else json.dumps(api.fill(step.sent)).encode()
    answer = api.send(step.method, target, body, headers)
    if step.saved and answer.status == 200:
        for name, place in step.saved.items():
            found = answer.json
            for part in place.split("."):
                found = found[int(part)] if part.isdigit() else found[part]
            api.made[name] = str(found)
    return answer


def _show(api: Api, answer: Answer) -> dict[str, Any]:
    """Return what an answer says, without what must differ."""
    shown: dict[str, Any] = {"status": answer.status}
    try:
        said = answer.json
    except ValueError:
        return {**shown, "code": None} if answer.status >= 400 else {**shown, "body": answer.body}
    if answer.status >= 400:
        return {**shown, "code": said.get("error_code") if isinstance(said, dict) else None}
    return {**shown, "said": _plain(said, {value: name for name, value in api.made.items()})}


def _plain(value: Any, names: dict[str, str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _plain(item, names, name) for name, item in value.items()}
    if isinstance(value, list):
        items = [_plain(item, names, key) for item in value]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if key in _UNORDERED else items
    if isinstance(value, int) and value > 1_600_000_000_000:
        return "<time>"
    if not isinstance(value, str):
        return value
    if key in ("experiment_id", "next_page_token"):
        return f"<{names.get(value, key)}>"
    for made, name in names.items():
        if len(made) > 30:
            value = value.replace(made, f"<{name}>")
    value = re.sub(r"^mlflow-artifacts:/\d+", "mlflow-artifacts:/<experiment>", _HEX.sub("<id>", value))
    return "<name>" if _NAME.fullmatch(value) else value


def _compare(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    if theirs.get("code", "") is None:  # told by their web server: a page, or a word
        ours = {**ours, "code": None}
    if theirs == ours:
        return ""
    return f"theirs: {json.dumps(theirs, default=repr)[:1500]}\n  ours:   {json.dumps(ours, default=repr)[:1500]}"
