"""Runs through the compatible front door."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.services.mlflow_api import Api

INVALID = "INVALID_PARAMETER_VALUE"
UNKNOWN = "RESOURCE_DOES_NOT_EXIST"
TAGS_TWICE = [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]
NAMED = [{"key": "mlflow.runName", "value": "b"}]
NOTE = '{"run_id":"r","artifact_path":"m","utc_time_created":"2024","flavors":{}}'
DATASET = {"name": "n", "digest": "d", "source_type": "local", "source": "{}"}

POSTS: dict[str, tuple[str, dict[str, Any], int, str, str]] = {
    "create: unknown experiment": ("create", {"experiment_id": "987654"}, 404, UNKNOWN, "987654"),
    "create: bad experiment": ("create", {"experiment_id": "abc"}, 400, INVALID, "Invalid experiment ID"),
    "create: number as id": ("create", {"experiment_id": 0}, 400, INVALID, "Hint: Value was of type 'int'"),
    "create: in the trash": ("create", {"experiment_id": "{gone_exp}"}, 400, INVALID, "'active' state"),
    "create: two names": (
        "create",
        {"experiment_id": "{exp}", "run_name": "a", "tags": NAMED},
        400,
        INVALID,
        "'run_name'",
    ),
    "create: tag twice": ("create", {"experiment_id": "{exp}", "tags": TAGS_TWICE}, 400, "BAD_REQUEST", "Duplicate"),
    "create: before 1970": ("create", {"experiment_id": "{exp}", "start_time": -1}, 400, INVALID, "'start_time'"),
    "create: text as time": ("create", {"experiment_id": "{exp}", "start_time": "now"}, 400, INVALID, "'start_time'"),
    "update: no id": ("update", {"status": "FINISHED"}, 400, INVALID, "'run_id'"),
    "update: unknown": ("update", {"run_id": "{unknown_run}", "status": "FINISHED"}, 404, UNKNOWN, "0000"),
    "update: in the trash": ("update", {"run_id": "{gone_run}", "status": "FINISHED"}, 400, INVALID, "'active' state"),
    "update: unknown status": ("update", {"run_id": "{run}", "status": "BOGUS"}, 400, INVALID, '"BOGUS"'),
    "update: a status of ours": ("update", {"run_id": "{run}", "status": "LOST"}, 400, INVALID, '"LOST"'),
    "update: status 0": ("update", {"run_id": "{run}", "status": 0}, 400, INVALID, "'status'"),
    "update: status 6": ("update", {"run_id": "{run}", "status": 6}, 400, INVALID, "'status'"),
    "update: end before 1970": ("update", {"run_id": "{run}", "end_time": -1}, 400, INVALID, "'end_time'"),
    "delete: no id": ("delete", {}, 400, INVALID, "'run_id'"),
    "delete: unknown": ("delete", {"run_id": "{unknown_run}"}, 404, UNKNOWN, "0000"),
    "restore: unknown": ("restore", {"run_id": "{unknown_run}"}, 404, UNKNOWN, "0000"),
    "tag: no key": ("set-tag", {"run_id": "{run}", "value": "v"}, 400, INVALID, "'key'"),
    "tag: bad key": ("set-tag", {"run_id": "{run}", "key": "a$"}, 400, INVALID, "a$"),
    "tag: key of 251": ("set-tag", {"run_id": "{run}", "key": "k" * 251}, 400, INVALID, "250"),
    "tag: value of 8001": ("set-tag", {"run_id": "{run}", "key": "k", "value": "v" * 8_001}, 400, INVALID, "8000"),
    "tag: value of 80000": ("set-tag", {"run_id": "{run}", "key": "k", "value": "v" * 80_000}, 400, INVALID, "8000"),
    "tag: unknown": ("set-tag", {"run_id": "{unknown_run}", "key": "k"}, 404, UNKNOWN, "0000"),
    "tag: in the trash": ("set-tag", {"run_id": "{gone_run}", "key": "k"}, 400, INVALID, "'active' state"),
    "untag: not there": ("delete-tag", {"run_id": "{run}", "key": "k"}, 404, UNKNOWN, "'k'"),
    "untag: in the trash": ("delete-tag", {"run_id": "{gone_run}", "key": "k"}, 400, INVALID, "'active' state"),
    "untag: unknown": ("delete-tag", {"run_id": "{unknown_run}", "key": "k"}, 404, UNKNOWN, "0000"),
    "param: no key": ("log-parameter", {"run_id": "{run}", "value": "v"}, 400, INVALID, "'key'"),
    "param: number as value": ("log-parameter", {"run_id": "{run}", "key": "k", "value": 1}, 400, INVALID, "'value'"),
    "param: bad key": ("log-parameter", {"run_id": "{run}", "key": "a/../b"}, 400, INVALID, "a/../b"),
    "param: key of 251": ("log-parameter", {"run_id": "{run}", "key": "k" * 251}, 400, INVALID, "250"),
    "param: value of 6001": (
        "log-parameter",
        {"run_id": "{run}", "key": "k", "value": "v" * 6_001},
        400,
        INVALID,
        "6000",
    ),
    "param: value of 60000": (
        "log-parameter",
        {"run_id": "{run}", "key": "k", "value": "v" * 60_000},
        400,
        INVALID,
        "6000",
    ),
    "param: unknown": ("log-parameter", {"run_id": "{unknown_run}", "key": "k"}, 404, UNKNOWN, "0000"),
    "param: in the trash": ("log-parameter", {"run_id": "{gone_run}", "key": "k"}, 400, INVALID, "'active' state"),
    "inputs: no run": ("log-inputs", {}, 400, INVALID, "'run_id'"),
    "inputs: unknown": (
        "log-inputs",
        {"run_id": "{unknown_run}", "datasets": [{"dataset": DATASET}]},
        404,
        UNKNOWN,
        "",
    ),
    "inputs: in the trash": ("log-inputs", {"run_id": "{gone_run}", "datasets": []}, 400, INVALID, "'active' state"),
    "inputs: no id of a run": ("log-inputs", {"run_id": "a/b"}, 400, INVALID, "'run_id'"),
    "inputs: tag key of 256": (
        "log-inputs",
        {"run_id": "{run}", "datasets": [{"dataset": DATASET, "tags": [{"key": "k" * 256, "value": "v"}]}]},
        400,
        INVALID,
        "255",
    ),
    "inputs: no data set": ("log-inputs", {"run_id": "{run}", "datasets": [{}]}, 400, INVALID, "'datasets[0].dataset'"),
    "inputs: no name": (
        "log-inputs",
        {"run_id": "{run}", "datasets": [{"dataset": {"digest": "d"}}]},
        400,
        INVALID,
        "'datasets[0].dataset.name'",
    ),
    "inputs: no digest": (
        "log-inputs",
        {"run_id": "{run}", "datasets": [{"dataset": {"name": "n"}}]},
        400,
        INVALID,
        "'datasets[0].dataset.digest'",
    ),
    "inputs: name of 501": (
        "log-inputs",
        {"run_id": "{run}", "datasets": [{"dataset": {**DATASET, "name": "n" * 501}}]},
        400,
        INVALID,
        "500",
    ),
    "inputs: digest of 37": (
        "log-inputs",
        {"run_id": "{run}", "datasets": [{"dataset": {**DATASET, "digest": "d" * 37}}]},
        400,
        INVALID,
        "36",
    ),
    "inputs: source of 65536": (
        "log-inputs",
        {"run_id": "{run}", "datasets": [{"dataset": {**DATASET, "source": "s" * 65_536}}]},
        400,
        INVALID,
        "65535",
    ),
    "inputs: schema of 1048576": (
        "log-inputs",
        {"run_id": "{run}", "datasets": [{"dataset": {**DATASET, "schema": "s" * 1_048_576}}]},
        400,
        INVALID,
        "1048575",
    ),
    "inputs: tag value of 501": (
        "log-inputs",
        {"run_id": "{run}", "datasets": [{"dataset": DATASET, "tags": [{"key": "k", "value": "v" * 501}]}]},
        400,
        INVALID,
        "500",
    ),
    "inputs: tag twice": (
        "log-inputs",
        {"run_id": "{run}", "datasets": [{"dataset": DATASET, "tags": TAGS_TWICE}]},
        400,
        "BAD_REQUEST",
        "datasets[0].tags",
    ),
    "inputs: model without id": (
        "log-inputs",
        {"run_id": "{run}", "models": [{}]},
        400,
        INVALID,
        "'models[0].model_id'",
    ),
    "outputs: no models": ("outputs", {"run_id": "{run}"}, 400, INVALID, "'models'"),
    "outputs: unknown": ("outputs", {"run_id": "{unknown_run}", "models": [{"model_id": "m"}]}, 404, UNKNOWN, "0000"),
    "outputs: in the trash": (
        "outputs",
        {"run_id": "{gone_run}", "models": [{"model_id": "m"}]},
        400,
        INVALID,
        "'active'",
    ),
    "outputs: twice": (
        "outputs",
        {"run_id": "{run}", "models": [{"model_id": "m"}, {"model_id": "m"}]},
        400,
        "BAD_REQUEST",
        "'m'",
    ),
    "search: page of 0": ("search", {"experiment_ids": ["{exp}"], "max_results": 0}, 400, INVALID, "'max_results'"),
    "search: page of -1": ("search", {"experiment_ids": ["{exp}"], "max_results": -1}, 400, INVALID, "'max_results'"),
    "search: page of 50001": ("search", {"experiment_ids": ["{exp}"], "max_results": 50_001}, 400, INVALID, "50000"),
    "search: page beyond 32 bits": ("search", {"experiment_ids": ["{exp}"], "max_results": 2**31}, 400, INVALID, ""),
    "search: bad id": ("search", {"experiment_ids": ["abc"]}, 400, INVALID, "Invalid experiment ID"),
    "search: number as id": ("search", {"experiment_ids": [0]}, 400, INVALID, "'experiment_ids[0]'"),
    "search: bad view": ("search", {"experiment_ids": ["{exp}"], "run_view_type": "BOGUS"}, 400, INVALID, '"BOGUS"'),
    "search: bad token": ("search", {"experiment_ids": ["{exp}"], "page_token": "zz"}, 400, INVALID, "page token"),
    "search: bad filter": ("search", {"experiment_ids": ["{exp}"], "filter": "metrics.m >"}, 400, INVALID, ""),
    "search: bad filter and no ids": ("search", {"experiment_ids": [], "filter": "bad bad"}, 400, INVALID, ""),
    "search: bad order": ("search", {"experiment_ids": ["{exp}"], "order_by": ["a, b"]}, 400, INVALID, ""),
    "model: no json": ("log-model", {"run_id": "{run}"}, 400, INVALID, "'model_json'"),
    "model: bad json": ("log-model", {"run_id": "{run}", "model_json": "{"}, 400, INVALID, "JSON"),
    "model: no object": ("log-model", {"run_id": "{run}", "model_json": "[]"}, 400, INVALID, "JSON"),
    "model: fields missing": ("log-model", {"run_id": "{run}", "model_json": "{}"}, 400, INVALID, "model_json.run_id"),
    "model: flavors are no object": (
        "log-model",
        {
            "run_id": "{run}",
            "model_json": '{"run_id":"","artifact_path":"","utc_time_created":"","flavors":{"x":1}}',
        },
        400,
        INVALID,
        "model_json.flavors",
    ),
    "model: unknown run": ("log-model", {"run_id": "{unknown_run}", "model_json": NOTE}, 404, UNKNOWN, "0000"),
    "model: run in the trash": (
        "log-model",
        {"run_id": "{gone_run}", "model_json": NOTE},
        400,
        INVALID,
        "'active' state",
    ),
}


@pytest.mark.parametrize("path, body, status, code, says", POSTS.values(), ids=list(POSTS))
def test_a_wrong_request_is_told_what_is_wrong_and_changes_nothing(
    trash: Api, path: str, body: dict[str, Any], status: int, code: str, says: str
) -> None:
    before = trash.run(trash.made["run"])
    answer = trash.post(f"/runs/{path}", body)
    assert (answer.status, answer.code) == (status, code), answer
    assert says in answer.message
    assert len(answer.body) < 2_000
    assert trash.run(trash.made["run"]) == before


def test_a_new_run_shows_what_was_sent_and_what_was_made_up(api: Api) -> None:
    tags = [{"key": "k", "value": "v"}, {"key": "odd$key", "value": ""}, {"key": "none"}]
    fields = {"experiment_id": "{exp}", "user_id": "ann", "run_name": "first", "start_time": 1234, "tags": tags}
    run = api.post("/runs/create", fields).json["run"]
    run_id = run["info"]["run_id"]
    assert re.fullmatch("[0-9a-f]{32}", run_id)
    assert run["info"] == {
        "run_uuid": run_id,
        "experiment_id": api.made["exp"],
        "run_name": "first",
        "user_id": "ann",
        "status": "RUNNING",
        "start_time": 1234,
        "artifact_uri": f"mlflow-artifacts:/{api.made['exp']}/{run_id}/artifacts",
        "lifecycle_stage": "active",
        "run_id": run_id,
    }
    shown = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
    assert shown == {"k": "v", "odd$key": "", "none": "", "mlflow.runName": "first"}
    assert run["inputs"] == {}
    assert "outputs" not in run
    assert api.run(run_id) == {**run, "outputs": {}}


def test_a_run_that_says_nothing_gets_a_name_and_the_default_experiment(api: Api) -> None:
    info = api.post("/runs/create", {}).json["run"]["info"]
    assert (info["experiment_id"], info["start_time"], info["user_id"]) == ("0", 0, "")
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", info["run_name"])


def test_the_tag_of_a_user_is_a_tag_alone(api: Api) -> None:
    fields = {"experiment_id": "{exp}", "tags": [{"key": "mlflow.user", "value": "bob"}]}
    assert api.post("/runs/create", fields).json["run"]["info"]["user_id"] == ""


def test_a_run_may_be_named_by_its_tag(api: Api) -> None:
    for fields in ({"tags": NAMED}, {"tags": NAMED, "run_name": "b"}):
        run = api.post("/runs/create", {"experiment_id": "{exp}", **fields}).json["run"]
        assert run["info"]["run_name"] == "b"
        assert run["data"]["tags"] == NAMED


def test_an_update_changes_only_what_is_sent(api: Api) -> None:
    run_id = api.made["run"]
    steps: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {"status": "RUNNING"}),
        ({"status": "FINISHED"}, {"status": "FINISHED"}),
        ({"end_time": 99}, {"status": "FINISHED", "end_time": 99}),
        ({"status": "RUNNING"}, {"status": "RUNNING", "end_time": 99}),
        ({"status": 4}, {"status": "FAILED"}),
        ({"status": "5", "end_time": "100"}, {"status": "KILLED", "end_time": 100}),
        ({"status": 2, "end_time": 0}, {"status": "SCHEDULED", "end_time": 0}),
        ({"status": 3.0, "end_time": "7.0"}, {"status": "FINISHED", "end_time": 7}),
        ({"run_name": "renamed"}, {"run_name": "renamed"}),
        ({"run_name": ""}, {"run_name": "renamed"}),
    ]
    for fields, shown in steps:
        answer = api.post("/runs/update", {"run_id": run_id, **fields})
        assert answer.status == 200, answer
        info = answer.json["run_info"]
        assert info.items() >= shown.items()
        run = api.run(run_id)
        assert run["info"] == info
    assert {"key": "mlflow.runName", "value": "renamed"} in run["data"]["tags"]


def test_a_finished_run_still_takes_writes(api: Api) -> None:
    assert api.post("/runs/update", {"run_id": "{run}", "status": "FINISHED", "end_time": 9}).status == 200
    assert api.post("/runs/log-parameter", {"run_id": "{run}", "key": "p", "value": "1"}).status == 200
    assert api.post("/runs/set-tag", {"run_id": "{run}", "key": "t", "value": "1"}).status == 200


def test_the_name_and_its_tag_go_together(api: Api) -> None:
    assert api.post("/runs/set-tag", {"run_id": "{run}", "key": "mlflow.runName", "value": "tagged"}).status == 200
    assert api.run(api.made["run"])["info"]["run_name"] == "tagged"
    tags = [{"key": "mlflow.runName", "value": "batched"}]
    assert api.post("/runs/log-batch", {"run_id": "{run}", "tags": tags}).status == 200
    assert api.run(api.made["run"])["info"]["run_name"] == "batched"
    emptied = {"key": "mlflow.runName", "value": ""}
    assert api.post("/runs/set-tag", {"run_id": "{run}", **emptied}).status == 200
    assert api.post("/runs/log-batch", {"run_id": "{run}", "tags": [emptied]}).status == 200
    run = api.run(api.made["run"])
    assert (run["info"]["run_name"], run["data"]["tags"]) == ("batched", tags), "an empty name is none"


def test_deleting_and_restoring_may_be_repeated(api: Api) -> None:
    for path, stage in (("delete", "deleted"), ("delete", "deleted"), ("restore", "active"), ("restore", "active")):
        assert api.post(f"/runs/{path}", {"run_id": "{run}"}).body == b"{}"
        assert api.run(api.made["run"])["info"]["lifecycle_stage"] == stage


def test_a_param_is_written_once(api: Api) -> None:
    body = {"run_id": "{run}", "key": "lr", "value": "0.1"}
    for _ in range(2):
        assert api.post("/runs/log-parameter", body).body == b"{}"
    answer = api.post("/runs/log-parameter", {**body, "value": "0.2"})
    assert (answer.status, answer.code) == (400, INVALID)
    assert "Changing param values is not allowed" in answer.message
    assert api.post("/runs/log-parameter", {"run_id": "{run}", "key": "none"}).status == 200
    assert api.run(api.made["run"])["data"]["params"] == [{"key": "lr", "value": "0.1"}, {"key": "none", "value": ""}]


def test_long_values_are_kept_whole_up_to_their_limits(api: Api) -> None:
    param, tag = "é" * 6_000, "é" * 8_000
    batched = {"params": [{"key": "b", "value": param}], "tags": [{"key": "b", "value": tag}]}
    assert api.post("/runs/log-parameter", {"run_id": "{run}", "key": "k" * 250, "value": param}).status == 200
    assert api.post("/runs/set-tag", {"run_id": "{run}", "key": "t" * 250, "value": tag}).status == 200
    assert api.post("/runs/log-batch", {"run_id": "{run}", **batched}).status == 200
    data = api.run(api.made["run"])["data"]
    assert data["params"] == [{"key": "b", "value": param}, {"key": "k" * 250, "value": param}]
    assert {item["key"]: item["value"] for item in data["tags"]}.items() >= {"b": tag, "t" * 250: tag}.items()


def test_a_tag_is_replaced_and_deleted(api: Api) -> None:
    for value in ("1", "2"):
        assert api.post("/runs/set-tag", {"run_id": "{run}", "key": "t", "value": value}).body == b"{}"
    assert {"key": "t", "value": "2"} in api.run(api.made["run"])["data"]["tags"]
    assert api.post("/runs/delete-tag", {"run_id": "{run}", "key": "t"}).body == b"{}"
    assert api.post("/runs/set-tag", {"run_id": "{run}", "key": "bare"}).body == b"{}"
    tags = {tag["key"]: tag["value"] for tag in api.run(api.made["run"])["data"]["tags"]}
    assert tags.keys() == {"mlflow.runName", "bare"}
    assert tags["bare"] == ""


def test_a_run_is_got_by_either_name_of_its_id(api: Api) -> None:
    run_id = api.made["run"]
    for query in ({"run_id": run_id}, {"run_uuid": run_id}, {"run_uuid": run_id, "run_id": run_id}):
        assert api.get("/runs/get", query).json["run"]["info"]["run_id"] == run_id
    assert api.get("/runs/get", {"run_id": "{gone_run}"}).json["run"]["info"]["lifecycle_stage"] == "deleted"
    assert api.get("/runs/get", {"run_id": "{unknown_run}"}).code == UNKNOWN
    assert api.get("/runs/get", {"run_id": ""}).code == INVALID
    assert api.get("/runs/get").code == INVALID


def test_inputs_keep_what_was_logged_first(api: Api) -> None:
    full = {**DATASET, "schema": "[]", "profile": "{}"}
    train = [{"key": "mlflow.data.context", "value": "train"}]
    first = {"run_id": "{run}", "datasets": [{"dataset": full, "tags": train}], "models": [{"model_id": "m-1"}]}
    assert api.post("/runs/log-inputs", first).body == b"{}"
    again = [{"dataset": {**full, "source": "other"}, "tags": [{"key": "mlflow.data.context", "value": "eval"}]}]
    assert api.post("/runs/log-inputs", {"run_id": "{run}", "datasets": again}).status == 200
    bare = [{"dataset": {"name": "bare", "digest": "d" * 36}}]
    assert (
        api.post("/runs/log-inputs", {"run_id": "{run}", "datasets": bare, "models": [{"model_id": "m-1"}]}).status
        == 200
    )
    inputs = api.run(api.made["run"])["inputs"]
    assert inputs == {
        "dataset_inputs": [
            {"tags": train, "dataset": full},
            {"dataset": {"name": "bare", "digest": "d" * 36, "source_type": "", "source": ""}},
        ],
        "model_inputs": [{"model_id": "m-1"}],
    }
    [found] = api.post("/runs/search", {"experiment_ids": ["{exp}"]}).json["runs"]
    assert found["inputs"] == {"dataset_inputs": inputs["dataset_inputs"]}


def test_outputs_are_logged_once_each(api: Api) -> None:
    outputs = [{"model_id": "m-1", "step": 3}, {"model_id": "m-2", "step": 0}]
    assert api.post("/runs/outputs", {"run_id": "{run}", "models": outputs[:1]}).body == b"{}"
    answer = api.post("/runs/outputs", {"run_id": "{run}", "models": outputs[:1]})
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert api.post("/runs/outputs", {"run_id": "{run}", "models": [{"model_id": "m-2"}]}).status == 200
    assert api.post("/runs/outputs", {"run_id": "{run}", "models": []}).status == 200
    shown = api.run(api.made["run"])["outputs"]["model_outputs"]
    assert sorted(shown, key=lambda output: str(output["model_id"])) == outputs
    assert api.post("/runs/delete", {"run_id": "{run}"}).status == 200
    answer = api.post("/runs/outputs", {"run_id": "{run}", "models": outputs[:1]})
    assert (answer.status, answer.code) == (400, "INVALID_PARAMETER_VALUE"), "that it is in the trash comes first"


def test_models_are_noted_in_a_tag_as_older_clients_do(api: Api) -> None:
    flavor = {"loader_module": "x", "env": {"conda": "conda.yaml"}, "code": None}
    note = {"run_id": "{run}", "artifact_path": "m", "utc_time_created": "2024", "model_uuid": "u"}
    notes = [api.fill({**note, "artifact_path": f"m{i}", "flavors": {"python_function": flavor}}) for i in range(3)]
    more = {"signature": {"inputs": "[]"}, "mlflow_version": "2.22.5", "metadata": {"a": 1}}
    for one in notes:
        model = {**one, **more, "flavors": {"python_function": {**flavor, "config": {"b": 2}}}}
        assert api.post("/runs/log-model", {"run_id": "{run}", "model_json": json.dumps(model)}).body == b"{}"
    tags = {tag["key"]: tag["value"] for tag in api.run(api.made["run"])["data"]["tags"]}
    assert json.loads(tags["mlflow.log-model.history"]) == notes


def test_a_search_shows_runs_as_they_are_now(api: Api) -> None:
    def find(**fields: Any) -> list[str]:
        answer = api.post("/runs/search", {"experiment_ids": ["{exp}"], **fields})
        assert answer.status == 200, answer
        return [run["info"]["run_id"] for run in answer.json.get("runs", [])]

    second = api.make_run(api.made["exp"], start_time=2)
    run = api.made["run"]
    assert find() == [second, run]
    assert find(run_view_type="DELETED_ONLY") == [api.made["gone_run"]]
    assert set(find(run_view_type=3)) == {run, second, api.made["gone_run"]}
    for i in range(3):  # the same page each time, though it was shown before
        api.post("/runs/set-tag", {"run_id": "{run}", "key": "t", "value": str(i)})
        [_, shown] = api.post("/runs/search", {"experiment_ids": ["{exp}", "987654"]}).json["runs"]
        assert {"key": "t", "value": str(i)} in shown["data"]["tags"]
    first = api.post("/runs/search", {"experiment_ids": ["{exp}"], "max_results": 1}).json
    assert find(max_results=1, page_token=first["next_page_token"]) == [run]
    query = {"experiment_ids": ["{exp}"], "run_view_type": "ACTIVE_ONLY", "max_results": 1}
    preview = api.get("/runs/search", query, prefix="/api/2.0/preview/mlflow").json
    assert [run["info"]["run_id"] for run in preview["runs"]] == [second]
    assert api.get("/runs/search", query).status == 405
