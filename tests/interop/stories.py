"""Requests to be told apart by their answers, story by story: each begins with what it needs.

Where an answer differs from MLflow's, and shall, the step says why. A caller's mistake is a 400 here, where MLflow
fails with a 500, or carries on with half of what was sent.
"""

from __future__ import annotations

from typing import Any

from tests.interop.side_by_side import Step, each, get, post

HALF = "MLflow passes over a value of a wrong type and carries on with the rest"
FAILS = "MLflow fails with a 500"
CUT = "MLflow cuts a value that is too long"
UNCHECKED = "MLflow stores a key or value that it refuses elsewhere"
INFINITE = "MLflow has the largest double for an infinity"
HIDDEN = "MLflow does not tell the logged model of a version"
LIVE_IN_TRASH = "MLflow restores a run whose experiment stays in the trash"
PREVIEW = "MLflow 3 has none of the routes of MLflow 1"
DEFAULT = "MLflow does not find its default experiment when a run names none"
NO_TYPE = {"run_id": "{run}", "value": 1, "timestamp": 1}
KEYS = (
    *("k" * 250, "k" * 251, "a/../b", "/a", "a/", "a//b", ".", "..", "./a", "a:b", "ключ", "🎉", "a b-c.d_e/f", "a*b"),
    *("a\nb", "a\tb", "a%b", "a=b", "a&b", "a'b", 'a"b', "a\\b", "a`b", "a+b", "", " ", "a.", ".a", "...", "a/.", "m²"),
)


def begin(*steps: Step) -> list[Step]:
    """Make an experiment and a run before other steps."""
    made = post("/experiments/create", {"name": "{mark}"}, exp="experiment_id")
    run = {"experiment_id": "{exp}", "start_time": 1, "run_name": "one"}
    return [made, post("/runs/create", run, run="run.info.run_id"), *steps]


def ours(path: str, sent: Any, reason: str) -> Step:
    return post(path, sent, reason)


EXPERIMENTS = begin(
    *(
        get("/experiments/get", {"experiment_id": one})
        for one in ("{exp}", "0", "abc", "987654", "", "-1", "00", "1e3")
    ),
    *(get("/experiments/get-by-name", {"experiment_name": one}) for one in ("{mark}", "{mark} no", "")),
    get("/experiments/get"),
    *(
        post("/experiments/create", sent)
        for sent in (
            {"name": "{mark}"},
            {},
            {"name": ""},
            {"name": None},
            {"name": 5},
            {"name": "{mark} 1", "artifact_location": "s3://b/x#y"},
            {"name": "{mark} 2", "artifact_location": "runs:/a/b"},
            {"name": "{mark} 3", "artifact_location": "http://x/y"},
            {"name": "{mark} 4", "tags": [{"key": "a$"}]},
            {"name": "{mark} 5", "artifact_location": 4},
        )
    ),
    post("/experiments/create", {"name": "{mark} ✓/é", "artifactLocation": "s3://b/a b", "tags": [{"key": "a"}]}),
    get("/experiments/get-by-name", {"experiment_name": "{mark} ✓/é"}),
    ours("/experiments/create", {"name": "{mark} 6", "tags": [{"key": "a", "value": 1}]}, HALF),
    *(
        post("/experiments/set-experiment-tag", {"experiment_id": "{exp}", "key": key, "value": "v"})
        for key in (*KEYS, None)
    ),
    post("/experiments/set-experiment-tag", {"experiment_id": "{exp}", "key": "b"}),
    post("/experiments/set-experiment-tag", {"experiment_id": "{exp}", "key": "b", "value": "v" * 20_001}),
    get("/experiments/get", {"experiment_id": "{exp}"}),
    *(post("/experiments/delete-experiment-tag", {"experiment_id": "{exp}", "key": key}) for key in ("b", "b", "")),
    *(
        post("/experiments/update", {"experiment_id": "{exp}", "new_name": name})
        for name in ("{mark} b", "", "Default")
    ),
    *(post(f"/experiments/{act}", {"experiment_id": "{exp}"}) for act in ("restore", "delete", "delete")),
    post("/experiments/create", {"name": "{mark} b"}),
    post("/experiments/set-experiment-tag", {"experiment_id": "{exp}", "key": "b", "value": "v"}),
    post("/runs/create", {"experiment_id": "{exp}"}),
    ours("/experiments/update", {"experiment_id": "{exp}", "new_name": "{mark} c"}, FAILS),
    get("/runs/get", {"run_id": "{run}"}),
    post("/runs/search", {"experiment_ids": ["{exp}"], "run_view_type": "DELETED_ONLY"}),
    ours("/runs/restore", {"run_id": "{run}"}, LIVE_IN_TRASH),
    *(post("/experiments/restore", {"experiment_id": one}) for one in ("{exp}", "{exp}", "987654", "")),
    get("/runs/get", {"run_id": "{run}"}),
)

