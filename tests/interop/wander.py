"""A walk through the protocol: requests drawn at random, each upon whatever the earlier ones have left.

What is told otherwise on purpose is left out: experiments and logged models in the trash, infinities, metrics of models
that are no number, which become 0 there, and runs without a name, which keep theirs here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.interop.side_by_side import Step, get, post
from tests.interop.stories_registry import MV, RM, delete, patch

EXPERIMENTS = ("e0", "e1", "e2")
RUNS = ("r0", "r1", "r2", "r3", "r4")
LOGGED = ("l0", "l1")
MODELS = ("{mark}-a", "{mark}-b", "{mark}-c")
STAGES = ("Staging", "Production", "Archived", "None")
RUN_FILTERS = (
    *("", "metrics.m > 0", "params.p = '1'", "tags.t != 'x'", "status = 'FINISHED'", "run_name = 'ra'"),
    *("metrics.m <= 0.5 AND params.q != '1'", "tags.t LIKE '%x%'", "params.s IS NULL", "end_time > 20"),
    *("attributes.start_time < 50", "dataset.name = 'd'", "dataset.context = 'train'", "user_id = 'u'"),
    *("metrics.`o/p` != 1", "tags.mlflow.runName = 'rn'"),
)
RUN_ORDERS: tuple[list[str], ...] = (
    *([], ["metrics.m"], ["metrics.m DESC"], ["params.p DESC"], ["tags.t"], ["end_time"], ["user_id"]),
    *(["run_name DESC", "start_time"], ["status", "metrics.n"]),
)
VERSION_FILTERS = (
    *("name = '{mark}-a'", "name LIKE '{mark}%'", "name LIKE '{mark}%' AND tags.a = '1'"),
    *("name LIKE '{mark}%' AND version_number > 1", "source_path = 's3://c/y' AND name LIKE '{mark}%'"),
)


class Walk:
    """Draws requests; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self._one, self._number = draw.choice, draw.randint
        self._starts = draw.sample(
            range(1, 1_000), 999
        )  # each once: of two runs of one time their ids say which is first
        self._kinds: list[Callable[[], Step]] = [
            *(self._experiment, self._registered, self._version, self._alias, self._logged),
            *(self._run, self._log, self._batch, self._read, self._search) * 2,
        ]

    def begin(self) -> list[Step]:
        """Return what a walk needs before its first step."""
        return [
            *(
                post("/experiments/create", {"name": f"{{mark}} {one}"}, "", **{one: "experiment_id"})
                for one in EXPERIMENTS
            ),
            *(self._start_run(run) for run in RUNS),
            *(post(f"{RM}/create", {"name": name}) for name in MODELS),
            *(post(f"{MV}/create", {"name": name, "source": "s3://b/x"}) for name in MODELS * 2),
            *(self._create_logged(model) for model in LOGGED),
        ]

    def step(self) -> Step:
        """Return the next request."""
        return self._one(self._kinds)()

    def _tags(self) -> list[dict[str, str]]:
        return self._one(([], [{"key": "a", "value": self._one("12")}]))

    def _point(self) -> dict[str, Any]:
        value = self._one((1, -1, 0.5, 2, "NaN", -7.25))
        times = {"timestamp": self._number(1, 4), "step": self._number(-1, 3)}
        return {"key": self._one(("m", "n", "o/p")), "value": value, **times}

    def _start_run(self, saved: str) -> Step:
        fields = {
            "start_time": self._starts.pop(),
            "run_name": self._one(("ra", "rb")),
            "user_id": self._one(("u", "")),
        }
        sent = {"experiment_id": f"{{{self._one(EXPERIMENTS)}}}", **fields, "tags": self._tags()}
        return post("/runs/create", sent, "", **{saved: "run.info.run_id"})

    def _create_logged(self, saved: str) -> Step:
        fields = {
            "experiment_id": "{e0}",
            "name": self._one(("la", "lb")),
            "params": self._tags(),
            "tags": self._tags(),
        }
        return post("/logged-models", fields, "", **{saved: "model.info.model_id"})

    def _experiment(self) -> Step:
        one = {"experiment_id": f"{{{self._one(EXPERIMENTS)}}}"}
        names = {"filter": "name LIKE '{mark}%'", "max_results": self._number(1, 5)}
        return self._one(
            (
                post("/experiments/update", {**one, "new_name": "{mark} " + self._one(("x", "y", "z", "e0"))}),
                post("/experiments/set-experiment-tag", {**one, "key": self._one("ab"), "value": self._one("xy")}),
                post("/experiments/delete-experiment-tag", {**one, "key": self._one("ab")}),
                post("/experiments/search", {**names, "order_by": [self._one(("name", "name DESC", "experiment_id"))]}),
                get("/experiments/get", one),
            )
        )

    def _run(self) -> Step:
        run = {"run_id": f"{{{self._one(RUNS)}}}"}
        status = self._one(("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"))
        return self._one(
            (
                self._start_run(self._one(RUNS)),
                post("/runs/update", {**run, "status": status, "end_time": self._number(1, 50)}),
                post("/runs/update", {**run, "run_name": self._one(("ra", "rn"))}),
                *(post(f"/runs/{act}", run) for act in ("delete", "restore", "restore")),
            )
        )

    def _log(self) -> Step:
        run = {"run_id": f"{{{self._one(RUNS)}}}"}
        measured = {"value": self._number(0, 3), "model_id": f"{{{self._one(LOGGED)}}}"}
        key = self._one(("t", "mlflow.runName", "mlflow.note.content", "mlflow.parentRunId", "mlflow.user"))
        return self._one(
            (
                post("/runs/log-metric", {**run, **self._point()}),
                post("/runs/log-metric", {**run, **self._point(), **measured}),
                post("/runs/log-parameter", {**run, "key": self._one(("p", "q")), "value": self._one(("1", "2", ""))}),
                post("/runs/set-tag", {**run, "key": key, "value": self._one(("x", "y", "ra"))}),
                post("/runs/delete-tag", {**run, "key": self._one(("t", "mlflow.note.content"))}),
                post("/runs/outputs", {**run, "models": [{"model_id": f"{{{self._one(LOGGED)}}}", "step": 1}]}),
            )
        )

    def _batch(self) -> Step:
        run = {"run_id": f"{{{self._one(RUNS)}}}"}
        params = [{"key": key, "value": self._one("12")} for key in ("p", "q", "s")[self._number(0, 3) :]]
        tags = [{"key": self._one("tu"), "value": self._one("xyz")} for _ in range(self._number(0, 3))]
        dataset = {"name": self._one("dk"), "digest": self._one("12"), "source_type": "s", "source": self._one("sz")}
        context = [{"key": "mlflow.data.context", "value": self._one(("train", "eval"))}]
        batch = {"metrics": [self._point() for _ in range(self._number(0, 4))], "params": params, "tags": tags}
        return self._one(
            (
                post("/runs/log-batch", {**run, **batch}),
                post("/runs/log-inputs", {**run, "datasets": [{"dataset": dataset, "tags": self._one(([], context))}]}),
            )
        )

    def _read(self) -> Step:
        run = f"{{{self._one(RUNS)}}}"
        history = {"run_id": run, "metric_key": self._one(("m", "n", "o/p", "none"))}
        thinned = {"run_ids": run, "metric_key": "m", "max_results": self._number(1, 4)}
        return self._one(
            (
                get("/runs/get", {"run_id": run}),
                get("/metrics/get-history", {**history, **self._one(({}, {"max_results": 2}))}),
                get("/metrics/get-history-bulk-interval", thinned),
            )
        )

    def _search(self) -> Step:
        fields = {
            "experiment_ids": [f"{{{one}}}" for one in EXPERIMENTS[self._number(0, 2) :]],
            "filter": self._one(RUN_FILTERS),
            "order_by": self._one(RUN_ORDERS),
            "run_view_type": self._one(("ACTIVE_ONLY", "DELETED_ONLY", "ALL")),
            "max_results": self._one((2, 3, 100)),
        }
        return post("/runs/search", fields)

    def _registered(self) -> Step:
        model = {"name": self._one(MODELS)}
        found = {"filter": "name LIKE '{mark}%'", "order_by": self._one(("name", "name DESC")), "max_results": 2}
        return self._one(
            (
                post(f"{RM}/create", {**model, "description": self._one(("", "d")), "tags": self._tags()}),
                post(f"{RM}/rename", {**model, "new_name": self._one(MODELS)}),
                delete(f"{RM}/delete", model),
                patch(f"{RM}/update", {**model, **self._one(({}, {"description": "z"}))}),
                post(f"{RM}/set-tag", {**model, "key": self._one("ab"), "value": self._one("12")}),
                delete(f"{RM}/delete-tag", {**model, "key": self._one("ab")}),
                post(f"{RM}/get-latest-versions", {**model, "stages": self._one((["None"], ["Production"]))}),
                get(f"{RM}/search", found),
                *(get(f"{RM}/get", model),) * 2,
            )
        )

    def _version(self) -> Step:
        model = {"name": self._one(MODELS)}
        version = {**model, "version": str(self._number(1, 4))}
        move = {"stage": self._one(STAGES[:2]), "archive_existing_versions": True}
        order = self._one(("version_number", "version_number DESC", "name"))
        source = {
            "source": self._one(("s3://b/x", "s3://c/y")),
            "run_id": self._one(("", "{r0}")),
            "tags": self._tags(),
        }
        return self._one(
            (
                *(post(f"{MV}/create", {**model, **source}),) * 3,
                post(f"{MV}/transition-stage", {**version, "stage": self._one(STAGES)}),
                post(f"{MV}/transition-stage", {**version, **move}),
                delete(f"{MV}/delete", version),
                patch(f"{MV}/update", {**version, "description": self._one(("", "q"))}),
                post(f"{MV}/set-tag", {**version, "key": self._one("ab"), "value": "1"}),
                delete(f"{MV}/delete-tag", {**version, "key": self._one("ab")}),
                get(f"{MV}/get", version),
                get(f"{MV}/get-download-uri", version),
                get(f"{MV}/search", {"filter": self._one(VERSION_FILTERS), "order_by": order, "max_results": 3}),
            )
        )

    def _alias(self) -> Step:
        alias = {"name": self._one(MODELS), "alias": self._one(("best", "next"))}
        return self._one(
            (
                post(f"{RM}/alias", {**alias, "version": str(self._number(1, 4))}),
                delete(f"{RM}/alias", alias),
                get(f"{RM}/alias", alias),
            )
        )

    def _logged(self) -> Step:
        model = f"{{{self._one(LOGGED)}}}"
        status = self._one(("LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"))
        found = {"experiment_ids": ["{e0}"], "filter": self._one(("name = 'la'", "params.a = '1'", "tags.a = '1'"))}
        return self._one(
            (
                self._create_logged(self._one(LOGGED)),
                patch(f"/logged-models/{model}", {"model_id": model, "status": status}),
                patch(f"/logged-models/{model}/tags", {"tags": self._tags()}),
                delete(f"/logged-models/{model}/tags/a"),
                get(f"/logged-models/{model}"),
                post("/logged-models/search", {**found, "order_by": [{"field_name": "creation_timestamp"}]}),
            )
        )
