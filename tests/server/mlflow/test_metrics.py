"""Metrics through the compatible front door: points, batches, histories."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.services.mlflow_api import Api

INVALID = "INVALID_PARAMETER_VALUE"
UNKNOWN = "RESOURCE_DOES_NOT_EXIST"
POINT = {"key": "m", "value": 1.0, "timestamp": 1}
AJAX = "/ajax-api/2.0/mlflow"


def points(count: int, key: str = "m") -> list[dict[str, Any]]:
    return [{"key": key, "value": float(i), "timestamp": i, "step": i} for i in range(count)]


def params(count: int) -> list[dict[str, str]]:
    return [{"key": f"p{i}", "value": str(i)} for i in range(count)]


def tags(count: int) -> list[dict[str, str]]:
    return [{"key": f"t{i}", "value": str(i)} for i in range(count)]


def history(api: Api, key: str = "m", run: str = "run") -> list[dict[str, Any]]:
    answer = api.get("/metrics/get-history", {"run_id": f"{{{run}}}", "metric_key": key})
    assert answer.status == 200, answer
    found: list[dict[str, Any]] = answer.json.get("metrics", [])
    return found


BATCHES: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "no run": ({"run_id": None}, 400, INVALID, "'run_id'"),
    "unknown run": ({"run_id": "{unknown_run}", "metrics": [POINT]}, 404, UNKNOWN, "0000"),
    "unknown run, nothing to log": ({"run_id": "{unknown_run}"}, 404, UNKNOWN, "0000"),
    "run in the trash": ({"run_id": "{gone_run}", "params": params(1)}, 400, INVALID, "'active' state"),
    "point without value": ({"metrics": [POINT, {"key": "m", "timestamp": 1}]}, 400, INVALID, "'metrics[1].value'"),
    "point without time": ({"metrics": [{"key": "m", "value": 1}]}, 400, INVALID, "'metrics[0].timestamp'"),
    "point without key": ({"metrics": [{"value": 1, "timestamp": 1}]}, 400, INVALID, "'metrics[0].key'"),
    "point with an empty key": ({"metrics": [{**POINT, "key": ""}]}, 400, INVALID, "'metrics[0].key'"),
    "text as value": ({"metrics": [{**POINT, "value": "x"}]}, 400, INVALID, "'metrics[0].value'"),
    "fraction as time": ({"metrics": [{**POINT, "timestamp": 1.5}]}, 400, INVALID, "'metrics[0].timestamp'"),
    "time before 1970": ({"metrics": [POINT, {**POINT, "timestamp": -1}]}, 400, INVALID, "'metrics[1].timestamp'"),
    "bad key of a point": ({"metrics": [{**POINT, "key": "a$"}]}, 400, INVALID, "a$"),
    "key of 251": ({"metrics": [{**POINT, "key": "k" * 251}]}, 400, INVALID, "250"),
    "number for a point": ({"metrics": [1]}, 400, INVALID, "'metrics[0]'"),
    "object for the points": ({"metrics": POINT}, 400, INVALID, "'metrics'"),
    "text for the points": ({"metrics": "m"}, 400, INVALID, "'metrics'"),
    "param without key": ({"params": [{"value": "1"}]}, 400, INVALID, "'params[0].key'"),
    "number as param": ({"params": [{"key": "p", "value": 1}]}, 400, INVALID, "'params[0].value'"),
    "bad key of a param": ({"params": [{"key": "a$", "value": "1"}]}, 400, INVALID, "a$"),
    "param twice": ({"params": [*params(1), *params(1)]}, 400, INVALID, "Duplicate param"),
    "no id of a run": ({"run_id": "a/b"}, 400, INVALID, "'run_id'"),
    "long param": ({"params": [{"key": "p", "value": "v" * 6_001}]}, 400, INVALID, "6000"),
    "long tag": ({"tags": [{"key": "t", "value": "v" * 8_001}]}, 400, INVALID, "8000"),
    "data set without digest": ({"metrics": [{**POINT, "dataset_name": "d"}]}, 400, INVALID, "dataset_digest"),
    "data set of an empty digest": (
        {"metrics": [{**POINT, "dataset_name": "d", "dataset_digest": ""}]},
        400,
        INVALID,
        "dataset_digest",
    ),
    "data set without name": ({"metrics": [{**POINT, "dataset_digest": "1"}]}, 400, INVALID, "dataset_name"),
    "tag without key": ({"tags": [{"value": "1"}]}, 400, INVALID, "'tags[0].key'"),
    "bad key of a tag": ({"tags": [{"key": "../t", "value": "1"}]}, 400, INVALID, "../t"),
    "1001 points": ({"metrics": points(1_001)}, 400, INVALID, "1000"),
    "10000 points": ({"metrics": points(10_000)}, 400, INVALID, "1000"),
    "101 params": ({"params": params(101)}, 400, INVALID, "100"),
    "1000 params": ({"params": params(1_000)}, 400, INVALID, "100"),
    "101 tags": ({"tags": tags(101)}, 400, INVALID, "100"),
    "1001 together": ({"metrics": points(901), "params": params(50), "tags": tags(50)}, 400, INVALID, "1000"),
    "unknown model": ({"metrics": [{**POINT, "model_id": "m-none"}]}, 400, "BAD_REQUEST", "m-none"),
}


@pytest.mark.parametrize("body, status, code, says", BATCHES.values(), ids=list(BATCHES))
def test_a_wrong_batch_is_refused_whole(api: Api, body: dict[str, Any], status: int, code: str, says: str) -> None:
    before = api.run(api.made["run"])
    good = {"run_id": "{run}", "metrics": points(1, "good"), "params": [{"key": "good", "value": "1"}]}
    answer = api.post("/runs/log-batch", {**good, **body})
    assert (answer.status, answer.code) == (status, code), answer
    assert says in answer.message
    assert len(answer.body) < 2_000
    assert api.run(api.made["run"]) == before


def test_a_batch_logs_all_kinds_at_once(api: Api) -> None:
    body = {
        "run_id": "{run}",
        "metrics": [*points(3, "a"), *points(2, "b"), {**POINT, "key": "one", "value": "NaN"}],
        "params": [{"key": "p", "value": "1"}, {"key": "empty"}],
        "tags": [{"key": "t", "value": "first"}, {"key": "t", "value": "last"}],
    }
    assert api.post("/runs/log-batch", body).body == b"{}"
    data = api.run(api.made["run"])["data"]
    assert data["metrics"] == [
        {"key": "a", "value": 2.0, "timestamp": 2, "step": 2},
        {"key": "b", "value": 1.0, "timestamp": 1, "step": 1},
        {"key": "one", "value": "NaN", "timestamp": 1, "step": 0},
    ]
    assert data["params"] == [{"key": "empty", "value": ""}, {"key": "p", "value": "1"}]
    assert {"key": "t", "value": "last"} in data["tags"]
    assert api.post("/runs/log-batch", body).status == 200  # again, as a client does that got no answer
    assert len(history(api, "a")) == 3


@pytest.mark.parametrize("sizes", [(0, 0, 0), (1_000, 0, 0), (800, 100, 100), (0, 100, 100)])
def test_a_batch_may_be_as_large_as_its_limits(api: Api, sizes: tuple[int, int, int]) -> None:
    body = {"run_id": "{run}", "metrics": points(sizes[0]), "params": params(sizes[1]), "tags": tags(sizes[2])}
    assert api.post("/runs/log-batch", body).status == 200
    assert len(history(api)) == sizes[0]
    data = api.run(api.made["run"])["data"]
    assert len(data.get("params", [])) == sizes[1]
    assert len(data["tags"]) == sizes[2] + 1


def test_a_batch_of_many_keys_or_unusual_spelling_is_read_alike(api: Api) -> None:
    metrics = [{"key": f"k{i}", "value": str(i), "timestamp": str(i), "step": float(i), "x": 1} for i in range(500)]
    assert api.post("/runs/log-batch", {"runId": "{run}", "metrics": metrics}).status == 200
    assert history(api, "k7") == [{"key": "k7", "value": 7.0, "timestamp": 7, "step": 7}]
    assert len(api.run(api.made["run"])["data"]["metrics"]) == 500


def test_a_param_conflict_refuses_the_whole_batch(api: Api) -> None:
    api.post("/runs/log-parameter", {"run_id": "{run}", "key": "p", "value": "1"})
    answer = api.post(
        "/runs/log-batch", {"run_id": "{run}", "params": [{"key": "p", "value": "2"}], "metrics": [POINT]}
    )
    assert (answer.status, answer.code) == (400, INVALID)
    assert "Changing param values is not allowed" in answer.message
    assert history(api) == []


def test_history_is_in_order_of_time_step_and_value_without_repeats(api: Api) -> None:
    sent = [(5, 0, 1.0), (1, 2, 7.0), (1, 1, 9.0), (5, 0, -1.0), (5, 0, 1.0), (0, -4, 2.5)]
    for timestamp, step, value in sent:
        point = {"run_id": "{run}", "key": "m", "value": value, "timestamp": timestamp, "step": step}
        assert api.post("/runs/log-metric", point).status == 200
    shown = [(point["timestamp"], point["step"], point["value"]) for point in history(api)]
    assert shown == sorted(set(sent))
    [latest] = api.run(api.made["run"])["data"]["metrics"]
    assert latest == {"key": "m", "value": 7.0, "timestamp": 1, "step": 2}


def test_history_is_paged_only_when_asked(api: Api) -> None:
    api.post("/runs/log-batch", {"run_id": "{run}", "metrics": points(7)})
    found: list[Any] = []
    sizes: list[int] = []
    token = ""
    while not sizes or token:
        query = {"run_id": "{run}", "metric_key": "m", "max_results": 3, **({"page_token": token} if token else {})}
        page = api.get("/metrics/get-history", query).json
        found += page["metrics"]
        sizes.append(len(page["metrics"]))
        token = page.get("next_page_token", "")
    assert sizes == [3, 3, 1]
    assert found == history(api)
    assert "next_page_token" not in api.get("/metrics/get-history", {"run_id": "{run}", "metric_key": "m"}).json
    whole = {"run_id": "{run}", "metric_key": "m", "max_results": 7}
    assert "next_page_token" not in api.get("/metrics/get-history", whole).json


HISTORIES: dict[str, tuple[dict[str, Any], int]] = {
    "unknown run": ({"run_id": "{unknown_run}"}, 200),
    "unknown key": ({"metric_key": "none"}, 200),
    "a run in the trash": ({"run_id": "{gone_run}"}, 200),
    "old name of the id": ({"run_id": [], "run_uuid": "{run}"}, 200),
    "page of the client": ({"max_results": 25_000}, 200),
    "a very large page": ({"max_results": 2**31 - 1}, 200),
    "page of 0": ({"max_results": 0}, 400),
    "page of -1": ({"max_results": -1}, 400),
    "page beyond 32 bits": ({"max_results": 2**31}, 400),
    "page of text": ({"max_results": "x"}, 400),
    "no key": ({"metric_key": []}, 400),
    "no run": ({"run_id": []}, 400),
    "bad token": ({"max_results": 5, "page_token": "zz"}, 400),
}


@pytest.mark.parametrize("change, status", HISTORIES.values(), ids=list(HISTORIES))
def test_history_of_what_is_not_there_is_empty_but_a_wrong_request_is_refused(
    api: Api, change: dict[str, Any], status: int
) -> None:
    answer = api.get("/metrics/get-history", {"run_id": "{run}", "metric_key": "m", **change})
    assert answer.status == status, answer
    if status == 200:
        assert answer.body == b"{}"
    else:
        assert answer.code == INVALID


def test_a_point_may_belong_to_a_model_too(api: Api) -> None:
    model = api.make_model(api.made["exp"])
    extra = {"model_id": model, "dataset_name": "test", "dataset_digest": "abc"}
    assert api.post("/runs/log-metric", {"run_id": "{run}", **POINT, **extra}).status == 200
    assert (
        api.post("/runs/log-batch", {"run_id": "{run}", "metrics": [{**POINT, "key": "b", "model_id": model}]}).status
        == 200
    )
    metrics = api.get(f"/logged-models/{model}").json["model"]["data"]["metrics"]
    shown = {metric["key"]: metric for metric in metrics}
    assert shown["m"] == {**POINT, "step": 0, **extra, "run_id": api.made["run"]}
    assert "dataset_name" not in shown["b"]
    assert [point["key"] for point in (*history(api), *history(api, "b"))] == ["m", "b"]
    for wrong in ({"model_id": "m-none"}, {"dataset_name": "test"}, {"model_id": model, "dataset_digest": "abc"}):
        assert api.post("/runs/log-metric", {"run_id": "{run}", **POINT, **wrong}).status == 400


def test_histories_of_several_runs_come_run_by_run(api: Api) -> None:
    second = api.make_run(api.made["exp"])
    api.post("/runs/log-batch", {"run_id": "{run}", "metrics": points(4)})
    api.post("/runs/log-batch", {"run_id": second, "metrics": [*points(2), {**POINT, "value": "NaN", "timestamp": 9}]})

    def bulk(**query: Any) -> Any:
        fields = {"run_id": [second, "{run}", "{unknown_run}"], "metric_key": "m", **query}
        return api.get("/metrics/get-history-bulk", fields, prefix=AJAX)

    shown = bulk().json["metrics"]
    assert [point["run_id"] for point in shown] == sorted([second] * 3 + [api.made["run"]] * 4)
    mine = [point for point in shown if point["run_id"] == api.made["run"]]
    assert [point["timestamp"] for point in mine] == [0, 1, 2, 3]
    assert mine[1] == {"key": "m", "value": 1.0, "timestamp": 1, "step": 1, "run_id": api.made["run"]}
    assert [point["value"] for point in shown if point["run_id"] == second][-1] == "NaN"
    assert bulk(max_results=5).json["metrics"] == shown[:5]
    assert len(bulk(max_results=1_000_000).json["metrics"]) == 7
    assert bulk(metric_key="none").json == {"metrics": []}
    wrong: list[dict[str, Any]] = [{"run_id": []}, {"metric_key": []}, {"run_id": ["r"] * 101}, {"max_results": "x"}]
    for change in wrong:
        answer = bulk(**change)
        assert (answer.status, answer.code) == (400, INVALID), answer
    assert bulk(run_id=[f"r{i}" for i in range(100)]).status == 200
    assert api.get("/metrics/get-history-bulk", {"run_id": "{run}", "metric_key": "m"}).status == 404  # for pages alone


INTERVALS: dict[str, tuple[dict[str, Any], int]] = {
    "all": ({}, 200),
    "100 runs": ({"run_ids": ["{run}", *(f"r{i}" for i in range(99))]}, 200),
    "101 runs": ({"run_ids": [f"r{i}" for i in range(101)]}, 400),
    "no runs": ({"run_ids": []}, 400),
    "no key": ({"metric_key": []}, 400),
    "most points": ({"max_results": 2_500}, 200),
    "2501 points": ({"max_results": 2_501}, 400),
    "no points": ({"max_results": 0}, 400),
    "a start alone": ({"start_step": 1}, 400),
    "an end alone": ({"end_step": 1}, 400),
    "end before start": ({"start_step": 2, "end_step": 1}, 400),
    "one step": ({"start_step": 2, "end_step": 2}, 200),
    "step beyond 32 bits": ({"start_step": 0, "end_step": 2**31}, 400),
}


@pytest.mark.parametrize("change, status", INTERVALS.values(), ids=list(INTERVALS))
@pytest.mark.parametrize("prefix", ["/api/2.0/mlflow", AJAX])
def test_an_interval_history_has_limits(api: Api, prefix: str, change: dict[str, Any], status: int) -> None:
    query = {"run_ids": ["{run}"], "metric_key": "m", **change}
    answer = api.get("/metrics/get-history-bulk-interval", query, prefix=prefix)
    assert answer.status == status, answer
    if status != 200:
        assert answer.code == INVALID


# Which of n points are kept when m may be: the first of each of m equal parts, and the last of the last part.
KEPT = [
    (10, 1, [9]),
    (10, 2, [0, 9]),
    (10, 3, [0, 4, 9]),
    (10, 4, [0, 3, 6, 9]),
    (10, 7, [0, 2, 4, 6, 7, 8, 9]),
    (23, 5, [0, 5, 10, 15, 22]),
    (23, 11, [0, 3, 5, 7, 9, 11, 13, 15, 17, 19, 22]),
    (10, 10, list(range(10))),
    (10, 2_500, list(range(10))),
]


@pytest.mark.parametrize("count, most, kept", KEPT)
def test_an_interval_history_is_thinned_evenly(api: Api, count: int, most: int, kept: list[int]) -> None:
    sent = [{"key": "m", "value": i * 7 % 5, "timestamp": 1_000 - i, "step": i} for i in range(count)]
    api.post("/runs/log-batch", {"run_id": "{run}", "metrics": sent})
    query = {"run_ids": ["{run}", "{unknown_run}"], "metric_key": "m", "max_results": most}
    found = api.get("/metrics/get-history-bulk-interval", query).json["metrics"]
    assert [point["step"] for point in found] == kept
    assert {point["run_id"] for point in found} == {api.made["run"]}
    within = api.get("/metrics/get-history-bulk-interval", {**query, "start_step": 2, "end_step": 4}).json["metrics"]
    assert {point["step"] for point in within} <= {2, 3, 4}
    assert within[-1]["step"] == 4


def test_values_of_every_kind_come_back_as_they_went(api: Api) -> None:
    values = [0.1, 1 / 3, 1e-300, 5e-324, 1.7976931348623157e308, -0.0, 12345678901234567, 1e22]
    for i, value in enumerate(values):
        assert (
            api.post("/runs/log-metric", {"run_id": "{run}", "key": "m", "value": value, "timestamp": i}).status == 200
        )
    answer = api.get("/metrics/get-history", {"run_id": "{run}", "metric_key": "m"})
    shown = [point["value"] for point in json.loads(answer.body)["metrics"]]
    assert [repr(float(value)) for value in shown] == [repr(float(value)) for value in values]
    assert all(isinstance(point["timestamp"], int) and isinstance(point["step"], int) for point in history(api))
