"""A plain REST client of the compatible protocol."""

from __future__ import annotations

import json
import re
import uuid
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode

_PLACE = re.compile(r"\{(\w+)\}")


class Answer:
    """An HTTP answer; ``code`` is the error code of this protocol, ``message`` what it says."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error_code"])

    @property
    def message(self) -> str:
        return str(self.json["message"])

    def __repr__(self) -> str:
        return f"{self.status} {self.body[:500]!r}"


class Api:
    """Talks to one server. ``made`` holds the ids that ``{name}`` stands for in paths and bodies."""

    def __init__(self, port: int, prefix: str = "/api/2.0/mlflow") -> None:
        self.port = port
        self.prefix = prefix
        self.made: dict[str, str] = {}

    def send(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        finally:
            connection.close()

    def post(self, path: str, body: Any = None, method: str = "POST", prefix: str | None = None) -> Answer:
        """Send JSON; ``bytes`` are sent as they are."""
        data = body if isinstance(body, bytes) else json.dumps(self.fill({} if body is None else body)).encode()
        target = (self.prefix if prefix is None else prefix) + quote(self.fill(path), safe="/%")
        return self.send(method, target, data, {"Content-Type": "application/json"})

    def get(self, path: str, query: Any = None, prefix: str | None = None) -> Answer:
        """Read; ``query`` is a mapping or a list of pairs."""
        target = (self.prefix if prefix is None else prefix) + quote(self.fill(path), safe="/%")
        if query:
            target += "?" + urlencode(self.fill(query), doseq=True)
        return self.send("GET", target)

    def fill(self, value: Any) -> Any:
        """Put ids where their names stand."""
        if isinstance(value, str):
            return _PLACE.sub(lambda found: self.made.get(found[1], found[0]), value)
        if isinstance(value, (list, tuple)):
            return [self.fill(item) for item in value]
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        return value

    def make_experiment(self, **fields: Any) -> str:
        answer = self.post("/experiments/create", {"name": f"exp-{uuid.uuid4().hex}", **fields})
        assert answer.status == 200, answer
        return str(answer.json["experiment_id"])

    def make_run(self, experiment_id: str, **fields: Any) -> str:
        answer = self.post("/runs/create", {"experiment_id": experiment_id, "start_time": 1, **fields})
        assert answer.status == 200, answer
        return str(answer.json["run"]["info"]["run_id"])

    def make_model(self, experiment_id: str, **fields: Any) -> str:
        answer = self.post("/logged-models", {"experiment_id": experiment_id, **fields})
        assert answer.status == 200, answer
        return str(answer.json["model"]["info"]["model_id"])

    def run(self, run_id: str) -> Any:
        answer = self.get("/runs/get", {"run_id": run_id})
        assert answer.status == 200, answer
        return answer.json["run"]
