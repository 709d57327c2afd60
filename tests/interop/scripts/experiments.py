"""Experiments: create, tags, rename, search with filters, orders and pages, trash, restore."""

from __future__ import annotations

from typing import Any


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    read: dict[str, Any] = {}
    made = [
        client.create_experiment(f"{mark} – exp {number}", tags={"number": str(number), "mark": mark, "ünï": "ço✓"})
        for number in range(12)
    ]
    first = client.get_experiment(made[0])
    read["first"] = (first.name, first.lifecycle_stage, dict(first.tags))
    read["by name"] = client.get_experiment_by_name(first.name).experiment_id == made[0]
    read["unknown name"] = client.get_experiment_by_name(f"{mark} never made")

    client.rename_experiment(made[0], f"{mark} renamed")
    client.set_experiment_tag(made[0], "number", "zero")
    renamed = client.get_experiment(made[0])
    read["renamed"] = (renamed.name, renamed.tags["number"], client.get_experiment_by_name(first.name))
    read["created again"] = client.get_experiment(client.create_experiment(first.name)).name

    ours = f"tags.mark = '{mark}'"
    read["all"] = names(client.search_experiments(filter_string=ours, order_by=["name ASC"]))
    read["last"] = names(client.search_experiments(filter_string=ours, order_by=["name DESC"], max_results=2))
    read["like"] = names(client.search_experiments(filter_string=f"name LIKE '{mark}%exp 1%'", order_by=["name"]))
    read["both"] = names(
        client.search_experiments(filter_string=f"{ours} AND tags.number != 'zero' AND name ILIKE '%EXP 7'")
    )
    pages, token = [], None
    while True:
        page = client.search_experiments(filter_string=ours, order_by=["name"], max_results=5, page_token=token)
        pages.append(len(page))
        token = page.token
        if not token:
            break
    read["pages"] = pages

    run_id = client.create_run(made[3]).info.run_id
    client.delete_experiment(made[3])
    read["deleted"] = client.get_experiment(made[3]).lifecycle_stage
    read["its run"] = client.get_run(run_id).info.lifecycle_stage
    view = __import__(mlflow.__name__ + ".entities", fromlist=["ViewType"]).ViewType
    read["views"] = [
        len(client.search_experiments(view_type=kind, filter_string=ours))
        for kind in (view.ACTIVE_ONLY, view.DELETED_ONLY, view.ALL)
    ]
    client.restore_experiment(made[3])
    read["restored"] = (client.get_experiment(made[3]).lifecycle_stage, client.get_run(run_id).info.lifecycle_stage)
    read["default"] = client.get_experiment("0").name
    read["set"] = mlflow.set_experiment(f"{mark} renamed").experiment_id == made[0]
    return read


def names(found: Any) -> list[str]:
    return [experiment.name for experiment in found]


_SORTED = sorted([f"MARK – exp {number}" for number in range(1, 12)] + ["MARK renamed"])

EXPECTED = {
    "first": ["MARK – exp 0", "active", {"number": "0", "mark": "MARK", "ünï": "ço✓"}],
    "by name": True,
    "unknown name": None,
    "renamed": ["MARK renamed", "zero", None],
    "created again": "MARK – exp 0",
    "all": _SORTED,
    "last": _SORTED[:-3:-1],
    "like": ["MARK – exp 1", "MARK – exp 10", "MARK – exp 11"],
    "both": ["MARK – exp 7"],
    "pages": [5, 5, 2],
    "deleted": "deleted",
    "its run": "deleted",
    "views": [11, 1, 12],
    "restored": ["active", "active"],
    "default": "Default",
    "set": True,
}
