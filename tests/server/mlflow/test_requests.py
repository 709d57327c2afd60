"""What may stand for what in a request: the rules that all routes share."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.services.mlflow_api import Api

METRIC = {"run_id": "{run}", "key": "m", "value": 1.5, "timestamp": 7}

ACCEPTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {"value": 1.5, "timestamp": 7, "step": 0}),
    "step": ({"step": -3}, {"step": -3}),
    "whole number": ({"value": 2}, {"value": 2.0}),
    "number as text": ({"value": "2.5e3"}, {"value": 2500.0}),
    "integer as text": ({"timestamp": "12", "step": "-4"}, {"timestamp": 12, "step": -4}),
    "integer as whole double": ({"timestamp": 12.0, "step": 3.0}, {"timestamp": 12, "step": 3}),
    "true for a double": ({"value": True}, {"value": 1.0}),
    "false for a double": ({"value": False}, {"value": 0.0}),
    "NaN as text": ({"value": "NaN"}, {"value": "NaN"}),
    "infinity as text": ({"value": "Infinity"}, {"value": "Infinity"}),
    "minus infinity as text": ({"value": "-Infinity"}, {"value": "-Infinity"}),
    "infinity as other text": ({"value": "-INF"}, {"value": "-Infinity"}),
    "NaN as other text": ({"value": "-nan"}, {"value": "NaN"}),
    "integer as text of a whole double": ({"timestamp": "12.0", "step": "3e1"}, {"timestamp": 12, "step": 30}),
    "null is absent": ({"step": None, "model_id": None, "run_uuid": None}, {"step": 0}),
    "unknown field": ({"colour": "red"}, {"value": 1.5}),
    "old name of the id": ({"run_id": None, "run_uuid": "{run}"}, {"value": 1.5}),
    "both names of the id": ({"run_uuid": "{run}"}, {"value": 1.5}),
    "greatest integers": ({"timestamp": 2**63 - 1, "step": -(2**63)}, {"timestamp": 2**63 - 1, "step": -(2**63)}),
    "zero time": ({"timestamp": 0, "value": 0}, {"timestamp": 0, "value": 0.0}),
    "a key of many scripts": ({"key": "größe/学习 率:1.0-x_y"}, {"key": "größe/学习 率:1.0-x_y"}),
}


@pytest.mark.parametrize("change, shown", ACCEPTED.values(), ids=list(ACCEPTED))
def test_a_point_may_be_written_in_every_way_that_clients_know(
    api: Api, change: dict[str, Any], shown: dict[str, Any]
) -> None:
    body = {**METRIC, **change}
    answer = api.post("/runs/log-metric", body)
    assert (answer.status, answer.body) == (200, b"{}"), answer
    history = api.get("/metrics/get-history", {"run_id": "{run}", "metric_key": body["key"]}).json["metrics"]
    assert len(history) == 1
    assert history[0].items() >= shown.items()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no run": ({"run_id": None}, "Missing value for required parameter 'run_id'"),
    "empty run": ({"run_id": ""}, "Missing value for required parameter 'run_id'"),
    "no key": ({"key": None}, "Missing value for required parameter 'key'"),
    "empty key": ({"key": ""}, "Missing value for required parameter 'key'"),
    "no value": ({"value": None}, "Missing value for required parameter 'value'"),
    "no time": ({"timestamp": None}, "Missing value for required parameter 'timestamp'"),
    "number for the run": ({"run_id": 7}, "Invalid value 7 for parameter 'run_id'"),
    "zero for the run": ({"run_id": 0, "run_uuid": "{run}"}, "Invalid value 0 for parameter 'run_id'"),
    "number for a text": ({"key": 1.5}, "Hint: Value was of type 'float'"),
    "list for a text": ({"key": ["m"]}, "Invalid value"),
    "text for a number": ({"value": "high"}, "Invalid value \"high\" for parameter 'value'"),
    "bare NaN": ({"value": float("nan")}, 'send it as text: "NaN"'),
    "bare infinity": ({"value": float("inf")}, "Infinity"),
    "bare minus infinity": ({"value": float("-inf")}, "-Infinity"),
    "fraction as text for an integer": ({"step": "1.5"}, "Invalid value"),
    "no number for an integer": ({"timestamp": "NaN"}, "Invalid value"),
    "underscore in a number": ({"value": "1_0"}, "Invalid value"),
    "list for a number": ({"value": [1]}, "Invalid value"),
    "too large an integer for a double": ({"value": 10**400}, "Invalid value"),
    "fraction of a millisecond": ({"timestamp": 1.5}, "Invalid value 1.5 for parameter 'timestamp'"),
    "fraction of a step": ({"step": 0.5}, "Invalid value 0.5 for parameter 'step'"),
    "true for an integer": ({"step": True}, "Invalid value true for parameter 'step'"),
    "text for an integer": ({"step": "two"}, "Invalid value"),
    "time before the epoch": ({"timestamp": -1}, "Invalid value -1 for parameter 'timestamp'"),
    "time beyond 64 bits": ({"timestamp": 2**63}, "Invalid value"),
    "step beyond 64 bits": ({"step": -(2**63) - 1}, "Invalid value"),
    "both spellings": ({"runId": "{run}"}, "'runId'"),
    "key of 251": ({"key": "k" * 251}, "250"),
    "key of 2500": ({"key": "k" * 2500}, "250"),
    "sign in the key": ({"key": "bad$key"}, "bad$key"),
    "line break in the key": ({"key": "bad\n"}, "Invalid"),
    "key that climbs": ({"key": "../m"}, "../m"),
    "absolute key": ({"key": "/m"}, "/m"),
    "key with an empty part": ({"key": "a//b"}, "a//b"),
    "key with a slash at its end": ({"key": "a/"}, "a/"),
    "key of a dot": ({"key": "."}, "Invalid"),
    "half a surrogate pair": ({"key": "a\ud800"}, "surrogate"),
}


@pytest.mark.parametrize("change, says", REFUSED.values(), ids=list(REFUSED))
def test_a_point_that_cannot_be_is_refused_with_the_reason(api: Api, change: dict[str, Any], says: str) -> None:
    answer = api.post("/runs/log-metric", {**METRIC, **change})
    assert (answer.status, answer.code) == (400, "INVALID_PARAMETER_VALUE"), answer
    assert says in answer.message
    assert len(answer.body) < 2_000
    assert "metrics" not in api.run(api.made["run"])["data"]


BODIES: dict[str, tuple[bytes, int]] = {
    "json inside a json string": (json.dumps(json.dumps({"name": "{name}"})).encode(), 200),
    "byte order mark": (b'\xef\xbb\xbf{"name":"{name}"}', 200),
    "lowerCamel names": (b'{"name":"{name}","artifactLocation":"s3://bucket/a"}', 200),
    "empty": (b"", 400),
    "null": (b"null", 400),
    "empty text": (b'""', 400),
    "cut short": (b'{"name": "x', 400),
    "no json": (b"name=x", 400),
    "two values": (b'{"name":"a"}{"name":"b"}', 400),
    "list": (b'[{"name":"x"}]', 400),
    "number": (b"7", 400),
    "text that is no json": (b'"name"', 400),
    "not utf-8": (b'{"name":"\xff"}', 400),
    "utf-16": ('{"name":"x"}'.encode("utf-16"), 400),
    "very deep": (b'{"x":' * 50_000 + b"1" + b"}" * 50_000, 400),
    "very deep list": (b"[" * 100_000, 400),
    "very long integer": (b'{"name":' + b"9" * 10_000 + b"}", 400),
    "NUL": (b'{"name":"a\\u0000b"}', 400),
}


@pytest.mark.parametrize("body, status", BODIES.values(), ids=list(BODIES))
def test_a_body_is_one_json_object(api: Api, body: bytes, status: int, request: pytest.FixtureRequest) -> None:
    name = f"{request.node.name}-{api.made['exp']}".replace("[", "-").replace("]", "")
    answer = api.post("/experiments/create", body.replace(b"{name}", name.encode()))
    assert answer.status == status, answer
    if status == 400:
        assert answer.code == "INVALID_PARAMETER_VALUE"


CONTENT_TYPES = {
    "application/json": 200,
    "application/json; charset=utf-8": 200,
    "Application/JSON": 200,
    "text/plain": 400,
    "application/x-www-form-urlencoded": 400,
    "multipart/form-data; boundary=x": 400,
    "application/jsonx": 400,
    "": 400,
}


@pytest.mark.parametrize("content_type, status", CONTENT_TYPES.items())
@pytest.mark.parametrize("method, path", [("POST", "/runs/set-tag"), ("PATCH", "/logged-models/{model}")])
def test_a_change_is_sent_as_json(api: Api, method: str, path: str, content_type: str, status: int) -> None:
    model = api.make_model(api.made["exp"])
    body = {"run_id": api.made["run"], "key": "k", "value": "v", "model_id": model, "status": "LOGGED_MODEL_READY"}
    headers = {"Content-Type": content_type} if content_type else {}
    answer = api.send(method, api.prefix + path.replace("{model}", model), json.dumps(body).encode(), headers)
    assert answer.status == status, answer
    if status == 400:
        assert answer.code == "INVALID_PARAMETER_VALUE"
        assert "Content-Type must be one of ['application/json']" in answer.message


def test_reading_and_deleting_without_a_body_need_no_content_type(api: Api) -> None:
    model = api.make_model(api.made["exp"])
    assert api.send("GET", f"{api.prefix}/logged-models/{model}").status == 200
    assert api.send("DELETE", f"{api.prefix}/logged-models/{model}").status == 200


def test_a_delete_may_say_any_content_type(api: Api) -> None:
    """Programs such as curl call a body a form unless they are told; no page of another site can send a DELETE."""
    api.post("/registered-models/create", {"name": "{run}", "tags": [{"key": "t", "value": "1"}]})
    body = json.dumps(api.fill({"name": "{run}", "key": "t"})).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert api.send("DELETE", f"{api.prefix}/registered-models/delete-tag", body, headers).status == 200
    assert "tags" not in api.get("/registered-models/get", {"name": "{run}"}).json["registered_model"]


def test_a_get_without_a_query_string_reads_its_body(api: Api) -> None:
    body = json.dumps({"experiment_id": api.made["exp"]}).encode()
    answer = api.send("GET", f"{api.prefix}/experiments/get", body)
    assert answer.json["experiment"]["experiment_id"] == api.made["exp"]
    assert api.send("GET", f"{api.prefix}/experiments/get").status == 400
    assert api.send("GET", f"{api.prefix}/experiments/get?x=1", body).status == 400


QUERIES: dict[str, tuple[str, int]] = {
    "by its name": ("experiment_id={exp}", 200),
    "unknown names are ignored": ("experiment_id={exp}&other=1", 200),
    "twice the same": ("experiment_id={exp}&experiment_id={exp}", 200),
    "twice and different": ("experiment_id={exp}&experiment_id=0", 400),
    "not by another spelling": ("experimentId={exp}", 400),
    "empty": ("experiment_id=", 400),
    "not a number": ("experiment_id=abc", 400),
    "negative": ("experiment_id=-1", 404),
    "too long a number": (f"experiment_id={'9' * 30}", 400),
    "not utf-8": ("experiment_id=%ff", 400),
    "unknown": ("experiment_id=987654321", 404),
}


@pytest.mark.parametrize("query, status", QUERIES.values(), ids=list(QUERIES))
def test_a_query_string_gives_fields_by_their_names(api: Api, query: str, status: int) -> None:
    answer = api.send("GET", f"{api.prefix}/experiments/get?{query.replace('{exp}', api.made['exp'])}")
    assert answer.status == status, answer
    if status != 200:
        assert answer.code == ("INVALID_PARAMETER_VALUE" if status == 400 else "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize("flag, status", [("true", 200), ("True", 200), ("FALSE", 404), ("1", 400), ("yes", 400)])
def test_a_flag_in_a_query_string_is_true_or_false(api: Api, flag: str, status: int) -> None:
    model = api.make_model(api.made["exp"])
    api.post(f"/logged-models/{model}", {}, method="DELETE")
    answer = api.get(f"/logged-models/{model}", {"allow_deleted": flag})
    assert answer.status == status, answer


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "view, status",
    [("ACTIVE_ONLY", 200), ("DELETED_ONLY", 200), ("ALL", 200), (1, 200), ("3", 200), ("NEW", 400), (0, 400), (9, 400)],
)
def test_an_enum_is_sent_by_name_or_number(api: Api, method: str, view: str | int, status: int) -> None:
    fields = {"max_results": 1, "view_type": view}
    answer = api.get("/experiments/search", fields) if method == "GET" else api.post("/experiments/search", fields)
    assert answer.status == status, answer
    if status == 400:
        assert "ACTIVE_ONLY, DELETED_ONLY, ALL" in answer.message


def test_a_request_for_a_workspace_that_is_not_there_is_refused(api: Api) -> None:
    headers = {"X-MLFLOW-WORKSPACE": "team-a", "Content-Type": "application/json"}
    for method, path, body in (
        ("GET", f"/experiments/get?experiment_id={api.made['exp']}", None),
        ("POST", "/experiments/search", b'{"max_results":1}'),
    ):
        answer = api.send(method, api.prefix + path, body, headers)
        assert (answer.status, answer.code) == (404, "RESOURCE_DOES_NOT_EXIST"), answer
        assert "There is no workspace 'team-a'" in answer.message
        for name in ("", "default"):
            assert api.send(method, api.prefix + path, body, {**headers, "X-MLFLOW-WORKSPACE": name}).status == 200


def test_answers_leave_out_what_is_not_set(api: Api) -> None:
    assert api.post("/runs/search", {"experiment_ids": []}).body == b"{}"
    run = api.run(api.made["run"])
    assert "end_time" not in run["info"]
    assert run["info"]["user_id"] == ""
    assert run["inputs"] == {}
    assert run["outputs"] == {}
    assert set(run["data"]) == {"tags"}
