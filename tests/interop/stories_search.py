"""Stories of searches and of the protocol itself, told like those of ``stories.py``."""

from __future__ import annotations

from typing import Any

from tests.interop.side_by_side import Step, each, get, post
from tests.interop.stories import FAILS, HALF, PREVIEW, ours

RUNS: tuple[tuple[str, int, dict[str, Any], dict[str, str], dict[str, str]], ...] = (
    ("A", 10, {"m": 0.5, "x y": 1}, {"lr": "0.1"}, {"t": "foo"}),
    ("B", 20, {"m": "NaN"}, {"lr": "10"}, {"t": "bar", "mlflow.note": "q"}),
    ("C", 30, {"m": 1e308}, {"lr": "0.5"}, {}),
    ("D", 40, {}, {}, {"t": "FOO"}),
    ("E", 50, {"m": -1}, {"lr": "0.01", "a-b": "1"}, {"t": "it's"}),
)
FILTERS = """
metrics.m > 0.1|metrics.m != 0.5|metrics.m >= -1|metrics.m > '0.1'|metrics.m IS NULL|METRICS.m > 0|metrics.`x y` = 1
metrics."x y" = 1|metrics.x y = 1|metrics.m > .5|metrics.m > +0|metrics.m > 1e-3|metrics.m > 0x1|metrics.m > nan
metrics.m>0.1 and metrics.m<1|params.lr = '0.1'|params.lr = "0.1"|params.lr = 0.1|params.lr != '0.1'|params.lr > '0.1'
params.lr LIKE '0%'|params.lr ilike '0%'|params.lr IN ('0.1')|params.lr IS NULL|params.lr is not null|param.lr='10'
parameters.lr='10'|params.`a-b`='1'|params.a-b = '1'|params.lr NOT LIKE '0%'|params.nope != '1'|tags.t = 'foo'
tags.t != 'foo'|tags.t LIKE 'F%'|tags.t ILIKE 'F%'|tags.t = "it's"|tags.t = 'it''s'|tags.mlflow.note='q'
tags.mlflow.runName='A'|tags.t IN ('foo')|tags.t IS NULL|tag.t='foo'|tags.t = foo|tags.t = 'foo|.t='x'|tags='x'
status='FINISHED'|status='finished'|status LIKE 'F%'|attr.status='FINISHED'|run.status='FINISHED'|Status='FINISHED'
run_name='A'|`run name`='A'|run name='A'|Run name='A'|`Run Name`='A'|attributes.run_name LIKE 'A%'|run_name IN ('A')
run_id='{A}'|run_id IN ('{A}','{B}')|run_id NOT IN ('{A}')|run_id IN ()|run_id IN (1)|run_id IN ('{A}',)
user_id='uA'|artifact_uri LIKE '%artifacts'|start_time > 20|start_time >= 20.5|start_time='20'|created > 20
`created` > 20
end_time > 60|end_time IS NULL|lifecycle_stage='active'|experiment_id='1'|bogus='x'|dataset.name='d1'|dataset.bogus='x'
metrics.m > 0 OR params.lr='10'|NOT metrics.m > 0|(metrics.m > 0)|metrics.m > 0 AND|AND metrics.m > 0
metrics.m > 0 metrics.m < 1|metrics.m > 0, metrics.m < 1|metrics.m > 0;|metrics.m|metrics.m >|> 0|0 < metrics.m
metrics.m == 0.5|metrics.m <> 0.5|metrics.m BETWEEN 0 AND 1|1=1|true|   |''
"""
ORDERS = """
metrics.m|metrics.m ASC|metrics.m desc|params.lr|params.lr DESC|tags.t|tags.t DESC|start_time ASC|created|end_time
end_time DESC|run_name DESC|status|user_id|attributes.start_time ASC|dataset.name|experiment_id|bogus|metrics.m foo
metrics.m, params.lr|metrics|metrics.`x y` DESC|params.nope|METRICS.m
"""
EXPERIMENT_FILTERS = """
name='{mark}'|name LIKE '{mark}%'|name like '{mark}%'|name ILIKE '{mark}%'|name IN ('x')|name > 'a'|attribute.name='x'
attributes.name='x'|experiment_id = 0|experiment_id IN (0)|experiment_id LIKE '0'|experiment_id='x'|creation_time > 1.5
creation_time > '0'|last_updated_time > 0|tags.t='Foo' AND name='{mark}'|tags.t != 'Foo' AND name='{mark}'
tags.t ILIKE 'f%' AND name='{mark}'|tags.t ilike 'f%'|tags.t IN ('x')
lifecycle_stage='active'|bogus='x'|name='a' OR name='b'|(name='x')|name
"""


def split(text: str) -> list[str]:
    return [part for line in text.strip("\n").split("\n") for part in line.split("|")]


