"""Autologging of LightGBM, its own API and scikit-learn's: params, metrics by iteration, importances, models.

All training goes through ``lightgbm.train``, which is what is recorded; its validation sets give the metrics.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from types import ModuleType
from typing import Any, Final

from trackway.sdk.autolog.frame import Call, Integration, Target
from trackway.sdk.autolog.recorder import Log
from trackway.sdk.datasets import describe_training_data, take_rows

_BEFORE_EARLY_STOPPING: Final = 25
"""LightGBM calls back in this order; its early stopping, which may end the iteration, has 30."""


def _find_targets(module: ModuleType) -> Iterator[Target]:
    yield Target(module, "train", _record_train)


INTEGRATION: Final = Integration("lightgbm", ("lightgbm", "lightgbm.engine", "lightgbm.sklearn"), _find_targets)


def _record_train(call: Call) -> Generator[None, None, None]:
    params, data = dict(call.get("params")), call.get("train_set")
    log, _ = call.open("lightgbm", {"num_boost_round": call.get("num_boost_round"), **params})
    if call.options.log_datasets:
        with log.shield():
            log.dataset(describe_training_data(data.data, data.label), "train")
    rows = None
    with log.shield():
        rows = take_rows(data.data)
    call.set("callbacks", [*(call.get("callbacks") or ()), _make_callback(log)])
    yield
    booster = call.result
    if booster.best_iteration > 0:
        scores = {f"best_{d}-{m}": value for d, metrics in booster.best_score.items() for m, value in metrics.items()}
        stopped = booster.current_iteration()
        log.metrics({"best_iteration": booster.best_iteration, "stopped_iteration": stopped, **scores})
    call.log_model(log, booster, rows)
    for kind in ("split", "gain"):
        with log.shield():
            importances = booster.feature_importance(importance_type=kind).tolist()
            named = dict(zip(booster.feature_name(), importances, strict=True))
            log.dictionary(named, f"feature_importance_{kind}.json")


def _make_callback(log: Log) -> Any:
    def log_iteration(environment: Any) -> None:
        with log.shield():
            results = environment.evaluation_result_list or ()
            log.metrics({f"{result[0]}-{result[1]}": result[2] for result in results}, environment.iteration)

    log_iteration.order = _BEFORE_EARLY_STOPPING  # type: ignore[attr-defined]
    return log_iteration