RUNS = begin(
    *(
        post("/runs/create", {"experiment_id": "{exp}", **fields})
        for fields in each(
            {"user_id": "ann", "run_name": "n", "start_time": "7", "tags": [{"key": "a", "value": "b"}]},
            {"run_name": None, "start_time": None, "tags": None},
            {"start_time": 2**63 - 1},
            {"start_time": "x"},
            {"run_name": "x", "tags": [{"key": "mlflow.runName", "value": "y"}]},
            {"tags": [{"key": "mlflow.runName", "value": "y"}]},
            {"tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]},
            {"tags": [{"key": "a$", "value": ""}]},
        )
    ),
    *(post("/runs/create", {"experiment_id": one}) for one in ("abc", "987654", "-1", 1)),
    ours("/runs/create", {}, DEFAULT),
    ours("/runs/create", {"experiment_id": "{exp}", "start_time": 1.5}, HALF),
    ours("/runs/create", {"experiment_id": "{exp}", "tags": [{"value": "v"}]}, UNCHECKED),
    *(
        post("/runs/update", {"run_id": "{run}", **fields})
        for fields in each(
            {"status": "FINISHED", "end_time": 99},
            {},
            {"status": 1},
            {"status": "4"},
            {"run_name": "renamed"},
            {"run_name": ""},
            {"status": "KILLED", "end_time": "5"},
        )
    ),
    ours("/runs/update", {"run_id": "{run}", "status": "finished"}, HALF),
    post("/runs/update", {"run_uuid": "{run}", "status": "RUNNING"}),
    post("/runs/update", {"status": "RUNNING"}),
    *(
        get("/runs/get", sent)
        for sent in ({"run_id": "{run}"}, {"run_uuid": "{run}"}, {"run_id": ""}, {"run_id": "x"}, None)
    ),
    *(
        post(f"/runs/{path}", {**NO_TYPE, "key": key})
        for path in ("log-metric", "log-parameter", "set-tag")
        for key in (*KEYS, None, 5)
        if path == "log-metric"
    ),
    *(
        post(f"/runs/{path}", {"run_id": "{run}", "key": key, "value": "1"})
        for path in ("log-parameter", "set-tag")
        for key in (*KEYS, None, 5)
    ),
    get("/runs/get", {"run_id": "{run}"}),
    *(
        post("/runs/log-parameter", {"run_id": "{run}", "key": "p", **value})
        for value in ({"value": "1"}, {"value": "1"}, {"value": "2"}, {"value": 1}, {})
    ),
    *(post("/runs/delete-tag", {"run_id": "{run}", "key": key}) for key in ("m²", "m²", "")),
    post("/runs/set-tag", {"run_id": "{run}", "key": "mlflow.runName", "value": ""}),
    post("/runs/log-batch", {"run_id": "{run}", "tags": [{"key": "mlflow.runName", "value": ""}]}),
    get("/runs/get", {"run_id": "{run}"}),
    *(post(f"/runs/{act}", {"run_id": "{run}"}) for act in ("restore", "delete", "delete")),
    post("/runs/set-tag", {"run_id": "{run}", "key": "t", "value": "v"}),
    post("/runs/log-batch", {"run_id": "{run}"}),
    post("/runs/update", {"run_id": "{run}", "status": "FINISHED"}),
    get("/runs/get", {"run_id": "{run}"}),
    *(post(f"/runs/{act}", {"run_id": one}) for act in ("delete", "restore") for one in ("x", "", "{run}")),
    ours("/runs/set-tag", {"run_id": "{run}", "key": "t", "value": "v" * 8_001}, CUT),
    ours("/runs/log-parameter", {"run_id": "{run}", "key": "q", "value": "v" * 6_001}, CUT),
)

POINTS = ((1, 5, 1), (2, 4, 1), (3, 3, 2), (2, 3, 2), (9, 9, 0), (3, 3, 2))
METRICS = begin(
    *(
        post("/runs/log-metric", {"run_id": "{run}", "key": f"k{i}", **fields})
        for i, fields in enumerate(
            each(
                {"value": 1, "timestamp": 0},
                {"value": "NaN", "timestamp": 1},
                {"value": "0.5", "timestamp": "5", "step": "-7"},
                {"value": True, "timestamp": 1},
                {"value": 5e-324, "timestamp": 2**63 - 1, "step": 2**63 - 1},
                {"value": 2**70, "timestamp": 1, "step": 2.0},
                {"value": "abc", "timestamp": 1},
                {"value": "", "timestamp": 1},
                {"value": None, "timestamp": 1},
                {"timestamp": 1},
                {"value": 1},
                {"value": 1, "timestamp": -1},
                {"value": 1, "timestamp": 1, "step": "x"},
                {"value": 1, "timestamp": 1, "dataset_name": "d"},
                {"value": 1, "timestamp": 1, "dataset_name": "d", "dataset_digest": ""},
                {"value": 1, "timestamp": 1, "model_id": "m-none"},
            )
        )
    ),
    get("/runs/get", {"run_id": "{run}"}),
    *(
        post("/runs/log-metric", {"run_id": "{run}", "key": "m", "value": value, "timestamp": time, "step": step})
        for value, time, step in POINTS
    ),
    *(
        get("/metrics/get-history", {"run_id": "{run}", "metric_key": "m", **more})
        for more in ({}, {"max_results": 2}, {"max_results": 0}, {"max_results": 25_001}, {"page_token": "zz"})
    ),
    *(
        get("/metrics/get-history", {"run_id": "{run}", "metric_key": "m", "max_results": 2, "page_token": token})
        for token in ("eyJvZmZzZXQiOiAyfQ==", "eyJvZmZzZXQiOiA5OX0=", "eyJvZmZzZXQiOiAwfQ==")
    ),
    *(get("/metrics/get-history", {"run_id": run, "metric_key": key}) for run, key in (("x", "m"), ("{run}", "none"))),
    *(
        post("/runs/log-batch", {"run_id": "{run}", **fields})
        for fields in each(
            {},
            {"metrics": [{"key": "b", "value": i, "timestamp": i, "step": i // 2} for i in range(23)]},
            {"params": [{"key": "p", "value": "1"}, {"key": "p", "value": "1"}]},
            {"tags": [{"key": "t", "value": "1"}, {"key": "t", "value": "2"}]},
            {"metrics": [{"key": "x", "value": 1, "timestamp": 1}] * 1_001},
            {"params": [{"key": f"p{i}", "value": "1"} for i in range(101)]},
            {"tags": [{"key": f"t{i}", "value": "1"} for i in range(101)]},
            {"metrics": [{"value": 1, "timestamp": 1}]},
            {"metrics": [{"key": "x", "timestamp": 1}]},
            {"metrics": {}},
            {"params": [{"key": "a$", "value": "1"}]},
        )
    ),
    get("/runs/get", {"run_id": "{run}"}),
    *(
        get("/metrics/get-history-bulk-interval", [("run_ids", "{run}"), ("metric_key", "b"), *more])
        for more in (
            [],
            *([("max_results", str(most))] for most in (1, 2, 5, 7, 22, 23, 24, 0, 2_501)),
            [("start_step", "2"), ("end_step", "4")],
            [("start_step", "-5"), ("end_step", "8"), ("max_results", "3")],
            [("start_step", "2")],
            [("start_step", "4"), ("end_step", "2")],
        )
    ),
    get("/metrics/get-history-bulk-interval", [("run_ids", "{run}")] * 101 + [("metric_key", "b")]),
    post("/runs/log-metric", {"run_id": "{run}", "key": "inf", "value": "-Infinity", "timestamp": 1}),
    ours("/runs/log-metric", {"run_id": "{run}", "key": "f", "value": 1, "timestamp": 1.5}, HALF),
    ours("/runs/log-batch", {"run_id": "{run}", "metrics": [{"key": "x", "value": "y", "timestamp": 1}]}, HALF),
    get("/runs/get", {"run_id": "{run}"}, INFINITE),
)

DATASET = {"name": "n", "digest": "d", "source_type": "local", "source": "{}", "schema": "s", "profile": "p"}
INPUTS = begin(
    *(
        post("/runs/log-inputs", {"run_id": "{run}", **fields})
        for fields in each(
            {"datasets": [{"dataset": DATASET, "tags": [{"key": "mlflow.data.context", "value": "train"}]}]},
            {"datasets": [{"dataset": {**DATASET, "source": "other"}}]},
            {"models": [{"model_id": "m-1"}]},
            {"models": [{"model_id": "m-1"}]},
            {},
            {"datasets": [{"dataset": {**DATASET, "digest": "d" * 37}}]},
            {"datasets": [{"dataset": {**DATASET, "name": "n" * 501}}]},
        )
    ),
    *(
        post("/runs/outputs", {"run_id": "{run}", **fields})
        for fields in each(
            {"models": [{"model_id": "m-2", "step": "3"}]},
            {"models": [{"model_id": "m-2"}]},
            {},
            {"models": []},
        )
    ),
    post("/runs/search", {"experiment_ids": ["{exp}"], "filter": "dataset.context = 'train'"}),
    post("//ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": ["{exp}"]}),
    ours("/runs/log-inputs", {"run_id": "{run}", "datasets": [{}]}, UNCHECKED),
    *(post("/runs/log-model", {"run_id": "{run}", "model_json": text}) for text in ("{", "{}", "")),
    *(
        Step("PUT", f"//api/2.0/mlflow-artifacts/artifacts/{{exp}}/{{run}}/artifacts/{path}", b"x")
        for path in ("a.txt", "dir/b.json", "dir/sub/é ✓.txt", "%2e%2e/x", "a/")
    ),
    *(
        get("/artifacts/list", {"run_id": "{run}", "path": path})
        for path in ("", "dir", "dir/", "dir/sub", "a.txt", "none", "../x", "/etc", "%2e%2e/x", "a#b")
    ),
    *(get("/artifacts/list", sent) for sent in ({}, {"run_id": "x"}, {"run_uuid": "{run}"})),
    *(
        get("//api/2.0/mlflow-artifacts/artifacts", {"path": path})
        for path in ("{exp}/{run}/artifacts", "{exp}/{run}/artifacts/dir", "none", "../x", "/etc")
    ),
    *(
        Step(method, f"//api/2.0/mlflow-artifacts/artifacts/{{exp}}/{{run}}/artifacts/{path}")
        for method in ("GET", "DELETE")
        for path in ("a.txt", "dir/sub/é ✓.txt", "none", "%2e%2e/x")
    ),
    *(
        post(f"/artifacts/presigned-{what}-url", sent)
        for what in ("upload", "download")
        for sent in ({"run_id": "{run}", "path": "a"}, {"run_id": "{run}"}, {"run_id": "x", "path": "a"}, {"path": "a"})
    ),
    *(
        post("/artifacts/presigned-upload-url", sent)
        for sent in (
            {"model_id": "m-x", "path": "a"},
            {"run_id": "{run}", "model_id": "m-x", "path": "a"},
            {"run_id": "{run}", "path": "../a"},
            {"run_id": "{run}", "path": "a", "expiration": "soon"},
            {},
        )
    ),
    *(
        post(
            f"//api/2.0/mlflow-artifacts/mpu/{act}/{{exp}}/x", {"path": "f", "upload_id": "u", "num_parts": 1, **parts}
        )
        for act, parts in (
            ("create", {}),
            ("complete", {"parts": [{"part_number": 1, "etag": "e", "url": "u"}]}),
            ("abort", {}),
        )
    ),
    get("//api/2.0/mlflow-artifacts/presigned/{exp}/a.txt"),
)