def make_run(
    name: str, start: int, metrics: dict[str, Any], params: dict[str, str], tags: dict[str, str]
) -> list[Step]:
    run = {"experiment_id": "{exp}", "start_time": start, "run_name": name, "user_id": f"u{name}"}
    batch = {
        "run_id": f"{{{name}}}",
        "metrics": [{"key": key, "value": value, "timestamp": 1} for key, value in metrics.items()],
        "params": [{"key": key, "value": value} for key, value in params.items()],
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    return [Step("POST", "/runs/create", run, {name: "run.info.run_id"}), post("/runs/log-batch", batch)]


def search(**fields: Any) -> Step:
    return post("/runs/search", {"experiment_ids": ["{exp}"], **fields})


DATASETS = [
    {
        "dataset": {"name": name, "digest": "g", "source_type": "l", "source": "s"},
        "tags": [{"key": "mlflow.data.context", "value": use}],
    }
    for name, use in (("d1", "train"), ("d2", "eval"))
]
SEARCHES = [
    post("/experiments/create", {"name": "{mark}", "tags": [{"key": "t", "value": "Foo"}]}, exp="experiment_id"),
    *(step for run in RUNS for step in make_run(*run)),
    post("/runs/update", {"run_id": "{A}", "status": "FINISHED", "end_time": 99}),
    post("/runs/update", {"run_id": "{B}", "status": "FAILED", "end_time": 50}),
    post("/runs/log-inputs", {"run_id": "{A}", "datasets": DATASETS}),
    *(search(filter=text) for text in split(FILTERS)),
    *(search(order_by=[term]) for term in split(ORDERS)),
    search(order_by=["tags.t", "end_time DESC"]),
    search(order_by="metrics.m"),
    ours("/runs/search", {"experiment_ids": ["{exp}"], "order_by": ["start_time", "start_time"]}, FAILS),
    *(
        search(**fields)
        for fields in each(
            {"max_results": 2},
            *({"max_results": most} for most in (0, -1, 50_000, 50_001, "2")),
            *({"experiment_ids": ids} for ids in ([], ["987654"], ["abc"], ["-1"], [""], "{exp}")),
            *({"page_token": token} for token in ("zz", "eyJvZmZzZXQiOiAyfQ==", "eyJvZmZzZXQiOiA5OX0=", "e30=")),
            *({"run_view_type": view} for view in ("ALL", 2, "1")),
        )
    ),
    ours("/runs/search", {"experiment_ids": ["{exp}"], "run_view_type": "x"}, HALF),
    ours("/runs/search", {"experiment_ids": [0]}, HALF),
    *(post("/experiments/search", {"max_results": 1_000, "filter": text}) for text in split(EXPERIMENT_FILTERS)),
    *(
        post("/experiments/search", {"max_results": 10, "filter": "name = '{mark}'", "order_by": [term]})
        for term in (
            "name",
            "name desc",
            "creation_time",
            "last_update_time DESC",
            "experiment_id",
            "tags.t",
            "x",
            "name x",
        )
    ),
    *(post("/experiments/search", {"max_results": most}) for most in (0, -1, 50_001, None, 1.5)),
    post("/experiments/search"),
    get("/experiments/search", [("max_results", "5"), ("filter", "name = '{mark}'"), ("order_by", "name")]),
]

BODIES = (
    b"",
    b"null",
    b'"{\\"experiment_ids\\": []}"',
    b'{"experiment_ids": [], "bogus": 1}',
    b'{"experimentIds": []}',
    b'\xef\xbb\xbf{"experiment_ids": []}',
)
PROTOCOL = [
    *(Step("POST", "/runs/search", body) for body in BODIES),
    *(ours("/runs/search", body, HALF) for body in (b"{", b"[]", b'{"experiment_ids": [], "x": NaN}')),
    post("/runs/search", {"experiment_ids": [], "experimentIds": []}),
    *(get(path) for path in ("/nope", "//api/9.0/mlflow/x", "/experiments/get/", "//health", "//ping")),
    *(Step(method, "/experiments/create", {"name": "x"}) for method in ("PUT", "PATCH", "DELETE")),
    *(Step("OPTIONS", path) for path in ("/experiments/create", "/experiments/get")),
    Step("GET", "/experiments/get"),
    *(Step("GET", path, None, None, PREVIEW) for path in ("/experiments/list", "/registered-models/list")),
    Step("GET", "//api/2.0/preview/mlflow/experiments/get", {"experiment_id": "0"}, None, PREVIEW),
    *(
        get(f"//{prefix}/3.0/mlflow/{path}")
        for prefix in ("api", "ajax-api")
        for path in ("experiments/get", "runs/search", "logged-models/x")
    ),
]
