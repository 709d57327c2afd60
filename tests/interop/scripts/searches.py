"""Searches for runs: filters, orders, pages, tables."""

from __future__ import annotations

from typing import Any

COUNT = 25
FILTERS = (
    "metrics.rmse < 0.3",
    "metrics.rmse >= 0.3 and metrics.rmse <= 0.5",
    "metrics.rmse != 0",
    "metric.rmse = 1",
    "params.model = 'lasso'",
    "params.model != 'lasso'",
    "parameters.model LIKE 'r%'",
    "param.model ILIKE 'R%'",
    "params.`odd key` = 'x'",
    "params.\"odd key\" = 'x' AND metrics.`val loss` > 20",
    "tags.team = 'a' AND params.model = 'ridge' AND metrics.rmse < 1",
    "tag.team != 'a'",
    "attributes.status = 'FAILED'",
    "status != 'FAILED' AND tags.team = 'a'",
    "attributes.start_time > 1000000000010 AND attributes.start_time < 1000000000013",
    "run_name LIKE 'run-1%'",
    "tags.mlflow.runName = 'run-3'",
    "metrics.missing > 0",
)
ORDERS: tuple[list[str], ...] = (
    ["metrics.rmse"],
    ["metrics.rmse DESC"],
    ["params.model ASC", "metrics.`val loss` DESC"],
    ["tags.team DESC", "start_time ASC"],
    ["attributes.start_time DESC"],
    ["metrics.sometimes ASC", "attributes.start_time ASC"],
)


def write(client: Any, experiment_id: str) -> None:
    for number in range(COUNT):
        run = client.create_run(
            experiment_id,
            start_time=1_000_000_000_000 + number,
            tags={"mlflow.runName": f"run-{number}", "team": "abc"[number % 3]},
        )
        run_id = run.info.run_id
        client.log_param(run_id, "model", ["lasso", "ridge"][number % 2])
        client.log_param(run_id, "odd key", "xy"[number % 2])
        client.log_metric(run_id, "rmse", number / 20)
        client.log_metric(run_id, "val loss", COUNT - number)
        if number % 4 == 0:
            client.log_metric(run_id, "sometimes", float("nan") if number == 8 else -number)
        client.set_terminated(run_id, "FAILED" if number % 5 == 0 else "FINISHED", end_time=1_000_000_001_000 + number)


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    experiment_id = client.create_experiment(f"searches {mark}")
    write(client, experiment_id)
    read: dict[str, Any] = {"filters": {}, "orders": []}
    for text in FILTERS:
        found = client.search_runs([experiment_id], text, order_by=["start_time ASC"])
        read["filters"][text] = [number_of(run) for run in found]
    for order in ORDERS:
        read["orders"].append([number_of(run) for run in client.search_runs([experiment_id], order_by=order)])
    read["newest first"] = [number_of(run) for run in client.search_runs([experiment_id], max_results=3)]

    pages, token = [], None
    while True:
        page = client.search_runs([experiment_id], order_by=["metrics.rmse DESC"], max_results=10, page_token=token)
        pages.append([number_of(run) for run in page])
        token = page.token
        if not token:
            break
    read["pages"] = pages

    table = mlflow.search_runs([experiment_id], "metrics.rmse < 0.15", order_by=["metrics.rmse"])
    read["table"] = {
        name: [str(value) for value in table[name]]
        for name in ("metrics.rmse", "params.model", "tags.team", "status", "start_time", "end_time")
    }
    every = mlflow.search_runs(experiment_names=[f"searches {mark}"], output_format="list")
    read["by experiment's name"] = len(every)
    read["no experiments"] = len(client.search_runs([]))
    return read


def number_of(run: Any) -> int:
    return int(run.info.start_time - 1_000_000_000_000)


_ALL = list(range(COUNT))
_SOMETIMES = [24, 20, 16, 12, 4, 0]

EXPECTED = {
    "filters": {
        FILTERS[0]: [0, 1, 2, 3, 4, 5],
        FILTERS[1]: [6, 7, 8, 9, 10],
        FILTERS[2]: _ALL[1:],
        FILTERS[3]: [20],
        FILTERS[4]: _ALL[::2],
        FILTERS[5]: _ALL[1::2],
        FILTERS[6]: _ALL[1::2],
        FILTERS[7]: _ALL[1::2],
        FILTERS[8]: _ALL[::2],
        FILTERS[9]: [0, 2, 4],
        FILTERS[10]: [3, 9, 15],
        FILTERS[11]: [n for n in _ALL if n % 3],
        FILTERS[12]: _ALL[::5],
        FILTERS[13]: [n for n in _ALL if n % 3 == 0 and n % 5],
        FILTERS[14]: [11, 12],
        FILTERS[15]: [1, *range(10, 20)],
        FILTERS[16]: [3],
        FILTERS[17]: [],
    },
    "orders": [
        _ALL,
        _ALL[::-1],
        [*_ALL[::2], *_ALL[1::2]],
        [*_ALL[2::3], *_ALL[1::3], *_ALL[::3]],
        _ALL[::-1],
        [*_SOMETIMES, 8, *(n for n in _ALL if n % 4)],
    ],
    "newest first": [24, 23, 22],
    "pages": [_ALL[:14:-1], _ALL[14:4:-1], _ALL[4::-1]],
    "table": {
        "metrics.rmse": ["0.0", "0.05", "0.1"],
        "params.model": ["lasso", "ridge", "lasso"],
        "tags.team": ["a", "b", "c"],
        "status": ["FAILED", "FINISHED", "FINISHED"],
        "start_time": [f"2001-09-09 01:46:40{part}+00:00" for part in ("", ".001000", ".002000")],
        "end_time": [f"2001-09-09 01:46:41{part}+00:00" for part in ("", ".001000", ".002000")],
    },
    "by experiment's name": COUNT,
    "no experiments": 0,
}
